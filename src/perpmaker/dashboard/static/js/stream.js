// The websocket of one run: kept open, resumed where it broke.
//
// Rules kept here:
// 1. A break is shown from its first second, with the time since when. Nothing is made up meanwhile.
// 2. Asking again waits longer each time, five seconds at most; at once when the page is looked at or the network is back.
// 3. A refused handshake says nothing of why: the session and the list of runs are asked, and tell.
import { ApiError, get, session } from "./api.js";

/** @typedef {"connecting" | "open" | "lost" | "over" | "ended" | "logged out"} Condition */

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 5_000;
/** A run speaks four times a second: after so long without a word, what is shown is old. */
const SILENCE_MS = 10_000;
/** A dashboard that was started again finds the runs that go on within this. */
const FOUND_WITHIN_MS = 15_000;

export class Stream {
  /**
   * @param {import("./run_state.js").RunState} state
   * @param {() => void} onNews
   * @param {boolean} isRunning known to be running: otherwise that is asked first, since a refusal is an error to the browser
   */
  constructor(state, onNews, isRunning) {
    this.state = state;
    this.onNews = onNews;
    /** @type {Condition} */
    this.condition = "connecting";
    /** @type {Date | null} */
    this.lostSince = null;
    this.heardAt = performance.now();
    this.waitMs = FIRST_WAIT_MS;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.isClosed = false;
    this.hurry = () => {
      if (document.visibilityState === "visible" && this.condition === "lost" && !this.socket) this.open();
    };
    document.addEventListener("visibilitychange", this.hurry);
    window.addEventListener("online", this.hurry);
    if (isRunning) this.open();
    else void this.askWhy();
  }

  /** Whether what is shown may be old, and since when it is. */
  get silentMs() {
    const silence = performance.now() - this.heardAt;
    return this.condition === "open" && silence > SILENCE_MS ? silence : 0;
  }

  open() {
    clearTimeout(this.timer);
    const address = new URL(`/api/runs/${encodeURIComponent(this.state.runId)}/stream`, location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.search = this.state.resumeQuery();
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.onmessage = (event) => this.hear(event.data);
    socket.onclose = () => this.socket === socket && this.closed();
  }

  /** @param {string} text */
  hear(text) {
    this.heardAt = performance.now();
    this.waitMs = FIRST_WAIT_MS;
    this.lostSince = null;
    this.state.apply(JSON.parse(text));
    this.condition = this.state.isOver ? "over" : "open";
    this.onNews();
  }

  closed() {
    this.socket = null;
    if (this.isClosed || this.state.isOver) return;
    this.lostSince ??= new Date();
    this.condition = "lost";
    this.onNews();
    this.timer = setTimeout(() => this.askWhy(), this.waitMs);
    this.waitMs = Math.min(LONGEST_WAIT_MS, this.waitMs * 2) * (0.9 + Math.random() / 5);
  }

  async askWhy() {
    try {
      const who = await session();
      if (this.isClosed || this.socket) return;
      if (who === null) return this.settle("logged out");
      const { running } = /** @type {RunList} */ (await get("/api/runs"));
      if (this.isClosed || this.socket) return;
      if (!running.some(({ about }) => about.run_id === this.state.runId)) return this.retryOrEnd();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.closed();
    }
    this.open();
  }

  retryOrEnd() {
    const gone = this.lostSince ? Date.now() - this.lostSince.getTime() : 0;
    if (gone > FOUND_WITHIN_MS || this.state.view === null) this.settle("ended");
    else this.closed();
  }

  /** @param {Condition} condition */
  settle(condition) {
    this.condition = condition;
    this.onNews();
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.hurry);
    window.removeEventListener("online", this.hurry);
    this.socket?.close();
  }
}
