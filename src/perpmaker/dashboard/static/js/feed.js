// One run that is watched: what is known of it, and the stream that brings it.
import { soon } from "./drawing.js";
import { RunState } from "./run_state.js";
import { Stream } from "./stream.js";

export class Feed {
  /**
   * @param {string} runId
   * @param {boolean} isRunning
   */
  constructor(runId, isRunning) {
    this.runId = runId;
    this.state = new RunState(runId);
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    this.stream = new Stream(this.state, () => this.told(), isRunning);
  }

  /** What is shown may be old. */
  get isStale() {
    return this.stream.condition !== "open" || this.stream.silentMs > 0;
  }

  told() {
    for (const listener of this.listeners) soon(listener);
  }

  /**
   * Drawn with the next frame, and after every message.
   * @param {() => void} draw
   * @returns {() => void} how to stop it
   */
  watch(draw) {
    this.listeners.add(draw);
    soon(draw);
    return () => this.listeners.delete(draw);
  }

  close() {
    this.listeners.clear();
    this.stream.close();
  }
}
