// @ts-check
// The map in words: how many clients are in view, and which.

import { getJSON } from "./feed.js";
import { byID, element, place, say } from "./text.js";

/** @typedef {import("./stage.js").Stage} Stage */

/** How many clients are listed at most. */
const most = 50;

/**
 * How many pages of the list are looked at for them. Where few of many clients are in view a page may
 * be short, or empty, and not be the last; each has the node go through a part of its table.
 */
const pages = 100;

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
  let asked = 0; // lists so far: an answer to an older one is of no use
  byID("list").addEventListener("click", async () => {
    const mine = ++asked;
    const isOld = () => mine !== asked;
    try {
      const found = await first(area(stage), isOld, (/** @type {number} */ n) => say(note, `Looking: ${n} so far.`));
      if (isOld()) return;
      list.replaceChildren(...found.clients.map((c) => {
        const button = element("button", { type: "button" }, c.id);
        button.addEventListener("click", () => choose(c.id));
        return element("li", {}, button, ` ${place(c.lat, c.lon)}, by ${c.node}`);
      }));
      say(note, outcome(found.clients.length, found.all));
    } catch {
      if (!isOld()) say(note, "They could not be had.");
    }
  });
}

/**
 * The first clients of an area, and whether they are all.
 * @param {string} bbox @param {() => boolean} isOld nobody waits for them any more
 * @param {(n: number) => void} onMore called with how many there are before more are asked for
 * @returns {Promise<{clients: any[], all: boolean}>}
 */
async function first(bbox, isOld, onMore) {
  const clients = [];
  let cursor = "";
  for (let page = 0; page < pages && !isOld(); page++) {
    if (page > 0) onMore(clients.length);
    const query = new URLSearchParams({ bbox, limit: String(most - clients.length), cursor });
    const { clients: more, next } = await getJSON(`/v1/clients?${query}`);
    clients.push(...more);
    cursor = next;
    if (!next || clients.length >= most) break;
  }
  return { clients, all: cursor === "" };
}

/** @param {number} n @param {boolean} all */
function outcome(n, all) {
  if (all) return n === 0 ? "There are none." : `All ${n}.`;
  if (n >= most) return `The first ${n}; zoom in for others.`;
  return `${n === 0 ? "None" : n} in the part of the table that was looked at: the rest would take too long.`;
}

/** What is in view, as a bbox. @param {Stage} stage */
export function area(stage) {
  return stage.view.bounds().map((n) => n.toFixed(5)).join(",");
}
