"""Times FastMM 0.9.0 over a market; runs in its own environment, ``python play_fastmm.py FOLDER``.

``FOLDER/rows.npz`` is the market, ``FOLDER/job.json`` its tick and lot. Each line of the standard input is an interval
in seconds, 1 or 10: a compiled strategy quotes one level a side around the mid so often. The answer is a line with the
seconds of the run, the events that it has processed and its fills. Compiling comes before.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import fastmm
import numpy as np
from fastmm import Param
from numba import njit

from perpmaker.simulation import market_events as me

SCALE = 10**8
SNAPSHOT, DEPTH, TRADE = 0, 1, 2
BIDS, ASKS = 0, 1


@njit
def requote(self: Any, ctx: Any, book: Any) -> None:
    if not book.valid:
        return
    ctx.clear()
    if ctx.position + self.quantity <= self.cap:
        ctx.bid(book.mid * (1.0 - self.half_spread), self.quantity)
    if ctx.position - self.quantity >= -self.cap:
        ctx.ask(book.mid * (1.0 + self.half_spread), self.quantity)
    ctx.uncross()
    ctx.keep_passive()


class EverySecond(fastmm.Strategy):
    """Quotes around the mid once a second."""

    half_spread = Param(0.0005, doc="distance from the mid, fraction")
    quantity = Param(0.01, doc="size per side")
    cap = Param(0.2, doc="most that is held")

    @fastmm.hot(every="1s")
    def refresh(self, ctx: Any, book: Any) -> None:
        requote(self, ctx, book)


class EveryTenSeconds(fastmm.Strategy):
    """The same, every ten seconds: the period belongs to the class."""

    half_spread = Param(0.0005, doc="distance from the mid, fraction")
    quantity = Param(0.01, doc="size per side")
    cap = Param(0.2, doc="most that is held")

    @fastmm.hot(every="10s")
    def refresh(self, ctx: Any, book: Any) -> None:
        requote(self, ctx, book)


STRATEGIES = {"1": EverySecond, "10": EveryTenSeconds}

CONFIG = """
[engine]
name = "bench"
journal = false
min_requote_ticks = 1
min_requote_interval_ms = 0
post_only = true
supports_replace = false

[venues.sim]
kind = "sim"

[venues.sim.fees]
maker_bps = 2.0
taker_bps = 5.0

[[instruments]]
venue = "sim"
symbol = "SOLUSDC"
base = "SOL"
quote = "USDC"
asset_class = "perp"
tick = "{tick_size}"
lot = "{lot_size}"
min_qty = "{lot_size}"
min_notional = "0"

[risk]
max_order_qty = "100"
max_order_notional = "1000000"
max_position = "100"
max_open_orders = 16
price_collar_bps = 1000
fat_finger_bps = 2000
max_loss = "1000000"

[logging]
level = "error"

[backtest]
fill_model = "l2_queue"
queue_conservatism = 1.0
latency_fixed_us = 10000
latency_jitter_us = 0
equity_bar_s = 3600
initial_capital = 1000000
"""


def columns_of(rows: me.MarketChunk, tick_size: float, lot_size: float) -> dict[str, np.ndarray]:
    """Level changes and trades; the first message is a snapshot, marks and funding are left out."""
    kinds = rows.kind & me.KIND_MASK
    kept = np.isin(kinds, (me.BID, me.ASK, me.BUY_TRADE, me.SELL_TRADE))
    kinds = kinds[kept]
    is_trade = kinds >= me.BUY_TRADE
    types = np.where(is_trade, TRADE, DEPTH).astype(np.uint8)
    types[rows.ts_ns[kept] == rows.ts_ns[0]] = SNAPSHOT
    return {
        "ts": rows.ts_ns[kept],
        "type": types,
        "inst": np.zeros(len(kinds), np.uint32),
        "side": np.where((kinds == me.BID) | (kinds == me.BUY_TRADE), BIDS, ASKS).astype(np.int8),
        "price": rows.price[kept] * round(tick_size * SCALE),
        "qty": rows.lots[kept] * round(lot_size * SCALE),
        "seq": np.zeros(len(kinds), np.uint64),
    }


def main(folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text())
    with np.load(folder / "rows.npz") as columns:
        rows = me.MarketChunk(*(columns[name] for name in me.MarketChunk._fields))
    data = columns_of(rows, float(job["tick_size"]), float(job["lot_size"]))
    few = {name: column[:10_000] for name, column in data.items()}
    config = fastmm.BacktestConfig.from_toml_string(CONFIG.format(**job))
    for strategy in STRATEGIES.values():
        fastmm.run_backtest(config, few, strategy)
    for line in sys.stdin:
        start = time.process_time()
        result = fastmm.run_backtest(config, data, STRATEGIES[line.strip()])
        seconds = time.process_time() - start
        print(seconds, result.md_events, len(result.fills["ts"]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
