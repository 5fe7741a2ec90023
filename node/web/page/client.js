// @ts-check
// The client that was chosen: what the node says of it, and what is near it.

import { keyOf } from "./drawing.js";
import { getJSON, Refused, wait } from "./feed.js";
import { byID, element, say, span } from "./text.js";

/** @typedef {import("./stage.js").Stage} Stage */
/** @typedef {{id: string, lat: number, lon: number, position: string, time: string, at: string, received: string, node: string, at_line: string}} Client */

/** How often it is asked for, in milliseconds. */
const often = 1000;

/** Places are looked for anew when it has gone so far, in degrees. */
const far = 0.02;

/** How many clients are looked at to find the one that was clicked. */
const crowd = 100;

/** @param {string} id */
const path = (id) => `/v1/clients/${encodeURIComponent(id)}`;

export class Chosen {
  #panel = byID("client");
  #id = "";
  #asked = 0; // choices so far: an answer to an older one is of no use
  #shown = 0; // the one that is shown, 0 for none: so long it is followed, whoever is looked for
  /** @type {{lat: number, lon: number} | null} */
  #placesAt = null;

  /** @param {Stage} stage @param {{now: () => number, onDrop: () => void}} page */
  constructor(stage, page) {
    this.stage = stage;
    this.page = page;
    const close = () => {
      this.drop();
      stage.box.focus();
    };
    byID("client-close").addEventListener("click", close);
    this.#panel.addEventListener("keydown", (e) => {
      if (e.key === "Escape") close();
    });
  }

  /** Its ID; empty if none is chosen. */
  get id() {
    return this.#id;
  }

  /** Chooses the client of a dot. Tells whether it is known which that is. @param {number} slot @returns {Promise<boolean>} */
  async chooseSlot(slot) {
    const { clients } = this.stage;
    const [low, high] = [clients.low[slot], clients.high[slot]];
    const asked = ++this.#asked;
    const query = new URLSearchParams({ lat: clients.lat[slot].toFixed(6), lon: clients.lon[slot].toFixed(6), radius: "5000", limit: String(crowd) });
    const { clients: near } = await getJSON(`/v1/near?${query}`);
    if (asked !== this.#asked) return true;
    const same = (/** @type {Client} */ c) => {
      const key = keyOf(c.id);
      return key[0] === low && key[1] === high;
    };
    const it = near.find(same); // another one would pass for it
    return it ? this.choose(it.id) : false;
  }

  /** Chooses a client by its ID. Tells whether there is one. @param {string} id @returns {Promise<boolean>} */
  async choose(id) {
    const asked = ++this.#asked;
    /** @type {Client} */
    let it;
    try {
      it = await getJSON(path(id));
    } catch (err) {
      if (err instanceof Refused && err.status === 404) return false;
      throw err;
    }
    if (asked !== this.#asked) return true;
    this.#shown = asked;
    this.#id = it.id;
    this.#placesAt = null;
    this.stage.places = [];
    byID("client-places").replaceChildren();
    say(byID("client-credit"), "");
    this.#panel.hidden = false;
    this.#show(it);
    this.#panel.focus({ preventScroll: true });
    this.#follow(asked);
    return true;
  }

  /** Lets go of it. */
  drop() {
    this.#asked++;
    this.#shown = 0;
    this.#id = "";
    this.#panel.hidden = true;
    this.stage.chosen = null;
    this.stage.places = [];
    this.stage.change("over");
    this.page.onDrop();
  }

  /** Takes in where the map has it now. */
  moved() {
    if (!this.#id) return;
    const { clients, chosen } = this.stage;
    const slot = clients.find(...keyOf(this.#id));
    if (slot < 0 || !chosen) return;
    const track = clients.track(slot);
    this.stage.chosen = { lon: clients.lon[slot], lat: clients.lat[slot], track, node: clients.node[slot] };
    this.stage.change("over");
  }

  /** @param {number} shown */
  async #follow(shown) {
    while (shown === this.#shown) {
      await wait(often);
      if (shown !== this.#shown || document.hidden) continue;
      try {
        const it = await getJSON(path(this.#id));
        if (shown === this.#shown) this.#show(it);
      } catch (err) {
        if (shown !== this.#shown || !(err instanceof Refused) || err.status !== 404) continue;
        say(byID("client-at"), "It is gone.");
        this.stage.chosen = null;
        this.stage.change("over");
      }
    }
  }

  /** @param {Client} it */
  #show(it) {
    say(byID("client-id"), it.id);
    say(byID("client-at"), it.at_line);
    const facts = [["Taken by", it.node], ["Received", `${span(this.page.now() - Date.parse(it.received))} ago`], ["Position", `${it.lat}, ${it.lon}`]];
    const list = byID("client-facts");
    if (list.children.length === 0) list.append(...facts.map(([name]) => element("div", {}, element("dt", {}, name), element("dd"))));
    facts.forEach(([, value], i) => say(list.children[i].children[1], value));
    const { clients } = this.stage;
    this.stage.chosen = { lon: it.lon, lat: it.lat, track: [], node: clients.nodeIndex(it.node) };
    this.moved();
    this.stage.change("over");
    const was = this.#placesAt;
    if (!was || Math.hypot(was.lat - it.lat, was.lon - it.lon) > far) {
      this.#placesAt = it;
      this.#places(it, this.#shown);
    }
  }

  /**
   * Shows what is near it. Only what the node has itself is asked for: what an upstream
   * sells may not be drawn on this map.
   * @param {Client} it @param {number} shown
   */
  async #places(it, shown) {
    const answer = await getJSON(`${path(it.id)}/places?radius=20&limit=8&offline=1`).catch(() => null);
    if (shown !== this.#shown) return;
    const results = answer?.results ?? [];
    this.stage.places = results.map((/** @type {any} */ r) => ({ name: r.name, lat: r.geometry.location.lat, lon: r.geometry.location.lng }));
    this.stage.change("over");
    const list = byID("client-places");
    list.replaceChildren(...results.map((/** @type {any} */ r) => element("li", {}, r.name, " ", element("small", {}, r.vicinity ?? ""))));
    if (results.length === 0) list.append(element("li", {}, answer ? "None within 20 km." : "They could not be had."));
    const plain = (/** @type {string} */ html) => new DOMParser().parseFromString(html, "text/html").body.textContent ?? "";
    say(byID("client-credit"), (answer?.html_attributions ?? []).map(plain).join(" · "));
  }
}
