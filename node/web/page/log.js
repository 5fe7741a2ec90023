// @ts-check
// What has happened since the page was opened, the newest first.

import { byID, element, say } from "./text.js";

/** How many events are kept. */
const most = 200;

export class Log {
  #list = byID("log");

  /** @param {string} text @param {string} kind a class: alive, suspect, failed, left, note @param {Date} when */
  add(text, kind = "note", when = new Date()) {
    const time = element("time", { datetime: when.toISOString() }, when.toTimeString().slice(0, 8));
    const line = element("li", { class: kind }, time, " ", element("span", {}, text));
    this.#list.prepend(line);
    while (this.#list.children.length > most) this.#list.lastChild?.remove();
    return line;
  }

  /** Tells whether nothing has happened since. @param {Element | null} line */
  isLast(line) {
    return line !== null && this.#list.firstChild === line;
  }

  /** Has a line say something else. @param {Element | null} line @param {string} text */
  amend(line, text) {
    if (line?.lastElementChild) say(line.lastElementChild, text);
  }
}
