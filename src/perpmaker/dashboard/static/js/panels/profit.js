// Where the money came from: the report's terms, which sum to the net result, to the last digit.
import { approximate, compare, sum } from "../decimal.js";
import { el, Rows, setClass, setShare, setText, show } from "../dom.js";
import { grouped, signed, tone } from "../format.js";
import { t, word } from "../i18n.js";
import { Pairs, panel } from "./panel.js";

/** @typedef {{name: string, amount: string, share: number}} Term */
/** @typedef {HTMLElement & {bar?: HTMLElement, value?: HTMLElement}} TermNode */

export class ProfitPanel {
  constructor() {
    const body = el("tbody", null);
    this.total = el("td", { class: "num right" });
    this.check = el("p", { class: "warn small", hidden: true });
    this.quote = el("span", { class: "muted small" });
    const foot = el("tfoot", null, el("tr", { class: "sum" }, el("td", null, t("profit.sum")), el("td", null), this.total));
    this.pairs = new Pairs();
    this.node = panel("profit", t("profit.title"), [
      el("table", { class: "terms" }, body, foot), this.check, this.pairs.node,
    ], { beside: this.quote });
    this.rows = new Rows(body, (/** @type {Term} */ term) => term.name, make, update);
  }

  /** @param {RunView} view */
  update(view) {
    const { profit, about } = view;
    const largest = Math.max(1e-12, ...Object.values(profit.terms).map((text) => Math.abs(approximate(text))));
    this.rows.follow(Object.entries(profit.terms).map(([name, amount]) => ({ name, amount, share: approximate(amount) / largest })));
    const total = sum(Object.values(profit.terms));
    setText(this.total, signed(profit.net));
    setClass(this.total, `num right ${tone(profit.net)}`);
    const differs = total !== null && Object.keys(profit.terms).length > 0 && compare(total, profit.net) !== 0;
    show(this.check, differs);
    if (differs) setText(this.check, t("profit.differs", { total: signed(total) }));
    setText(this.quote, about.quote);
    this.pairs.set(t("profit.equity"), grouped(profit.equity));
    this.pairs.set(t("profit.equity_start"), grouped(profit.equity_start));
  }
}

/**
 * @param {Term} term
 * @returns {TermNode}
 */
function make(term) {
  const bar = el("i", null);
  const value = el("td", { class: "num right" });
  const row = el("tr", null, el("td", null, termName(term.name)), el("td", { class: "bar" }, bar), value);
  return Object.assign(row, { bar, value });
}

/**
 * @param {TermNode} row
 * @param {Term} term
 */
function update(row, term) {
  const bar = /** @type {HTMLElement} */ (row.bar);
  const value = /** @type {HTMLElement} */ (row.value);
  setText(value, signed(term.amount));
  setClass(value, `num right ${tone(term.amount)}`);
  setShare(bar, "left", term.share < 0 ? 0.5 + term.share / 2 : 0.5);
  setShare(bar, "width", Math.abs(term.share) / 2);
  setClass(bar, term.share < 0 ? "minus" : "");
}

/** @param {string} name a field of the report's terms */
export function termName(name) {
  const said = word("term", name);
  return said === name ? ENGLISH[name] ?? name : said;
}

/** As `perpmaker.report.terms.LABELS` has them: a test compares. @type {Record<string, string>} */
const ENGLISH = {
  "spread": "Spread captured",
  "adverse": "Adverse selection",
  "inventory": "Inventory carried",
  "mark": "Mark against mid",
  "takeover": "Taken over",
  "funding": "Funding",
  "maker_fees": "Maker fees",
  "taker_fees": "Taker fees",
};
