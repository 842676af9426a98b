"""How often a price this far away is reached: what a trader should know of a spread before using it.

Of bars only those of a minute can say so: an open counts as the minute's first trade, high and low as its extremes.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from perpmaker.simulation.bar_columns import BarColumns
from perpmaker.simulation.market_events import BAR_OPEN, BUY_TRADE, KIND_MASK, SELL_TRADE, MarketChunk

_MINUTE_NS = 60_000_000_000
_MINUTES_PER_HOUR = 60


class Touches(NamedTuple):
    """``per_hour`` counts both sides, 120 at most; ``minutes`` is the sample that it rests on."""

    per_hour: float
    minutes: int


def measure_touches(chunks: Iterable[MarketChunk], distance: Fraction, most_rows: int) -> Touches | None:
    """How often trades reach a price ``distance`` (a fraction) away from a minute's first trade, within that minute.

    Args:
        chunks: market data with trades, or bars; read from its beginning, at most ``most_rows`` rows of it.
        distance: above 0.
        most_rows: where to stop.

    Returns:
        None when not one whole minute with trades was seen, or the bars are of another length.
    """
    minutes: dict[int, tuple[int, int, int]] = {}  # minute -> first, highest, lowest trade, ticks
    rows = 0
    columns, has_bars = BarColumns(), False
    for chunk in chunks:
        if rows >= most_rows:
            break
        rows += len(chunk.kind)
        kinds = chunk.kind & KIND_MASK
        if has_bars or (kinds == BAR_OPEN).any():
            has_bars = True
            columns.add(chunk)
        is_trade = (kinds == BUY_TRADE) | (kinds == SELL_TRADE)
        if not is_trade.any():
            continue
        prices = chunk.price[is_trade]
        of_minute, first_rows = np.unique(chunk.ts_ns[is_trade] // _MINUTE_NS, return_index=True)
        for minute, prices_of_minute in zip(of_minute.tolist(), np.split(prices, first_rows[1:]), strict=True):
            first = int(prices_of_minute[0])
            seen = minutes.get(minute, (first, first, first))
            high, low = int(prices_of_minute.max()), int(prices_of_minute.min())
            minutes[minute] = (seen[0], max(seen[1], high), min(seen[2], low))
    whole = _minutes_of(columns) if has_bars else list(minutes.values())[1:-1]  # first and last minute may be cut
    if not whole:
        return None
    reached = sum((high >= first * (1 + distance)) + (low <= first * (1 - distance)) for first, high, low in whole)
    return Touches(reached * _MINUTES_PER_HOUR / len(whole), len(whole))


def _minutes_of(columns: BarColumns) -> list[tuple[int, int, int]]:
    """First, highest and lowest price of each bar; nothing where bars are not of a minute."""
    bars = columns.bars()
    if bars.length_ns != _MINUTE_NS:
        return []
    return list(zip(bars.open.tolist(), bars.high.tolist(), bars.low.tolist(), strict=True))
