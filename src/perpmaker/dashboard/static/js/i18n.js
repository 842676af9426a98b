// The page's words in the language that was chosen.
//
// Rules kept here:
// 1. `t` is the page's own text, by key. `word` is a word of the program (a phase, a reason): English as it came,
//    in Chinese by the tables of i18n/words.zh.js. One without a translation is shown as it came, never hidden.
// 2. Amounts, symbols and the journal's sentences are not translated.
import en from "./i18n/en.js";
import zh from "./i18n/zh.js";
import sentences from "./i18n/sentences.zh.js";
import words from "./i18n/words.zh.js";
import { remember } from "./preferences.js";

/** @typedef {keyof typeof en} Key */
/** @typedef {keyof typeof words} Table */

/** @type {Record<string, Record<string, string>>} */
const languages = { en, zh };
/** @type {[RegExp, string][] | null} */
let patterns = null;

export function language() {
  return document.documentElement.lang === "zh" ? "zh" : "en";
}

/** @param {string} wanted */
export function setLanguage(wanted) {
  remember("language", wanted);
  document.documentElement.lang = wanted;
}

/**
 * @param {Key} key
 * @param {Record<string, string | number>} [values] for the places in braces
 */
export function t(key, values = {}) {
  const text = languages[language()]?.[key] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? String(values[name]) : all));
}

/**
 * @param {Table} table
 * @param {string | null | undefined} said
 */
export function word(table, said) {
  if (!said) return "";
  if (language() === "en") return said;
  const known = /** @type {Record<string, string>} */ (words[table]);
  return Object.hasOwn(known, said) ? known[said] ?? said : said;
}

/**
 * A sentence of the advisor: its pattern's translation around the same figures, or itself.
 * @param {string} said
 */
export function sentence(said) {
  if (language() === "en") return said;
  patterns ??= sentences.map(([pattern = "", wording = ""]) => [compiled(pattern), wording]);
  for (const [pattern, wording] of patterns) {
    const found = pattern.exec(said);
    if (found) return wording.replace(/\{(\d)\}/g, (_, n) => span(found[Number(n)] ?? ""));
  }
  return said;
}

/**
 * Places in braces stand for anything, in their order.
 * @param {string} pattern
 */
function compiled(pattern) {
  const literal = pattern.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  return new RegExp(`^${literal.replace(/\{\d\}/g, "(.+?)")}$`);
}

/**
 * A length of time inside a sentence: "2.5 hours".
 * @param {string} text
 */
function span(text) {
  const found = /^([\d.,]+) (days|hours|minutes|seconds)$/.exec(text);
  return found ? `${found[1]} ${word("unit", found[2])}` : text;
}
