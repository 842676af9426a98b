// What the dashboard sends to the page, as `perpmaker.monitor.view` declares it. tests/dashboard/test_page_files.py
// compares the names, so that a field which is renamed there is missed here.

interface About {
  run_id: string; exchange: string; symbol: string; market: string | null; mode: string; base: string; quote: string;
  tick_size: string; lot_size: string; started_at_ns: number; ends_at_ns: number | null; version: string;
  fleet_id: string | null;
}
interface Level {
  side: string; level: number; price: string | null; quantity: string | null; state: string | null;
  queue_ahead: string | null; why: string | null;
}
interface Book { bids: [string, string][]; asks: [string, string][]; }
interface Position {
  quantity: string; target: string; threshold: string; cap: string; entry_price: string | null;
  capped_side: string | null;
}
interface Skew { mode: string; strength: string; reference: string | null; reservation: string | null; ticks: string; }
interface Profit {
  equity_start: string; equity: string; net: string; realized: string; unrealized: string; fees: string;
  funding: string; max_drawdown: string; terms: Record<string, string>;
}
interface Latency { count: number; p50_ms: number | null; p99_ms: number | null; max_ms: number | null; }
interface Health {
  book_age_ms: number | null; decision: Latency; wire: Latency; messages: number; requests: number;
  rejects: Record<string, number>; rate_headroom: number | null; clock_offset_ms: number | null;
  reconciled_at_ns: number | null; corrections: number; is_account_up: boolean; blind_for: string[];
  counts: Record<string, number>;
}
interface Counts {
  fills: number; buys: number; sells: number; orders_placed: number; orders_cancelled: number;
  orders_rejected: number; stops: number; takes: number; volume: string;
}
interface Budget { name: string; used: string; limit: string; }
interface RunView {
  revision: number; at_ns: number; about: About; phase: string; is_paused: boolean; end_reason: string | null;
  is_over: boolean; settings: Record<string, string>; bid: string | null; ask: string | null; mark: string | null;
  book: Book | null; levels: Level[]; position: Position; skew: Skew; profit: Profit; health: Health; counts: Counts;
  budgets: Budget[]; budget_step: string | null;
}
interface Item {
  seq: number; at_ns: number; kind: string; text: string; severity?: string; side?: string | null;
  price?: string | null; quantity?: string | null; fee?: string | null; is_maker?: boolean | null;
}
/** [at_ns, mid, mark, bids, asks, position, net] */
type Sample = [number, string | null, string | null, string[], string[], string, string];
interface Hello { type: "hello"; view: RunView; items: Item[]; samples: Sample[]; first_seq: number; }
interface News { type: "news"; view?: RunView | null; items?: Item[]; samples?: Sample[]; }
interface Over { type: "over"; }
type FromRun = Hello | News | Over;
