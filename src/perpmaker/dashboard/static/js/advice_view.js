// What the advisor says of settings: the ladder as a picture, findings by harm, a sentence a setting, what to expect.
import { approximate } from "./decimal.js";
import { el, fill, svg } from "./dom.js";
import { settingName } from "./fields.js";
import { grouped, signed } from "./format.js";
import { sentence, t, word } from "./i18n.js";
import { panel } from "./panels/panel.js";

const WIDEST = 900;
const EDGE = { left: 64, right: 12, top: 14, bottom: 34 };

export class AdviceView {
  constructor() {
    this.refused = el("div", { class: "notice", role: "status", hidden: true });
    this.assumed = el("p", { class: "muted small", hidden: true });
    this.findings = el("div", null);
    this.ladder = el("div", null);
    this.sentences = el("tbody", null);
    this.expected = el("tbody", null);
    this.about = el("span", { class: "muted small" });
    this.node = el("div", { class: "stack" }, this.refused,
      panel(null, t("advice.findings"), [this.findings, this.assumed]),
      panel(null, t("advice.ladder"), [this.ladder], { beside: this.about }),
      panel(null, t("advice.settings"), [el("table", { class: "sentences" }, this.sentences)], { isFlush: true }),
      panel(null, t("advice.expected"), [el("table", { class: "sentences" }, this.expected)], { isFlush: true }));
  }

  /** @param {WhatIf} answer */
  update({ advice, refused, assumed }) {
    this.refused.hidden = !refused;
    fill(this.refused, refused);
    if (!advice) return;
    this.assumed.hidden = !assumed;
    fill(this.assumed, assumed);
    fill(this.about, t("advice.at", { price: grouped(advice.price), symbol: advice.symbol }), advice.data ? ` · ${advice.data}` : "");
    fill(this.findings, ...(advice.findings.length ? advice.findings.map(finding) : [el("p", { class: "muted" }, t("advice.nothing"))]));
    fill(this.ladder, advice.ladders.length ? picture(advice, this.ladder.clientWidth) : null, ladderTable(advice));
    fill(this.sentences, ...Object.entries(advice.settings).map(([name, said]) =>
      el("tr", null, el("td", null, settingName(name.replace(/_s$/, ""))), el("td", null, sentence(said)))));
    fill(this.expected, ...advice.expected.map((one) =>
      el("tr", null, el("td", null, sentence(one.name)), el("td", null, sentence(one.value), el("div", { class: "muted small" }, sentence(one.how))))));
  }

  /** @param {string} said */
  fail(said) {
    this.refused.hidden = false;
    fill(this.refused, said);
  }
}

/** @param {Finding} one */
function finding(one) {
  return el("div", { class: `finding harm-${one.harm}` },
    el("div", null, el("span", { class: "title" }, word("finding", one.key)),
      el("span", { class: "grade" }, `${word("harm", one.harm)} · ${one.setting}`)),
    el("div", null, sentence(one.what)),
    el("div", { class: "muted" }, sentence(one.why)),
    one.better && el("div", { class: "better" }, `${t("advice.better")} `, el("b", null, sentence(one.better))));
}

/** @typedef {{width: number, height: number}} Size */

/**
 * @param {Advice} advice
 * @param {number} room pixels that there are: text keeps its size on a phone
 */
function picture(advice, room) {
  const width = Math.min(WIDEST, room || WIDEST);
  const size = { width, height: Math.round(Math.max(220, width * 0.36)) };
  const prices = advice.ladders.flatMap((ladder) => ladder.levels.map((rung) => approximate(rung.price))).filter((price) => price > 0);
  prices.push(approximate(advice.price));
  const low = Math.min(...prices);
  const high = Math.max(...prices);
  const margin = (high - low) * 0.06 || Math.abs(high) * 1e-4;
  const y = (/** @type {number} */ price) =>
    EDGE.top + ((high + margin - price) / (high - low + 2 * margin)) * (size.height - EDGE.top - EDGE.bottom);
  const step = (size.width - EDGE.left - EDGE.right) / advice.ladders.length;
  const lines = [low, (low + high) / 2, high].map((price) => gridLine(price, y(price), advice.price, size));
  const ladders = advice.ladders.map((ladder, at) => column(ladder, EDGE.left + step * at, step, y, size));
  const middle = y(approximate(advice.price));
  return svg("svg", { class: "ladder", viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "aria-label": t("advice.ladder") },
    ...lines,
    svg("line", { class: "price-line", x1: EDGE.left, x2: size.width - EDGE.right, y1: middle, y2: middle }),
    ...ladders.flat(),
    svg("text", { x: EDGE.left, y: size.height - 4 }, t("advice.position")));
}

/**
 * @param {number} price
 * @param {number} y
 * @param {string} like text with as many decimals as there should be
 * @param {Size} size
 */
function gridLine(price, y, like, size) {
  const decimals = Math.min(6, (like.split(".")[1] ?? "").length);
  return svg("g", null,
    svg("line", { class: "grid-line", x1: EDGE.left, x2: size.width - EDGE.right, y1: y, y2: y }),
    svg("text", { x: EDGE.left - 6, y: y + 4, "text-anchor": "end" }, grouped(price.toFixed(decimals))));
}

/**
 * @param {LadderAt} ladder
 * @param {number} x
 * @param {number} width
 * @param {(price: number) => number} y
 * @param {Size} size
 */
function column(ladder, x, width, y, size) {
  const rungs = ladder.levels.filter((rung) => approximate(rung.price) > 0).map((rung) => {
    const at = y(approximate(rung.price));
    const hole = rung.why_not === null ? "" : " is-hole";
    const told = `${t(rung.side === "buy" ? "side.buy" : "side.sell")} ${rung.level}: ${rung.quantity} @ ${rung.price}` +
      (rung.why_not === null ? "" : ` – ${word("not_resting", rung.why_not)}`);
    return svg("line", { class: `rung of-${rung.side}${hole}`, x1: x + width * 0.2, x2: x + width * 0.8, y1: at, y2: at },
      svg("title", null, told));
  });
  return [...rungs, svg("text", { class: "strong", x: x + width / 2, y: size.height - 18, "text-anchor": "middle" }, signed(ladder.position))];
}

/** @param {Advice} advice */
function ladderTable(advice) {
  const head = advice.ladders.map((ladder) => el("th", { class: "right" }, signed(ladder.position)));
  const keys = [...new Set(advice.ladders.flatMap((ladder) => ladder.levels.map((rung) => `${rung.side} ${rung.level}`)))];
  const rows = keys.map((key) => {
    const [side = "", level = ""] = key.split(" ");
    const cells = advice.ladders.map((ladder) => {
      const rung = ladder.levels.find((one) => one.side === side && String(one.level) === level);
      if (!rung) return el("td", null);
      return el("td", { class: "num right" }, rung.why_not === null ? `${rung.quantity} @ ${grouped(rung.price)}`
        : el("span", { class: "warn" }, word("not_resting", rung.why_not)));
    });
    return el("tr", null, el("td", { class: side }, `${t(side === "buy" ? "side.buy" : "side.sell")} ${level}`), ...cells);
  });
  return el("details", null, el("summary", null, t("advice.table")),
    el("div", { class: "scroll" }, el("table", null, el("thead", null, el("tr", null, el("th", null, t("advice.position")), ...head)), el("tbody", null, ...rows))));
}
