// @ts-check
// Draws the land and the lights of towns.

/** @typedef {import("./world.js").World} World */
/** @typedef {import("./world.js").Ring} Ring */
/** @typedef {import("./view.js").View} View */

/** What the map looks like. Lights are added to the dark land, and cover the light one. */
const looks = {
  dark: { sea: "#0a0f1e", land: "#18203b", coast: "#3a4876", border: "#2b3763", grid: "#111829", town: [255, 205, 140], faint: 0.085, blend: "lighter" },
  light: { sea: "#dfe8f0", land: "#faf8f3", coast: "#9aa9b8", border: "#d5d2c8", grid: "#d3dee8", town: [176, 122, 40], faint: 0.07, blend: "source-over" },
};

export class Base {
  /** @type {World | null} */
  world = null;
  #lights = document.createElement("canvas");

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
  }

  /** @param {View} view @param {"dark" | "light"} theme */
  draw(view, theme) {
    const look = looks[theme];
    const c = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    const { width, height } = this.canvas;
    const ratio = width / view.width;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = look.sea;
    c.fillRect(0, 0, width, height);
    this.#grid(c, view, ratio, look.grid);
    if (!this.world) return;
    c.lineJoin = "round";
    const copies = [-360, 0, 360].map((turn) => view.lon + turn);
    for (const lon of copies) {
      const draw = (/** @type {Ring[]} */ rings) => this.#trace(c, rings, view, lon, ratio);
      draw(this.world.land);
      c.fillStyle = look.land;
      c.fill("evenodd");
      c.lineWidth = ratio;
      draw(this.world.borders);
      c.strokeStyle = look.border;
      c.stroke();
      draw(this.world.coasts);
      c.strokeStyle = look.coast;
      c.stroke();
    }
    this.#towns(c, view, ratio, look);
  }

  /** @param {CanvasRenderingContext2D} c @param {View} view @param {number} ratio @param {string} colour */
  #grid(c, view, ratio, colour) {
    const step = [15, 5, 1, 0.25].find((s) => s * view.scale > 60) ?? 15;
    const across = view.width / view.across / 2, down = view.height / view.scale / 2;
    c.beginPath();
    for (let lon = Math.ceil((view.lon - across) / step) * step; lon <= view.lon + across; lon += step) {
      const x = Math.round((view.width / 2 + (lon - view.lon) * view.across) * ratio) + 0.5;
      c.moveTo(x, 0);
      c.lineTo(x, this.canvas.height);
    }
    for (let lat = Math.ceil((view.lat - down) / step) * step; lat <= view.lat + down; lat += step) {
      const y = Math.round((view.height / 2 - (lat - view.lat) * view.scale) * ratio) + 0.5;
      c.moveTo(0, y);
      c.lineTo(this.canvas.width, y);
    }
    c.strokeStyle = colour;
    c.lineWidth = 1;
    c.stroke();
  }

  /** Makes a path of what is in view. @param {CanvasRenderingContext2D} c @param {Ring[]} rings @param {View} view @param {number} lon @param {number} ratio */
  #trace(c, rings, view, lon, ratio) {
    const across = view.across * ratio, down = view.scale * ratio;
    const x0 = this.canvas.width / 2 - lon * across, y0 = this.canvas.height / 2 + view.lat * down;
    const halfWidth = view.width / view.across / 2, halfHeight = view.height / view.scale / 2;
    const west = lon - halfWidth, east = lon + halfWidth, south = view.lat - halfHeight, north = view.lat + halfHeight;
    c.beginPath();
    for (const r of rings) {
      if (r.east < west || r.west > east || r.north < south || r.south > north) continue;
      const p = r.points;
      let lastX = Math.round(x0 + p[0] * across), lastY = Math.round(y0 - p[1] * down);
      c.moveTo(lastX, lastY);
      for (let i = 2; i < p.length; i += 2) {
        const x = Math.round(x0 + p[i] * across), y = Math.round(y0 - p[i + 1] * down);
        if (x === lastX && y === lastY && i + 2 < p.length) continue; // a pixel once
        c.lineTo(x, y);
        lastX = x;
        lastY = y;
      }
    }
  }

  /** @param {CanvasRenderingContext2D} c @param {View} view @param {number} ratio @param {typeof looks.dark} look */
  #towns(c, view, ratio, look) {
    const { width, height } = this.canvas;
    if (this.#lights.width !== width) this.#lights.width = width;
    if (this.#lights.height !== height) this.#lights.height = height;
    const l = /** @type {CanvasRenderingContext2D} */ (this.#lights.getContext("2d"));
    const image = l.createImageData(width, height);
    const { towns, lights } = /** @type {World} */ (this.world);
    glow(image.data, width, height, towns, lights, view, ratio, look.town, look.faint);
    l.putImageData(image, 0, 0);
    c.globalCompositeOperation = /** @type {GlobalCompositeOperation} */ (look.blend);
    c.drawImage(this.#lights, 0, 0);
    c.globalCompositeOperation = "source-over";
  }
}

/**
 * Adds up lights in a buffer of pixels. Close up a town is a cluster of points, the more
 * the larger it is: the same ones each time.
 * @param {Uint8ClampedArray} data @param {number} width @param {number} height
 * @param {Float32Array} towns @param {Uint8Array} lights @param {View} view @param {number} ratio
 * @param {number[]} colour @param {number} faint the alpha of the faintest
 */
export function glow(data, width, height, towns, lights, view, ratio, colour, faint) {
  const pixels = new Uint32Array(data.buffer);
  const rgb = colour[2] << 16 | colour[1] << 8 | colour[0];
  const across = view.across * ratio, down = view.scale * ratio;
  const cell = view.scale / 50; // pixels of the screen that a light stands for
  const add = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ alpha) => { // alpha below 256
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    const at = y * width + x;
    const was = pixels[at] >>> 24;
    pixels[at] = (was + (alpha * (255 - was) >> 8) << 24 | rgb) >>> 0; // as a film is exposed
  };
  const margin = 0.1 * down;
  for (let i = 0; i < lights.length; i++) {
    let east = towns[2 * i] - view.lon;
    if (east >= 180) east -= 360;
    else if (east < -180) east += 360;
    const x = width / 2 + east * across, y = height / 2 - (towns[2 * i + 1] - view.lat) * down;
    if (x < -margin || y < -margin || x >= width + margin || y >= height + margin) continue;
    const alpha = Math.min(255, 255 * faint * (1 + lights[i] * 0.55));
    const spread = Math.min(1 << lights[i] >> 2, 64) * Math.min(1, cell);
    if (spread < 2) {
      add(x | 0, y | 0, alpha | 0);
      if (lights[i] > 6) { // a city is more than a pixel
        const half = alpha * (lights[i] - 6) / 12 | 0;
        add((x | 0) + 1, y | 0, half);
        add((x | 0) - 1, y | 0, half);
        add(x | 0, (y | 0) + 1, half);
        add(x | 0, (y | 0) - 1, half);
      }
      continue;
    }
    let seed = i * 2654435761 >>> 0;
    const reach = 0.004 * down * 2 ** (lights[i] / 2.6);
    for (let k = 0; k < spread; k++) {
      seed = Math.imul(seed ^ seed >>> 15, 0x2c1b3c6d) + 0x9e3779b9 >>> 0;
      const turn = (seed & 0xffff) * 2 * Math.PI / 65536;
      const far = ((seed >>> 16) / 65536) ** 1.4 * reach;
      const size = cell > 4 ? 2 : 1;
      const u = x + Math.cos(turn) * far / down * across | 0, v = y + Math.sin(turn) * far | 0;
      for (let s = 0; s < size * size; s++) add(u + s % size, v + (s / size | 0), alpha * 0.6 | 0);
    }
  }
}
