// @ts-check
// Reads the map that node/web/bake has packed; see there for its form.

/**
 * @typedef {object} Ring a closed line, and the box around it, in degrees
 * @property {Float32Array} points longitude, latitude, longitude …
 * @property {number} west @property {number} south @property {number} east @property {number} north
 */

/**
 * @typedef {object} World
 * @property {Ring[]} land what lies in an odd number of them
 * @property {Ring[]} coasts lines; no ring among them
 * @property {Ring[]} borders lines
 * @property {Float32Array} towns longitude, latitude, longitude …
 * @property {Uint8Array} lights how bright each is
 */

const magic = "herd.world\x01";
const perDegree = 100;
const cells = 50; // a degree
const columns = 360 * cells;

class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  byte() {
    if (this.at >= this.bytes.length) throw new Error("the map is cut short");
    return this.bytes[this.at++];
  }

  /** An unsigned varint. */
  number() {
    for (let n = 0, unit = 1; ; unit *= 128) {
      const b = this.byte();
      n += (b & 127) * unit;
      if (b < 128) return n;
    }
  }

  /** A zigzag varint. */
  signed() {
    const n = this.number();
    return n % 2 ? -(n + 1) / 2 : n / 2;
  }
}

/** @param {Float32Array} points @returns {Ring} */
function boxed(points) {
  let west = Infinity, south = Infinity, east = -Infinity, north = -Infinity;
  for (let i = 0; i < points.length; i += 2) {
    west = Math.min(west, points[i]);
    east = Math.max(east, points[i]);
    south = Math.min(south, points[i + 1]);
    north = Math.max(north, points[i + 1]);
  }
  return { points, west, south, east, north };
}

/**
 * Makes a line one that goes on over the antimeridian, beyond 180 degrees, instead of
 * jumping to the other edge of the map. A closed one that goes around a pole is led there.
 * @param {number[] | Float32Array} p @param {boolean} closed
 */
export function unwrap(p, closed) {
  const out = Array.from(p);
  let turn = 0;
  for (let i = 2; i < out.length; i += 2) {
    const step = p[i] - p[i - 2];
    if (step > 180) turn -= 360;
    else if (step < -180) turn += 360;
    out[i] = p[i] + turn;
  }
  const end = out.length - 2;
  if (closed && Math.abs(out[end] - out[0]) > 180) {
    const pole = out[1] < 0 ? -90 : 90;
    out.push(out[end], pole, out[0], pole);
  }
  return Float32Array.from(out);
}

/** @param {Uint8Array} bytes unpacked @returns {World} */
export function decode(bytes) {
  const r = new Reader(bytes);
  for (const c of magic) {
    if (r.byte() !== c.charCodeAt(0)) throw new Error("this is no map of the world");
  }
  const arcs = Array.from({ length: r.number() }, () => {
    const points = new Float32Array(2 * r.number());
    for (let i = 0, x = 0, y = 0; i < points.length; i += 2) {
      x += r.signed();
      y += r.signed();
      points[i] = x / perDegree;
      points[i + 1] = y / perDegree;
    }
    return points;
  });
  /** @type {Set<Float32Array>} */
  const coast = new Set();
  const land = Array.from({ length: r.number() }, () => {
    const points = [];
    for (let n = r.number(); n > 0; n--) {
      const ref = r.number();
      const arc = arcs[ref >> 1];
      coast.add(arc);
      const last = arc.length - 2;
      for (let i = 0; i <= last; i += 2) {
        const at = ref & 1 ? last - i : i;
        points.push(arc[at], arc[at + 1]);
      }
    }
    return boxed(unwrap(points, true));
  });
  const borders = Array.from({ length: r.number() }, () => boxed(unwrap(arcs[r.number()], false)));
  const towns = new Float32Array(2 * r.number());
  for (let i = 0, cell = 0; i < towns.length; i += 2) {
    cell += r.number();
    towns[i] = cell % columns / cells - 180;
    towns[i + 1] = Math.floor(cell / columns) / cells - 90;
  }
  const lights = Uint8Array.from({ length: towns.length / 2 }, () => r.byte());
  return { land, coasts: [...coast].map((arc) => boxed(unwrap(arc, false))), borders, towns, lights };
}

/** @param {string} url @returns {Promise<World>} */
export async function load(url) {
  const response = await fetch(url);
  if (!response.ok || !response.body) throw new Error(`the map of the world: ${response.status}`);
  const unpacked = response.body.pipeThrough(new DecompressionStream("gzip"));
  return decode(new Uint8Array(await new Response(unpacked).arrayBuffer()));
}
