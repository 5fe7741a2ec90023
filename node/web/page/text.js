// @ts-check
// How the page writes numbers and elements.

/**
 * An element with text or other elements in it. Nothing that came from elsewhere is ever
 * read as HTML.
 * @param {string} tag @param {Record<string, string>} attributes @param {...(Node | string)} inside
 */
export function element(tag, attributes = {}, ...inside) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...inside);
  return e;
}

/** @param {string} id */
export function byID(id) {
  const e = document.getElementById(id);
  if (!e) throw new Error(`there is no #${id}`);
  return e;
}

/** Sets text if it is another: what is the same is not read out again. @param {Element} e @param {string} text */
export function say(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

/** 950, 12 k, 4.5 M, or with a unit 950 B, 12 kB. @param {number} n @param {string} unit */
export function short(n, unit = "") {
  if (n < 999.5) return `${n < 10 && n % 1 ? n.toFixed(1) : Math.round(n)} ${unit}`.trimEnd();
  for (const prefix of ["k", "M", "G"]) {
    n /= 1000;
    if (n < 999.5) return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${prefix}${unit}`;
  }
  return `${Math.round(n / 1000)} T${unit}`;
}

/** A duration in its two greatest units. @param {number} ms */
export function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor(s % 86_400 / 3600)} h`;
}

/** A short duration. @param {number} us in microseconds */
export function brief(us) {
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1e6) return `${us < 1e4 ? (us / 1000).toFixed(1) : Math.round(us / 1000)} ms`;
  return `${(us / 1e6).toFixed(1)} s`;
}

/** @param {number} m in metres */
export function distance(m) {
  if (m < 1000) return `${Math.round(m)} m`;
  return `${m < 10_000 ? (m / 1000).toFixed(1) : Math.round(m / 1000)} km`;
}

/** Degrees as people write them. @param {number} lat @param {number} lon */
export function place(lat, lon) {
  const part = (/** @type {number} */ n, /** @type {string} */ plus, /** @type {string} */ minus) => `${Math.abs(n).toFixed(2)}° ${n < 0 ? minus : plus}`;
  return `${part(lat, "N", "S")}, ${part(lon, "E", "W")}`;
}
