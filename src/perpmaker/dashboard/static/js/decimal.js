// Exact decimal text: compared and added without a float in between. Only drawing takes `approximate`.

/** @typedef {{units: bigint, scale: number}} Decimal */

/**
 * @param {string} text such as "-0.10"
 * @returns {Decimal | null} null for what is no decimal number
 */
export function parse(text) {
  const found = /^([+-]?)(\d+)(?:\.(\d+))?$/.exec(text.trim());
  if (!found) return null;
  const [, sign, whole = "0", part = ""] = found;
  const units = BigInt(whole + part);
  return { units: sign === "-" ? -units : units, scale: part.length };
}

/**
 * The sum of decimal texts, with as many decimals as the longest; null where one is no number.
 * @param {Iterable<string>} texts
 */
export function sum(texts) {
  let units = 0n;
  let scale = 0;
  for (const text of texts) {
    const one = parse(text);
    if (!one) return null;
    if (one.scale > scale) {
      units *= 10n ** BigInt(one.scale - scale);
      scale = one.scale;
    }
    units += one.units * 10n ** BigInt(scale - one.scale);
  }
  return written(units, scale);
}

/**
 * -1, 0 or 1; 0 also for what is no number.
 * @param {string | null | undefined} text
 */
export function sign(text) {
  const units = text ? parse(text)?.units ?? 0n : 0n;
  return units > 0n ? 1 : units < 0n ? -1 : 0;
}

/**
 * Below zero where `a` is the smaller.
 * @param {string} a
 * @param {string} b
 */
export function compare(a, b) {
  const difference = sum([a, negated(b)]);
  return difference === null ? 0 : sign(difference);
}

/** @param {string} text */
export function negated(text) {
  if (text.startsWith("-")) return text.slice(1);
  return `-${text.replace(/^\+/, "")}`;
}

/**
 * For drawing: never for text that is shown.
 * @param {string | null | undefined} text
 */
export function approximate(text) {
  return text ? Number(text) : NaN;
}

/**
 * @param {bigint} units
 * @param {number} scale
 */
function written(units, scale) {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const text = scale ? `${whole}.${digits.slice(digits.length - scale)}` : whole;
  return units < 0n ? `-${text}` : text;
}
