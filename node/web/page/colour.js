// @ts-check
// What colours mean. Nodes have a hue each; the age of a fix dims it, or, by age alone,
// takes it from white-hot to ember.

/** @typedef {[number, number, number]} RGB from 0 to 255 */

/** @type {{dark: RGB[], light: RGB[]}} told apart by people who see few colours too, side by side */
const hues = {
  dark: [[79, 209, 255], [255, 111, 181], [140, 255, 122], [255, 180, 84], [182, 156, 255], [255, 122, 107], [77, 255, 210], [242, 242, 107]],
  light: [[0, 114, 178], [176, 16, 122], [30, 125, 20], [190, 84, 0], [106, 63, 212], [198, 40, 40], [0, 120, 112], [125, 105, 0]],
};

/** @type {{dark: RGB[], light: RGB[]}} from fresh to old */
const embers = {
  dark: [[255, 255, 255], [255, 240, 150], [255, 176, 64], [240, 98, 48], [168, 52, 74], [104, 52, 110]],
  light: [[196, 0, 60], [222, 70, 0], [196, 124, 0], [132, 120, 60], [104, 120, 130], [140, 150, 160]],
};

/** Ages fall into this many classes, each of which is twice as long as the one before. */
export const ages = 18;

/** The class of an age: 0 within a second, 17 from a day and a half. @param {number} ms */
export function ageClass(ms) {
  return Math.min(ages - 1, Math.max(0, 32 - Math.clz32(Math.min(ms, 0xffffffff) / 1000)));
}

/** The hue of the i-th node. @param {number} i @param {"dark" | "light"} theme @returns {RGB} */
export function hue(i, theme) {
  const all = hues[theme];
  return all[i % all.length];
}

/** @param {RGB} a @param {RGB} b @param {number} t @returns {RGB} */
export function mix(a, b, t) {
  const at = (/** @type {number} */ i) => Math.round(a[i] + (b[i] - a[i]) * t);
  return [at(0), at(1), at(2)];
}

/** The colour of an age class by itself. @param {number} k @param {"dark" | "light"} theme @returns {RGB} */
export function ember(k, theme) {
  const steps = embers[theme];
  const at = k / (ages - 1) * (steps.length - 1);
  const low = Math.min(Math.floor(at), steps.length - 2);
  return mix(steps[low], steps[low + 1], at - low);
}

/** How much of its colour a dot keeps in an age class, by node. @param {number} k */
export function strength(k) {
  return 1 - 0.65 * k / (ages - 1);
}

/** A pixel as ImageData has it on a little-endian machine, as all are. @param {RGB} c @param {number} alpha from 0 to 1 */
export function pixel(c, alpha) {
  return (Math.round(alpha * 255) << 24 | c[2] << 16 | c[1] << 8 | c[0]) >>> 0;
}

/**
 * The pixels of dots: for the i-th hue and age class k at i·ages + k.
 * @param {"node" | "age"} by @param {"dark" | "light"} theme @returns {Uint32Array}
 */
export function palette(by, theme) {
  const n = hues[theme].length;
  const out = new Uint32Array(n * ages);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < ages; k++) {
      out[i * ages + k] = by === "age" ? pixel(ember(k, theme), 1) : pixel(hue(i, theme), strength(k));
    }
  }
  return out;
}

/** @param {RGB} c @param {number} alpha */
export function css(c, alpha = 1) {
  return `rgb(${c[0]} ${c[1]} ${c[2]} / ${alpha})`;
}
