// @ts-check
// The table of members, and what became of whom.

import { byID, element, say, span } from "./text.js";

/** @typedef {{name: string, origin: string, state: string, since: string, http: string, gossip: string, in_sync: boolean, linked: boolean, lagging: boolean, leaving?: boolean}} Member */

/** Where a member's own page is: it has TLS if this one has. Empty if its address is of no use to others. @param {Member} m */
export function pageOf(m) {
  if (!m.http) return "";
  const at = m.http.lastIndexOf(":");
  let host = m.http.slice(0, at);
  if (host === "0.0.0.0" || host === "[::]" || host === "") { // all of its addresses
    host = m.gossip.slice(0, m.gossip.lastIndexOf(":"));
  }
  try {
    return new URL(`${location.protocol}//${host}${m.http.slice(at)}/`).href;
  } catch {
    return "";
  }
}

export class Members {
  #rows = byID("member-rows");
  /** @type {Map<string, HTMLElement>} */
  #byOrigin = new Map();

  /** @param {(name: string) => string} mark a class for the colour of a node */
  constructor(mark) {
    this.mark = mark;
  }

  /** @param {Member[]} members @param {string} self @param {number} now milliseconds */
  show(members, self, now) {
    const gone = new Set(this.#byOrigin.keys());
    members.forEach((m, i) => {
      gone.delete(m.origin);
      let row = this.#byOrigin.get(m.origin);
      if (!row) {
        row = this.#row(m, self);
        this.#byOrigin.set(m.origin, row);
      }
      if (this.#rows.children[i] !== row) this.#rows.insertBefore(row, this.#rows.children[i] ?? null);
      const shown = m.leaving && m.state === "alive" ? "leaving" : m.state;
      row.className = shown;
      const [, state, since, sync] = row.children;
      say(state, shown);
      const time = /** @type {HTMLTimeElement} */ (since.firstChild);
      say(time, span(now - Date.parse(m.since)));
      time.dateTime = m.since;
      time.title = m.since;
      say(sync, m.name === self ? "self" : m.in_sync ? "yes" : m.lagging ? "lagging" : "no");
    });
    for (const origin of gone) {
      this.#byOrigin.get(origin)?.remove();
      this.#byOrigin.delete(origin);
    }
  }

  /** @param {Member} m @param {string} self */
  #row(m, self) {
    const page = pageOf(m);
    const name = page && m.name !== self
      ? element("a", { href: page, title: `The herd as seen by ${m.name}`, rel: "noreferrer" }, m.name)
      : element("span", {}, m.name);
    const dot = element("i", { class: `dot ${this.mark(m.name)}`, "aria-hidden": "true" });
    return element("tr", {},
      element("th", { scope: "row" }, dot, name),
      element("td", { class: "state" }), element("td", {}, element("time")), element("td"));
  }
}
