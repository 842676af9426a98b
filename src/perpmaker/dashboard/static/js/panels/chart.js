// Price with our quotes as moving lines and our fills as marks; position and net result below, on one time axis.
//
// Rules kept here:
// 1. The charts' library is the file in vendor/, as npm gave it. Its logo would need a style that our policy forbids:
//    the notice and link that its licence asks for stand in the page's foot.
// 2. Points are kept by the second; the newest view is the point of its second until the sample comes.
// 3. More levels than `MOST_LINES` a side are not drawn: the innermost are.
import {
  createChart, createSeriesMarkers, CrosshairMode, LineSeries, LineStyle, LineType,
} from "../../vendor/lightweight-charts.mjs";
import { approximate } from "../decimal.js";
import { el } from "../dom.js";
import { clock } from "../format.js";
import { t } from "../i18n.js";
import { colour, onTheme } from "../theme.js";
import { panel } from "./panel.js";

/** @typedef {import("../../vendor/lightweight-charts.mjs").ISeriesApi<"Line">} Line */
/** @typedef {import("../../vendor/lightweight-charts.mjs").UTCTimestamp} Second */
/** @typedef {import("../../vendor/lightweight-charts.mjs").SeriesMarker<Second>} Mark */

const LEGEND = /** @type {const} */ (["mid", "mark", "bid", "ask"]);
const MOST_LINES = 6;
const MOST_MARKS = 400;
/** So many seconds fit before the chart begins to move along. */
const ROOM_S = 150;
/** With more points than this the oldest are let go, as they are in the state of the run. */
const MOST_POINTS = 18_000;

export class ChartPanel {
  /** @param {RunView} view */
  constructor(view) {
    const legend = el("span", { class: "legend" },
      ...LEGEND.map((name) => el("span", null, el("i", { class: `k-${name}` }), t(`chart.${name}`))));
    this.place = el("div", { class: "chart", "aria-label": t("chart.title"), role: "img" });
    this.node = panel("chart", t("chart.title"), [this.place], { beside: legend, isFlush: true });
    this.chart = createChart(this.place, { autoSize: true, ...looks() });
    const decimals = (view.about.tick_size.split(".")[1] ?? "").length;
    const format = { type: /** @type {const} */ ("price"), precision: decimals, minMove: approximate(view.about.tick_size) };
    const quiet = { lineWidth: /** @type {const} */ (1), priceLineVisible: false, crosshairMarkerVisible: false, priceFormat: format };
    this.mark = this.chart.addSeries(LineSeries, { ...quiet, lineStyle: LineStyle.Dashed, lastValueVisible: false });
    this.mid = this.chart.addSeries(LineSeries, { ...quiet, lineWidth: 2 });
    const steps = { ...quiet, lineType: LineType.WithSteps, lastValueVisible: false };
    /** @type {Line[]} */
    this.bids = [];
    /** @type {Line[]} */
    this.asks = [];
    const levels = Math.max(1, ...view.levels.map((level) => level.level));
    for (let level = 0; level < Math.min(levels, MOST_LINES); level += 1) {
      this.bids.push(this.chart.addSeries(LineSeries, steps));
      this.asks.push(this.chart.addSeries(LineSeries, steps));
    }
    this.position = this.chart.addSeries(LineSeries, { ...quiet, lineType: LineType.WithSteps, priceFormat: lots(view), title: t("chart.position") }, 1);
    this.net = this.chart.addSeries(LineSeries, { ...quiet, priceFormat: { type: "price", precision: 4, minMove: 0.0001 }, title: t("chart.net") }, 2);
    this.marks = createSeriesMarkers(this.mid, [], { autoScale: false });
    this.chart.panes().forEach((pane, at) => pane.setStretchFactor(at ? 0.22 : 1));
    this.colour();
    this.forget = onTheme(() => this.colour());
    this.lastSecond = 0;
    this.points = 0;
    this.isMoving = true;
    this.drawnSamples = -1;
    this.drawnFills = -1;
    /** @type {Item[]} */
    this.fills = [];
  }

  colour() {
    this.chart.applyOptions(looks());
    this.mid.applyOptions({ color: colour("accent") });
    this.mark.applyOptions({ color: colour("faint") });
    this.bids.forEach((line) => line.applyOptions({ color: colour("buy") }));
    this.asks.forEach((line) => line.applyOptions({ color: colour("sell") }));
    this.position.applyOptions({ color: colour("muted") });
    this.net.applyOptions({ color: colour("ink") });
    if (this.fills) this.marks.setMarkers(this.fills.map(markOf));
  }

