// Every level of our ladder: the order that rests there, or the reason why none does.
import { el, fill, Rows } from "../dom.js";
import { grouped } from "../format.js";
import { t, word } from "../i18n.js";
import { panel } from "./panel.js";

/** @typedef {{level: number, buy: Level | undefined, sell: Level | undefined}} Pair */
/** @typedef {HTMLElement & {said?: string, places?: HTMLElement[]}} RowNode */

export class LevelsPanel {
  constructor() {
    const body = el("tbody", null);
    const head = el("tr", null, el("th", null, t("levels.level")), el("th", null, t("side.buy")), el("th", null, t("side.sell")));
    const table = el("table", { class: "levels" }, el("thead", null, head), body);
    this.node = panel(null, t("levels.title"), [el("div", { class: "scroll" }, table)], { isFlush: true });
    this.rows = new Rows(body, (/** @type {Pair} */ pair) => String(pair.level), make, update);
  }

  /** @param {RunView} view */
  update(view) {
    /** @type {Map<number, Pair>} */
    const pairs = new Map();
    for (const level of view.levels) {
      const pair = pairs.get(level.level) ?? { level: level.level, buy: undefined, sell: undefined };
      pair[level.side === "buy" ? "buy" : "sell"] = level;
      pairs.set(level.level, pair);
    }
    this.rows.follow([...pairs.values()].sort((a, b) => a.level - b.level));
  }
}

/**
 * @param {Pair} pair
 * @returns {RowNode}
 */
function make(pair) {
  const cells = [el("td", null), el("td", null)];
  return Object.assign(el("tr", null, el("td", { class: "level num" }, pair.level || t("levels.closing")), ...cells), { places: cells });
}

/**
 * @param {RowNode} row
 * @param {Pair} pair
 */
function update(row, pair) {
  const said = JSON.stringify([pair.buy, pair.sell]);
  if (row.said === said) return;
  row.said = said;
  const [buy, sell] = /** @type {[HTMLElement, HTMLElement]} */ (row.places);
  fill(buy, ...cell(pair.buy));
  fill(sell, ...cell(pair.sell));
}

/**
 * @param {Level | undefined} level
 * @returns {Node[]}
 */
function cell(level) {
  if (!level) return [];
  const parts = [];
  if (level.state !== null) {
    const price = level.price === null ? t("levels.market") : grouped(level.price);
    parts.push(el("span", { class: `num ${level.side}` }, `${level.quantity ?? ""} @ ${price}`));
    const ahead = level.queue_ahead === null ? null : t("levels.ahead", { size: grouped(level.queue_ahead) });
    const state = level.state === "resting" && ahead ? ahead : word("state", level.state);
    parts.push(el("span", { class: "state" }, ` ${state}`));
  }
  if (level.why !== null) parts.push(el("span", { class: "why" }, `${parts.length ? " " : ""}${reason(level.why)}`));
  return parts;
}

/**
 * A reason, or a reason with what the venue said behind a colon.
 * @param {string} why
 */
export function reason(why) {
  const whole = word("not_resting", why);
  if (whole !== why) return whole;
  const at = why.indexOf(": ");
  return at < 0 ? why : `${word("not_resting", why.slice(0, at))}: ${word("reject", why.slice(at + 2))}`;
}
