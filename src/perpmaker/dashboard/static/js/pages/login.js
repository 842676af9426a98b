// The way in: the token that was printed at the start, or a name and its password.
import { ApiError, question, session } from "../api.js";
import { el, fill, show } from "../dom.js";
import { t } from "../i18n.js";

/**
 * @param {import("../app.js").App} app
 * @param {string} back the page to return to
 * @returns {import("../main.js").Page}
 */
export function loginPage(app, back) {
  const token = el("input", { type: "password", autocomplete: "off", id: "token", spellcheck: "false" });
  const name = el("input", { type: "text", autocomplete: "username", id: "name" });
  const password = el("input", { type: "password", autocomplete: "current-password", id: "password" });
  const failed = el("div", { class: "outcome bad", role: "alert", hidden: true });
  const enter = el("button", { class: "primary", type: "submit" }, t("login.enter"));

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    enter.disabled = true;
    const typed = token.value.trim().replace(/^.*#token=/, "");
    try {
      await question("/api/login", typed ? { token: typed } : { name: name.value, password: password.value });
      app.session = await session();
      await app.refresh();
      location.hash = back ? `#/${back}` : "#/run";
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      show(failed, true);
      fill(failed, error.message);
      enter.disabled = false;
    }
  };

  const form = el("form", { class: "stack", on: { submit } },
    el("label", { for: "token" }, t("login.token"), token),
    el("p", { class: "muted small" }, t("login.where")),
    el("details", null, el("summary", null, t("login.named")),
      el("div", { class: "stack" },
        el("label", { for: "name" }, t("login.name"), name),
        el("label", { for: "password" }, t("login.password"), password))),
    enter, failed);
  const node = el("section", { class: "panel narrow" }, el("div", { class: "inside" }, el("h1", null, t("login.title")), el("br", null), form));
  return { node, title: t("login.title") };
}
