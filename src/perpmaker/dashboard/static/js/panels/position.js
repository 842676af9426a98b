// The position between its caps, with target and threshold; and the skew as it acts.
import { approximate, sign } from "../decimal.js";
import { el, setClass, setShare, setText } from "../dom.js";
import { grouped, signed, UNKNOWN } from "../format.js";
import { t, word } from "../i18n.js";
import { Pairs, panel } from "./panel.js";

export class PositionPanel {
  constructor() {
    this.fillBar = el("div", { class: "fill" });
    this.zone = el("div", { class: "zone" });
    this.target = el("div", { class: "tick target" });
    this.low = el("div", { class: "tick" });
    this.high = el("div", { class: "tick" });
    this.capLow = el("div", { class: "tag first" });
    this.capHigh = el("div", { class: "tag last" });
    this.middle = el("div", { class: "tag" }, "0");
    this.gauge = el("div", { class: "gauge", role: "img" },
      el("div", { class: "rail" }), this.zone, this.fillBar, this.low, this.high, this.target,
      this.capLow, this.middle, this.capHigh);
    setShare(this.capLow, "left", 0);
    setShare(this.middle, "left", 0.5);
    setShare(this.capHigh, "left", 1);
    this.pairs = new Pairs();
    this.node = panel(null, t("position.title"), [this.gauge, this.pairs.node]);
  }

  /** @param {RunView} view */
  update(view) {
    const { position, about } = view;
    const cap = approximate(position.cap);
    const at = (/** @type {number} */ value) => Math.min(1, Math.max(0, 0.5 + value / cap / 2));
    const held = approximate(position.quantity);
    // The target is on the side that the market gave: rule 3 of docs/strategy.md.
    const target = sign(position.quantity) * approximate(position.target);
    const threshold = approximate(position.threshold);
    setShare(this.fillBar, "left", Math.min(0.5, at(held)));
    setShare(this.fillBar, "width", Math.abs(at(held) - 0.5));
    setClass(this.fillBar, `fill ${held < 0 ? "short" : "long"}`);
    setShare(this.zone, "left", at(target - threshold));
    setShare(this.zone, "width", at(target + threshold) - at(target - threshold));
    setShare(this.low, "left", at(target - threshold));
    setShare(this.high, "left", at(target + threshold));
    setShare(this.target, "left", at(target));
    setText(this.capLow, `-${grouped(position.cap)}`);
    setText(this.capHigh, `+${grouped(position.cap)}`);
    const said = t("position.said", { held: signed(position.quantity), cap: position.cap, target: position.target });
    if (this.gauge.getAttribute("aria-label") !== said) this.gauge.setAttribute("aria-label", said);
    this.pairs.set(t("position.held"), `${signed(position.quantity)} ${about.base}`);
    this.pairs.set(t("position.target"), `${grouped(position.target)} ${about.base}`);
    this.pairs.set(t("position.threshold"), `${grouped(position.threshold)} ${about.base}`);
    this.pairs.set(t("position.cap"), `${grouped(position.cap)} ${about.base}`);
    this.pairs.set(t("position.capped"), position.capped_side ? t(position.capped_side === "buy" ? "side.buy" : "side.sell") : t("position.free"),
      position.capped_side ? "warn" : "num");
  }
}

export class SkewPanel {
  constructor() {
    this.pairs = new Pairs();
    this.node = panel(null, t("skew.title"), [this.pairs.node]);
  }

  /** @param {RunView} view */
  update(view) {
    const { skew, about } = view;
    this.pairs.set(t("skew.mode"), `${word("setting", skew.mode)} · ${skew.strength}`);
    this.pairs.set(t("skew.reference"), skew.reference ? `${grouped(skew.reference)} ${about.quote}` : UNKNOWN);
    this.pairs.set(t("skew.reservation"), skew.reservation ? `${grouped(skew.reservation)} ${about.quote}` : UNKNOWN);
    const way = sign(skew.ticks);
    const lean = way ? ` · ${t(way < 0 ? "skew.towards_selling" : "skew.towards_buying")}` : "";
    this.pairs.set(t("skew.shift"), `${t("skew.ticks", { ticks: signed(skew.ticks) })}${lean}`);
  }
}
