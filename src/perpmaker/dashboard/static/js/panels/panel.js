// The frame that every part of the page Run stands in, and pairs of a name and a value.
import { el, setClass, setText } from "../dom.js";

/**
 * @param {string | null} area the place in the grid
 * @param {string} title
 * @param {Node[]} inside
 * @param {{beside?: Node, isFlush?: boolean}} [how]
 */
export function panel(area, title, inside, how = {}) {
  return el("section", { class: "panel", id: area && `area-${area}`, "aria-label": title },
    el("header", null, el("h2", null, title), how.beside && el("span", { class: "grow" }), how.beside),
    el("div", { class: how.isFlush ? "inside flush" : "inside" }, ...inside),
  );
}

/** A list of names and values; each value is written only when it has changed. */
export class Pairs {
  constructor() {
    this.node = el("dl", { class: "pairs" });
    /** @type {Map<string, {name: HTMLElement, value: HTMLElement}>} */
    this.rows = new Map();
  }

  /**
   * @param {string} name
   * @param {string} text
   * @param {string} [look] class of the value
   */
  set(name, text, look = "") {
    let row = this.rows.get(name);
    if (!row) {
      row = { name: el("dt", null, name), value: el("dd", { class: "num" }) };
      this.node.append(row.name, row.value);
      this.rows.set(name, row);
    }
    setText(row.value, text);
    setClass(row.value, look || "num");
  }
}
