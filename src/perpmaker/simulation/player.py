"""Plays a feed against a running clock, message by message: the market of the testnet and of the simulated venue.

Rules kept here:

1. A message comes out whole and once, at the first look at or after its time.
2. Time is mapped, not only shifted: with ``speed`` 10 ten seconds of the feed pass in one of the clock, and every
   time that comes out is the clock's. Order and ties are kept.
3. A feed that has ended stays ended; `has_ended` says so.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from perpmaker.simulation.market_events import MORE, MarketFeed


class FeedRow(NamedTuple):
    """One row of a message in the vocabulary of `market_events`; ``kind`` without `MORE`."""

    kind: int
    price: int
    lots: int


class FeedMessage(NamedTuple):
    """One atomic message and when it happens, ns of the clock."""

    at_ns: int
    rows: Sequence[FeedRow]


class FeedPlayer:
    """Hands out what is due.

    Args:
        feed: market data, from its beginning.
        origin_ns: the time of the clock at which the feed's first row happens.
        speed: seconds of the feed per second of the clock, > 0.
    """

    def __init__(self, feed: MarketFeed, origin_ns: int, speed: float = 1.0) -> None:
        self._messages = _messages(feed)
        self._origin_ns = origin_ns
        self._speed = speed
        self._first_ns: int | None = None
        self._next: FeedMessage | None = None
        self.has_ended = False
        self._pull()

    @property
    def next_ns(self) -> int | None:
        """When the next message happens, ns of the clock; None when the feed has ended."""
        return None if self._next is None else self._next.at_ns

    def due(self, now_ns: int) -> Iterator[FeedMessage]:
        """Every message up to and including ``now_ns`` that has not come out yet."""
        while self._next is not None and self._next.at_ns <= now_ns:
            message = self._next
            self._pull()
            yield message

    def _pull(self) -> None:
        raw = next(self._messages, None)
        if raw is None:
            self._next = None
            self.has_ended = True
            return
        if self._first_ns is None:
            self._first_ns = raw.at_ns
        passed = raw.at_ns - self._first_ns
        mapped = passed if self._speed == 1.0 else int(passed / self._speed)
        self._next = FeedMessage(self._origin_ns + mapped, raw.rows)


def _messages(feed: MarketFeed) -> Iterator[FeedMessage]:
    """The rows of a feed, put together into messages (one may go on from a chunk into the next)."""
    rows: list[FeedRow] = []
    for chunk in feed.chunks():
        columns = (chunk.ts_ns.tolist(), chunk.kind.tolist(), chunk.price.tolist(), chunk.lots.tolist())
        for ts_ns, kind, price, lots in zip(*columns, strict=True):
            rows.append(FeedRow(kind & ~MORE, price, lots))
            if not kind & MORE:
                yield FeedMessage(ts_ns, rows)
                rows = []
