// What all pages share: who is logged in, which runs there are, which one is looked at.
//
// Rules kept here:
// 1. One run is watched at a time, over one websocket, whichever page is open: going from page to page loses nothing.
// 2. What a role may not do is not offered. The server checks it again; this is courtesy, not protection.
import { ApiError, get } from "./api.js";
import { Feed } from "./feed.js";

const ASK_EVERY_MS = 5_000;
const LOOK_EVERY_MS = 300;
const FOUND_WITHIN_MS = 20_000;

export class App {
  constructor() {
    /** @type {Session | null} */
    this.session = null;
    /** @type {RunList} */
    this.runs = { running: [], past: [] };
    /** @type {Feed | null} */
    this.feed = null;
    /** @type {StartForm | null} */
    this.form = null;
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    setInterval(() => this.session && !document.hidden && void this.refresh(), ASK_EVERY_MS);
  }

  get isTrader() {
    return this.session?.role === "trader";
  }

  /**
   * Told when the list of runs is new.
   * @param {() => void} listener
   * @returns {() => void} how to stop it
   */
  watch(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Ask for the list of runs. A failure changes nothing: the stream of the run shows that the connection is lost. */
  async refresh() {
    try {
      this.runs = await get("/api/runs");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) this.loggedOut();
      return;
    }
    for (const listener of this.listeners) listener();
  }

  /**
   * A run that was just started is found within a moment; who waits longer than that goes on without.
   * @param {string} runId
   */
  async untilRunning(runId) {
    const until = performance.now() + FOUND_WITHIN_MS;
    do {
      await this.refresh();
      if (this.isRunning(runId)) return;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    } while (performance.now() < until);
  }

  /** @returns {Promise<StartForm>} asked for once */
  async startForm() {
    this.form ??= /** @type {StartForm} */ (await get("/api/start/form"));
    return this.form;
  }

  /**
   * Watch a run; the one that is watched already goes on.
   * @param {string} runId
   * @returns {Feed}
   */
  look(runId) {
    const isSettled = this.feed?.stream.condition === "logged out" || this.feed?.stream.condition === "ended";
    if (this.feed?.runId === runId && !isSettled) return this.feed;
    this.feed?.close();
    this.feed = new Feed(runId, this.isRunning(runId));
    return this.feed;
  }

  /** @param {string} runId */
  isRunning(runId) {
    return this.runs.running.some(({ about }) => about.run_id === runId);
  }

  /** The run to show where none was named: the one that is watched, else the newest that runs. */
  chosen() {
    if (this.feed) return this.feed.runId;
    const newest = [...this.runs.running].sort((a, b) => b.about.started_at_ns - a.about.started_at_ns)[0];
    return newest?.about.run_id ?? null;
  }

  loggedOut() {
    if (this.session === null) return;
    this.session = null;
    this.feed?.close();
    this.feed = null;
    this.runs = { running: [], past: [] };
    if (!location.hash.startsWith("#/login")) location.hash = `#/login${location.hash.slice(1)}`;
  }
}
