// The page What if: the advisor's ladder and findings for other settings. Nothing is applied until it is confirmed.
import { ApiError } from "../api.js";
import { AdviceView } from "../advice_view.js";
import { AdvisorAsks } from "../advisor_asks.js";
import { el, fill } from "../dom.js";
import { asFlags, changesTable, Fields } from "../fields.js";
import { t } from "../i18n.js";
import { Banner } from "../panels/banner.js";
import { panel } from "../panels/panel.js";
import { steer } from "../steering.js";

const FIXED = ["preset", "duration"];

/**
 * @param {import("../app.js").App} app
 * @param {string} argument the run's id, or nothing
 * @returns {import("../main.js").Page}
 */
export function whatIfPage(app, argument) {
  const runId = argument || app.chosen();
  const feed = runId === null ? null : app.look(runId);
  const banner = new Banner();
  const body = el("div", null, el("p", { class: "muted" }, t("loading")));
  const node = el("div", null, banner.lost, banner.node, body);
  /** @type {WhatIfBody | null} */
  let made = null;
  const begin = async () => {
    try {
      const form = await app.startForm();
      if (made === null) made = new WhatIfBody(app, form, body, feed?.state.view ?? null);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      fill(body, el("div", { class: "notice" }, error.message));
    }
  };
  let isAsked = false;
  const unwatch = feed?.watch(() => {
    banner.update(feed);
    if (isAsked || (feed.state.view === null && !feed.isStale)) return;
    isAsked = true;
    void begin();
  });
  if (!feed) void begin();
  const close = () => {
    unwatch?.();
    made?.asks.close();
  };
  return { node, title: t("nav.what-if"), close };
}

class WhatIfBody {
  /**
   * @param {import("../app.js").App} app
   * @param {StartForm} form
   * @param {HTMLElement} place
   * @param {RunView | null} view the run that the settings are of; without one they are free
   */
  constructor(app, form, place, view) {
    this.app = app;
    this.view = view;
    this.advice = new AdviceView();
    const before = view ? asFlags(view.settings) : form.presets.neutral ?? {};
    const names = Object.keys(asFlags(view?.settings ?? {}));
    const shown = form.fields.filter((field) => !FIXED.includes(field.name) && (!view || names.includes(field.name)));
    this.fields = new Fields(shown, before, { onChange: () => this.asks.soon(), about: view?.about, hasSliders: true });
    this.changes = el("div", null);
    this.apply = el("button", { class: "primary", type: "button", disabled: true, on: { click: () => void this.confirm() } }, t("what_if.apply"));
    const reset = el("button", { type: "button", on: { click: () => this.reset() } }, t("what_if.reset"));
    /** @type {Record<string, [string, string]>} */
    this.changed = {};
    this.asks = new AdvisorAsks(app, () => this.question(), (answer) => this.answered(answer), (said) => this.advice.fail(said));
    const canApply = view !== null && app.isTrader;
    const settings = panel(null, view ? t("what_if.of_run", { run: view.about.market ?? view.about.symbol }) : t("what_if.free"), [
      this.fields.node, this.changes, el("br", null), el("div", { class: "row-of" }, canApply && this.apply, reset),
      el("p", { class: "muted small" }, t(canApply ? "what_if.nothing_yet" : "what_if.nothing")),
    ]);
    fill(place, el("div", { class: "two" }, settings, this.advice.node));
    void this.asks.now();
  }

  question() {
    if (this.view) return { run_id: this.view.about.run_id, settings: this.fields.changed() };
    return { exchange: "sim", settings: this.fields.values() };
  }

  /** @param {WhatIf} answer */
  answered(answer) {
    this.changed = answer.changed;
    this.advice.update(answer);
    const isChanged = Object.keys(answer.changed).length > 0;
    fill(this.changes, this.view && isChanged && el("h2", null, t("what_if.changes")), this.view && isChanged && changesTable(answer.changed));
    this.apply.disabled = !isChanged || answer.refused !== null;
  }

  reset() {
    this.fields.reset(this.fields.before);
    this.asks.soon();
  }

  async confirm() {
    if (!this.view) return;
    const isDone = await steer(this.view, "settings", this.changed, this.fields.changed());
    if (!isDone) return;
    this.fields.reset({ ...this.fields.before, ...this.fields.changed() });
    this.asks.soon();
  }
}
