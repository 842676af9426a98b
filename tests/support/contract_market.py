"""The market of the venue contract: an hour of a SOL_USDC_PERP that never goes anywhere, made by hand.

The best bid is 100.00, the best ask 100.02, with ten levels of 50 lots a side. Sizes change all the time, now at the
touch, now deeper. Every ten seconds a trade on each side prints ten ticks away from the touch: whatever rests within
ten ticks is filled by then, whatever rests farther away stays. The mark is near the middle: one of `MARKS`.
"""

from collections.abc import Iterator
from decimal import Decimal

import numpy as np

from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import market_events as m
from perpmaker.simulation.market_events import MarketChunk

INSTRUMENT = Instrument("SOL_USDC_PERP", "SOL", "USDC", Decimal("0.01"), Decimal("0.01"), Decimal("0.05"))
BID_TICKS, ASK_TICKS = 10_000, 10_002
MARKS = (10_001_000, 10_001_100)
"""Milliticks; one and the other, for five seconds each."""
SWEEP_TICKS = 10
"""How far from the touch the trades print that fill what rests nearer."""

_STEP_NS = 200_000_000
_STEPS = 5 * 3_600
_SWEEP_EVERY = 50
_MARK_EVERY = 25
_LEVELS = 10


class ContractMarket:
    """A `MarketFeed`."""

    instrument = INSTRUMENT

    def chunks(self) -> Iterator[MarketChunk]:
        ts, kind, price, lots = np.array([*_opening(), *_steps()], np.int64).T
        yield MarketChunk(ts, kind.astype(np.uint8), price, lots)


def _opening() -> list[tuple[int, int, int, int]]:
    rows = [(0, m.CLEAR_BIDS | m.MORE, 0, 0), (0, m.CLEAR_ASKS | m.MORE, 2**62, 0)]
    rows += [(0, m.BID | m.MORE, BID_TICKS - level, 50) for level in range(_LEVELS)]
    rows += [(0, m.ASK | m.MORE, ASK_TICKS + level, 50) for level in range(_LEVELS)]
    ts, kind, price, lots = rows[-1]
    return [*rows[:-1], (ts, kind & m.KIND_MASK, price, lots), (0, m.MARK, MARKS[0], 0)]


def _steps() -> Iterator[tuple[int, int, int, int]]:
    for step in range(1, _STEPS):
        at_ns = step * _STEP_NS
        level, lots = step % 4, 40 + step % 20
        yield at_ns, m.BID | m.MORE, BID_TICKS - level, lots
        yield at_ns, m.ASK, ASK_TICKS + level, lots
        if step % _MARK_EVERY == 0:
            yield at_ns, m.MARK, MARKS[step // _MARK_EVERY % 2], 0
        if step % _SWEEP_EVERY == 0:
            yield at_ns, m.SELL_TRADE, BID_TICKS - SWEEP_TICKS, 1
            yield at_ns, m.BUY_TRADE, ASK_TICKS + SWEEP_TICKS, 1
