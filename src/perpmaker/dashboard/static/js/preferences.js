// What this browser remembers of its user: theme and language. Works without storage, too: then until the page goes.

/** @type {Map<string, string>} */
const unkept = new Map();

/** @param {string} name */
export function recall(name) {
  try {
    return localStorage.getItem(`perpmaker.${name}`) ?? unkept.get(name) ?? null;
  } catch {
    return unkept.get(name) ?? null;
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
export function remember(name, value) {
  unkept.set(name, value);
  try {
    localStorage.setItem(`perpmaker.${name}`, value);
  } catch {
    // storage is off or full: it is remembered until the page goes
  }
}
