// @ts-check
// What has happened since the page was opened, the newest first.

import { byID, element } from "./text.js";

/** How many events are kept. */
const most = 200;

export class Log {
  #list = byID("log");

  /** @param {string} text @param {string} kind a class: alive, suspect, failed, left, note @param {Date} when */
  add(text, kind = "note", when = new Date()) {
    const time = element("time", { datetime: when.toISOString() }, when.toTimeString().slice(0, 8));
    this.#list.prepend(element("li", { class: kind }, time, " ", text));
    while (this.#list.children.length > most) this.#list.lastChild?.remove();
  }
}
