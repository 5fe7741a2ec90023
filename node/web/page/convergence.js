// @ts-check
// How far the nodes are from holding the same.

import { brief, byID, element, say, short } from "./text.js";

/** @typedef {Record<string, {here: number, lag: Record<string, number>}>} Vector batches by origin: what this node has, and what others lack of it */

/**
 * The matrix to show: a row for each node whose batches there are, a column for each
 * that may lack some. What is not known is null.
 * @param {Vector} vector @param {string} self
 */
export function matrix(vector, self) {
  const origins = Object.keys(vector).sort();
  const peers = [...new Set(origins.flatMap((o) => Object.keys(vector[o].lag ?? {})))].filter((p) => p !== self).sort();
  return {
    peers,
    rows: origins.map((o) => ({
      origin: o,
      here: vector[o].here,
      lags: peers.map((p) => p === o ? 0 : vector[o].lag?.[p] ?? null),
    })),
  };
}

export class Convergence {
  #table = byID("matrix");
  #shape = "";

  /** @param {any} stats @param {string} self */
  show(stats, self) {
    const p = stats.propagation_us;
    say(byID("p50"), p?.count ? brief(p.p50) : "–");
    say(byID("p99"), p?.count ? brief(p.p99) : "–");
    const { peers, rows } = matrix(stats.vector ?? {}, self);
    const [head, body] = [this.#table.querySelector("thead"), this.#table.querySelector("tbody")];
    if (!head || !body) return;
    const shape = JSON.stringify([peers, rows.map((r) => r.origin)]);
    if (shape !== this.#shape) {
      this.#shape = shape;
      head.replaceChildren(element("tr", {}, element("th", { scope: "col" }, "Of"),
        element("th", { scope: "col" }, "Here"), ...peers.map((name) => element("th", { scope: "col" }, name))));
      body.replaceChildren(...rows.map((r) => element("tr", {}, element("th", { scope: "row" }, r.origin),
        element("td", { class: "number" }), ...peers.map(() => element("td", { class: "number" })))));
    }
    rows.forEach((r, i) => {
      const [, here, ...cells] = body.children[i].children;
      say(here, short(r.here));
      cells.forEach((cell, k) => {
        const lag = r.lags[k];
        say(cell, lag === null ? "?" : short(lag));
        cell.className = `number ${lag === null ? "unknown" : lag > 0 ? "lags" : "level"}`;
      });
    });
  }
}
