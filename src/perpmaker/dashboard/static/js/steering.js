// The questions that come before a run is changed, and how the change is sent.
import { change } from "./api.js";
import { ask } from "./dialog.js";
import { el } from "./dom.js";
import { changesTable } from "./fields.js";
import { t } from "./i18n.js";
import { modeName } from "./panels/banner.js";

/** @typedef {"pause" | "resume" | "close" | "stop" | "settings"} Action */

/**
 * Ask once, send once, show what came of it.
 * @param {RunView} view
 * @param {Action} action
 * @param {Record<string, [string, string]>} [changed] for settings: what was and what is to be, as it is shown
 * @param {Record<string, string>} [settings] the same as it was typed
 */
export function steer(view, action, changed = {}, settings = {}) {
  const { about, position } = view;
  const values = { position: `${position.quantity} ${about.base}`, symbol: about.symbol };
  return ask({
    title: t(`control.${action}.ask`, values),
    body: [
      el("p", { class: "muted" }, `${modeName(about.mode)} · ${about.exchange} ${about.symbol} · ${about.run_id}`),
      el("p", null, t(`control.${action}.what`, values)),
      action === "settings" ? changesTable(changed) : "",
    ],
    yes: t(`control.${action}`),
    isLive: about.mode === "live",
    act: async () => {
      const path = `/api/runs/${encodeURIComponent(about.run_id)}/control`;
      const outcome = /** @type {Outcome} */ (await change(path, { action, settings }));
      return { isDone: outcome.is_done, text: outcome.text };
    },
  });
}
