// @ts-check
// The herd as a picture: this node in the middle, the others around it. What it can see
// of the links are those that end at it.

/**
 * @typedef {object} Spot a node in the picture
 * @property {string} name @property {string} state @property {boolean} self
 * @property {boolean} linked @property {number} x @property {number} y from -1 to 1
 */

/**
 * @param {{name: string, state: string, linked: boolean}[]} members by name @param {string} self
 * @returns {Spot[]}
 */
export function layout(members, self) {
  members = newest(members);
  const others = members.filter((m) => m.name !== self);
  const spots = others.map((m, i) => {
    const turn = 2 * Math.PI * (i + 0.5) / others.length - Math.PI / 2; // none right above: there is a name
    return { name: m.name, state: m.state, self: false, linked: m.linked, x: Math.cos(turn), y: Math.sin(turn) };
  });
  const own = members.find((m) => m.name === self);
  if (own) spots.push({ name: self, state: own.state, self: true, linked: true, x: 0, y: 0 });
  return spots;
}

/**
 * A node that was killed and has come back is there twice for a while: the one that lives
 * counts, else the last.
 * @template {{name: string, state: string}} M @param {M[]} members @returns {M[]}
 */
function newest(members) {
  const lives = (/** @type {M} */ m) => m.state === "alive" || m.state === "suspect";
  /** @type {Map<string, M>} */
  const by = new Map();
  for (const m of members) {
    const other = by.get(m.name);
    if (!other || lives(m) || !lives(other)) by.set(m.name, m);
  }
  return [...by.values()];
}

/** How long news is shown on its way, in milliseconds: it takes a thousandth of that. */
export const journey = 700;

/** News on its way, as a picture: from one node to another. */
export class Pulses {
  constructor() {
    /** @type {{from: string, to: string, began: number, strength: number}[]} */
    this.all = [];
  }

  /**
   * Lets news travel, unless some has just set out on that link.
   * @param {string} from @param {string} to @param {number} fixes @param {number} now
   */
  send(from, to, fixes, now) {
    this.#forget(now);
    if (this.all.some((p) => p.from === from && p.to === to && now - p.began < journey / 4)) return;
    this.all.push({ from, to, began: now, strength: Math.min(1, 0.4 + Math.log10(fixes) / 5) });
  }

  /** Drops what has arrived: of a page that is hidden nobody asks what is on its way. @param {number} now */
  #forget(now) {
    this.all = this.all.filter((p) => now - p.began < journey);
  }

  /** What is on its way: how far each has come, from 0 to 1. @param {number} now */
  at(now) {
    this.#forget(now);
    return this.all.map((p) => ({ ...p, way: Math.max(0, (now - p.began) / journey) }));
  }
}

/**
 * What travels when a node hears of fixes: each node's own to this one, this one's own
 * to all that it is linked with.
 * @param {Map<string, number>} news fixes by node @param {Spot[]} spots
 * @returns {{from: string, to: string, fixes: number}[]}
 */
export function travels(news, spots) {
  const self = spots.find((s) => s.self);
  if (!self) return [];
  const out = [];
  for (const [name, fixes] of news) {
    for (const s of spots) {
      if (s.self || !s.linked) continue;
      if (name === self.name) out.push({ from: name, to: s.name, fixes });
      else if (name === s.name) out.push({ from: name, to: self.name, fixes });
    }
  }
  return out;
}
