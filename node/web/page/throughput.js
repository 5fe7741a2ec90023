// @ts-check
// Rates of the last minutes, each with its course.

import { byID, element, say, short } from "./text.js";

/** How many seconds a course shows. */
const course = 90;

const size = { width: 120, height: 24 };

/** What is shown: a counter of /v1/stats, and what it counts. */
const series = [
  { key: "accepted", name: "reports", unit: "/s" }, // over TCP and over HTTP,
  { key: "received", name: "from others", unit: "/s" },
  { key: "whatsat", name: "questions", unit: "/s" },
  { key: "bytes_out", name: "to clients", unit: "B/s" },
];

/** The rate between two readings of a counter; 0 after a restart. @param {number} was @param {number} is @param {number} seconds */
export function rate(was, is, seconds) {
  return seconds > 0 && is >= was ? (is - was) / seconds : 0;
}

/** Points of a line through values, the newest at the right. @param {number[]} values */
export function polyline(values) {
  const top = Math.max(1, ...values);
  const step = size.width / (course - 1);
  return values.map((v, i) =>
    `${(size.width - (values.length - 1 - i) * step).toFixed(1)},${(size.height - 1 - v / top * (size.height - 2)).toFixed(1)}`).join(" ");
}

const svg = (/** @type {string} */ tag, /** @type {Record<string, string>} */ attributes) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  return e;
};

export class Throughput {
  /** @type {any} */
  #last = null;
  #lines = series.map((s) => {
    const line = svg("polyline", { fill: "none" });
    const picture = svg("svg", { viewBox: `0 0 ${size.width} ${size.height}`, preserveAspectRatio: "none", class: "course", "aria-hidden": "true" });
    picture.append(line);
    const value = element("dd");
    byID("throughput").append(element("div", {}, element("dt", {}, s.name), value, picture));
    return { line, value, values: /** @type {number[]} */ ([]) };
  });

  /** @param {any} stats */
  show(stats) {
    const was = this.#last;
    this.#last = stats;
    if (!was) return;
    const seconds = (Date.parse(stats.now) - Date.parse(was.now)) / 1000;
    series.forEach((s, i) => {
      const { line, value, values } = this.#lines[i];
      values.push(rate(was[s.key] ?? 0, stats[s.key] ?? 0, seconds));
      if (values.length > course) values.shift();
      say(value, short(values[values.length - 1], s.unit));
      line.setAttribute("points", polyline(values));
    });
  }
}
