// How well the wires work, what was sent and refused, and the budgets over all markets.
import { approximate } from "../decimal.js";
import { el, Rows, setClass, setText, show } from "../dom.js";
import { clock, duration, grouped, percent, UNKNOWN } from "../format.js";
import { t, word } from "../i18n.js";
import { reason } from "./levels.js";
import { Pairs, panel } from "./panel.js";

const OLD_BOOK_MS = 5_000;
const LITTLE_HEADROOM = 0.2;
const NEAR_LIMIT = 0.8;

export class HealthPanel {
  constructor() {
    this.wires = new Pairs();
    this.orders = new Pairs();
    this.budgets = new Pairs();
    this.step = el("p", { class: "warn small", hidden: true });
    this.blind = el("p", { class: "warn", role: "status", hidden: true });
    this.budgetBox = el("div", { hidden: true }, el("h2", null, t("budget.title")), this.budgets.node, this.step);
    const rejects = el("dl", { class: "pairs" });
    this.rejectBox = el("div", { hidden: true }, el("h2", null, t("health.rejects")), rejects);
    /** @type {Rows<[string, number], HTMLDivElement>} */
    this.rejects = new Rows(rejects, ([name]) => name, ([name]) =>
      el("div", { class: "row-of" }, el("span", { class: "muted" }, word("reject", name)), el("b", { class: "num" })),
      (row, [, count]) => setText(/** @type {Element} */ (row.lastElementChild), String(count)));
    this.node = panel("health", t("health.title"), [
      this.blind,
      el("div", { class: "columns" }, this.wires.node, el("div", null, this.orders.node, this.rejectBox), this.budgetBox),
    ]);
  }

  /** @param {RunView} view */
  update(view) {
    const { health, counts } = view;
    show(this.blind, health.blind_for.length > 0);
    if (health.blind_for.length) setText(this.blind, `${t("health.blind")} ${health.blind_for.map(reason).join("; ")}`);
    this.tellWires(view);
    this.orders.set(t("health.placed"), grouped(counts.orders_placed));
    this.orders.set(t("health.cancelled"), grouped(counts.orders_cancelled));
    this.orders.set(t("health.refused"), grouped(counts.orders_rejected), counts.orders_rejected ? "num" : "num muted");
    this.orders.set(t("health.requests"), grouped(health.requests));
    this.orders.set(t("health.messages"), grouped(health.messages));
    this.orders.set(t("health.volume"), `${grouped(counts.volume)} ${view.about.quote}`);
    for (const [name, count] of Object.entries(health.counts)) this.orders.set(countName(name), grouped(count));
    const refused = Object.entries(health.rejects).filter(([, count]) => count > 0);
    show(this.rejectBox, refused.length > 0);
    this.rejects.follow(refused);
    this.tellBudgets(view);
  }

  /** @param {RunView} view */
  tellWires({ health }) {
    const isOld = health.book_age_ms === null || health.book_age_ms > OLD_BOOK_MS;
    this.wires.set(t("health.book_age"), duration(health.book_age_ms), isOld ? "num warn" : "num");
    this.wires.set(t("health.decision"), latency(health.decision));
    this.wires.set(t("health.wire"), latency(health.wire));
    const isScarce = health.rate_headroom !== null && health.rate_headroom < LITTLE_HEADROOM;
    this.wires.set(t("health.headroom"), percent(health.rate_headroom), isScarce ? "num warn" : "num");
    this.wires.set(t("health.clock"), health.clock_offset_ms === null ? UNKNOWN : `${Number(health.clock_offset_ms.toFixed(1))} ms`);
    this.wires.set(t("health.reconciled"), health.reconciled_at_ns ? `${clock(health.reconciled_at_ns)} UTC` : UNKNOWN);
    this.wires.set(t("health.corrections"), grouped(health.corrections), health.corrections ? "num warn" : "num");
    this.wires.set(t("health.account"), t(health.is_account_up ? "health.up" : "health.down"), health.is_account_up ? "num" : "num warn");
  }

  /** @param {RunView} view */
  tellBudgets({ budgets, budget_step: step, about }) {
    show(this.budgetBox, budgets.length > 0);
    for (const budget of budgets) {
      const isNear = approximate(budget.used) >= NEAR_LIMIT * approximate(budget.limit);
      this.budgets.set(word("budget", budget.name), `${grouped(budget.used)} / ${grouped(budget.limit)} ${about.quote}`, isNear ? "num warn" : "num");
    }
    show(this.step, step !== null);
    if (step) setText(this.step, word("budget", step));
    setClass(this.step, "warn small");
  }
}

/** @param {Latency} one */
function latency(one) {
  if (!one.count || one.p50_ms === null) return UNKNOWN;
  return t("health.latency", { p50: duration(one.p50_ms), p99: duration(one.p99_ms), max: duration(one.max_ms) });
}

/**
 * What was counted; behind a colon stands of what.
 * @param {string} name
 */
function countName(name) {
  const at = name.indexOf(": ");
  if (at < 0) return word("count", name);
  const rest = name.slice(at + 2);
  const known = word("reject", rest);
  return `${word("count", name.slice(0, at))}: ${known === rest ? word("count", rest) : known}`;
}
