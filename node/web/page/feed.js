// @ts-check
// What the page asks the node for, again and again, and what it does when that does not
// answer.

import { decode } from "./drawing.js";

/** @typedef {import("./drawing.js").Drawing} Drawing */

/** How often, in milliseconds. */
const often = { map: 200, state: 1000, hidden: 3000, busy: 2000, all: 60_000, broken: 1000 };

/** The map may take this share of one of the node's processors at most, and of the page's time. */
const share = { node: 0.1, page: 0.25 };

/** How long an answer may take. */
const patience = 10_000;

export const wait = (/** @type {number} */ ms) => new Promise((done) => setTimeout(done, ms));

/** A node's answer that is not what was asked for. */
export class Refused extends Error {
  /** @param {number} status @param {string} detail */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** @param {string} path */
async function get(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(patience), cache: "no-store" });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Refused(response.status, problem?.detail ?? `${path}: ${response.status}`);
}

/** @param {string} path @returns {Promise<any>} */
export async function getJSON(path) {
  return (await get(path)).json();
}

/**
 * Draws clients for as long as the page is open.
 * @param {{onDrawing: (d: Drawing) => void, area: () => string, sampled: () => boolean, isOld: () => boolean}} page
 *   isOld: whether all is to be drawn anew; it is asked once for each drawing
 * @returns {Promise<never>}
 */
export async function followMap(page) {
  let cursor = "", area = "", all = 0;
  for (;;) {
    const began = performance.now();
    try {
      const now = page.sampled() ? page.area() : ""; // of a sample, what is in view is enough
      if (page.isOld() || now !== area || began - all > often.all) cursor = "";
      area = now;
      const query = new URLSearchParams();
      if (cursor) query.set("since", cursor);
      if (area) query.set("bbox", area);
      const answer = await (await get(`/v1/map?${query}`)).arrayBuffer();
      const came = performance.now();
      const drawing = decode(answer);
      if (drawing.head.full) all = began;
      page.onDrawing(drawing);
      cursor = drawing.head.cursor;
      await wait(Math.max(document.hidden ? often.hidden : often.map,
        Math.min(drawing.head.took_us / 1000 / share.node, often.busy), (performance.now() - came) / share.page));
    } catch {
      cursor = ""; // the node may be another one now
      await wait(often.broken);
    }
  }
}

/**
 * Asks a path for JSON for as long as the page is open, and at once when nudged.
 * @param {string} path @param {(answer: any) => void} onAnswer @param {(why: Error) => void} onError
 * @returns {() => void} nudges
 */
export function followState(path, onAnswer, onError) {
  let wake = () => {};
  const loop = async () => {
    for (;;) {
      try {
        onAnswer(await getJSON(path));
      } catch (err) {
        onError(/** @type {Error} */ (err));
      }
      await Promise.race([wait(document.hidden ? often.hidden : often.state), new Promise((done) => { wake = () => done(undefined); })]);
    }
  };
  loop();
  return () => wake();
}

/**
 * Follows what happens to members, and which clients are gone, while the page is seen: a browser
 * has six connections to a node for all its tabs, and a stream keeps one. The browser connects anew by
 * itself, and the node resumes where it was; a refusal ends that, and is tried again later.
 * @param {{onMember: (member: {name: string, origin: string, state: string, since: string}) => void,
 *   onGone: (client: {id: string, reason: string}) => void, onGap: (why: string) => void}} page
 *   onGap: some may have been missed
 */
export function followEvents(page) {
  /** @type {EventSource | null} */
  let source = null;
  const open = (/** @type {string} */ why) => { // why there was none until now; empty: it is the first
    if (source || document.hidden) return;
    const it = source = new EventSource("/v1/events?kinds=gone,member");
    it.addEventListener("member", (e) => page.onMember(JSON.parse(e.data)));
    it.addEventListener("gone", (e) => page.onGone(JSON.parse(e.data)));
    it.addEventListener("reset", (e) => page.onGap(JSON.parse(e.data).why));
    // Only now: what happens from here on is told.
    if (why) it.addEventListener("open", () => page.onGap(why), { once: true });
    it.addEventListener("error", () => {
      if (it.readyState !== EventSource.CLOSED || source !== it) return;
      source = null;
      setTimeout(() => open("the node did not tell them"), often.broken * 5);
    });
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else open("the page was hidden");
  });
  open("");
}
