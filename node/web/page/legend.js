// @ts-check
// What the colours of the dots mean.

import { css, ember, hue } from "./colour.js";
import { byID, element } from "./text.js";

/** @typedef {import("./stage.js").Stage} Stage */

/** The ages that are named, by class. */
const named = [[0, "now"], [6, "1 min"], [12, "1 h"], [17, "1 day"]];

/** @param {Stage} stage */
export function legend(stage) {
  const list = byID("colours");
  let shown = "";
  const show = () => {
    const { by, theme, clients } = stage;
    const rows = by === "age" ? named.map(([k, name]) => [css(ember(Number(k), theme)), String(name)])
      : clients.nodes.slice(0, 12).map((name, i) => [css(hue(i, theme)), name]);
    const is = JSON.stringify(rows);
    if (is === shown) return;
    shown = is;
    list.replaceChildren(...rows.map(([colour, name]) => {
      const dot = element("i", { class: "dot", "aria-hidden": "true" });
      dot.style.background = colour;
      return element("li", {}, dot, name);
    }));
  };
  for (const by of /** @type {const} */ (["node", "age"])) {
    byID(`by-${by}`).addEventListener("click", () => {
      stage.by = by;
      for (const other of ["node", "age"]) byID(`by-${other}`).setAttribute("aria-pressed", String(other === by));
      stage.recolour();
      show();
    });
  }
  return { show };
}
