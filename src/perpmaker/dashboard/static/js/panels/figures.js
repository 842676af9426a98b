// The strip of figures under the banner: what a trader looks at first.
import { el, setClass, setText } from "../dom.js";
import { grouped, signed, tone, UNKNOWN } from "../format.js";
import { t } from "../i18n.js";

/** @typedef {{value: HTMLElement, below: HTMLElement}} Cell */

export class Figures {
  constructor() {
    this.node = el("div", { class: "figures" });
    this.net = this.cell(t("figure.net"));
    this.position = this.cell(t("figure.position"));
    this.price = this.cell(t("figure.market"));
    this.mark = this.cell(t("figure.mark"));
    this.unrealized = this.cell(t("figure.unrealized"));
    this.realized = this.cell(t("figure.realized"));
    this.fees = this.cell(t("figure.fees"));
    this.fills = this.cell(t("figure.fills"));
    this.drawdown = this.cell(t("figure.drawdown"));
  }

  /**
   * @param {string} name
   * @returns {Cell}
   */
  cell(name) {
    const cell = { value: el("div", { class: "value" }, UNKNOWN), below: el("div", { class: "below" }) };
    this.node.appendChild(el("div", { class: "figure" }, el("div", { class: "name" }, name), cell.value, cell.below));
    return cell;
  }

  /** @param {RunView} view */
  update(view) {
    const { about, position, profit, counts } = view;
    const { base, quote } = about;
    money(this.net, profit.net, t("figure.equity", { equity: grouped(profit.equity) }));
    setText(this.position.value, signed(position.quantity));
    setText(this.position.below, position.entry_price
      ? t("figure.entry", { base, price: grouped(position.entry_price) })
      : base);
    setText(this.price.value, `${grouped(view.bid)} / ${grouped(view.ask)}`);
    setText(this.price.below, t("figure.bid_ask", { quote }));
    setText(this.mark.value, grouped(view.mark));
    setText(this.mark.below, quote);
    money(this.unrealized, profit.unrealized, quote);
    money(this.realized, profit.realized, quote);
    money(this.fees, profit.fees, t("figure.funding", { amount: signed(profit.funding) }));
    setText(this.fills.value, grouped(counts.fills));
    setText(this.fills.below, t("figure.sides", { buys: counts.buys, sells: counts.sells }));
    setText(this.drawdown.value, grouped(profit.max_drawdown));
    setText(this.drawdown.below, t("figure.stops", { stops: counts.stops, takes: counts.takes }));
  }
}

/**
 * @param {Cell} cell
 * @param {string} amount
 * @param {string} below
 */
function money(cell, amount, below) {
  setText(cell.value, signed(amount));
  setClass(cell.value, `value ${tone(amount)}`);
  setText(cell.below, below);
}
