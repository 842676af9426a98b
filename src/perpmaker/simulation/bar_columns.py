"""Bars as columns, gathered from the rows of a feed: for whoever measures them. 48 bytes a bar."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perpmaker.simulation import market_events as me
from perpmaker.simulation.market_events import MarketChunk, MarketFeed


class Bars(NamedTuple):
    """Neighbouring numbers are of one bar: its start in ns, prices in ticks, volume in lots."""

    ts_ns: NDArray[np.int64]
    open: NDArray[np.int64]
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    lots: NDArray[np.int64]

    @property
    def length_ns(self) -> int:
        """The shortest step from a bar to the next; 0 where there are not two."""
        return int(np.diff(self.ts_ns).min()) if len(self.ts_ns) > 1 else 0


def has_bars(feed: MarketFeed) -> bool:
    """Whether this market data is bars."""
    first = next(iter(feed.chunks()))
    return bool(((first.kind & me.KIND_MASK) == me.BAR_OPEN).any())


class BarColumns:
    """Takes chunks in; a bar may be cut by the end of one."""

    def __init__(self) -> None:
        self._parts: tuple[list[NDArray[np.int64]], ...] = ([], [], [], [], [], [])

    def add(self, chunk: MarketChunk) -> None:
        """Note the bars of a chunk."""
        kinds = chunk.kind & me.KIND_MASK
        is_open = kinds == me.BAR_OPEN
        parts = self._parts
        parts[0].append(chunk.ts_ns[is_open])
        parts[1].append(chunk.price[is_open])
        for part, kind in zip(parts[2:5], (me.BAR_HIGH, me.BAR_LOW, me.BAR_CLOSE), strict=True):
            part.append(chunk.price[kinds == kind])
        parts[5].append(chunk.lots[is_open])

    def bars(self) -> Bars:
        """All bars that are whole."""
        columns = [np.concatenate(part) if part else np.zeros(0, np.int64) for part in self._parts]
        whole = min(map(len, columns))
        return Bars(*(column[:whole] for column in columns))
