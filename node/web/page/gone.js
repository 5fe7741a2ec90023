// @ts-check
// Clients that are gone: their dots are taken away, and the log says so.

/** @typedef {import("./clients.js").Clients} Clients */
/** @typedef {import("./log.js").Log} Log */

/** For how long they are gathered, in milliseconds. */
const gather = 100;

/** When more are gone at once it takes less to draw all clients anew. */
const most = 1000;

/** What a line of the log tells: of whom first, of how many, and why. @typedef {{line: Element | null, first: string, count: number, reasons: Set<string>}} Told */

export class Gone {
  /** @type {{id: string, reason: string}[]} */
  #waiting = [];
  /** @type {Told} */
  #told = { line: null, first: "", count: 0, reasons: new Set() };

  /** @param {Clients} clients @param {Log} log @param {{onDrop: () => void, onMany: () => void}} page */
  constructor(clients, log, page) {
    this.clients = clients;
    this.log = log;
    this.page = page;
  }

  /** @param {{id: string, reason: string}} client */
  add(client) {
    if (this.#waiting.length === 0) setTimeout(() => this.#take(), gather);
    this.#waiting.push(client);
  }

  #take() {
    const gone = this.#waiting;
    this.#waiting = [];
    if (gone.length > most) this.page.onMany();
    else if (this.clients.remove(gone.map((c) => c.id))) this.page.onDrop();
    this.#tell(gone);
  }

  /** Says so, in one line for as long as nothing else happens. @param {{id: string, reason: string}[]} gone */
  #tell(gone) {
    if (!this.log.isLast(this.#told.line)) this.#told = { line: null, first: gone[0].id, count: 0, reasons: new Set() };
    const told = this.#told;
    told.count += gone.length;
    gone.forEach((c) => told.reasons.add(c.reason));
    const text = `${sentence(told.first, told.count)}: ${[...told.reasons].join(", ")}.`;
    if (told.line) this.log.amend(told.line, text);
    else told.line = this.log.add(text, "left");
  }
}

/** @param {string} first @param {number} count */
function sentence(first, count) {
  if (count === 1) return `${first} is gone`;
  return `${first} and ${count === 2 ? "one more" : `${(count - 1).toLocaleString("en")} more`} are gone`;
}
