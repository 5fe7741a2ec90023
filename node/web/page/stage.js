// @ts-check
// The map on the screen: three canvases, of which a frame draws what has changed.

import { Base } from "./base.js";
import { css, hue, palette, pixel } from "./colour.js";
import { paint, radius } from "./dots.js";
import { View } from "./view.js";

/** @typedef {import("./clients.js").Clients} Clients */
/** @typedef {{name: string, lat: number, lon: number}} Place */

/** The most pixels that a canvas has: more of them than that cost more than they show. */
const mostPixels = 4_000_000;

/** Up to so many dots have a rim that tells them from the lights of towns. */
const fewDots = 3000;

/** With more, none is drawn larger for being new: nothing would stand out. */
const manyDots = 30_000;

/** The zoom from which places are shown, in pixels a degree. */
const placesFrom = 30;

/** How often dots are drawn though nothing has come: they age. In milliseconds. */
const aging = 1000;

export class Stage {
  view = new View(2, 1);
  /** @type {"node" | "age"} */
  by = "node";
  /** @type {"dark" | "light"} */
  theme = "dark";
  calm = false; // the person wants little to move
  crosshair = false; // the keyboard is in use
  inView = 0; // clients drawn
  frames = 0;

  /** What is chosen: where it is, where it was, and places near it. */
  /** @type {{lon: number, lat: number, track: number[], node: number} | null} */
  chosen = null;
  /** @type {Place[]} */
  places = [];

  /** Called with the time of each frame, for who draws beside the map. Tells whether more is to come. */
  /** @type {(now: number) => boolean} */
  beside = () => false;
  /** Called when the view has changed. */
  onView = () => {};

  #ratio = 1;
  #stale = { base: true, dots: true, over: true };
  #asked = 0;
  #painted = 0;
  #colours = palette("node", "dark");
  /** @type {ImageData | null} */
  #image = null;

  /** @param {Clients} clients */
  constructor(clients) {
    this.clients = clients;
    const canvas = (/** @type {string} */ id) => /** @type {HTMLCanvasElement} */ (document.getElementById(id));
    this.box = /** @type {HTMLElement} */ (document.getElementById("stage"));
    this.base = new Base(canvas("base"));
    this.dots = canvas("dots");
    this.over = canvas("over");
    new ResizeObserver(() => this.resize()).observe(this.box);
    this.resize();
    setInterval(() => this.change("dots"), aging);
  }

