// The page Run: one run as the maker sees it, while it goes on.
//
// Rules kept here:
// 1. Everything is drawn from one view, with the next frame; a hidden page draws nothing.
// 2. What may be old is greyed out; the banner says since when.
import { el, fill } from "../dom.js";
import { everySecond, soon } from "../drawing.js";
import { t } from "../i18n.js";
import { Banner } from "../panels/banner.js";
import { BookPanel } from "../panels/book.js";
import { ChartPanel } from "../panels/chart.js";
import { Figures } from "../panels/figures.js";
import { HealthPanel } from "../panels/health.js";
import { LevelsPanel } from "../panels/levels.js";
import { LogPanel } from "../panels/log.js";
import { PositionPanel, SkewPanel } from "../panels/position.js";
import { ProfitPanel } from "../panels/profit.js";

/**
 * @param {import("../app.js").App} app
 * @param {string} argument the run's id, or nothing: the one that is watched, or the newest
 * @returns {import("../main.js").Page}
 */
export function runPage(app, argument) {
  const node = el("div", null);
  const runId = argument || app.chosen();
  if (runId === null) return waitForOne(app, node);
  const feed = app.look(runId);
  const banner = new Banner();
  const body = el("div", null);
  fill(node, banner.lost, banner.node, body);
  /** @type {Body | null} */
  let drawn = null;
  let isClosed = false; // what was asked for before that may come a frame after it
  const draw = () => {
    if (isClosed) return;
    banner.update(feed);
    if (feed.state.view === null) return;
    drawn ??= new Body(body, feed.state.view);
    drawn.update(feed);
  };
  const unwatch = feed.watch(draw);
  const stop = everySecond(() => soon(draw));
  const close = () => {
    isClosed = true;
    unwatch();
    stop();
    drawn?.close();
  };
  return { node, title: feed.state.view?.about.symbol ?? t("nav.run"), close };
}

class Body {
  /**
   * @param {HTMLElement} place
   * @param {RunView} view
   */
  constructor(place, view) {
    this.place = place;
    this.figures = new Figures();
    this.chart = new ChartPanel(view);
    this.log = new LogPanel();
    this.parts = [new BookPanel(), new LevelsPanel(), new PositionPanel(), new SkewPanel(), new ProfitPanel(), new HealthPanel()];
    const [book, levels, position, skew, profit, health] = this.parts.map((part) => part.node);
    fill(place, this.figures.node, el("div", { class: "grid" }, this.chart.node, book,
      el("div", { id: "area-levels" }, levels, skew), el("div", { id: "area-side" }, position), profit, health, this.log.node));
  }

  /** @param {import("../feed.js").Feed} feed */
  update(feed) {
    const { state } = feed;
    this.place.classList.toggle("is-stale", feed.isStale && !state.isOver);
    if (!state.view) return;
    this.figures.update(state.view);
    for (const part of this.parts) part.update(state.view);
    this.chart.update(state);
    this.log.update(state);
  }

  close() {
    this.chart.close();
  }
}

/**
 * Nothing runs: say so, and go on by itself when something does.
 * @param {import("../app.js").App} app
 * @param {HTMLElement} node
 * @returns {import("../main.js").Page}
 */
function waitForOne(app, node) {
  fill(node, el("section", { class: "panel" }, el("div", { class: "inside stack" }, el("br", null),
    el("h1", null, t("run.none")),
    el("p", { class: "muted" }, t("run.none.how")),
    el("p", null, app.isTrader && el("a", { href: "#/start" }, t("nav.start")), " ", el("a", { href: "#/runs" }, t("nav.runs"))))));
  const stop = app.watch(() => {
    const runId = app.chosen();
    if (runId !== null) location.hash = `#/run/${encodeURIComponent(runId)}`;
  });
  return { node, title: t("nav.run"), close: stop };
}
