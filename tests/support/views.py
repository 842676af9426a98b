"""A run as it looks at one moment, for tests of whatever shows it."""

from typing import Any

import msgspec

from perpmaker.monitor.view import (
    About,
    Book,
    Budget,
    Counts,
    Health,
    Latency,
    Level,
    Position,
    Profit,
    RunView,
    Skew,
)

AT_NS = 1_790_000_000_000_000_000
NO_LATENCY = Latency(count=0, p50_ms=None, p99_ms=None, max_ms=None)

SEEN = RunView(
    revision=7,
    at_ns=AT_NS,
    about=About(
        run_id="3f2a", exchange="backpack", symbol="SOL_USDC_PERP", market=None, mode="paper", base="SOL", quote="USDC",
        tick_size="0.01", lot_size="0.01", started_at_ns=AT_NS - 60 * 10**9, ends_at_ns=None, version="1.2.3",
        fleet_id=None,
    ),
    phase="quoting",
    is_paused=False,
    end_reason=None,
    is_over=False,
    settings={"spread": "0.0003", "max_drawdown": "25", "max_loss": "0", "max_daily_loss": "0"},
    bid="141.25",
    ask="141.26",
    mark="141.2551",
    book=Book(bids=[("141.25", "3")], asks=[("141.26", "4")]),
    levels=[
        Level(side="buy", level=1, price="141.20", quantity="0.1", state="resting", queue_ahead="2.5", why=None),
        Level(side="buy", level=2, price=None, quantity=None, state=None, queue_ahead=None, why="at cap"),
        Level(side="sell", level=1, price="141.30", quantity="0.1", state="on its way", queue_ahead=None, why=None),
        Level(side="sell", level=2, price="141.34", quantity="0.1", state="resting", queue_ahead=None, why=None),
    ],
    position=Position(
        quantity="-0.3", target="0", threshold="0.1", cap="1", entry_price="141.9", capped_side=None
    ),
    skew=Skew(mode="shift", strength="0.5", reference="141.255", reservation="141.24", ticks="-1.5"),
    profit=Profit(
        equity_start="10000", equity="10000.123456789", net="0.123456789", realized="0.1", unrealized="0.19",
        fees="-0.166543211", funding="0", max_drawdown="0.04", terms={"spread": "0.2", "maker_fees": "-0.076543211"},
    ),
    health=Health(
        book_age_ms=12.5, decision=NO_LATENCY, wire=NO_LATENCY, messages=1000, requests=40,
        rejects={"post-only would cross": 2}, rate_headroom=0.9, clock_offset_ms=-3.25, reconciled_at_ns=AT_NS - 10**9,
        corrections=0, is_account_up=True, blind_for=[], counts={"requests: place": 25, "requests: cancel": 15},
    ),
    counts=Counts(
        fills=3, buys=1, sells=2, orders_placed=50, orders_cancelled=45, orders_rejected=2, stops=0, takes=0,
        volume="42.5",
    ),
)  # fmt: skip
"""A run on paper that is short, with one level at the cap."""

BUDGETS = [Budget(name="notional", used="120.5", limit="500")]


def seen(**changes: Any) -> RunView:
    """`SEEN` with other fields; those within a part are named ``part__field``."""
    whole = SEEN
    for name, value in changes.items():
        part, _, inner = name.partition("__")
        new = msgspec.structs.replace(getattr(whole, part), **{inner: value}) if inner else value
        whole = msgspec.structs.replace(whole, **{part: new})
    return whole