  /** @param {import("../run_state.js").RunState} state */
  update(state) {
    if (this.drawnSamples !== state.samplesVersion) {
      if (this.drawnSamples < 0 || this.points > MOST_POINTS) this.drawAll(state.samples);
      else for (const sample of state.samples) if (secondOf(sample[0]) >= this.lastSecond) this.add(sample);
      this.drawnSamples = state.samplesVersion;
    }
    if (state.view && !state.isOver) this.add(sampleOf(state.view));
    if (this.drawnFills !== state.itemsVersion) {
      this.fills = state.fills().slice(-MOST_MARKS);
      this.marks.setMarkers(this.fills.map(markOf));
      this.drawnFills = state.itemsVersion;
    }
  }

  /** @param {Sample[]} samples */
  drawAll(samples) {
    /** @type {Map<Second, Sample>} */
    const bySecond = new Map(samples.map((sample) => [secondOf(sample[0]), sample]));
    const points = [...bySecond];
    for (const [line, value] of this.lines()) {
      line.setData(points.map(([time, sample]) => point(time, value(sample))));
    }
    this.lastSecond = points.at(-1)?.[0] ?? 0;
    this.points = points.length;
    if (this.points < ROOM_S) this.chart.timeScale().setVisibleLogicalRange({ from: 0, to: ROOM_S });
    this.move();
  }

  /** A chart that has room is filled from the left before it moves. */
  move() {
    const isMoving = this.points >= ROOM_S;
    if (isMoving !== this.isMoving) this.chart.timeScale().applyOptions({ shiftVisibleRangeOnNewBar: isMoving });
    this.isMoving = isMoving;
  }

  /** @param {Sample} sample */
  add(sample) {
    const time = secondOf(sample[0]);
    if (time < this.lastSecond) return;
    if (time > this.lastSecond) {
      this.points += 1;
      this.move();
    }
    this.lastSecond = time;
    for (const [line, value] of this.lines()) line.update(point(time, value(sample)));
  }

  /** @returns {[Line, (sample: Sample) => string | null | undefined][]} */
  lines() {
    return [
      [this.mid, (sample) => sample[1]],
      [this.mark, (sample) => sample[2]],
      ...this.bids.map((line, at) => /** @type {[Line, (sample: Sample) => string | undefined]} */ ([line, (sample) => sample[3][at]])),
      ...this.asks.map((line, at) => /** @type {[Line, (sample: Sample) => string | undefined]} */ ([line, (sample) => sample[4][at]])),
      [this.position, (sample) => sample[5]],
      [this.net, (sample) => sample[6]],
    ];
  }

  close() {
    this.forget();
    this.chart.remove();
  }
}

/** @param {number} ns */
function secondOf(ns) {
  return /** @type {Second} */ (Math.floor(ns / 1e9));
}

/**
 * A hole where there is no value.
 * @param {Second} time
 * @param {string | null | undefined} text
 */
function point(time, text) {
  const value = approximate(text);
  return Number.isFinite(value) ? { time, value } : { time };
}

/**
 * @param {RunView} view
 * @returns {Sample}
 */
function sampleOf(view) {
  const mid = view.bid && view.ask ? String((approximate(view.bid) + approximate(view.ask)) / 2) : null;
  const quotes = (/** @type {string} */ side) => view.levels
    .filter((level) => level.side === side && level.price !== null && level.state !== null && level.level > 0)
    .map((level) => /** @type {string} */ (level.price));
  return [view.at_ns, mid, view.mark, quotes("buy"), quotes("sell"), view.position.quantity, view.profit.net];
}

/**
 * @param {Item} item
 * @returns {Mark}
 */
function markOf(item) {
  const isBuy = item.side === "buy";
  return {
    time: secondOf(item.at_ns), position: "atPriceMiddle", price: approximate(item.price), size: 0.8,
    shape: isBuy ? "arrowUp" : "arrowDown", color: colour(isBuy ? "buy" : "sell"),
  };
}

/** @param {RunView} view */
function lots(view) {
  const precision = (view.about.lot_size.split(".")[1] ?? "").length;
  return { type: /** @type {const} */ ("price"), precision, minMove: approximate(view.about.lot_size) };
}

function looks() {
  const line = { color: colour("line") };
  const edge = { borderColor: colour("line-strong") };
  return {
    layout: {
      background: { color: colour("panel") }, textColor: colour("muted"), fontSize: 11, attributionLogo: false,
      panes: { separatorColor: colour("line-strong"), enableResize: false },
    },
    grid: { vertLines: line, horzLines: line },
    crosshair: { mode: CrosshairMode.Normal },
    rightPriceScale: { ...edge, minimumWidth: 74, scaleMargins: { top: 0.08, bottom: 0.08 } },
    timeScale: {
      ...edge, timeVisible: true, secondsVisible: true, rightOffset: 4, barSpacing: 4, minBarSpacing: 0.1,
      tickMarkFormatter: (/** @type {number} */ second) => clock(second * 1e9),
    },
    localization: { timeFormatter: (/** @type {number} */ second) => `${clock(second * 1e9)} UTC` },
  };
}
