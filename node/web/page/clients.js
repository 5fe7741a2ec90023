// @ts-check
// What the page knows of clients: column by column, in slots. A slot is found by the
// client's key, through an index of open addresses.

import { keyOf } from "./drawing.js";

/** @typedef {import("./drawing.js").Drawing} Drawing */

/** How many clients a drawing has at most: of a larger table it is a sample. */
const drawn = 100_000;

/** An age in a drawing that stands for all greater ones. */
const oldest = 2 ** 32 - 1;

/** How many points a track has at most; then every other one goes. */
const longest = 64;

export class Clients {
  constructor() {
    /** @type {string[]} */
    this.nodes = []; // in the order in which they were seen: the dots' hues
    this.total = 0; // in the node's table
    this.level = 0; // each slot stands for 2^level clients
    this.count = 0;
    this.#room(1024);
  }

  /** The columns, of which the first count entries mean something. */
  low = new Uint32Array(0);
  high = new Uint32Array(0);
  lon = new Float32Array(0); // degrees: good to a metre
  lat = new Float32Array(0);
  received = new Float64Array(0); // when a node took the fix, in milliseconds on that one's clock
  taken = new Float64Array(0); // the same on the page's clock, as far as that is known
  seen = new Float64Array(0); // when the page heard of it, on the same
  node = new Uint16Array(0); // index in nodes
  round = new Uint32Array(0); // the last full drawing that had it
  /** @type {(Float32Array | undefined)[]} */
  tracks = []; // the points before, if it has moved
  steps = new Uint8Array(0); // how many points that has

  #index = new Int32Array(0); // slot + 1, at the key's address or after it
  #full = 0;

