// What a slider of a setting means: from its place, 0 to 1, to the text that is typed, and back.
//
// Rules kept here:
// 1. The text decides. A slider writes text of a few digits into the field; a text that is beyond the slider's ends stays.
// 2. Spread and cap go by factors, since 1 and 2 bp differ as 100 and 200 do; the others go evenly.

/** @typedef {(name: string) => number} Read the number of another field, NaN where there is none */
/** @typedef {{to: (place: number, read: Read, step: number) => string, from: (value: number, read: Read) => number}} Slider */

const LEAST_SPREAD = 0.00005;
const MOST_SPREAD = 0.05;
const MOST_LEVELS = 10;
const MOST_SECONDS = 300;

/** @type {Record<string, Slider>} */
export const SLIDERS = {
  spread: byFactor(() => LEAST_SPREAD, () => MOST_SPREAD, (value) => `${digits(value * 10_000, 2)}bp`),
  inventory_skew: evenly(() => 0, () => 1, (value) => String(Math.round(value * 20) / 20)),
  position_threshold: evenly(() => 0, (read) => read("max_position"), size),
  max_position: byFactor((read) => read("quantity"), (read) => 100 * read("quantity"), size),
  target_position: evenly(() => 0, (read) => read("max_position"), size),
  max_orders: evenly(() => 1, () => MOST_LEVELS, (value) => String(Math.round(value))),
  interval: byFactor(() => 1, () => MOST_SECONDS, (value) => digits(value, 2)),
};

/**
 * The number of a typed setting: 0.0005, 0.05% and 5bp are the same.
 * @param {string} text
 */
export function numberOf(text) {
  const found = /^\s*([+-]?[\d.]+)\s*(%|bp|bps)?\s*$/.exec(text);
  if (!found) return NaN;
  const value = Number(found[1]);
  return found[2] === "%" ? value / 100 : found[2] ? value / 10_000 : value;
}

/** @typedef {(read: Read) => number} End */
/** @typedef {(value: number, step: number) => string} Write */

/**
 * @param {End} low
 * @param {End} high
 * @param {Write} write
 * @returns {Slider}
 */
function evenly(low, high, write) {
  return {
    to: (place, read, step) => write(low(read) + place * (high(read) - low(read)), step),
    from: (value, read) => (value - low(read)) / (high(read) - low(read)),
  };
}

/**
 * @param {End} low
 * @param {End} high
 * @param {Write} write
 * @returns {Slider}
 */
function byFactor(low, high, write) {
  return {
    to: (place, read, step) => write(low(read) * (high(read) / low(read)) ** place, step),
    from: (value, read) => Math.log(value / low(read)) / Math.log(high(read) / low(read)),
  };
}

/**
 * A size in whole lots.
 * @param {number} value
 * @param {number} step the lot, 0 where it is not known
 */
function size(value, step) {
  if (!step) return digits(value, 3);
  const decimals = Math.max(0, Math.ceil(-Math.log10(step)));
  return String(Number((Math.round(value / step) * step).toFixed(decimals)));
}

/**
 * @param {number} value
 * @param {number} count
 */
function digits(value, count) {
  return String(Number(value.toPrecision(count)));
}
