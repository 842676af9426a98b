// One question, its outcome: what every change goes through.
//
// Rules kept here:
// 1. A change is asked about once, and sent once. While it is on its way nothing can be pressed.
// 2. The outcome stays until it is closed: done, refused, or not known, in the program's own sentence.
// 3. A live run is marked in the question itself; the first focus is on the way back.
import { ApiError } from "./api.js";
import { el, fill, setClass } from "./dom.js";
import { t } from "./i18n.js";

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {(Node | string)[]} body
 * @property {string} yes what the button says
 * @property {boolean} isLive
 * @property {string} [typed] what must be typed before yes can be pressed
 * @property {() => Promise<{isDone: boolean, text: string}>} act
 */

/**
 * Ask; resolves when the dialog is closed.
 * @param {Question} question
 * @returns {Promise<boolean>} whether it was done
 */
export function ask(question) {
  return new Promise((resolve) => {
    let isDone = false;
    const outcome = el("div", { role: "status", "aria-live": "polite" });
    const no = el("button", { type: "button", autofocus: true, on: { click: () => dialog.close() } }, t("dialog.cancel"));
    const yes = el("button", { type: "button", class: question.isLive ? "live" : "primary" }, question.yes);
    const typed = question.typed ? el("input", { type: "text", autocomplete: "off", "aria-label": question.typed }) : null;
    const dialog = el(
      "dialog",
      { class: question.isLive ? "of-live" : "", "aria-label": question.title },
      question.isLive && el("div", { class: "mark" }, t("mode.live.warning")),
      el("div", { class: "body" },
        el("h1", null, question.title),
        ...question.body,
        typed && el("label", null, el("p", null, t("dialog.type", { text: question.typed ?? "" })), typed),
        outcome,
      ),
      el("div", { class: "foot" }, no, yes),
    );
    const unlock = () => (yes.disabled = typed !== null && typed.value.trim() !== question.typed);
    typed?.addEventListener("input", unlock);
    unlock();
    yes.addEventListener("click", async () => {
      yes.disabled = no.disabled = true;
      if (typed) typed.disabled = true;
      setClass(outcome, "outcome");
      fill(outcome, t("dialog.waiting"));
      const told = await outcomeOf(question.act);
      isDone = told.isDone;
      setClass(outcome, told.isDone ? "outcome" : "outcome bad");
      fill(outcome, el("b", null, told.heading), el("div", { class: "wrap" }, told.text));
      yes.hidden = true;
      no.disabled = false;
      fill(no, t("dialog.close"));
      no.focus();
    });
    dialog.addEventListener("cancel", (event) => no.disabled && event.preventDefault());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(isDone);
    });
    document.body.appendChild(dialog);
    dialog.showModal();
  });
}

/** @param {Question["act"]} act */
async function outcomeOf(act) {
  try {
    const { isDone, text } = await act();
    return { isDone, heading: t(isDone ? "outcome.done" : "outcome.refused"), text };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const isUnknown = error.status === 0 || error.status === 504;
    return { isDone: false, heading: t(isUnknown ? "outcome.unknown" : "outcome.refused"), text: error.message };
  }
}
