// Asks the advisor after every change, a moment later, and shows only the newest answer.
import { ApiError, question } from "./api.js";

const MOMENT_MS = 180;

export class AdvisorAsks {
  /**
   * @param {import("./app.js").App} app
   * @param {() => object} what to ask
   * @param {(answer: WhatIf) => void} answered
   * @param {(said: string) => void} failed
   */
  constructor(app, what, answered, failed) {
    this.app = app;
    this.what = what;
    this.answered = answered;
    this.failed = failed;
    this.number = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.now(), MOMENT_MS);
  }

  async now() {
    const number = ++this.number;
    try {
      const answer = await question("/api/what-if", this.what());
      if (number === this.number) this.answered(answer);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) this.app.loggedOut();
      if (number === this.number) this.failed(error.message);
    }
  }

  close() {
    clearTimeout(this.timer);
    this.number += 1;
  }
}
