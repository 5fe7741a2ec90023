// @ts-check
// Reads what GET /v1/map answers; see node/drawing.go for its form.

/**
 * @typedef {object} Head
 * @property {string} self @property {string} now @property {string[]} nodes
 * @property {number} level @property {boolean} full @property {string} cursor @property {number} clients
 * @property {number} took_us @property {number} [left]
 */

/**
 * @typedef {object} Drawing
 * @property {Head} head
 * @property {number} count
 * @property {Uint32Array} keys two for each client: the low 32 bits, the high ones
 * @property {Uint32Array} left the keys of those that are not in the area any more, or never were
 * @property {Int32Array} lon in millionths of a degree
 * @property {Int32Array} lat
 * @property {Uint32Array} age in milliseconds
 * @property {Uint16Array} node index in head.nodes
 */

/** @param {ArrayBuffer} buffer @returns {Drawing} */
export function decode(buffer) {
  const start = new DataView(buffer);
  const magic = new TextDecoder().decode(new Uint8Array(buffer, 0, Math.min(8, buffer.byteLength)));
  if (magic !== "herd.map" || buffer.byteLength < 16) throw new Error("this is no drawing of clients");
  const length = start.getUint32(8, true);
  const count = start.getUint32(12, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 16, length)));
  let at = 16 + length;
  const next = (/** @type {number} */ bytes, n = count) => {
    at += bytes * n;
    return at - bytes * n;
  };
  const left = head.left ?? 0;
  return {
    head, count,
    keys: new Uint32Array(buffer, next(8), 2 * count),
    left: new Uint32Array(buffer, next(8, left), 2 * left),
    lon: new Int32Array(buffer, next(4), count),
    lat: new Int32Array(buffer, next(4), count),
    age: new Uint32Array(buffer, next(4), count),
    node: new Uint16Array(buffer, next(2), count),
  };
}

const mask = (1n << 64n) - 1n;

/** The key of a client in a drawing, as two numbers. @param {string} id @returns {[number, number]} */
export function keyOf(id) {
  let h = 14695981039346656037n;
  for (const b of new TextEncoder().encode(id)) h = (h ^ BigInt(b)) * 1099511628211n & mask;
  h ^= h >> 32n;
  h = h * 0x9e3779b97f4a7c15n & mask;
  h ^= h >> 32n;
  return [Number(h & 0xffffffffn), Number(h >> 32n)];
}
