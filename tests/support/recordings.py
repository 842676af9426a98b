"""Recordings made of any market data, for tests that need some on disk."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np

from perpmaker.data.format import Provenance
from perpmaker.data.writer import RecordingWriter
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation.market_events import GAP_END, GAP_START, KIND_MASK, MarketChunk, MarketFeed
from perpmaker.simulation.player import FeedPlayer

INSTRUMENT = Instrument("BTC-USD", "BTC", "USD", Decimal("0.10"), Decimal("0.001"), Decimal("0.002"))
PROVENANCE = Provenance("test", 1, "perpmaker", {}, [], "every-change", "recorded", "a clock")

Row = tuple[int, int, int, int]
"""Time, kind, price, lots."""


class Rows:
    """A `MarketFeed` of rows given by hand, cut into chunks of at most ``size``."""

    def __init__(self, rows: Sequence[Row], size: int = 10**6, instrument: Instrument = INSTRUMENT) -> None:
        self.instrument = instrument
        self._rows = rows
        self._size = size

    def chunks(self) -> Iterator[MarketChunk]:
        for first in range(0, len(self._rows), self._size):
            ts, kind, price, lots = np.array(self._rows[first : first + self._size], np.int64).T
            yield MarketChunk(ts, kind.astype(np.uint8), price, lots)


def rows_of(feed: MarketFeed) -> list[Row]:
    columns = [(c.ts_ns.tolist(), c.kind.tolist(), c.price.tolist(), c.lots.tolist()) for c in feed.chunks()]
    return [row for chunk in columns for row in zip(*chunk, strict=True)]


def plain_rows_of(feed: MarketFeed) -> list[Row]:
    """The same with kinds without `MORE`."""
    return [(ts_ns, kind & KIND_MASK, price, lots) for ts_ns, kind, price, lots in rows_of(feed)]


def record(dest: Path, feed: MarketFeed, from_ns: int = 0, to_ns: int = 2**62) -> Path:
    """Record the messages of a feed from one moment up to another, as they are: the book is not stated anew."""
    first_ns = int(next(iter(feed.chunks())).ts_ns[0])
    with RecordingWriter(dest, feed.instrument, PROVENANCE) as writer:
        for at_ns, rows in FeedPlayer(feed, first_ns).due(to_ns - 1):
            kind = rows[0].kind & KIND_MASK
            if at_ns < from_ns:
                continue
            if kind == GAP_START:
                writer.start_gap(at_ns, at_ns, "blind")
            elif kind == GAP_END:
                writer.end_gap(at_ns, at_ns)
            else:
                writer.message(at_ns, at_ns, rows)
    return dest
