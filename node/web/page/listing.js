// @ts-check
// The map in words: how many clients are in view, and which.

import { getJSON } from "./feed.js";
import { byID, element, place, say } from "./text.js";

/** @typedef {import("./stage.js").Stage} Stage */

/** How many clients are listed at most. */
const most = 50;

/** @param {Stage} stage */
export function summary(stage) {
  const { clients, view, inView } = stage;
  const [west, south, east, north] = view.bounds();
  const where = east - west >= 360 ? "the world" : `${place(south, west)} to ${place(north, east)}`;
  const each = clients.level > 0 ? `, each of which stands for ${2 ** clients.level}` : "";
  return `${inView} dots in view${each}; ${clients.total} clients in all. The map shows ${where}.`;
}

/** @param {Stage} stage @param {(id: string) => void} choose */
export function listing(stage, choose) {
  const list = byID("listed"), note = byID("list-note");
  byID("list").addEventListener("click", async () => {
    try {
      const query = new URLSearchParams({ bbox: area(stage), limit: String(most) });
      const { clients, next } = await getJSON(`/v1/clients?${query}`);
      list.replaceChildren(...clients.map((/** @type {any} */ c) => {
        const button = element("button", { type: "button" }, c.id);
        button.addEventListener("click", () => choose(c.id));
        return element("li", {}, button, ` ${place(c.lat, c.lon)}, by ${c.node}`);
      }));
      say(note, clients.length === 0 ? "There are none." : next ? `The first ${clients.length}; zoom in for others.` : `All ${clients.length}.`);
    } catch {
      say(note, "They could not be had.");
    }
  });
}

/** What is in view, as a bbox. @param {Stage} stage */
export function area(stage) {
  return stage.view.bounds().map((n) => n.toFixed(5)).join(",");
}
