// Elements, and changing them no more than needed.
//
// Rules kept here:
// 1. Text becomes a text node, always: what comes from the run, a symbol's name or a setting, is never read as markup.
// 2. No attribute holds a script or a style: `on` takes functions, and measures are set on `style` as properties.
// 3. What is already so is not touched: a write to the page costs layout, and ten of a hundred cells change.

/** @typedef {string | number | Node | null | undefined | false} Child */
/** @typedef {{[name: string]: unknown, on?: {[event: string]: (event: any) => void}}} Properties */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties | null} properties attributes by name, and listeners in `on`; false and null are left out
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, properties, ...children) {
  const element = document.createElement(tag);
  give(element, properties);
  put(element, children);
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties | null} properties
 * @param {Child[]} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, properties, ...children) {
  const element = document.createElementNS(SVG, tag);
  give(element, properties);
  put(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {Properties | null} properties
 */
function give(element, properties) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(/** @type {object} */ (value))) {
        element.addEventListener(event, listener);
      }
    } else if (name.startsWith("on") || name === "style") {
      throw new Error(`the attribute ${name} would be code: see rule 2 of dom.js`);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

/**
 * @param {Node} parent
 * @param {Child[]} children
 */
function put(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/**
 * Other children in the place of those that are there.
 * @param {Element} element
 * @param {Child[]} children
 */
export function fill(element, ...children) {
  element.textContent = "";
  put(element, children);
}

/**
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {Element} element
 * @param {string} names
 */
export function setClass(element, names) {
  if (element.getAttribute("class") !== names) element.setAttribute("class", names);
}

/**
 * @param {HTMLElement} element
 * @param {boolean} isShown
 */
export function show(element, isShown) {
  if (element.hidden === isShown) element.hidden = !isShown;
}

/**
 * A measure, as a share of the parent: `left` or `width`, in per cent.
 * @param {HTMLElement} element
 * @param {"left" | "width"} name
 * @param {number} share
 */
export function setShare(element, name, share) {
  const text = `${(share * 100).toFixed(2)}%`;
  if (element.style[name] !== text) element.style[name] = text;
}

/**
 * Children of a parent that follow a list: made once by key, changed in place, kept in the list's order.
 * @template T
 * @template {Element} E
 */
export class Rows {
  /**
   * @param {Element} parent
   * @param {(item: T) => string} key
   * @param {(item: T) => E} make
   * @param {(row: E, item: T) => void} update
   */
  constructor(parent, key, make, update) {
    this.parent = parent;
    this.key = key;
    this.make = make;
    this.update = update;
    /** @type {Map<string, E>} */
    this.rows = new Map();
  }

  /** @param {readonly T[]} items */
  follow(items) {
    const kept = new Set();
    /** @type {Element | null} */
    let at = this.parent.firstElementChild;
    for (const item of items) {
      const key = this.key(item);
      kept.add(key);
      let row = this.rows.get(key);
      if (!row) this.rows.set(key, (row = this.make(item)));
      this.update(row, item);
      if (row === at) at = at.nextElementSibling;
      else this.parent.insertBefore(row, at);
    }
    for (const [key, row] of this.rows) {
      if (kept.has(key)) continue;
      row.remove();
      this.rows.delete(key);
    }
  }
}
