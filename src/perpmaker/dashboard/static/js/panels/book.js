// The order book around our quotes: the best levels of both sides, with our orders and their estimated place in the queue.
import { el, Rows, setShare, setText, setClass } from "../dom.js";
import { approximate, compare } from "../decimal.js";
import { grouped, UNKNOWN } from "../format.js";
import { t } from "../i18n.js";
import { panel } from "./panel.js";

/** Levels of the exchange's book that are shown a side, on a desk and on a phone; our own are shown wherever they are. */
const SHOWN = matchMedia("(max-width: 720px)").matches ? 10 : 16;

/** @typedef {{key: string, price: string, size: string, ours: string, isMine: boolean, share: number, isFar: boolean}} Line */
/** @typedef {HTMLElement & {places?: HTMLElement[], bar?: HTMLElement}} LineNode */

export class BookPanel {
  constructor() {
    this.asks = el("div", { class: "book asks" });
    this.bids = el("div", { class: "book bids" });
    this.between = el("div", { class: "book" });
    this.spread = el("b", null);
    this.mark = el("span", null);
    this.between.append(el("div", { class: "between" }, el("span", null, t("book.spread"), " ", this.spread), this.mark));
    this.none = el("p", { class: "muted inside", hidden: true }, t("book.none"));
    const table = el("div", null, head(), this.asks, this.between, this.bids, this.none);
    this.node = panel("book", t("book.title"), [table], { isFlush: true });
    this.rows = { sell: rowsOf(this.asks), buy: rowsOf(this.bids) };
  }

  /** @param {RunView} view */
  update(view) {
    this.none.hidden = view.book !== null;
    const asks = lines(view, "sell").reverse();
    const bids = lines(view, "buy");
    const largest = Math.max(1e-12, ...[...asks, ...bids].map((line) => line.share));
    for (const line of [...asks, ...bids]) line.share /= largest;
    this.rows.sell.follow(asks);
    this.rows.buy.follow(bids);
    setText(this.spread, spreadOf(view));
    setText(this.mark, view.mark ? `${t("figure.mark")} ${grouped(view.mark)}` : "");
  }
}

function head() {
  return el("div", { class: "book" }, el("div", { class: "row head" },
    el("span", { class: "price" }, t("book.price")),
    el("span", { class: "size" }, t("book.size")),
    el("span", { class: "ours" }, t("book.ours"))));
}

/** @param {Element} parent */
function rowsOf(parent) {
  return new Rows(parent, (/** @type {Line} */ line) => line.key, make, update);
}

/** @returns {LineNode} */
function make() {
  const bar = el("i", null);
  const size = el("span", null);
  const cells = [el("span", { class: "price" }), size, el("span", { class: "ours" })];
  const row = el("div", { class: "row" }, cells[0], el("span", { class: "size" }, bar, size), cells[2]);
  return Object.assign(row, { places: cells, bar });
}

/**
 * @param {LineNode} row
 * @param {Line} line
 */
function update(row, line) {
  const [price, size, ours] = /** @type {[HTMLElement, HTMLElement, HTMLElement]} */ (row.places);
  setText(price, grouped(line.price));
  setText(size, line.size);
  setText(ours, line.ours);
  setShare(/** @type {HTMLElement} */ (row.bar), "width", line.share);
  setClass(row, `row${line.isMine ? " mine" : ""}${line.isFar ? " far" : ""}`);
}

/**
 * The levels of a side, the best first; ours among them.
 * @param {RunView} view
 * @param {"buy" | "sell"} side
 * @returns {Line[]}
 */
function lines(view, side) {
  /** @type {Map<string, Level[]>} */
  const mine = new Map();
  for (const level of view.levels) {
    if (level.side !== side || level.price === null || level.state === null) continue;
    const key = plain(level.price);
    mine.set(key, [...(mine.get(key) ?? []), level]);
  }
  const book = (side === "buy" ? view.book?.bids : view.book?.asks) ?? [];
  /** @type {Line[]} */
  const found = book.slice(0, SHOWN).map(([price, size]) => line(price, size, mine.get(plain(price)) ?? [], false));
  const sizes = new Map(book.map(([price, size]) => [plain(price), size]));
  const shown = new Set(found.map((one) => plain(one.price)));
  const far = [...mine].filter(([price]) => !shown.has(price));
  found.push(...far.map(([price, orders]) => line(orders[0]?.price ?? price, sizes.get(price) ?? "", orders, true)));
  const way = side === "buy" ? -1 : 1;
  return found.sort((a, b) => way * compare(a.price, b.price));
}

/**
 * @param {string} price
 * @param {string} size
 * @param {Level[]} orders
 * @param {boolean} isFar
 * @returns {Line}
 */
function line(price, size, orders, isFar) {
  const ours = orders.map((order) => {
    const ahead = order.queue_ahead === null ? "" : ` ${t("book.behind", { size: grouped(order.queue_ahead) })}`;
    return `${order.quantity ?? ""}${ahead}`;
  });
  const share = size ? approximate(size) : 0;
  return {
    key: plain(price), price, size: size ? grouped(size) : "", ours: ours.join(" + "), isMine: orders.length > 0, share,
    isFar,
  };
}

/**
 * 149.50 and 149.5 are one price.
 * @param {string} price
 */
function plain(price) {
  return price.includes(".") ? price.replace(/0+$/, "").replace(/\.$/, "") : price;
}

/** @param {RunView} view */
function spreadOf(view) {
  if (view.bid === null || view.ask === null) return UNKNOWN;
  const tick = approximate(view.about.tick_size);
  const ticks = Math.round((approximate(view.ask) - approximate(view.bid)) / tick);
  return t(ticks === 1 ? "book.tick" : "book.ticks", { ticks });
}
