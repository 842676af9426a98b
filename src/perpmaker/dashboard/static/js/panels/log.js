// The log of the run, the newest first, with filters by kind, severity and text.
//
// Rules kept here:
// 1. At most so many lines are on the page; the filters look at everything that is kept.
// 2. A filter is remembered while the page stays; it hides lines and never deletes one.
import { el, fill, Rows, setText } from "../dom.js";
import { clock, grouped, signed } from "../format.js";
import { t, word } from "../i18n.js";
import { panel } from "./panel.js";

const MOST_LINES = 200;
const GRADES = /** @type {const} */ (["all", "warning", "error"]);

export class LogPanel {
  constructor() {
    /** @type {string} */
    this.kind = "";
    /** @type {typeof GRADES[number]} */
    this.grade = "all";
    this.text = "";
    this.drawn = "";
    this.known = "";
    /** @type {Item[]} */
    this.items = [];
    this.kinds = el("select", { "aria-label": t("log.kind"), on: { change: () => this.refilter() } });
    this.search = el("input", { type: "search", placeholder: t("log.search"), "aria-label": t("log.search"), on: { input: () => this.refilter() } });
    this.grades = GRADES.map((grade) =>
      el("button", { type: "button", "aria-pressed": String(grade === "all"), on: { click: () => this.choose(grade) } }, t(`log.${grade}`)));
    this.count = el("span", { class: "muted small" });
    const body = el("tbody", null);
    this.rows = new Rows(body, (/** @type {Item} */ item) => String(item.seq), line, () => {});
    const filters = el("div", { class: "filters" }, this.count, ...this.grades, this.kinds, this.search);
    this.node = panel("log", t("log.title"), [el("div", { class: "log", tabindex: 0 }, el("table", null, body))], { beside: filters, isFlush: true });
  }

  /** @param {typeof GRADES[number]} grade */
  choose(grade) {
    this.grade = grade;
    GRADES.forEach((one, at) => this.grades[at]?.setAttribute("aria-pressed", String(one === grade)));
    this.refilter();
  }

  refilter() {
    this.kind = this.kinds.value;
    this.text = this.search.value.toLowerCase();
    this.draw();
  }

  /** @param {import("../run_state.js").RunState} state */
  update(state) {
    const version = `${state.itemsVersion}`;
    if (this.drawn === version) return;
    this.drawn = version;
    this.items = state.items;
    this.offerKinds();
    this.draw();
  }

  offerKinds() {
    const kinds = [...new Set(this.items.map((item) => item.kind))].sort();
    if (kinds.join() === this.known) return;
    this.known = kinds.join();
    fill(this.kinds, el("option", { value: "" }, t("log.every_kind")), ...kinds.map((kind) => el("option", { value: kind }, word("kind", kind))));
    this.kinds.value = this.kind;
  }

  draw() {
    /** @type {Item[]} */
    const found = [];
    let matching = 0;
    for (let at = this.items.length - 1; at >= 0; at -= 1) {
      const item = /** @type {Item} */ (this.items[at]);
      if (!this.matches(item)) continue;
      matching += 1;
      if (found.length < MOST_LINES) found.push(item);
    }
    this.rows.follow(found);
    setText(this.count, t("log.count", { shown: found.length, all: matching }));
  }

  /** @param {Item} item */
  matches(item) {
    const severity = item.severity ?? "info";
    if (this.grade === "error" && severity !== "error") return false;
    if (this.grade === "warning" && severity === "info") return false;
    if (this.kind && item.kind !== this.kind) return false;
    return !this.text || `${item.kind} ${item.text} ${item.side ?? ""} ${item.price ?? ""}`.toLowerCase().includes(this.text);
  }
}

/** @param {Item} item */
function line(item) {
  return el("tr", { class: item.severity === "error" ? "is-error" : item.severity === "warning" ? "is-warning" : "" },
    el("td", { class: "num muted" }, clock(item.at_ns)),
    el("td", { class: "kind muted" }, word("kind", item.kind)),
    el("td", { class: "wrap" }, ...what(item)),
  );
}

/**
 * @param {Item} item
 * @returns {(Node | string)[]}
 */
function what(item) {
  if (item.kind !== "fill" || !item.price) return [item.text || word("kind", item.kind)];
  const side = item.side === "buy" ? "buy" : "sell";
  const role = item.is_maker === null || item.is_maker === undefined ? "" : ` · ${t(item.is_maker ? "log.maker" : "log.taker")}`;
  const fee = item.fee ? ` · ${t("log.fee", { fee: signed(item.fee) })}` : "";
  return [el("b", { class: side }, t(`side.${side}`)), ` ${grouped(item.quantity)} @ ${grouped(item.price)}`, el("span", { class: "muted" }, `${role}${fee}`)];
}
