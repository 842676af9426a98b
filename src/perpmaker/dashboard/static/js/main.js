// The page begins here: the token in the address, the session, then one page per address behind the #.
//
// Rules kept here:
// 1. A token that came in the address is taken out of it before anything else is done.
// 2. A page is made when its address is gone to, and closed when it is left; what was going on in it stops.
import { question, session } from "./api.js";
import { App } from "./app.js";
import { fill } from "./dom.js";
import { t } from "./i18n.js";
import { controlPage } from "./pages/control.js";
import { comparePage } from "./pages/compare.js";
import { loginPage } from "./pages/login.js";
import { runPage } from "./pages/run.js";
import { runsPage } from "./pages/runs.js";
import { startPage } from "./pages/start.js";
import { whatIfPage } from "./pages/what_if.js";
import { Shell } from "./shell.js";

/** @typedef {{node: HTMLElement, title: string, close?: () => void}} Page */
/** @typedef {(app: App, argument: string) => Page} Maker */

/** @type {Record<string, Maker>} */
const PAGES = {
  "run": runPage, "runs": runsPage, "compare": comparePage, "what-if": whatIfPage, "control": controlPage,
  "start": startPage, "login": loginPage,
};

const app = new App();
const place = /** @type {HTMLElement} */ (document.getElementById("page"));
const shell = new Shell(app, () => go());
/** @type {Page | null} */
let current = null;

/** @returns {string | null} the token of the address, which is then no longer in it */
function takeToken() {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (!found) return null;
  history.replaceState(null, "", location.pathname);
  return decodeURIComponent(found[1] ?? "");
}

function go() {
  const [, name = "", ...rest] = location.hash.split("/");
  const isKnown = Object.hasOwn(PAGES, name) && (name === "login" || app.session !== null);
  const wanted = isKnown ? name : app.session ? "run" : "login";
  const argument = decodeURIComponent((isKnown ? rest : wanted === "login" ? [name, ...rest] : []).join("/"));
  current?.close?.();
  current = /** @type {Maker} */ (PAGES[wanted])(app, argument);
  fill(place, current.node);
  document.title = `${current.title} · perpmaker`;
  shell.draw(wanted);
}

async function begin() {
  const token = takeToken();
  try {
    if (token) await question("/api/login", { token });
    app.session = await session();
  } catch (error) {
    if (!token) throw error;
    app.session = null; // the token is wrong or old: the login page asks for another
  }
  if (app.session) await app.refresh();
  window.addEventListener("hashchange", go);
  go();
}

begin().catch((error) => fill(place, t("error.begin", { what: String(error.message ?? error) })));
