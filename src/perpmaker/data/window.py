"""A window of time onto market data.

Rules kept here:

1. Rows before the window are not played, but they have happened: the window opens with one message that states the
   book as it then stands, and the mark if one was recorded. It is what the simulated exchange itself makes of those
   rows, so that a window shows the same market as the whole.
2. A window that opens in a gap says so first.
3. Rows at or after its end are not played, and not read.
4. Where no row lies before the window, nothing is added: a window onto everything is everything.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import numpy as np

from perpmaker.domain.commands import ASLEEP
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MORE, MarketChunk, MarketFeed
from perpmaker.simulation.terms import ExchangeTerms

_NOBODY: Final = ExchangeTerms(maker_fee_ppb=0, taker_fee_ppb=0, balance_quanta=0, leverage=Decimal(1))
"""The terms of an account that does not trade."""


class Window:
    """A `MarketFeed` of what lies in a window.

    Args:
        feed: the whole.
        from_ns: where the window opens; None is where the feed begins.
        to_ns: where it closes, itself outside of it; None is where the feed ends.
    """

    def __init__(self, feed: MarketFeed, from_ns: int | None, to_ns: int | None) -> None:
        self._feed = feed
        self._from_ns = from_ns
        self._to_ns = to_ns
        self._opening: MarketChunk | None = None

    @property
    def instrument(self) -> Instrument:
        return self._feed.instrument

    def chunks(self) -> Iterator[MarketChunk]:
        """Raises RecordingError while iterating, as the feed does."""
        return _until(self._opened(), self._to_ns)

    def _opened(self) -> Iterator[MarketChunk]:
        if self._from_ns is None:
            yield from self._feed.chunks()
            return
        before = _Before(self._feed, self._from_ns)
        if before.is_empty:
            yield from before.rest()
            return
        if self._opening is None:
            self._opening = _state_at(before, self._from_ns)
        yield self._opening
        yield from before.rest()


class _Before:
    """A feed of the rows before a moment; afterwards `rest` has the others."""

    def __init__(self, feed: MarketFeed, end_ns: int) -> None:
        self.instrument = feed.instrument
        self._source = feed.chunks()
        self._end_ns = end_ns
        self._next = self._pulled()
        self.is_empty = self._next is None or bool(self._next.ts_ns[0] >= end_ns)

    def chunks(self) -> Iterator[MarketChunk]:
        while self._next is not None and self._next.ts_ns[0] < self._end_ns:
            chunk = self._next
            cut = int(np.searchsorted(chunk.ts_ns, self._end_ns, side="left"))
            if cut < len(chunk.ts_ns):
                self._next = _part(chunk, slice(cut, None))
            else:
                self._next = self._pulled()
            yield _part(chunk, slice(cut))

    def rest(self) -> Iterator[MarketChunk]:
        for _ in self.chunks():
            pass
        while self._next is not None:
            chunk = self._next
            self._next = self._pulled()
            yield chunk

    def _pulled(self) -> MarketChunk | None:
        return next((chunk for chunk in self._source if len(chunk.ts_ns)), None)


def _state_at(before: _Before, at_ns: int) -> MarketChunk:
    """What the rows before a moment have led to, as messages of that moment."""
    exchange = SimulatedExchange(before, _NOBODY)
    while not exchange.exhausted:
        exchange.advance(ASLEEP)
    rows: list[tuple[int, int, int]] = []
    for message in exchange.market_as_it_stands():
        rows += [(kind | MORE, price, lots) for kind, price, lots in message[:-1]]
        rows.append(message[-1])
    kinds, prices, sizes = zip(*rows, strict=True)
    return MarketChunk(
        np.full(len(rows), at_ns, np.int64),
        np.array(kinds, np.uint8),
        np.array(prices, np.int64),
        np.array(sizes, np.int64),
    )


def _until(chunks: Iterator[MarketChunk], end_ns: int | None) -> Iterator[MarketChunk]:
    for chunk in chunks:
        if end_ns is None or not len(chunk.ts_ns) or chunk.ts_ns[-1] < end_ns:
            yield chunk
            continue
        cut = int(np.searchsorted(chunk.ts_ns, end_ns, side="left"))
        if cut:
            yield _part(chunk, slice(cut))
        return


def _part(chunk: MarketChunk, place: slice) -> MarketChunk:
    return MarketChunk(chunk.ts_ns[place], chunk.kind[place], chunk.price[place], chunk.lots[place])
