// @ts-check
// The page of a node: joins the parts.

import { Chosen } from "./client.js";
import { Clients } from "./clients.js";
import { Convergence } from "./convergence.js";
import { nearest } from "./dots.js";
import { followEvents, followMap, followState } from "./feed.js";
import { Gone } from "./gone.js";
import { Herd } from "./herd.js";
import { listen } from "./input.js";
import { legend } from "./legend.js";
import { area, listing, summary } from "./listing.js";
import { Log } from "./log.js";
import { Members } from "./members.js";
import { Stage } from "./stage.js";
import { byID, say } from "./text.js";
import { theme } from "./theme.js";
import { Throughput } from "./throughput.js";
import { load } from "./world.js";

/** How often the map is put in words, in milliseconds. */
const inWords = 3000;

/** How near the world is when a client is looked for, in pixels a degree. */
const street = 400;

const clients = new Clients();
const stage = new Stage(clients);
const herd = new Herd(stage);
const log = new Log();
const colours = legend(stage);
const members = new Members((name) => `hue${clients.nodeIndex(name) % 8}`);
const convergence = new Convergence();
const throughput = new Throughput();
const chosen = new Chosen(stage, { now: () => Date.now() + ahead, onDrop: () => {} });

let self = "";
let ahead = 0; // the node's clock before the page's, in milliseconds
let reachable = true;
let old = false; // the page may draw clients that are gone
/** @type {Element | null} */
let gap = null; // the last line of the log that says so of events
/** @type {Map<string, string>} */
const states = new Map(); // by incarnation, as the log has it

/** For tests: what the page holds. */
export const page = { clients, stage, herd, chosen, ready: false, drawings: 0 };

const choose = (/** @type {string} */ id) => chosen.choose(id).then((found) => {
  if (!found) log.add(`There is no client ${id}.`);
  return found;
}, () => log.add(`The node could not be asked for ${id}.`));

const pick = (/** @type {number} */ slot) => chosen.chooseSlot(slot).then((found) => {
  if (found) return;
  chosen.drop(); // who was chosen before is not who was clicked
  log.add("Nobody can tell who that is: it has gone, it is one of more than 100 in one place, or its ID is not UTF-8.");
}, () => log.add("The node could not be asked who that is."));

function answered(/** @type {boolean} */ yes) {
  if (yes === reachable) return;
  reachable = yes;
  log.add(yes ? `${self} answers again.` : `${self || "The node"} does not answer.`, yes ? "alive" : "failed");
  if (!yes) health("does not answer: what you see is old", "failed");
}

function health(/** @type {string} */ text, /** @type {string} */ kind) {
  const e = byID("health");
  say(e, text);
  e.className = kind;
}

/** Logs a member's state, unless the log has it. */
function became(/** @type {{name: string, origin: string, state: string, since: string}} */ m) {
  const was = states.get(m.origin);
  if (was === m.state) return;
  states.set(m.origin, m.state);
  if (was !== undefined) log.add(`${m.name} is ${m.state}, was ${was}.`, m.state, new Date(m.since));
  else if (page.ready) log.add(`${m.name} is new here: ${m.state}.`, m.state, new Date(m.since));
  else if (m.state !== "alive") log.add(`${m.name} is ${m.state}.`, m.state, new Date(m.since));
}

const nudge = followState("/v1/members", (answer) => {
  self = answer.self;
  document.title = `Herd as seen by ${self}`;
  say(byID("title"), `As seen by ${self}`);
  for (const m of answer.members) {
    clients.nodeIndex(m.name);
    became(m);
  }
  members.show(answer.members, self, Date.now() + ahead);
  herd.show(answer.members, self);
  colours.show();
  answered(true);
  page.ready = true;
}, () => answered(false));

followState("/v1/stats", (stats) => {
  ahead = Date.parse(stats.now) - Date.now();
  convergence.show(stats, self);
  throughput.show(stats);
}, () => {});

followState("/v1/self", (it) => {
  if (!it.ready) health("is not ready", "suspect");
  else if (it.behind.length > 0) health(`is behind ${it.behind.join(", ")}`, "suspect");
  else health(`${it.clients === 1 ? "1 client" : `${it.clients.toLocaleString("en")} clients`}, caught up`, "alive");
}, () => {});

const gone = new Gone(clients, log, { onDrop: () => stage.change("dots"), onMany: () => { old = true; } });

followEvents({
  onMember: (m) => {
    became(m);
    nudge();
  },
  onGone: (client) => gone.add(client),
  onGap: (why) => {
    old = true;
    const text = `Events may be missing: ${why}.`;
    if (log.isLast(gap)) log.amend(gap, text);
    else gap = log.add(text);
  },
});

followMap({
  area: () => area(stage),
  sampled: () => clients.sampled,
  isOld: () => {
    const was = old;
    old = false;
    return was;
  },
  onDrawing: (d) => {
    const now = Date.now(), before = clients.count;
    const news = clients.apply(d, now);
    page.drawings++;
    if (d.count > 0 || d.head.full || clients.count !== before) stage.change("dots");
    if (news.size > 0) herd.news(news, now);
    chosen.moved();
  },
});

listen(stage, {
  choose: (x, y, reach) => {
    const slot = nearest(clients, stage.view, x, y, reach);
    if (slot >= 0) pick(slot);
    else chosen.drop();
  },
  drop: () => chosen.drop(),
});
listing(stage, choose);
stage.beside = (/** @type {number} */ now) => herd.draw(now);
setInterval(() => say(byID("summary"), summary(stage)), inWords);

const wanted = /** @type {HTMLInputElement} */ (byID("find-id")), answer = byID("find-answer");
wanted.addEventListener("input", () => say(answer, ""));
byID("find").addEventListener("submit", async (e) => {
  e.preventDefault();
  const id = wanted.value.trim();
  if (!id) return;
  const found = await choose(id);
  if (wanted.value.trim() === id) say(answer, found ? "" : found === false ? `There is no client ${id}.` : "The node could not be asked.");
  if (!found || !stage.chosen) return;
  stage.view.go(stage.chosen.lon, stage.chosen.lat, Math.max(stage.view.scale, street));
  stage.moved();
});

theme((/** @type {"dark" | "light"} */ now) => {
  stage.theme = now;
  stage.recolour();
  colours.show();
});
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const settle = () => { stage.calm = calm.matches; };
calm.addEventListener("change", settle);
settle();

load("/web/world.bin").then((world) => {
  stage.base.world = world;
  stage.change("base");
}, () => log.add("The map of the world could not be loaded."));
