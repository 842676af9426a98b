// The page Start: a form with the advisor beside it starts a run; a live one only where the dashboard was told so.
//
// Rules kept here:
// 1. Simulated and on paper is what is chosen at first. A live start is asked about twice, the second time by typing the
//    market's name.
// 2. What came with a preset and was not touched is left to the preset.
import { ApiError, change } from "../api.js";
import { AdviceView } from "../advice_view.js";
import { AdvisorAsks } from "../advisor_asks.js";
import { ask } from "../dialog.js";
import { el, fill, show } from "../dom.js";
import { changesTable, Fields } from "../fields.js";
import { t, word } from "../i18n.js";
import { panel } from "../panels/panel.js";

const SYMBOL = "SOL_USDC_PERP";

/**
 * @param {import("../app.js").App} app
 * @returns {import("../main.js").Page}
 */
export function startPage(app) {
  const title = t("nav.start");
  if (!app.isTrader) return { node: el("div", { class: "notice" }, t("control.viewer")), title };
  const node = el("div", null, el("p", { class: "muted" }, t("loading")));
  /** @type {StartBody | null} */
  let body = null;
  app.startForm().then(
    (form) => (body = new StartBody(app, form, node)),
    (error) => {
      if (!(error instanceof ApiError)) throw error;
      fill(node, el("div", { class: "notice" }, error.message));
    },
  );
  return { node, title, close: () => body?.asks.close() };
}

class StartBody {
  /**
   * @param {import("../app.js").App} app
   * @param {StartForm} form
   * @param {HTMLElement} place
   */
  constructor(app, form, place) {
    this.app = app;
    this.form = form;
    this.advice = new AdviceView();
    const first = form.exchanges.includes("sim") ? "sim" : form.exchanges[0] ?? "";
    this.exchange = el("input", { type: "text", id: "exchange", list: "exchanges", autocomplete: "off", spellcheck: "false", on: { input: () => this.changed() } });
    this.exchange.value = first;
    const known = el("datalist", { id: "exchanges" }, ...form.exchanges.map((name) => el("option", { value: name })));
    this.symbol = el("input", { type: "text", id: "symbol", autocomplete: "off", spellcheck: "false", on: { input: () => this.changed() } });
    this.symbol.value = SYMBOL;
    const presets = Object.keys(form.presets);
    this.preset = el("select", { id: "preset", on: { change: () => this.takePreset() } }, el("option", { value: "" }, t("start.no_preset")),
      ...presets.map((name) => el("option", { value: name }, word("preset", name))));
    this.preset.value = presets[0] ?? "";
    this.fields = new Fields(form.fields, form.presets[this.preset.value] ?? {}, { onChange: () => this.asks.soon(), hasSliders: true });
    this.live = el("input", { type: "checkbox", id: "live", on: { change: () => this.changed() } });
    this.liveBox = el("div", { class: "live-box" }, el("label", { class: "choice", for: "live" }, this.live, t("start.live")), el("div", { class: "small" }, t("mode.live.warning")));
    this.mode = el("p", { class: "muted small" });
    this.start = el("button", { class: "primary", type: "button", on: { click: () => void this.confirm() } });
    this.asks = new AdvisorAsks(app, () => this.question(), (answer) => this.advice.update(answer), (said) => this.advice.fail(said));
    const settings = panel(null, t("start.title"), [el("div", { class: "stack" },
      el("label", { for: "exchange" }, t("start.exchange"), this.exchange, known),
      el("label", { for: "symbol" }, t("start.symbol"), this.symbol),
      el("label", { for: "preset" }, t("start.preset"), this.preset)),
      this.fields.node, el("br", null), this.liveBox, this.mode, this.start]);
    fill(place, el("div", { class: "two" }, settings, this.advice.node));
    this.changed();
    void this.asks.now();
  }

  get isSimulated() {
    return this.exchange.value.trim() === "sim";
  }

  get isLive() {
    return this.form.can_start_live && !this.isSimulated && this.live.checked;
  }

  changed() {
    show(this.liveBox, this.form.can_start_live && !this.isSimulated);
    fill(this.mode, t(this.isLive ? "start.mode.live" : this.isSimulated ? "start.mode.sim" : "start.mode.paper"));
    this.start.className = this.isLive ? "live" : "primary";
    fill(this.start, `${t(this.isLive ? "start.go.live" : this.isSimulated ? "start.go.sim" : "start.go.paper")}…`);
    this.asks.soon();
  }

  takePreset() {
    this.fields.reset(this.form.presets[this.preset.value] ?? {});
    this.asks.soon();
  }

  /** The preset's own values are not sent: the preset has them. */
  request() {
    const preset = this.preset.value;
    const settings = preset ? this.fields.changed() : this.fields.values();
    return { exchange: this.exchange.value.trim(), symbol: this.symbol.value.trim(), ...(preset ? { preset } : {}), settings };
  }

  /** The advisor knows no presets: it is asked about every value. */
  question() {
    return { exchange: this.exchange.value.trim(), symbol: this.symbol.value.trim(), settings: this.fields.values() };
  }

  async confirm() {
    const request = this.request();
    const isLive = this.isLive;
    const question = {
      title: t(isLive ? "start.ask.live" : this.isSimulated ? "start.ask.sim" : "start.ask.paper", { symbol: request.symbol, exchange: request.exchange }),
      body: [changesTable(Object.fromEntries(Object.entries(this.fields.values()).map(([name, value]) =>
        /** @type {[string, [string, string]]} */ ([name, ["", value]]))))],
      yes: t(isLive ? "start.yes.live" : "start.yes"),
      isLive,
      ...(isLive ? { typed: request.symbol } : {}),
      act: () => this.send(request, isLive),
    };
    if (isLive && !(await this.warn(request))) return;
    if (await ask(question)) location.hash = `#/run/${encodeURIComponent(this.started)}`;
  }

  /**
   * The first of the two questions before a live start.
   * @param {{symbol: string, exchange: string}} request
   */
  warn(request) {
    return ask({
      title: t("start.warn", { symbol: request.symbol, exchange: request.exchange }), body: [el("p", null, t("start.warn.what"))],
      yes: t("start.warn.yes"), isLive: true, act: async () => ({ isDone: true, text: t("start.warn.next") }),
    });
  }

  started = "";

  /**
   * @param {{exchange: string, symbol: string, settings: Record<string, string>}} request
   * @param {boolean} isLive
   */
  async send(request, isLive) {
    const answer = await change("/api/start", { ...request, is_live: isLive, confirm: isLive ? request.symbol : "" });
    this.started = answer.run_id;
    await this.app.untilRunning(answer.run_id);
    return { isDone: true, text: answer.text ?? answer.run_id };
  }
}
