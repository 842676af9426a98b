// Everything that a page knows of one run: the newest view, the log, the points of the charts. Fed by messages.
//
// Rules kept here:
// 1. An item or a point that is known already is not taken again: after a break the server may send more than is new.
// 2. What is kept is bounded; the oldest goes first.
const MOST_ITEMS = 5_000;
const MOST_SAMPLES = 14_400;

export class RunState {
  /** @param {string} runId */
  constructor(runId) {
    this.runId = runId;
    /** @type {RunView | null} */
    this.view = null;
    /** @type {Item[]} */
    this.items = [];
    /** @type {Sample[]} */
    this.samples = [];
    this.lastSeq = 0;
    this.isOver = false;
    /** Grows with each change of the log, of the points, and of what was thrown away: who draws them compares. */
    this.itemsVersion = 0;
    this.samplesVersion = 0;
  }

  /** @param {FromRun} message */
  apply(message) {
    if (message.type === "over") {
      this.isOver = true;
      return;
    }
    if (message.view && (this.view === null || message.view.revision >= this.view.revision)) this.view = message.view;
    this.addItems(message.items ?? []);
    this.addSamples(message.samples ?? []);
    if (this.view?.is_over) this.isOver = true;
  }

  /** What the server is to begin after. */
  resumeQuery() {
    if (this.view === null) return "";
    const newest = this.samples.at(-1)?.[0] ?? 0;
    return `?since=${this.lastSeq}&samples_since=${newest}`;
  }

  /** @param {Item[]} items */
  addItems(items) {
    const fresh = items.filter((item) => item.seq > this.lastSeq);
    if (!fresh.length) return;
    this.items.push(...fresh);
    this.lastSeq = /** @type {Item} */ (fresh.at(-1)).seq;
    if (this.items.length > MOST_ITEMS) this.items.splice(0, this.items.length - MOST_ITEMS);
    this.itemsVersion += 1;
  }

  /** @param {Sample[]} samples */
  addSamples(samples) {
    const newest = this.samples.at(-1)?.[0] ?? 0;
    const fresh = samples.filter((sample) => sample[0] > newest);
    if (!fresh.length) return;
    this.samples.push(...fresh);
    if (this.samples.length > MOST_SAMPLES) this.samples.splice(0, this.samples.length - MOST_SAMPLES);
    this.samplesVersion += 1;
  }

  /** @returns {Item[]} */
  fills() {
    return this.items.filter((item) => item.kind === "fill");
  }
}
