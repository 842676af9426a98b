// What stands around every page: the way to the others, the run that is looked at, language, theme, who is logged in.
import { ApiError, change } from "./api.js";
import { el, fill } from "./dom.js";
import { shortId } from "./format.js";
import { language, setLanguage, t } from "./i18n.js";
import { modeName } from "./panels/banner.js";
import { onTheme, switchTheme, theme } from "./theme.js";

/** @typedef {import("./app.js").App} App */

const OF_ONE_RUN = ["run", "what-if", "control"];

export class Shell {
  /**
   * @param {App} app
   * @param {() => void} again draw the page anew
   */
  constructor(app, again) {
    this.app = app;
    this.again = again;
    this.bar = /** @type {HTMLElement} */ (document.getElementById("bar"));
    this.foot = /** @type {HTMLElement} */ (document.getElementById("foot"));
    this.page = "";
    this.offered = "";
    this.choice = el("select", { on: { change: () => this.choose(this.choice.value) } });
    app.watch(() => this.offerRuns());
    onTheme(() => this.draw(this.page));
  }

  /** @param {string} page */
  draw(page) {
    this.page = page;
    const { session } = this.app;
    this.offered = "";
    this.choice.setAttribute("aria-label", t("nav.choose"));
    fill(this.bar,
      el("span", { class: "brand" }, "perpmaker"),
      session && this.ways(),
      el("span", { class: "grow" }),
      session && this.choice,
      session && el("span", { class: "role muted small", title: t("nav.role") }, session.name.startsWith(session.role) ? t(`role.${session.role}`) : `${session.name} · ${t(`role.${session.role}`)}`),
      this.languages(),
      el("button", { class: "quiet", type: "button", on: { click: switchTheme } }, t(theme() === "dark" ? "theme.light" : "theme.dark")),
      session && el("button", { class: "quiet", type: "button", on: { click: () => this.logout() } }, t("login.out")),
    );
    this.offerRuns();
    const charts = el("a", { href: "https://www.tradingview.com/", target: "_blank", rel: "noopener noreferrer" },
      "TradingView Lightweight Charts™");
    fill(this.foot,
      session && el("span", null, `perpmaker ${session.version}`),
      session && el("span", { class: "wrap" }, t("foot.journal", { journal: session.journal })),
      el("span", null, t("foot.times")),
      el("span", null, charts, ` © 2026 TradingView, Inc. https://www.tradingview.com/`),
    );
  }

  ways() {
    const { isTrader } = this.app;
    const names = /** @type {const} */ (["run", "runs", "what-if", "control", "start"]);
    const shown = names.filter((name) => isTrader || (name !== "control" && name !== "start"));
    return el("nav", { "aria-label": t("nav.pages") }, ...shown.map((name) =>
      el("a", { href: `#/${name}`, "aria-current": this.page === name || (name === "runs" && this.page === "compare") ? "page" : null },
        t(`nav.${name}`))));
  }

  languages() {
    const other = language() === "en" ? "zh" : "en";
    const change = () => {
      setLanguage(other);
      this.again();
    };
    return el("button", { class: "quiet", type: "button", lang: other === "zh" ? "zh-CN" : "en", on: { click: change } },
      other === "zh" ? "中文" : "English");
  }

  offerRuns() {
    const { running } = this.app.runs;
    const chosen = this.app.chosen() ?? "";
    this.choice.hidden = !running.length;
    const known = JSON.stringify([running.map(({ about }) => about.run_id), chosen, language()]);
    if (known === this.offered) return;
    this.offered = known;
    const isKnown = running.some(({ about }) => about.run_id === chosen);
    fill(this.choice,
      !isKnown && el("option", { value: chosen }, chosen ? shortId(chosen) : t("nav.no_run")),
      ...running.map(({ about }) =>
        el("option", { value: about.run_id }, `${modeName(about.mode)} ${about.market ?? about.symbol} · ${shortId(about.run_id)}`)));
    this.choice.value = chosen;
  }

  /** @param {string} runId */
  choose(runId) {
    this.app.look(runId);
    const page = OF_ONE_RUN.includes(this.page) ? this.page : "run";
    const wanted = `#/${page}/${encodeURIComponent(runId)}`;
    if (location.hash === wanted) this.again();
    else location.hash = wanted;
  }

  async logout() {
    try {
      await change("/api/logout", {});
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
    this.app.loggedOut();
  }
}
