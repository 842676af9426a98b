// The page Control: steer a run that goes on. Each change is asked about once, and shows what came of it.
import { ApiError } from "../api.js";
import { el, fill } from "../dom.js";
import { asFlags, Fields } from "../fields.js";
import { clock, grouped, signed } from "../format.js";
import { t } from "../i18n.js";
import { Banner } from "../panels/banner.js";
import { panel } from "../panels/panel.js";
import { steer } from "../steering.js";

const FIXED = ["preset", "duration"];
const MOST_SHOWN = 12;

/**
 * @param {import("../app.js").App} app
 * @param {string} argument the run's id, or nothing
 * @returns {import("../main.js").Page}
 */
export function controlPage(app, argument) {
  const runId = argument || app.chosen();
  const title = t("nav.control");
  if (!app.isTrader) return { node: notice(t("control.viewer")), title };
  if (runId === null) return { node: notice(t("run.none")), title };
  const feed = app.look(runId);
  const banner = new Banner();
  const body = el("div", null);
  /** @type {Controls | null} */
  let controls = null;
  const unwatch = feed.watch(() => {
    banner.update(feed);
    if (!feed.state.view) return;
    controls ??= new Controls(app, feed, body);
    controls.update();
  });
  return { node: el("div", null, banner.lost, banner.node, body), title, close: unwatch };
}

/** @param {string} text */
function notice(text) {
  return el("div", { class: "notice" }, text);
}

class Controls {
  /**
   * @param {import("../app.js").App} app
   * @param {import("../feed.js").Feed} feed
   * @param {HTMLElement} place
   */
  constructor(app, feed, place) {
    this.feed = feed;
    this.pause = this.button("pause");
    this.resume = this.button("resume");
    this.closing = this.button("close");
    this.stop = this.button("stop");
    this.position = el("span", { class: "num" });
    this.drawn = -1;
    this.log = el("tbody", null);
    this.settings = el("div", null, el("p", { class: "muted" }, t("loading")));
    fill(place,
      el("div", { class: "actions section" },
        action(t("control.quoting"), [t("control.quoting.how")], [this.pause, this.resume]),
        action(t("control.close"), [t("control.close.how"), " ", this.position], [this.closing]),
        action(t("control.stop"), [t("control.stop.how")], [this.stop])),
      el("div", { class: "two" },
        panel(null, t("control.settings"), [this.settings]),
        panel(null, t("control.log"), [el("table", { class: "by-hand" }, this.log)], { isFlush: true })));
    void this.offerSettings(app);
  }

  /** @param {"pause" | "resume" | "close" | "stop"} what */
  button(what) {
    return el("button", { type: "button", on: { click: () => this.feed.state.view && void steer(this.feed.state.view, what) } }, `${t(`control.${what}`)}…`);
  }

  /** @param {import("../app.js").App} app */
  async offerSettings(app) {
    const { view } = this.feed.state;
    if (!view) return;
    try {
      const form = await app.startForm();
      const before = asFlags(view.settings);
      const shown = form.fields.filter((field) => field.name in before && !FIXED.includes(field.name));
      const apply = el("button", { class: "primary", type: "button", disabled: true }, `${t("control.settings")}…`);
      const fields = new Fields(shown, before, {
        onChange: () => (apply.disabled = Object.keys(fields.changed()).length === 0), about: view.about,
      });
      apply.addEventListener("click", async () => {
        const changed = fields.changed();
        const pairs = Object.fromEntries(Object.entries(changed).map(([name, is]) =>
          /** @type {[string, [string, string]]} */ ([name, [fields.before[name] ?? "", is]])));
        if (!(await steer(this.feed.state.view ?? view, "settings", pairs, changed))) return;
        fields.reset({ ...fields.before, ...changed });
        apply.disabled = true;
      });
      fill(this.settings, el("p", { class: "muted small" }, t("control.settings.how")), fields.node, el("br", null), apply);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      fill(this.settings, error.message);
    }
  }

  update() {
    const { state } = this.feed;
    const { view } = state;
    if (!view) return;
    const isSteerable = !this.feed.isStale && !state.isOver && view.end_reason === null;
    this.pause.disabled = !isSteerable || view.is_paused;
    this.resume.disabled = !isSteerable || !view.is_paused;
    this.closing.disabled = !isSteerable || Number(view.position.quantity) === 0;
    this.stop.disabled = !isSteerable;
    const held = `${signed(view.position.quantity)} ${view.about.base}` +
      (view.position.entry_price ? ` @ ${grouped(view.position.entry_price)}` : "");
    if (this.position.textContent !== held) this.position.textContent = held;
    if (this.drawn !== state.itemsVersion) this.drawLog(state.items);
    this.drawn = state.itemsVersion;
  }

  /** @param {Item[]} items */
  drawLog(items) {
    const found = items.filter((item) => item.kind === "control").slice(-MOST_SHOWN).reverse();
    fill(this.log, ...(found.length ? found.map((item) => el("tr", null,
      el("td", { class: "num muted" }, clock(item.at_ns)), el("td", { class: "wrap" }, item.text)))
      : [el("tr", null, el("td", { class: "muted" }, t("control.nothing_yet")))]));
  }
}

/**
 * @param {string} title
 * @param {(Node | string)[]} how
 * @param {Node[]} buttons
 */
function action(title, how, buttons) {
  return el("div", { class: "action" }, el("div", null, el("h1", null, title), el("div", { class: "muted small" }, ...how)),
    el("div", { class: "row-of" }, ...buttons));
}
