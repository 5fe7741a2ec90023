// @ts-check
// Mouse, touch and keys on the map.

/** @typedef {import("./stage.js").Stage} Stage */

/** How far a pointer may go, in pixels, and it is still a click. */
const still = 5;

/**
 * @param {Stage} stage
 * @param {{choose: (x: number, y: number, reach: number) => void, drop: () => void}} on
 */
export function listen(stage, on) {
  const { box, view } = stage;
  /** @type {Map<number, {x: number, y: number}>} */
  const down = new Map();
  let moved = 0;

  const spread = () => {
    const [a, b] = [...down.values()];
    return b ? { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) } : { ...a, apart: 0 };
  };
  box.addEventListener("pointerdown", (e) => {
    if (e.button !== 0) return;
    box.setPointerCapture(e.pointerId);
    if (down.size === 0) moved = 0;
    down.set(e.pointerId, { x: e.offsetX, y: e.offsetY });
    stage.crosshair = false;
  });
  box.addEventListener("pointermove", (e) => {
    if (!down.has(e.pointerId)) return;
    const before = spread();
    down.set(e.pointerId, { x: e.offsetX, y: e.offsetY });
    const after = spread();
    moved += Math.hypot(after.x - before.x, after.y - before.y) + Math.abs(after.apart - before.apart);
    if (moved < still) return;
    view.pan(after.x - before.x, after.y - before.y);
    if (before.apart > 0 && after.apart > 0) view.zoom(after.apart / before.apart, after.x, after.y);
    stage.moved();
  });
  const up = (/** @type {PointerEvent} */ e) => {
    if (!down.delete(e.pointerId) || e.type !== "pointerup" || down.size > 0 || moved >= still) return;
    on.choose(e.offsetX, e.offsetY, e.pointerType === "touch" ? 24 : 10);
  };
  box.addEventListener("pointerup", up);
  box.addEventListener("pointercancel", up);
  box.addEventListener("wheel", (e) => {
    e.preventDefault();
    const lines = e.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    view.zoom(Math.exp(-e.deltaY * lines / 400), e.offsetX, e.offsetY);
    stage.moved();
  }, { passive: false });
  box.addEventListener("dblclick", (e) => {
    view.zoom(2, e.offsetX, e.offsetY);
    stage.moved();
  });

  box.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const step = e.shiftKey ? 200 : 60;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => view.pan(step, 0),
      ArrowRight: () => view.pan(-step, 0),
      ArrowUp: () => view.pan(0, step),
      ArrowDown: () => view.pan(0, -step),
      "+": () => view.zoom(1.5),
      "=": () => view.zoom(1.5),
      "-": () => view.zoom(1 / 1.5),
      _: () => view.zoom(1 / 1.5),
      0: () => view.whole(),
      Enter: () => on.choose(view.width / 2, view.height / 2, Infinity),
      Escape: () => on.drop(),
    };
    const act = keys[e.key];
    if (!act) return;
    e.preventDefault();
    stage.crosshair = true;
    act();
    stage.moved();
  });
  box.addEventListener("blur", () => {
    stage.crosshair = false;
    stage.change("over");
  });
  const button = (/** @type {string} */ id, /** @type {() => void} */ act) => {
    document.getElementById(id)?.addEventListener("click", () => {
      act();
      stage.moved();
    });
  };
  button("zoom-in", () => view.zoom(2));
  button("zoom-out", () => view.zoom(0.5));
  button("whole", () => view.whole());
}
