// Dark or light: what the system wishes, until the switch is used. Who draws on a canvas asks for the colours here.
import { recall, remember } from "./preferences.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
/** @type {Set<() => void>} */
const listeners = new Set();

/** @returns {"dark" | "light"} */
export function theme() {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

/** The other one, and that is remembered. */
export function switchTheme() {
  const wanted = theme() === "dark" ? "light" : "dark";
  remember("theme", wanted);
  apply(wanted);
}

/**
 * Told after every change.
 * @param {() => void} listener
 * @returns {() => void} how to stop it
 */
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * The value of a colour of css/tokens.css, as the canvas needs it.
 * @param {string} name without the two dashes
 */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** @param {"dark" | "light"} wanted */
function apply(wanted) {
  document.documentElement.dataset.theme = wanted;
  for (const listener of listeners) listener();
}

dark.addEventListener("change", () => {
  if (recall("theme") === null) apply(dark.matches ? "dark" : "light");
});
