// Runs side by side: what was set differently, and what came of it.
import { ApiError, get } from "../api.js";
import { el, fill } from "../dom.js";
import { signed, tone } from "../format.js";
import { t } from "../i18n.js";
import { panel } from "../panels/panel.js";
import { termName } from "../panels/profit.js";

/**
 * @param {import("../app.js").App} app
 * @param {string} argument the runs' ids, with commas between
 * @returns {import("../main.js").Page}
 */
export function comparePage(app, argument) {
  const body = el("div", null, el("p", { class: "muted" }, t("loading")));
  const node = el("div", null, el("p", null, el("a", { href: "#/runs" }, t("compare.back"))), body);
  const ids = argument.split(",").map(encodeURIComponent).join(",");
  get(`/api/compare?runs=${ids}`).then(
    (found) => fill(body, ...sections(found)),
    (error) => {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) app.loggedOut();
      fill(body, el("div", { class: "outcome bad" }, error.message));
    },
  );
  return { node, title: t("compare.title") };
}

/** @param {Comparison} found */
function sections(found) {
  const { names } = found;
  return [
    section(t("compare.settings"), names, found.settings, t("compare.equal", { count: found.equal_settings })),
    section(t("compare.figures"), names, found.figures, ""),
    section(t("compare.terms"), names, found.terms.map((row) => ({ ...row, name: termName(row.name) })), ""),
    section(t("compare.runs"), names, found.runs, ""),
  ];
}

/**
 * @param {string} title
 * @param {string[]} names
 * @param {ComparedRow[]} rows
 * @param {string} below
 */
function section(title, names, rows, below) {
  const head = el("tr", null, el("th", null, ""), ...names.map((name) => el("th", { class: "right" }, name)));
  const table = el("table", null, el("thead", null, head), el("tbody", null, ...rows.map(line)));
  const inside = [rows.length ? el("div", { class: "scroll" }, table) : el("p", { class: "muted inside" }, t("compare.none"))];
  if (below) inside.push(el("p", { class: "muted small inside" }, below));
  return el("div", { class: "section" }, panel(null, title, inside, { isFlush: true }));
}

/** @param {ComparedRow} row */
function line(row) {
  const differs = new Set(row.values).size > 1;
  return el("tr", { class: differs ? "differs" : "" }, el("td", null, row.name), ...row.values.map((value) => {
    const isAmount = /^[+-]\d/.test(value);
    return el("td", { class: `num right ${isAmount ? tone(value.replace(/[ ,].*$/, "")) : ""}` }, isAmount ? signed(value) : value);
  }));
}