  resize() {
    const width = Math.max(1, this.box.clientWidth), height = Math.max(1, this.box.clientHeight);
    const ratio = Math.min(window.devicePixelRatio || 1, 2, Math.sqrt(mostPixels / width / height));
    const first = this.view.width === 2;
    this.view.resize(width, height);
    if (first) this.view.whole();
    this.#ratio = ratio;
    for (const canvas of [this.base.canvas, this.dots, this.over]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.#image = null;
    this.moved();
  }

  /** The view is another. */
  moved() {
    this.change("base", "dots", "over");
    this.onView();
  }

  /** Colours are others. */
  recolour() {
    this.#colours = palette(this.by, this.theme);
    this.change("base", "dots", "over");
  }

  /** Has parts drawn in the next frame. @param {("base" | "dots" | "over")[]} parts */
  change(...parts) {
    for (const part of parts) this.#stale[part] = true;
    if (!this.#asked) this.#asked = requestAnimationFrame(() => this.#frame());
  }

  #frame() {
    this.#asked = 0;
    this.frames++;
    const now = Date.now();
    if (this.#stale.base) this.base.draw(this.view, this.theme);
    let more = false;
    if (this.#stale.dots) more = this.#paint(now);
    if (this.#stale.over) this.#overlay();
    this.#stale = { base: false, dots: more, over: false };
    if (this.beside(now) || more) this.change();
  }

  /** @param {number} now */
  #paint(now) {
    const { width, height } = this.dots;
    const c = /** @type {CanvasRenderingContext2D} */ (this.dots.getContext("2d"));
    this.#image ??= c.createImageData(width, height);
    const size = radius(this.view.scale, this.inView, this.#ratio);
    const pixels = new Uint32Array(this.#image.data.buffer);
    const { drawn, flashing } = paint(pixels, width, height, this.clients, this.view, this.#colours, now,
      { radius: size, flashes: !this.calm && this.inView <= manyDots, rim: this.inView > fewDots ? 0 : pixel(this.theme === "dark" ? [5, 8, 18] : [255, 255, 255], 0.75) });
    this.inView = drawn;
    this.#painted = now;
    c.putImageData(this.#image, 0, 0);
    return flashing;
  }

  /** How much of a dot there is at a place, from 0 to 255: for tests. @param {number} lon @param {number} lat */
  opacity(lon, lat) {
    const [x, y] = this.view.at(lon, lat).map((n) => Math.round(n * this.#ratio));
    const image = this.#image;
    return image && x >= 0 && x < image.width && y >= 0 ? image.data[4 * (y * image.width + x) + 3] ?? 0 : 0;
  }

  /** What stands above the dots: the chosen client, its track, places, the crosshair. */
  #overlay() {
    const c = /** @type {CanvasRenderingContext2D} */ (this.over.getContext("2d"));
    const { view } = this;
    c.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    c.clearRect(0, 0, view.width, view.height);
    const ink = this.theme === "dark" ? "#fff" : "#000";
    const paper = this.theme === "dark" ? "rgb(5 8 18 / .8)" : "rgb(255 255 255 / .85)";
    c.font = "12px system-ui, sans-serif";
    /** @type {[number, number, number][]} */
    const written = [];
    for (const place of view.scale < placesFrom ? [] : this.places) this.#place(c, place, ink, paper, written);
    if (this.chosen) {
      const { lon, lat, track, node } = this.chosen;
      c.strokeStyle = css(hue(node, this.theme));
      c.lineWidth = 1.5;
      c.beginPath();
      for (let i = 0, last = 0; i < track.length; i += 2) {
        const [x, y] = view.at(track[i], track[i + 1]);
        if (i === 0 || Math.abs(x - last) > view.across * 180) c.moveTo(x, y); // over the edge of the map
        else c.lineTo(x, y);
        last = x;
      }
      c.stroke();
      const [x, y] = view.at(lon, lat);
      c.strokeStyle = ink;
      c.lineWidth = 2;
      c.beginPath();
      c.arc(x, y, 9, 0, 2 * Math.PI);
      c.stroke();
    }
    if (this.crosshair) {
      const x = Math.round(view.width / 2) + 0.5, y = Math.round(view.height / 2) + 0.5;
      c.strokeStyle = ink;
      c.lineWidth = 1;
      c.beginPath();
      for (const [u, v] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        c.moveTo(x + 4 * u, y + 4 * v);
        c.lineTo(x + 14 * u, y + 14 * v);
      }
      c.stroke();
    }
  }

  /**
   * Draws a place; its name only where there is room between those that are written.
   * @param {CanvasRenderingContext2D} c @param {Place} place @param {string} ink @param {string} paper
   * @param {[number, number, number][]} written left, right, and the line's height
   */
  #place(c, place, ink, paper, written) {
    const [x, y] = this.view.at(place.lon, place.lat);
    if (x < 0 || y < 0 || x > this.view.width || y > this.view.height) return;
    c.fillStyle = ink;
    c.fillRect(x - 2, y - 2, 4, 4);
    const left = x + 6, right = left + c.measureText(place.name).width;
    if (written.some(([l, r, line]) => left < r && right > l && Math.abs(line - y) < 14)) return;
    written.push([left, right, y]);
    c.lineWidth = 3;
    c.strokeStyle = paper;
    c.strokeText(place.name, left, y + 4);
    c.fillText(place.name, left, y + 4);
  }
}
