// @ts-check
// Draws clients into a buffer of pixels.

import { ages, ageClass } from "./colour.js";

/** @typedef {import("./clients.js").Clients} Clients */
/** @typedef {import("./view.js").View} View */

/** How long a fix that has just come is larger than others, in milliseconds. */
export const flash = 600;

/**
 * The pixels of a disc around its middle: how far right and down, and what of its colour.
 * @typedef {object} Disc
 * @property {Int8Array} x @property {Int8Array} y @property {Float32Array} share
 */

/** @param {number} radius in pixels @returns {Disc} */
export function disc(radius) {
  const x = [], y = [], share = [];
  const reach = Math.ceil(radius);
  for (let v = -reach; v <= reach; v++) {
    for (let u = -reach; u <= reach; u++) {
      const s = Math.min(1, radius + 0.5 - Math.hypot(u, v));
      if (s > 0.1) {
        x.push(u);
        y.push(v);
        share.push(s);
      }
    }
  }
  return { x: Int8Array.from(x), y: Int8Array.from(y), share: Float32Array.from(share) };
}

/**
 * The radius of a dot: larger close up, smaller where there are many.
 * @param {number} scale pixels of the screen a degree @param {number} count @param {number} ratio pixels of the buffer each
 */
export function radius(scale, count, ratio) {
  const near = Math.min(3, Math.max(0, Math.log2(scale / 4) / 3));
  const many = count > 30_000 ? 0.4 : count > 3_000 ? 1 : count > 300 ? 1.7 : 2.6;
  return (many + near) * ratio;
}

/**
 * Draws all clients that are in view.
 * @param {Uint32Array} pixels of the whole screen; what was there is gone
 * @param {number} width @param {number} height of the buffer
 * @param {Clients} clients @param {View} view
 * @param {Uint32Array} colours see palette
 * @param {number} now milliseconds
 * @param {{radius: number, flashes: boolean, rim: number}} style rim: a pixel around dots, where there is room; 0: none
 * @returns {{drawn: number, flashing: boolean}}
 */
export function paint(pixels, width, height, clients, view, colours, now, style) {
  pixels.fill(0);
  const { lon, lat, taken, seen, node, count } = clients;
  const ratio = width / view.width;
  const across = view.across * ratio, down = view.scale * ratio;
  const middleX = width / 2, middleY = height / 2;
  const hues = colours.length / ages;
  const small = disc(style.radius), large = disc(style.radius * 1.35 + 0.5);
  const smallRim = disc(style.radius + 1.2), largeRim = disc(style.radius * 1.35 + 1.7);
  const edge = Math.ceil(style.radius * 1.35 + 2.7);
  let drawn = 0, flashing = false;
  for (let i = 0; i < count; i++) {
    let east = lon[i] - view.lon;
    if (east >= 180) east -= 360;
    else if (east < -180) east += 360;
    const x = Math.round(middleX + east * across);
    const y = Math.round(middleY - (lat[i] - view.lat) * down);
    if (x < -edge || y < -edge || x >= width + edge || y >= height + edge) continue;
    drawn++;
    const colour = colours[node[i] % hues * ages + ageClass(now - taken[i])];
    const isFresh = style.flashes && now - seen[i] < flash;
    if (isFresh) flashing = true;
    const d = isFresh ? large : small;
    const inside = x >= edge && y >= edge && x < width - edge && y < height - edge;
    const rgb = colour & 0xffffff, alpha = colour >>> 24;
    if (style.rim) {
      const r = isFresh ? largeRim : smallRim;
      for (let k = 0; k < r.x.length; k++) {
        const u = x + r.x[k], v = y + r.y[k];
        if (u < 0 || v < 0 || u >= width || v >= height) continue;
        if (pixels[v * width + u] === 0) pixels[v * width + u] = style.rim;
      }
    }
    for (let k = 0; k < d.x.length; k++) {
      const u = x + d.x[k], v = y + d.y[k];
      if (!inside && (u < 0 || v < 0 || u >= width || v >= height)) continue;
      const at = v * width + u;
      const a = alpha * d.share[k] | 0;
      if (a >= pixels[at] >>> 24 || pixels[at] === style.rim) pixels[at] = (a << 24 | rgb) >>> 0; // the brighter one is in front
    }
  }
  return { drawn, flashing };
}

/**
 * The client nearest to a pixel, within reach; -1 if there is none.
 * @param {Clients} clients @param {View} view @param {number} x @param {number} y @param {number} reach in pixels
 */
export function nearest(clients, view, x, y, reach) {
  let best = -1, least = reach * reach;
  for (let i = 0; i < clients.count; i++) {
    const [atX, atY] = view.at(clients.lon[i], clients.lat[i]);
    const d = (atX - x) ** 2 + (atY - y) ** 2;
    if (d < least) {
      best = i;
      least = d;
    }
  }
  return best;
}
