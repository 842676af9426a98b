"""The market at chosen moments: one pass over a feed, with the same compiled exchange that a run trades on.

Rules kept here:

1. A look at time t sees every row up to and including t. Where the book is empty then, the mid is the last one known,
   before the first book the first one.
2. The mark is the exchange's: the recorded one, or the mid while there is none (`perpmaker.simulation.kernel_market`).
3. The queue that an order joined is measured by placing it once more, at the same instant, in the same market, and
   cancelling it at once: what was ahead is what the simulated exchange then counts ahead of it, if it can know.
4. Nothing is asked of the feed beyond the last look.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from perpmaker.domain.commands import ASLEEP, Cancel, Place
from perpmaker.domain.events import BookUpdated, Event, GapEnded, GapStarted, MarkUpdated
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import QUANTA_PER_TICK_LOT
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketChunk, MarketFeed
from perpmaker.simulation.terms import MAX_NOTIONAL, ExchangeTerms

_MILLITICKS_OF_HALF_A_TICK: Final = 500


class Entry(NamedTuple):
    """An order as it reached the exchange: whose queue is wanted."""

    ts_ns: int
    order_id: int
    side: Side
    price_ticks: int
    lots: int


class Gap(NamedTuple):
    """A stretch without market data; ``end_ns`` is None where it never ended."""

    start_ns: int
    end_ns: int | None


class MarketPath:
    """What was seen. Mids and marks in milliticks, by time; queues in lots, by order.

    Args:
        times: of the looks, ascending.
        mids: at those times; None before the first book.
        marks: likewise.
        gaps: in order.
        queues: lots ahead of an order when it came to rest.
        first_ns, last_ns: where the market data begins and, as far as it was read, ends.
    """

    def __init__(
        self,
        times: Sequence[int],
        mids: Sequence[int | None],
        marks: Sequence[int | None],
        gaps: Sequence[Gap],
        queues: dict[int, int],
        first_ns: int,
        last_ns: int,
    ) -> None:
        self.times = times
        self.mids = mids
        self.gaps = gaps
        self.queues = queues
        self.first_ns = first_ns
        self.last_ns = last_ns
        self._marks = marks
        self._first_mid = next((mid for mid in mids if mid is not None), None)
        self._first_mark = next((mark for mark in marks if mark is not None), self._first_mid)

    def seen_at(self, times: AbstractSet[int], queues: dict[int, int]) -> "MarketPath":
        """The same with the looks at ``times`` only, and other queues."""
        kept = [index for index, at_ns in enumerate(self.times) if at_ns in times]
        return MarketPath(
            [self.times[index] for index in kept],
            [self.mids[index] for index in kept],
            [self._marks[index] for index in kept],
            self.gaps,
            queues,
            self.first_ns,
            self.last_ns,
        )

    @property
    def has_prices(self) -> bool:
        """Whether a book was ever seen; without one `mid` and `mark` have nothing to say."""
        return self._first_mid is not None

    def mid(self, ts_ns: int) -> int:
        """The mid at the last look at or before ``ts_ns``."""
        return self._known(self.mids, ts_ns, self._first_mid)

    def mark(self, ts_ns: int) -> int:
        """The mark, likewise."""
        return self._known(self._marks, ts_ns, self._first_mark)

    def is_seen(self, start_ns: int, end_ns: int) -> bool:
        """Whether the market data covers a stretch of time without a gap."""
        if start_ns < self.first_ns or end_ns > self.last_ns:
            return False
        return not any(gap.start_ns <= end_ns and (gap.end_ns is None or gap.end_ns >= start_ns) for gap in self.gaps)

    def _known(self, values: Sequence[int | None], ts_ns: int, first: int | None) -> int:
        index = bisect_right(self.times, ts_ns) - 1
        found = values[index] if index >= 0 else first
        found = first if found is None else found
        if found is None:
            raise ValueError("the market data has no price")
        return found


def walk(feed: MarketFeed, times: Iterable[int], entries: Iterable[Entry] = ()) -> MarketPath:
    """Look at the market at each of ``times``, and at the queue that each of ``entries`` joined.

    Raises:
        RecordingError: the feed has no rows, or is damaged.
    """
    return _Walk(feed).go(sorted(set(times)), sorted(entries))


class _Walk:
    def __init__(self, feed: MarketFeed) -> None:
        self._feed = _Watched(feed)
        terms = ExchangeTerms(
            maker_fee_ppb=0,
            taker_fee_ppb=0,
            balance_quanta=MAX_NOTIONAL * QUANTA_PER_TICK_LOT,
            leverage=Decimal(1),
            order_latency_ns=1,
        )
        self._exchange = SimulatedExchange(self._feed, terms)
        self._first_ns = self._exchange.now_ns
        self._mid: int | None = None
        self._mark: int | None = None
        self._gaps: list[Gap] = []
        self._queues: dict[int, int] = {}

    def go(self, times: Sequence[int], entries: Sequence[Entry]) -> MarketPath:
        mids: list[int | None] = []
        marks: list[int | None] = []
        batches = [(at_ns, list(batch)) for at_ns, batch in groupby(entries, key=attrgetter("ts_ns"))]
        waiting = deque(batches)
        for ts_ns in times:
            while waiting and waiting[0][0] <= ts_ns:
                self._join(*waiting.popleft())
            self._pass_to(ts_ns)
            mids.append(self._mid)
            marks.append(self._mark)
        while waiting:
            self._join(*waiting.popleft())
        last_ns = self._feed.last_ns if self._exchange.exhausted else max(self._feed.last_ns, self._exchange.now_ns)
        return MarketPath(times, mids, marks, self._gaps, self._queues, self._first_ns, last_ns)

    def _pass_to(self, ts_ns: int) -> None:
        exchange = self._exchange
        is_first = exchange.events_processed == 0 and ts_ns >= self._first_ns  # its clock starts at rows not seen yet
        while is_first or exchange.now_ns < ts_ns:
            is_first = False
            for event in exchange.advance(ASLEEP._replace(until_ns=ts_ns)):
                self._see(event)

    def _see(self, event: Event) -> None:
        match event:
            case BookUpdated() if event.bid_lots and event.ask_lots:
                self._mid = (event.bid_ticks + event.ask_ticks) * _MILLITICKS_OF_HALF_A_TICK
            case MarkUpdated():
                self._mark = event.mark_milliticks
            case GapStarted():
                self._gaps.append(Gap(event.venue_ns, None))
            case GapEnded() if self._gaps:
                self._gaps[-1] = Gap(self._gaps[-1].start_ns, event.venue_ns)
            case _:
                pass

    def _join(self, at_ns: int, entries: Sequence[Entry]) -> None:
        """Send orders so that they arrive at the instant at which they once did; see rule 3."""
        exchange = self._exchange
        self._pass_to(at_ns - 1)
        if exchange.now_ns != at_ns - 1:  # from before the market data
            return
        exchange.submit([Place(*entry[1:], OrderKind.LIMIT, post_only=True, reduce_only=False) for entry in entries])
        self._pass_to(at_ns)
        for entry in entries:
            ahead = exchange.queue_ahead(entry.order_id)
            if ahead is not None:
                self._queues[entry.order_id] = ahead
        exchange.submit([Cancel(entry.order_id) for entry in entries])


class _Watched:
    """A feed that notes how far it was read."""

    def __init__(self, feed: MarketFeed) -> None:
        self._feed = feed
        self.last_ns = 0

    @property
    def instrument(self) -> Instrument:
        return self._feed.instrument

    def chunks(self) -> Iterator[MarketChunk]:
        for chunk in self._feed.chunks():
            if len(chunk.ts_ns):
                self.last_ns = int(chunk.ts_ns[-1])
            yield chunk
