// @ts-check
// The picture of the herd beside the map.

import { css, hue } from "./colour.js";
import { layout, Pulses, travels } from "./ring.js";

/** @typedef {import("./ring.js").Spot} Spot */
/** @typedef {import("./stage.js").Stage} Stage */

export class Herd {
  /** @type {Spot[]} */
  spots = [];
  pulses = new Pulses();

  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("ring"));
    new ResizeObserver(() => this.#resize()).observe(this.canvas);
    this.#resize();
  }

  #resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.canvas.width = Math.max(1, this.canvas.clientWidth * ratio);
    this.canvas.height = Math.max(1, this.canvas.clientHeight * ratio);
    this.stage.change();
  }

  /** @param {any[]} members @param {string} self */
  show(members, self) {
    this.spots = layout(members, self);
    const states = new Map();
    for (const m of members) states.set(m.state, (states.get(m.state) ?? 0) + 1);
    this.canvas.setAttribute("aria-label", "The herd: " + [...states].map(([state, n]) => `${n} ${state}`).join(", "));
    this.stage.change();
  }

  /** Shows news on its way. @param {Map<string, number>} news @param {number} now */
  news(news, now) {
    for (const t of travels(news, this.spots)) this.pulses.send(t.from, t.to, t.fixes, now);
    if (news.size > 0) this.stage.change();
  }

  /** Draws, and tells whether something moves. @param {number} now */
  draw(now) {
    const c = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    const { width, height } = this.canvas;
    const { theme, calm, clients } = this.stage;
    const ratio = width / Math.max(1, this.canvas.clientWidth);
    const side = Math.min(width / 2 - 34 * ratio, height / 2 - 20 * ratio);
    const at = (/** @type {Spot} */ s) => [width / 2 + s.x * side, height / 2 + s.y * side];
    const ink = theme === "dark" ? "#e8edff" : "#10192b";
    const line = theme === "dark" ? "rgb(120 160 220" : "rgb(60 90 140";
    c.clearRect(0, 0, width, height);
    const moving = this.pulses.at(now);
    const self = this.spots.find((s) => s.self);

    c.lineWidth = ratio;
    for (const a of this.spots) { // those that can't be seen from here
      for (const b of this.spots) {
        if (a.name >= b.name || a.self || b.self || this.spots.length > 16) continue;
        if (a.state !== "alive" || b.state !== "alive") continue;
        this.#link(c, at(a), at(b), `${line} / .12)`, []);
      }
    }
    for (const s of this.spots) {
      if (!self || s.self) continue;
      const lit = moving.filter((p) => p.from === s.name || p.to === s.name);
      const light = Math.max(0, ...lit.map((p) => p.strength * (1 - p.way)));
      c.lineWidth = (1 + 1.6 * light) * ratio;
      this.#link(c, at(self), at(s), `${line} / ${s.linked ? 0.4 + 0.6 * light : 0.35})`, s.linked ? [] : [2 * ratio, 5 * ratio]);
    }
    if (!calm) {
      for (const p of moving) this.#pulse(c, p, at, ratio);
    }
    c.font = `${11 * ratio}px system-ui, sans-serif`;
    c.textAlign = "center";
    for (const s of this.spots) {
      const [x, y] = at(s);
      this.#node(c, s, x, y, ratio, css(hue(clients.nodeIndex(s.name), theme)), theme);
      c.fillStyle = ink;
      c.globalAlpha = s.state === "alive" || s.state === "suspect" ? 1 : 0.5;
      if (this.spots.length <= 24 || s.self) {
        const below = y + (s.y < -0.1 ? -11 : 19) * ratio;
        c.lineWidth = 4 * ratio;
        c.strokeStyle = theme === "dark" ? "#0c1224" : "#f4f7fa";
        c.strokeText(s.name, x, below);
        c.fillText(s.name, x, below);
      }
      c.globalAlpha = 1;
    }
    return moving.length > 0;
  }

  /** @param {CanvasRenderingContext2D} c @param {number[]} a @param {number[]} b @param {string} colour @param {number[]} dash */
  #link(c, a, b, colour, dash) {
    c.beginPath();
    c.setLineDash(dash);
    c.moveTo(a[0], a[1]);
    c.lineTo(b[0], b[1]);
    c.strokeStyle = colour;
    c.stroke();
    c.setLineDash([]);
  }

  /** @param {CanvasRenderingContext2D} c @param {{from: string, to: string, way: number, strength: number}} p @param {(s: Spot) => number[]} at @param {number} ratio */
  #pulse(c, p, at, ratio) {
    const from = this.spots.find((s) => s.name === p.from), to = this.spots.find((s) => s.name === p.to);
    if (!from || !to) return;
    const [a, b] = [at(from), at(to)];
    const [r, g, blue] = hue(this.stage.clients.nodeIndex(p.from), this.stage.theme);
    for (let k = 0; k < 5; k++) { // with a tail
      const t = p.way - k * 0.04;
      if (t < 0) break;
      c.fillStyle = css([r, g, blue], p.strength * (1 - k / 5));
      c.beginPath();
      c.arc(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, (2.6 - k * 0.35) * ratio, 0, 2 * Math.PI);
      c.fill();
    }
  }

  /** Alive is a full disc, suspect a ring, failed a cross, left a dash. @param {CanvasRenderingContext2D} c @param {Spot} s @param {number} x @param {number} y @param {number} ratio @param {string} colour @param {"dark" | "light"} theme */
  #node(c, s, x, y, ratio, colour, theme) {
    const size = (s.self ? 6.5 : 5) * ratio;
    const paper = theme === "dark" ? "#0c1224" : "#f4f7fa";
    c.beginPath();
    c.arc(x, y, size + 3 * ratio, 0, 2 * Math.PI);
    c.fillStyle = paper;
    c.fill();
    c.lineWidth = 2 * ratio;
    c.strokeStyle = colour;
    c.fillStyle = colour;
    c.beginPath();
    switch (s.state) {
      case "alive":
        c.arc(x, y, size, 0, 2 * Math.PI);
        c.fill();
        break;
      case "suspect":
        c.strokeStyle = theme === "dark" ? "#ffb454" : "#b25500";
        c.setLineDash([3 * ratio, 3 * ratio]);
        c.arc(x, y, size, 0, 2 * Math.PI);
        c.stroke();
        c.setLineDash([]);
        break;
      case "failed":
        c.strokeStyle = theme === "dark" ? "#ff5c5c" : "#c22020";
        c.moveTo(x - size, y - size);
        c.lineTo(x + size, y + size);
        c.moveTo(x + size, y - size);
        c.lineTo(x - size, y + size);
        c.stroke();
        break;
      default:
        c.globalAlpha = 0.5;
        c.moveTo(x - size, y);
        c.lineTo(x + size, y);
        c.stroke();
        c.globalAlpha = 1;
    }
  }
}