  /** @param {number} n */
  #room(n) {
    const more = (/** @type {any} */ column) => {
      const grown = new column.constructor(n);
      grown.set(column.subarray(0, this.count));
      return grown;
    };
    for (const name of /** @type {const} */ (["low", "high", "lon", "lat", "received", "taken", "seen", "node", "round", "steps"])) {
      this[name] = more(this[name]);
    }
    this.#index = new Int32Array(2 * n);
    for (let i = 0; i < this.count; i++) this.#index[this.#address(this.low[i], this.high[i])] = i + 1;
  }

  /** Where a key is in the index, or would be. @param {number} low @param {number} high */
  #address(low, high) {
    const mask = this.#index.length - 1;
    for (let at = (low ^ high) & mask; ; at = (at + 1) & mask) {
      const slot = this.#index[at] - 1;
      if (slot < 0 || this.low[slot] === low && this.high[slot] === high) return at;
    }
  }

  /** Whether the table is larger than a drawing can be. */
  get sampled() {
    return this.total > drawn;
  }

  /** The slot of a key, -1 if there is none. @param {number} low @param {number} high */
  find(low, high) {
    return this.#index[this.#address(low, high)] - 1;
  }

  /** The index of a node's name. @param {string} name */
  nodeIndex(name) {
    const i = this.nodes.indexOf(name);
    return i >= 0 ? i : this.nodes.push(name) - 1;
  }

  /**
   * Takes a drawing in. Returns how many fixes of each node are new.
   * @param {Drawing} d @param {number} now milliseconds on the page's clock
   * @returns {Map<string, number>}
   */
  apply(d, now) {
    const news = new Map();
    const first = this.#full === 0;
    const { head } = d;
    this.total = head.clients;
    const numbers = head.nodes.map((name) => this.nodeIndex(name));
    const fresh = head.nodes.map(() => 0);
    const clock = Date.parse(head.now); // the node's; ages are from then
    if (head.full) this.#full++;
    for (let i = 0; i < d.count; i++) {
      const received = d.age[i] === oldest ? 0 : clock - d.age[i];
      let slot = this.find(d.keys[2 * i], d.keys[2 * i + 1]);
      const known = slot >= 0;
      if (!known) slot = this.#add(d.keys[2 * i], d.keys[2 * i + 1]);
      const lon = d.lon[i] / 1e6, lat = d.lat[i] / 1e6;
      // Both are of whole milliseconds: what is hardly newer is the same.
      const isNew = !known || Math.abs(received - this.received[slot]) > 5 || numbers[d.node[i]] !== this.node[slot];
      if (known && isNew) this.#follow(slot, lon, lat);
      if (isNew) {
        this.received[slot] = received;
        this.taken[slot] = now - d.age[i];
        this.seen[slot] = first ? 0 : now;
        if (!first) fresh[d.node[i]]++;
      }
      this.lon[slot] = lon;
      this.lat[slot] = lat;
      this.node[slot] = numbers[d.node[i]];
      this.round[slot] = this.#full;
    }
    const left = new Set();
    for (let i = 0; i < d.left.length; i += 2) left.add(this.find(d.left[i], d.left[i + 1]));
    this.#removeSlots(left);
    const thinner = head.level > this.level;
    this.level = head.level;
    if (head.full || thinner) this.#drop(head.full);
    head.nodes.forEach((name, i) => fresh[i] && news.set(name, fresh[i]));
    return news;
  }

  /** @param {number} low @param {number} high */
  #add(low, high) {
    if (this.count === this.low.length) this.#room(2 * this.count);
    const slot = this.count++;
    this.low[slot] = low;
    this.high[slot] = high;
    this.tracks[slot] = undefined;
    this.steps[slot] = 0;
    this.#index[this.#address(low, high)] = slot + 1;
    return slot;
  }

  /** Removes clients, those that there are. Tells whether there were any. @param {string[]} ids @returns {boolean} */
  remove(ids) {
    return this.#removeSlots(new Set(ids.map((id) => this.find(...keyOf(id)))));
  }

  /** @param {Set<number>} slots -1 is none @returns {boolean} */
  #removeSlots(slots) {
    slots.delete(-1);
    if (slots.size > 0) this.#keep((i) => !slots.has(i));
    return slots.size > 0;
  }

  /** Drops what the last full drawing did not have, and what is not of the sample. @param {boolean} full */
  #drop(full) {
    const outside = 2 ** Math.min(this.level, 32) - 1; // a sample of more than 2^-32 is not needed
    this.#keep((i) => !(full && this.round[i] !== this.#full || (this.low[i] & outside) !== 0));
  }

  /** @param {(slot: number) => boolean} stays */
  #keep(stays) {
    let n = 0;
    for (let i = 0; i < this.count; i++) {
      if (!stays(i)) continue;
      if (n !== i) {
        for (const column of [this.low, this.high, this.lon, this.lat, this.received, this.taken, this.seen, this.node, this.round, this.steps]) {
          column[n] = column[i];
        }
        this.tracks[n] = this.tracks[i];
      }
      n++;
    }
    if (n === this.count) return;
    this.count = n;
    this.tracks.length = n;
    this.#room(this.low.length);
  }

  /** Keeps where a client was, before it goes to another place. @param {number} slot @param {number} lon @param {number} lat */
  #follow(slot, lon, lat) {
    if (Math.fround(lon) === this.lon[slot] && Math.fround(lat) === this.lat[slot]) return;
    let track = this.tracks[slot];
    let n = this.steps[slot];
    if (!track || 2 * n === track.length) {
      if (track && n === longest) {
        for (let i = 0; 2 * i < n; i++) {
          track[2 * i] = track[4 * i];
          track[2 * i + 1] = track[4 * i + 1];
        }
        n /= 2;
      } else {
        const grown = new Float32Array(track ? 2 * track.length : 8);
        if (track) grown.set(track);
        this.tracks[slot] = track = grown;
      }
    }
    track[2 * n] = this.lon[slot];
    track[2 * n + 1] = this.lat[slot];
    this.steps[slot] = n + 1;
  }

  /** Where a client has been since the page was opened, and is: longitude, latitude … @param {number} slot @returns {number[]} */
  track(slot) {
    const before = this.tracks[slot]?.subarray(0, 2 * this.steps[slot]) ?? [];
    return [...before, this.lon[slot], this.lat[slot]];
  }
}
