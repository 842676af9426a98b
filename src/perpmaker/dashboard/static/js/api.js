// Requests to the dashboard's server.
//
// Rules kept here:
// 1. Every change fetches a one-time token first and sends it along. A change is never repeated by itself.
// 2. A failure is one sentence: the server's own, or what broke the connection.

export class ApiError extends Error {
  /**
   * @param {number} status 0 where there was no answer
   * @param {string} sentence
   */
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

const PATIENCE_MS = 15_000;

/**
 * @param {string} path
 * @param {RequestInit} [how]
 * @returns {Promise<any>}
 */
async function ask(path, how = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...how, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    throw new ApiError(0, error instanceof DOMException && error.name === "TimeoutError" ? "no answer" : "no connection");
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiError(answer.status, sentence(body) ?? `${answer.status} ${answer.statusText}`);
  return body;
}

/** @param {unknown} body */
function sentence(body) {
  const said = /** @type {{error?: unknown} | null} */ (body)?.error;
  return typeof said === "string" ? said : null;
}

/** @param {string} path */
export function get(path) {
  return ask(path);
}

/**
 * A question that changes nothing, or the login: no one-time token.
 * @param {string} path
 * @param {object} body
 */
export function question(path, body) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

/**
 * @param {string} path
 * @param {object} body
 */
export async function change(path, body) {
  const { csrf } = await get("/api/csrf");
  return ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify(body),
  });
}

/** @returns {Promise<Session | null>} null for who is not logged in */
export async function session() {
  try {
    return await get("/api/session");
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}
