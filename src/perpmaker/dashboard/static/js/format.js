// Numbers and times as people read them.
//
// Rules kept here:
// 1. The digits of an amount are those that came: grouped and signed, never rounded.
// 2. What is not known is a dash, never zero.
// 3. Times are UTC, as in the journal and the reports.
import { sign } from "./decimal.js";

export const UNKNOWN = "–";
const NS_PER_MS = 1e6;
const SHORT = 13;

/**
 * Thousands apart: 12,345.678.
 * @param {string | number | null | undefined} amount
 */
export function grouped(amount) {
  if (amount === null || amount === undefined || amount === "") return UNKNOWN;
  const [whole = "", part] = String(amount).split(".");
  const apart = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return part === undefined ? apart : `${apart}.${part}`;
}

/**
 * The same with a plus where it is above zero.
 * @param {string | null | undefined} amount
 */
export function signed(amount) {
  if (amount === null || amount === undefined) return UNKNOWN;
  return sign(amount) > 0 && !amount.startsWith("+") ? `+${grouped(amount)}` : grouped(amount);
}

/**
 * The class of an amount of money, or of a side.
 * @param {string | null | undefined} amount
 */
export function tone(amount) {
  const way = sign(amount);
  return way > 0 ? "gain" : way < 0 ? "loss" : "";
}

/** @param {number | null | undefined} ns */
export function clock(ns) {
  return ns ? new Date(ns / NS_PER_MS).toISOString().slice(11, 19) : UNKNOWN;
}

/** @param {number | null | undefined} ns */
export function stamp(ns) {
  return ns ? new Date(ns / NS_PER_MS).toISOString().slice(0, 19).replace("T", " ") : UNKNOWN;
}

/**
 * A length of time: 1:02:03.
 * @param {number} seconds
 */
export function elapsed(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined) return UNKNOWN;
  if (ms < 10) return `${Number(ms.toPrecision(2))} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor(ms / 60_000) % 60} min`;
}

/** @param {number | null | undefined} share */
export function percent(share) {
  return share === null || share === undefined ? UNKNOWN : `${Math.round(share * 100)} %`;
}

/**
 * Enough of a run's id to tell it from others.
 * @param {string} runId
 */
export function shortId(runId) {
  return runId.slice(0, SHORT);
}
