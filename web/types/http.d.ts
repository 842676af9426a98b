// What the dashboard's HTTP answers hold, beside the views of runs (wire.d.ts).

interface Session { name: string; role: "trader" | "viewer"; can_start_live: boolean; version: string; journal: string; }
interface RunningRun { about: About; view: RunView | null; }
interface PastRun {
  run_id: string; run_no?: number; exchange: string; symbol: string; mode: string; started_at_ns: number;
  ended_at_ns: number | null; end_reason: string | null; net: string | null; fees: string | null;
  funding: string | null; fills: number | null; volume: string | null; position: string | null;
  settings: Record<string, string>;
}
interface RunList { running: RunningRun[]; past: PastRun[]; }
interface Outcome { is_done: boolean; text: string; }
interface Rung { side: string; level: number; price: string; quantity: string; why_not: string | null; }
interface LadderAt { position: string; shift: number; levels: Rung[]; }
interface Finding { key: string; harm: string; setting: string; what: string; why: string; better: string; }
interface Advice {
  symbol: string; price: string; data: string | null; ladders: LadderAt[]; settings: Record<string, string>;
  expected: { name: string; value: string; how: string }[]; findings: Finding[];
}
interface WhatIf { advice: Advice | null; changed: Record<string, [string, string]>; refused: string | null; assumed: string | null; }
interface Field {
  name: string; panel: string; help: string; unit: string | null; default: string | null; choices: string[] | null;
  kind: string;
}
interface StartForm {
  exchanges: string[]; fields: Field[]; presets: Record<string, Record<string, string>>; can_start_live: boolean;
}
interface ComparedRow { name: string; values: string[]; }
interface Comparison {
  names: string[]; runs: ComparedRow[]; settings: ComparedRow[]; equal_settings: number; figures: ComparedRow[];
  terms: ComparedRow[];
}
