// Which run this is, whether it is real money, what it is doing, and whether what is shown is new.
import { el, fill, setClass, setText, show } from "../dom.js";
import { elapsed } from "../format.js";
import { t, word } from "../i18n.js";

/** @typedef {import("../feed.js").Feed} Feed */

export class Banner {
  constructor() {
    this.mode = el("span", { class: "mode" });
    this.market = el("span", { class: "market" });
    this.phase = el("span", { class: "phase" });
    this.time = el("span", { class: "num muted" });
    this.run = el("span", { class: "muted small num" });
    this.node = el("div", { class: "banner", role: "status", hidden: true },
      this.mode, this.market, this.phase, this.time, el("span", { class: "grow" }), this.run);
    this.lost = el("div", { class: "notice lost", role: "alert", hidden: true });
    this.said = "";
  }

  /** @param {Feed} feed */
  update(feed) {
    const { view } = feed.state;
    this.tellCondition(feed);
    show(this.node, view !== null);
    if (!view) return;
    const { about } = view;
    setClass(this.node, `banner of-${about.mode}`);
    setText(this.mode, about.mode === "live" ? t("mode.live.warning") : modeName(about.mode));
    setText(this.market, `${about.exchange} ${about.symbol}${about.market ? ` (${about.market})` : ""}`);
    const isQuoting = view.phase === "quoting" && !view.is_paused && !view.is_over;
    setText(this.phase, phaseName(view));
    setClass(this.phase, `phase ${isQuoting ? "is-on" : "is-off"}`);
    setText(this.time, timeOf(view));
    setText(this.run, about.run_id);
  }

  /** @param {Feed} feed */
  tellCondition(feed) {
    const { text, link } = conditionOf(feed);
    show(this.lost, text !== "");
    if (text === this.said) return;
    this.said = text;
    fill(this.lost, text, link && " ", link);
  }
}

/** @param {string} mode */
export function modeName(mode) {
  const names = /** @type {const} */ ({ live: "mode.live", paper: "mode.paper", sim: "mode.sim" });
  return mode in names ? t(names[/** @type {keyof typeof names} */ (mode)]) : mode.toUpperCase();
}

/** @param {RunView} view */
export function phaseName(view) {
  if (view.is_over) return t("phase.over", { reason: word("end_reason", view.end_reason) });
  if (view.end_reason) return `${word("phase", view.phase)}: ${word("end_reason", view.end_reason)}`;
  return view.is_paused ? t("phase.paused") : word("phase", view.phase);
}

/** @param {RunView} view */
function timeOf(view) {
  const { started_at_ns: start, ends_at_ns: end } = view.about;
  const run = elapsed((view.at_ns - start) / 1e9);
  return end === null ? run : t("banner.of", { run, whole: elapsed((end - start) / 1e9) });
}

/**
 * @param {Feed} feed
 * @returns {{text: string, link: Node | null}}
 */
function conditionOf(feed) {
  const { stream, state } = feed;
  const report = el("a", { href: `/api/runs/${encodeURIComponent(state.runId)}/report`, target: "_blank", rel: "noopener" },
    t("runs.report"));
  switch (stream.condition) {
    case "connecting":
      return { text: state.view ? "" : t("link.connecting"), link: null };
    case "lost":
      return { text: t("link.lost", { time: stream.lostSince?.toISOString().slice(11, 19) ?? "" }), link: null };
    case "ended":
      return { text: t("link.ended"), link: report };
    case "over":
      return { text: t("link.over", { reason: word("end_reason", state.view?.end_reason) }), link: report };
    case "logged out":
      return { text: t("link.logged_out"), link: el("a", { href: "#/login" }, t("login.title")) };
    default:
      return { text: stream.silentMs ? t("link.silent", { seconds: Math.floor(stream.silentMs / 1000) }) : "", link: null };
  }
}
