// @ts-check
// Tests of what can be tested apart. run returns what failed.

import { Clients } from "/web/clients.js";
import { ageClass, ages, ember, hue, palette, pixel } from "/web/colour.js";
import { matrix } from "/web/convergence.js";
import { disc, nearest, paint } from "/web/dots.js";
import { decode, keyOf } from "/web/drawing.js";
import { pageOf } from "/web/members.js";
import { journey, layout, Pulses, travels } from "/web/ring.js";
import { brief, distance, short, span } from "/web/text.js";
import { polyline, rate } from "/web/throughput.js";
import { closest, View, wrap } from "/web/view.js";
import { decode as decodeWorld, unwrap } from "/web/world.js";

/** @type {string[]} */
let failed = [];
let name = "";

const same = (got, want, what = "") => {
  const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
  if (a !== b) failed.push(`${name}: ${what} got ${a}, want ${b}`);
};
const near = (got, want, by, what = "") => {
  if (!(Math.abs(got - want) <= by)) failed.push(`${name}: ${what} got ${got}, want ${want}`);
};
const fails = (f, what) => {
  try {
    f();
  } catch {
    return;
  }
  failed.push(`${name}: ${what} is taken`);
};

/** Numbers that look like chance, the same each time. */
const chance = (seed) => () => {
  seed = Math.imul(seed ^ seed >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
  return (seed >>> 0) / 2 ** 32;
};

/** A drawing as the node packs it. */
export function pack(clients, head = {}, left = []) {
  const nodes = [...new Set(clients.map((c) => c.node))];
  const whole = { self: "Clark", now: "", nodes, level: 0, full: true, cursor: "c", clients: clients.length, left: left.length, took_us: 1, ...head };
  let text = JSON.stringify(whole);
  text += " ".repeat((8 - new TextEncoder().encode(text).length % 8) % 8);
  const bytes = new TextEncoder().encode("herd.map________" + text);
  const n = clients.length;
  const buffer = new ArrayBuffer(bytes.length + 22 * n + 8 * left.length);
  new Uint8Array(buffer).set(bytes);
  const v = new DataView(buffer);
  v.setUint32(8, bytes.length - 16, true);
  v.setUint32(12, n, true);
  clients.forEach((c, i) => {
    const [low, high] = c.key ?? keyOf(c.id);
    const at = bytes.length;
    v.setUint32(at + 8 * i, low, true);
    v.setUint32(at + 8 * i + 4, high, true);
    const rest = at + 8 * left.length;
    v.setInt32(rest + 8 * n + 4 * i, Math.round(c.lon * 1e6), true);
    v.setInt32(rest + 12 * n + 4 * i, Math.round(c.lat * 1e6), true);
    v.setUint32(rest + 16 * n + 4 * i, c.age ?? 0, true);
    v.setUint16(rest + 20 * n + 2 * i, nodes.indexOf(c.node), true);
  });
  left.forEach((id, i) => keyOf(id).forEach((half, k) => v.setUint32(bytes.length + 8 * (n + i) + 4 * k, half, true)));
  return buffer;
}

/** Has clients take a drawing that was made just now. */
const apply = (clients, list, head, now = 1e9, left = []) => clients.apply(decode(pack(list, { now: new Date(now).toISOString(), ...head }, left)), now);

const tests = {
  "a view goes there and back"() {
    const random = chance(1);
    for (let i = 0; i < 2000; i++) {
      const v = new View(200 + 2000 * random(), 200 + 1000 * random());
      v.go(720 * random() - 360, 200 * random() - 100, v.furthest * 2 ** (20 * random()));
      const x = v.width * random(), y = v.height * random();
      const [lon, lat] = v.from(x, y);
      if (Math.abs(lat) > 89.999) continue;
      const [backX, backY] = v.at(lon, lat);
      near(backY, y, 1e-5, "y");
      if (v.scale > 1.01 * v.furthest) near(backX, x, 1e-5, "x"); // else both edges are one meridian
    }
  },
  "a zoom keeps what is under the pointer"() {
    const random = chance(2);
    for (let i = 0; i < 500; i++) {
      const v = new View(1000, 600);
      v.go(360 * random() - 180, 60 * random() - 30, v.furthest * (4 + 4000 * random()));
      const [lon, lat] = v.from(300, 200);
      v.zoom(1.5, 300, 200);
      const [x, y] = v.at(lon, lat);
      near(x, 300, 0.5, "x");
      near(y, 200, 0.5, "y");
    }
  },
  "a view stays on the world"() {
    const v = new View(1000, 600);
    v.zoom(1e9);
    same(v.scale, closest);
    v.pan(0, 1e12);
    const [, south, , north] = v.bounds();
    near(north, 90, 1e-6);
    if (south > north) failed.push("upside down");
    v.zoom(1e-9);
    same(v.scale, v.furthest);
    same([v.bounds()[0], v.bounds()[2]], [-180, 180]);
    v.resize(400, 900);
    same(v.scale, v.furthest, "after a resize of the whole world");
    v.go(179, 0, 100);
    const [west, , east] = v.bounds();
    if (!(west > east)) failed.push(`the antimeridian is in view: ${west} to ${east}`);
    same([wrap(180), wrap(-180), wrap(540), wrap(-181)], [-180, -180, -180, 179]);
  },
  "close up a degree is as long both ways"() {
    const v = new View(1000, 600);
    v.go(0, 60, 1000);
    near(v.across, 500, 1e-6);
  },
  "colours age"() {
    same([0, 999, 1000, 1999, 2000, 4e12, -5].map(ageClass), [0, 0, 1, 1, 2, ages - 1, 0]);
    for (const theme of ["dark", "light"]) {
      const p = palette("node", theme);
      same(p.length % ages, 0);
      same(p[0], pixel(hue(0, theme), 1));
      if (!(p[0] >>> 24 > p[ages - 1] >>> 24)) failed.push(`${theme}: the old are as bright`);
      const embers = new Set(Array.from({ length: ages }, (_, k) => String(ember(k, theme))));
      same(embers.size, ages, "ages told apart");
    }
    same(pixel([1, 2, 3], 1), 0xff030201);
  },
  "keys are the node's"() {
    const text = (id) => keyOf(id).map((n) => BigInt(n)).reduce((low, high) => low + (high << 32n)).toString();
    same(text("kiwi.cs.ucla.edu"), "9866531450011820237");
    same(text("Grüße"), "2392130116098282103");
  },
  "a drawing is read, or refused"() {
    const d = decode(pack([{ id: "a", lon: -118.5, lat: 34.25, age: 7, node: "Bona" }]));
    same([d.count, d.lon[0], d.lat[0], d.age[0], d.head.nodes[d.node[0]]], [1, -118500000, 34250000, 7, "Bona"]);
    fails(() => decode(new ArrayBuffer(4)), "a short one");
    fails(() => decode(new ArrayBuffer(64)), "another thing");
    fails(() => decode(pack([{ id: "a", lon: 0, lat: 0, node: "x" }]).slice(0, -4)), "one cut short");
  },
  "clients come, move and go"() {
    const c = new Clients();
    const at = (id, lon, age, node = "Clark") => ({ id, lon, lat: 1, age, node });
    same([...apply(c, [at("a", 1, 500), at("b", 2, 500)])], [], "the first drawing is no news");
    same([...apply(c, [at("a", 1.5, 0, "Bona")], { full: false }, 1e9 + 100)], [["Bona", 1]]);
    same([...apply(c, [at("a", 1.5, 100, "Bona")], { full: false }, 1e9 + 200)], [], "told again");
    const a = c.find(...keyOf("a"));
    same([c.count, c.track(a)], [2, [1, 1, 1.5, 1]]);
    apply(c, [at("b", 2, 800)], { full: true }, 1e9 + 300);
    same([c.count, c.find(...keyOf("a")), c.lon[c.find(...keyOf("b"))]], [1, -1, 2], "after all anew");
  },
  "what comes late is no news"() {
    const c = new Clients();
    const made = { now: new Date(1e9).toISOString() };
    const list = [{ id: "a", lon: 1, lat: 1, age: 500, node: "Clark" }, { id: "old", lon: 2, lat: 1, age: 2 ** 32 - 1, node: "Clark" }];
    apply(c, list, { full: true });
    same([...apply(c, list, { full: true, ...made }, 1e9 + 900)], [], "an answer that was on its way for long");
    const later = { now: new Date(1e9 + 60_000).toISOString() };
    same([...apply(c, [{ ...list[0], age: 60_500 }, list[1]], { full: true, ...later }, 1e9 + 60_100)], [], "a minute later");
    same([...apply(c, [{ ...list[0], age: 59_000 }], { full: false, ...later }, 1e9 + 60_100)], [["Clark", 1]], "a new report");
  },
  "a table larger than a drawing is sampled"() {
    const c = new Clients();
    apply(c, [{ id: "a", lon: 1, lat: 1, node: "Clark" }], { clients: 100_000 });
    same(c.sampled, false);
    apply(c, [{ id: "a", lon: 1, lat: 1, node: "Clark" }], { clients: 100_001, level: 0 }); // of what is in view there is all
    same(c.sampled, true);
  },
  "the whole world is in view at every width"() {
    for (let width = 300; width < 4000; width++) {
      const v = new View(width, 800);
      for (const lon of [0, 57.3, -179]) {
        v.go(lon, 0, v.furthest);
        const [west, , east] = v.bounds();
        if (west !== -180 || east !== 180) failed.push(`${width} wide at ${lon}: from ${west} to ${east}`);
      }
    }
  },
  "many clients are found, and a sample keeps its own"() {
    const c = new Clients();
    const list = Array.from({ length: 5000 }, (_, i) => ({ id: `c${i}`, lon: i / 100, lat: 0, node: "Clark" }));
    apply(c, list);
    for (let i = 0; i < 5000; i += 7) near(c.lon[c.find(...keyOf(`c${i}`))], i / 100, 1e-4, `c${i}`);
    apply(c, [], { full: false, level: 3 });
    if (!(c.count > 400 && c.count < 900)) failed.push(`${c.count} of 5000 are left at level 3`);
    for (let i = 0; i < 5000; i++) {
      const key = keyOf(`c${i}`);
      if ((key[0] & 7) === 0 !== c.find(...key) >= 0) failed.push(`c${i} is there or not`);
    }
  },
  "who is gone is removed, and nobody else"() {
    const c = new Clients();
    const list = Array.from({ length: 500 }, (_, i) => ({ id: `c${i}`, lon: i / 10, lat: 0, node: "Clark" }));
    apply(c, list);
    same(c.remove(["c7", "stranger", "c499", "c7"]), true);
    same([c.remove(["c7", "stranger"]), c.remove([]), c.count], [false, false, 498]);
    for (let i = 0; i < 500; i++) {
      const slot = c.find(...keyOf(`c${i}`));
      if (i === 7 || i === 499) same(slot, -1, `c${i}`);
      else near(c.lon[slot], i / 10, 1e-4, `c${i}`);
    }
    apply(c, [list[7]], { full: false }, 1e9 + 5000);
    same([c.count, c.lon[c.find(...keyOf("c7"))].toFixed(1)], [499, "0.7"], "back again");
  },
  "who has left the area is removed, and nobody else"() {
    const c = new Clients();
    const list = Array.from({ length: 50 }, (_, i) => ({ id: `c${i}`, lon: i, lat: 0, node: "Clark" }));
    apply(c, list);
    same([...apply(c, [{ ...list[1], lon: 1.5, node: "Bona" }], { full: false }, 1e9 + 5000, ["c7", "stranger", "c49"])], [["Bona", 1]]);
    same(c.count, 48);
    for (let i = 0; i < 50; i++) {
      const slot = c.find(...keyOf(`c${i}`));
      if (i === 7 || i === 49) same(slot, -1, `c${i}`);
      else near(c.lon[slot], i === 1 ? 1.5 : i, 1e-4, `c${i}`);
    }
  },
  "a track is bounded, and of the whole time"() {
    const c = new Clients();
    for (let i = 0; i < 1000; i++) apply(c, [{ id: "a", lon: i / 10, lat: 0, age: 0, node: "x" }], { full: i === 0 }, 1e9 + 1000 * i);
    const track = c.track(0);
    if (track.length > 2 * 65) failed.push(`${track.length / 2} points`);
    near(track[0], 0, 1e-6, "its beginning");
    near(track[track.length - 2], 99.9, 1e-4, "its end");
    for (let i = 2; i < track.length; i += 2) if (track[i] <= track[i - 2]) failed.push("out of order");
  },
  "dots are where clients are"() {
    const c = new Clients();
    const v = new View(360, 180);
    v.go(170, 0, 1);
    apply(c, [{ id: "east", lon: 175, lat: 10, node: "Clark" }, { id: "over", lon: -170, lat: -20, node: "Clark" }]);
    const pixels = new Uint32Array(360 * 180);
    const { drawn, flashing } = paint(pixels, 360, 180, c, v, palette("node", "dark"), 1e9, { radius: 0.4, flashes: true, rim: 0 });
    same([drawn, flashing], [2, false]);
    const lit = [];
    pixels.forEach((p, i) => p >>> 24 > 200 && lit.push([i % 360, Math.floor(i / 360)]));
    same(lit, [[185, 80], [200, 110]]);
    same(nearest(c, v, 201, 111, 10), 1);
    same(nearest(c, v, 100, 50, 10), -1);
    apply(c, [{ id: "east", lon: 175, lat: 11, node: "Clark" }], { full: false }, 1e9 + 5000);
    same(paint(pixels, 360, 180, c, v, palette("node", "dark"), 1e9 + 5001, { radius: 0.4, flashes: true, rim: 0 }).flashing, true);
    same(paint(pixels, 360, 180, c, v, palette("node", "dark"), 1e9 + 5001, { radius: 0.4, flashes: false, rim: 0 }).flashing, false, "calm:");
  },
  "dots at the edge stay in the buffer"() {
    const c = new Clients();
    const v = new View(60, 40);
    const list = Array.from({ length: 500 }, (_, i) => ({ id: `c${i}`, lon: i - 250, lat: i % 181 - 90, node: "n" }));
    apply(c, list);
    paint(new Uint32Array(60 * 40), 60, 40, c, v, palette("age", "light"), 1e9, { radius: 5, flashes: true, rim: 0x80000000 });
    const d = disc(1);
    same(d.x.length, 5);
  },
  "the herd is laid out"() {
    const m = (name, state = "alive", linked = true) => ({ name, state, linked });
    const spots = layout([m("A"), m("B"), m("C", "failed", false), m("C"), m("D", "failed", false)], "B");
    same(spots.map((s) => [s.name, s.state, s.self]), [["A", "alive", false], ["C", "alive", false], ["D", "failed", false], ["B", "alive", true]]);
    same([spots[3].x, spots[3].y], [0, 0]);
    for (const s of spots.slice(0, 3)) near(Math.hypot(s.x, s.y), 1, 1e-9);
    const way = (news) => travels(new Map(news), spots).map((t) => `${t.from}${t.to}`);
    same(way([["B", 5]]), ["BA", "BC"], "its own goes to all it is linked with:");
    same(way([["A", 5]]), ["AB"]);
    same(way([["D", 5], ["gone", 1]]), [], "of one that is not linked nothing is seen to come:");
    same(layout([], "B"), []);
  },
  "news travels"() {
    const p = new Pulses();
    p.send("a", "b", 1, 1000);
    p.send("a", "b", 9, 1001);
    p.send("a", "c", 1000, 1001);
    same(p.at(1001).length, 2, "one at a time on a link:");
    near(p.at(1000 + journey / 2)[0].way, 0.5, 1e-9);
    same(p.at(1001 + journey), []);
    for (let i = 0; i < 100; i++) p.send("a", "b", 1, 1e6 + 3000 * i); // of a hidden page nobody asks
    same(p.all.length, 1, "kept:");
  },
  "a matrix says what is known"() {
    const m = matrix({ Bona: { here: 5, lag: { Clark: 1 } }, Clark: { here: 9, lag: { Bona: 0 } } }, "Clark");
    same(m, { columns: ["Clark", "Bona"], rows: [{ origin: "Bona", lags: [1, "own"] }, { origin: "Clark", lags: ["own", 0] }] });
    same(matrix({ Bona: { here: 5, lag: {} } }, "Clark").rows[0].lags, [null, "own"]);
    same(matrix({}, "Clark").rows, []);
  },
  "rates and lines"() {
    same([rate(10, 30, 2), rate(30, 10, 2), rate(1, 2, 0)], [10, 0, 0]);
    same(polyline([]), "");
    same(polyline([0, 2]).split(" ").length, 2);
  },
  "pages of members"() {
    const of = (http, gossip = "10.0.0.7:4132") => pageOf({ http, gossip });
    same(of("127.0.0.1:4133"), "http://127.0.0.1:4133/");
    same(of("0.0.0.0:4133"), "http://10.0.0.7:4133/");
    same(of("[::]:4133", "[fd00::1]:4132"), "http://[fd00::1]:4133/");
    same([of(""), of("a b:1"), of("x")].map((s) => s.startsWith("javascript:")), [false, false, false]);
  },
  "text"() {
    same([0, 9.5, 999, 1000, 12_345, 999_999, 4.5e6].map((n) => short(n)), ["0", "9.5", "999", "1.0 k", "12 k", "1.0 M", "4.5 M"]);
    same(short(1234, "B/s"), "1.2 kB/s");
    same([0, 61e3, 3.7e6, 9e7, -5].map(span), ["0 s", "1 min 1 s", "1 h 1 min", "1 d 1 h", "0 s"]);
    same([950, 1500, 25_000, 2.5e6].map(brief), ["950 µs", "1.5 ms", "25 ms", "2.5 s"]);
    same([5, 1500, 25_000].map(distance), ["5 m", "1.5 km", "25 km"]);
  },
  "the world is read, or refused"() {
    const text = (s) => [...s].map((ch) => ch.charCodeAt(0));
    const zz = (n) => n < 0 ? -2 * n - 1 : 2 * n;
    const square = [5, zz(0), zz(0), zz(50), zz(0), zz(0), zz(50), zz(-50), zz(0), zz(0), zz(-50)];
    const bytes = Uint8Array.from([...text("herd.world\x01"), 1, ...square, 1, 1, 0, 1, 0, 2, 3, 4, 7, 9]);
    const w = decodeWorld(bytes);
    same([...w.land[0].points], [0, 0, 0.5, 0, 0.5, 0.5, 0, 0.5, 0, 0]);
    same([w.land[0].west, w.land[0].north, w.borders.length, w.coasts.length], [0, 0.5, 1, 1]);
    same([[...w.lights], w.towns.length], [[7, 9], 4]);
    near(w.towns[0], -179.94, 1e-4);
    for (let n = 0; n < bytes.length; n++) fails(() => decodeWorld(bytes.subarray(0, n)), `${n} bytes`);
    fails(() => decodeWorld(Uint8Array.from(text("herd.world\x02"))), "another version");
    same([...unwrap([170, 0, -170, 0, -160, 5], false)], [170, 0, 190, 0, 200, 5]);
    same([...unwrap([0, -80, 120, -80, -120, -80, 0, -80], true)].slice(-4), [360, -90, 0, -90], "around the pole:");
  },
};

export async function run() {
  failed = [];
  for (const [title, test] of Object.entries(tests)) {
    name = title;
    try {
      await test();
    } catch (err) {
      failed.push(`${title}: ${err}`);
    }
  }
  return { ran: Object.keys(tests).length, failed };
}
