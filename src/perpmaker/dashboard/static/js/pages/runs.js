// The page Runs: those that go on and those that are over; several chosen are compared, a click opens the report.
import { get, ApiError } from "../api.js";
import { approximate } from "../decimal.js";
import { el, fill } from "../dom.js";
import { elapsed, grouped, shortId, signed, stamp, tone, UNKNOWN } from "../format.js";
import { t, word } from "../i18n.js";
import { modeName, phaseName } from "../panels/banner.js";
import { panel } from "../panels/panel.js";

/** @typedef {import("../i18n.js").Key} Key */
/** @typedef {{key: Key, isNumber: boolean, value: (run: PastRun) => string | number | null, cell: (run: PastRun) => (Node | string)[]}} Column */

const MOST_COMPARED = 8;

/** @type {Column[]} */
const COLUMNS = [
  { key: "runs.run", isNumber: false, value: (run) => run.run_id, cell: (run) => [reportLink(run.run_id)] },
  { key: "runs.mode", isNumber: false, value: (run) => run.mode, cell: (run) => [modeTag(run.mode)] },
  { key: "runs.market", isNumber: false, value: (run) => run.symbol, cell: (run) => [`${run.exchange} ${run.symbol}`] },
  { key: "runs.started", isNumber: false, value: (run) => run.started_at_ns, cell: (run) => [stamp(run.started_at_ns)] },
  { key: "runs.lasted", isNumber: true, value: (run) => lasted(run), cell: (run) => [run.ended_at_ns ? elapsed(lasted(run) ?? 0) : UNKNOWN] },
  { key: "runs.net", isNumber: true, value: (run) => amount(run.net), cell: (run) => [el("span", { class: tone(run.net) }, signed(run.net))] },
  { key: "runs.fees", isNumber: true, value: (run) => amount(run.fees), cell: (run) => [signed(run.fees)] },
  { key: "runs.fills", isNumber: true, value: (run) => run.fills, cell: (run) => [grouped(run.fills)] },
  { key: "runs.volume", isNumber: true, value: (run) => amount(run.volume), cell: (run) => [grouped(run.volume)] },
  { key: "runs.position", isNumber: true, value: (run) => amount(run.position), cell: (run) => [signed(run.position)] },
  { key: "runs.spread", isNumber: true, value: (run) => amount(run.settings.spread ?? null), cell: (run) => [run.settings.spread ?? UNKNOWN] },
  { key: "runs.skew", isNumber: true, value: (run) => amount(run.settings.inventory_skew ?? null), cell: (run) => [run.settings.inventory_skew ?? UNKNOWN] },
  { key: "runs.end", isNumber: false, value: (run) => run.end_reason, cell: (run) => [word("end_reason", run.end_reason) || UNKNOWN] },
];

/**
 * @param {import("../app.js").App} app
 * @returns {import("../main.js").Page}
 */
export function runsPage(app) {
  const table = new PastTable();
  const running = el("div", null);
  const draw = () => {
    fill(running, runningTable(app.runs.running));
    table.take(app.runs.past);
  };
  draw();
  void app.refresh();
  const node = el("div", null,
    el("div", { class: "section" }, panel(null, t("runs.running"), [running], { isFlush: true })),
    panel(null, t("runs.past"), [table.node], { beside: table.compare, isFlush: true }));
  return { node, title: t("nav.runs"), close: app.watch(draw) };
}

/** @param {RunningRun[]} runs */
function runningTable(runs) {
  if (!runs.length) return el("p", { class: "muted inside" }, el("br", null), t("run.none"));
  const names = /** @type {Key[]} */ (["runs.run", "runs.mode", "runs.market", "runs.started", "runs.phase", "runs.position", "runs.net", "runs.fills"]);
  return el("div", { class: "scroll" }, el("table", null,
    el("thead", null, el("tr", null, ...names.map((name, at) => el("th", { class: at > 4 ? "right" : "" }, t(name))))),
    el("tbody", null, ...runs.map(({ about, view }) => el("tr", null,
      el("td", null, el("a", { href: `#/run/${encodeURIComponent(about.run_id)}`, title: about.run_id }, shortId(about.run_id))),
      el("td", null, modeTag(about.mode)),
      el("td", null, `${about.exchange} ${about.symbol}`),
      el("td", { class: "num" }, stamp(about.started_at_ns)),
      el("td", null, view ? phaseName(view) : UNKNOWN),
      el("td", { class: "num right" }, signed(view?.position.quantity)),
      el("td", { class: `num right ${tone(view?.profit.net)}` }, signed(view?.profit.net)),
      el("td", { class: "num right" }, grouped(view?.counts.fills)))))));
}

