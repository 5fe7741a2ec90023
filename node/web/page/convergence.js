// @ts-check
// How far the nodes are from holding the same.

import { brief, byID, element, say, short } from "./text.js";

/** @typedef {Record<string, {here: number, lag: Record<string, number>}>} Vector batches by origin: what this node has, and what others lack of it */

/**
 * The matrix to show: a row for each node whose batches there are, a column for each
 * that may lack some, this node first. A node lacks none of its own: those are "own".
 * What can't be seen from here is null.
 * @param {Vector} vector @param {string} self
 */
export function matrix(vector, self) {
  const origins = Object.keys(vector).sort();
  const others = new Set(origins.flatMap((o) => [o, ...Object.keys(vector[o].lag ?? {})]));
  others.delete(self);
  const columns = [self, ...[...others].sort()];
  return {
    columns,
    rows: origins.map((o) => ({
      origin: o,
      lags: columns.map((name) => name === o ? "own" : vector[o].lag?.[name] ?? null),
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
    const { columns, rows } = matrix(stats.vector ?? {}, self);
    const [head, body] = [this.#table.querySelector("thead"), this.#table.querySelector("tbody")];
    if (!head || !body) return;
    const shape = JSON.stringify([columns, rows.map((r) => r.origin)]);
    if (shape !== this.#shape) {
      this.#shape = shape;
      head.replaceChildren(element("tr", {}, element("th", { scope: "col" }, "Of"),
        ...columns.map((name) => element("th", { scope: "col" }, name))));
      body.replaceChildren(...rows.map((r) => element("tr", {}, element("th", { scope: "row" }, r.origin),
        ...columns.map(() => element("td", { class: "number" })))));
    }
    rows.forEach((r, i) => {
      const [, ...cells] = body.children[i].children;
      cells.forEach((cell, k) => {
        const lag = r.lags[k];
        say(cell, typeof lag === "number" ? short(lag) : lag ? "–" : "?");
        cell.className = `number ${typeof lag !== "number" ? "unknown" : lag > 0 ? "lags" : "level"}`;
      });
    });
  }
}
