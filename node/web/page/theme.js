// @ts-check
// Light and dark: as the system has it, until the person says otherwise.

import { byID } from "./text.js";

const key = "herd-theme";

/** @param {(theme: "dark" | "light") => void} use */
export function theme(use) {
  const system = matchMedia("(prefers-color-scheme: light)");
  const button = byID("theme");
  /** @type {string | null} */
  let own = null;
  try {
    own = localStorage.getItem(key);
  } catch { /* a browser that keeps nothing */ }
  const set = () => {
    const now = own === "dark" || own === "light" ? own : system.matches ? "light" : "dark";
    document.documentElement.dataset.theme = now;
    button.textContent = now === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Use the ${now === "dark" ? "light" : "dark"} colours`);
    use(now);
  };
  system.addEventListener("change", set);
  button.addEventListener("click", () => {
    own = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(key, own);
    } catch { /* it lasts as long as the page */ }
    set();
  });
  set();
}
