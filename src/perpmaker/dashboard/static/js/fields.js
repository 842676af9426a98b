// Settings as fields: a name, what is typed, its unit, and a slider where one helps. Text in, text out.
//
// Rules kept here:
// 1. What is typed is sent as it was typed: only the program judges it.
// 2. What differs from what was there is marked.
import { el, setClass, svg } from "./dom.js";
import { t, word } from "./i18n.js";
import { numberOf, SLIDERS } from "./sliders.js";

const STEPS = 1000;

/** @typedef {HTMLInputElement | HTMLSelectElement} Input */

export class Fields {
  /**
   * @param {Field[]} fields
   * @param {Record<string, string>} values what is there
   * @param {{onChange: () => void, about?: About | undefined, hasSliders?: boolean}} how
   */
  constructor(fields, values, how) {
    this.before = { ...values };
    this.how = how;
    /** @type {Map<string, Input>} */
    this.inputs = new Map();
    /** @type {Map<string, string>} */
    this.defaults = new Map();
    /** @type {Map<string, HTMLInputElement>} */
    this.sliders = new Map();
    this.node = el("div", { class: "fields" });
    /** @type {Map<string, Field[]>} */
    const panels = new Map();
    for (const field of fields) panels.set(field.panel, [...(panels.get(field.panel) ?? []), field]);
    [...panels].forEach(([name, inside], at) => this.node.appendChild(this.group(name, inside, at < 2)));
    this.refresh();
  }

  /**
   * @param {string} name
   * @param {Field[]} fields
   * @param {boolean} isOpen
   */
  group(name, fields, isOpen) {
    return el("details", { open: isOpen }, el("summary", null, word("panel", name)), ...fields.map((field) => this.row(field)));
  }

  /** @param {Field} field */
  row(field) {
    const input = this.input(field);
    this.inputs.set(field.name, input);
    const help = word("help", field.name);
    const isTranslated = help !== field.name;
    const text = isTranslated ? help : field.help;
    const row = el("div", { class: "field" },
      el("label", { class: "name", for: input.id, title: text }, settingName(field.name)),
      input,
      el("span", { class: "unit" }, this.unit(field.unit)));
    if (this.how.hasSliders && Object.hasOwn(SLIDERS, field.name)) row.appendChild(this.slider(field.name));
    return row;
  }

  /**
   * What the command line calls a unit, as it is called beside a field.
   * @param {string | null} name
   */
  unit(name) {
    const { about } = this.how;
    const known = /** @type {Record<string, string>} */ ({
      BASE: about?.base ?? t("unit.base"), QUOTE: about?.quote ?? t("unit.quote"), SECONDS: "s", TIMES: "×", "0..1": "0–1",
    });
    return name !== null && Object.hasOwn(known, name) ? known[name] : "";
  }

  /**
   * @param {Field} field
   * @returns {Input}
   */
  input(field) {
    const value = this.before[field.name] ?? "";
    const on = { input: () => this.typed() };
    const id = `set-${field.name}`;
    const choices = field.choices?.length ? field.choices : field.kind === "bool" ? ["true", "false"] : null;
    if (!choices) {
      this.defaults.set(field.name, field.default ?? "");
      const placeholder = value || field.default;
      const input = el("input", { id, type: "text", inputmode: "text", autocomplete: "off", spellcheck: "false", placeholder, on });
      input.value = value;
      return input;
    }
    const blank = el("option", { value: "" }, field.default ? `(${word("setting", field.default)})` : "");
    const select = el("select", { id, on }, blank, ...choices.map((one) => el("option", { value: one }, word("setting", one))));
    select.value = value;
    return select;
  }

  /** @param {string} name */
  slider(name) {
    const slider = el("input", {
      class: "range", type: "range", min: 0, max: STEPS, "aria-label": settingName(name),
      on: {
        input: () => {
          const wanted = SLIDERS[name]?.to(Number(slider.value) / STEPS, (other) => this.number(other), Number(this.how.about?.lot_size ?? 0));
          const input = this.inputs.get(name);
          if (input && wanted && !wanted.includes("NaN")) input.value = wanted;
          this.typed();
        },
      },
    });
    this.sliders.set(name, slider);
    return slider;
  }

  /** @param {string} name */
  number(name) {
    const input = this.inputs.get(name);
    return numberOf(input?.value || (input instanceof HTMLInputElement ? input.placeholder : "") || "");
  }

  typed() {
    this.refresh();
    this.how.onChange();
  }

  /** Sliders to where the texts are, and what differs marked. */
  refresh() {
    for (const [name, input] of this.inputs) {
      const isOther = input.value !== "" && input.value !== (this.before[name] ?? "");
      setClass(input, isOther ? "changed" : "");
    }
    for (const [name, slider] of this.sliders) {
      if (slider === document.activeElement) continue;
      const place = SLIDERS[name]?.from(this.number(name), (other) => this.number(other)) ?? NaN;
      slider.value = String(Number.isFinite(place) ? Math.round(Math.min(1, Math.max(0, place)) * STEPS) : 0);
    }
  }

  /** All that is filled in. */
  values() {
    return Object.fromEntries([...this.inputs].filter(([, input]) => input.value.trim()).map(([name, input]) => [name, input.value.trim()]));
  }

  /** What differs from what was there; a field that was emptied does not. @returns {Record<string, string>} */
  changed() {
    const differing = [...this.inputs].filter(([name, input]) => input.value.trim() && input.value.trim() !== (this.before[name] ?? ""));
    return Object.fromEntries(differing.map(([name, input]) => [name, input.value.trim()]));
  }

  /**
   * Others in their place; what was typed is gone.
   * @param {Record<string, string>} values
   */
  reset(values) {
    this.before = { ...values };
    for (const [name, input] of this.inputs) {
      input.value = values[name] ?? "";
      if (input instanceof HTMLInputElement) input.placeholder = input.value || (this.defaults.get(name) ?? "");
    }
    this.refresh();
  }
}

/** @param {string} name a flag, with underscores */
export function settingName(name) {
  const said = word("flag", name);
  return said === name ? name.replaceAll("_", " ") : said;
}

/**
 * The settings of a run by the names of the flags.
 * @param {Record<string, string>} settings
 * @returns {Record<string, string>}
 */
export function asFlags(settings) {
  const plain = /** @type {Record<string, string>} */ ({ duration_s: "duration", interval_s: "interval" });
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => {
    const flag = name.replaceAll("-", "_");
    return [plain[flag] ?? flag, value];
  }));
}

/**
 * What was and what is to be, as a table.
 * @param {Record<string, [string, string]>} changed
 */
export function changesTable(changed) {
  const arrow = () => svg("svg", { width: 14, height: 10, viewBox: "0 0 14 10", "aria-label": t("changes.becomes"), role: "img" },
    svg("path", { d: "M1 5h11M8 1l4 4-4 4", fill: "none", stroke: "currentColor", "stroke-width": 1.4 }));
  return el("table", { class: "changes" }, el("tbody", null, ...Object.entries(changed).map(([name, [was, is]]) =>
    el("tr", null, el("td", null, settingName(name)), el("td", { class: "right num muted" }, was || t("changes.unset")),
      el("td", null, arrow()), el("td", { class: "num" }, el("b", null, is || t("changes.unset")))))));
}