class PastTable {
  constructor() {
    /** @type {PastRun[]} */
    this.runs = [];
    /** @type {Set<string>} */
    this.chosen = new Set();
    this.sortedBy = 3;
    this.isRising = false;
    this.head = el("tr", null, el("th", null, ""), ...COLUMNS.map((column, at) => this.headCell(column, at)));
    this.body = el("tbody", null);
    this.compare = el("button", { type: "button", disabled: true, on: { click: () => this.goCompare() } }, t("runs.compare", { count: 0 }));
    this.more = el("button", { type: "button", hidden: true, on: { click: () => this.askForMore() } }, t("runs.more"));
    this.node = el("div", null, el("div", { class: "scroll" }, el("table", null, el("thead", null, this.head), this.body)), this.more);
  }

  /**
   * @param {Column} column
   * @param {number} at
   */
  headCell(column, at) {
    return el("th", { class: column.isNumber ? "right" : "" }, el("button", { type: "button", on: { click: () => this.sort(at) } }, t(column.key)));
  }

  /** @param {PastRun[]} runs the newest; older ones that were asked for stay */
  take(runs) {
    const known = new Set(runs.map((run) => run.run_id));
    this.runs = [...runs, ...this.runs.filter((run) => !known.has(run.run_id))];
    this.more.hidden = this.runs.length < 200 || this.runs.at(-1)?.run_no === undefined;
    this.draw();
  }

  /** @param {number} at */
  sort(at) {
    this.isRising = this.sortedBy === at ? !this.isRising : false;
    this.sortedBy = at;
    this.draw();
  }

  draw() {
    const column = /** @type {Column} */ (COLUMNS[this.sortedBy]);
    const way = this.isRising ? 1 : -1;
    const runs = [...this.runs].sort((a, b) => way * order(column.value(a), column.value(b)));
    [...this.head.children].forEach((cell, at) => {
      if (at - 1 === this.sortedBy) cell.setAttribute("aria-sort", this.isRising ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
    });
    fill(this.body, ...runs.map((run) => this.row(run)));
    this.tellChosen();
    if (!runs.length) fill(this.body, el("tr", null, el("td", { class: "muted", colspan: COLUMNS.length + 1 }, t("runs.none"))));
  }

  /** @param {PastRun} run */
  row(run) {
    const pick = el("input", { type: "checkbox", "aria-label": t("runs.pick", { run: run.run_id }) });
    pick.checked = this.chosen.has(run.run_id);
    const row = el("tr", { class: pick.checked ? "is-chosen" : "" }, el("td", { class: "pick" }, pick),
      ...COLUMNS.map((column) => el("td", { class: column.isNumber ? "num right" : "num" }, ...column.cell(run))));
    pick.addEventListener("change", () => {
      if (pick.checked && this.chosen.size >= MOST_COMPARED) pick.checked = false;
      if (pick.checked) this.chosen.add(run.run_id);
      else this.chosen.delete(run.run_id);
      row.className = pick.checked ? "is-chosen" : "";
      this.tellChosen();
    });
    return row;
  }

  tellChosen() {
    fill(this.compare, t("runs.compare", { count: this.chosen.size }));
    this.compare.disabled = this.chosen.size < 2;
  }

  goCompare() {
    location.hash = `#/compare/${[...this.chosen].map(encodeURIComponent).join(",")}`;
  }

  async askForMore() {
    try {
      const { past } = /** @type {RunList} */ (await get(`/api/runs?before=${this.runs.at(-1)?.run_no}`));
      const known = new Set(this.runs.map((run) => run.run_id));
      this.runs.push(...past.filter((run) => !known.has(run.run_id)));
      this.more.hidden = !past.length;
      this.draw();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      fill(this.more, error.message);
    }
  }
}

/** @param {string} mode */
export function modeTag(mode) {
  return el("span", { class: `tag-mode of-${mode}` }, modeName(mode));
}

/** @param {string} runId */
function reportLink(runId) {
  return el("a", { href: `/api/runs/${encodeURIComponent(runId)}/report`, target: "_blank", rel: "noopener", title: `${t("runs.report")}: ${runId}` }, shortId(runId));
}

/** @param {PastRun} run */
function lasted(run) {
  return run.ended_at_ns === null ? null : (run.ended_at_ns - run.started_at_ns) / 1e9;
}

/** @param {string | null} text */
function amount(text) {
  return text === null ? null : approximate(text);
}

/**
 * What is not known stands last, whichever way it is sorted down.
 * @param {string | number | null} a
 * @param {string | number | null} b
 */
function order(a, b) {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b));
}
