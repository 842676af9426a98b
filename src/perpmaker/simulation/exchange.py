"""The simulated exchange: one account, one instrument, one feed of market data; compiled inside, plain outside.

Rules kept here:

1. The clock never goes back, and every `advance` either moves it or delivers something.
2. Same feed, terms, commands and wakes: the same events, to the last bit, however the feed is cut into chunks, with
   the compiler on or off.
3. Market data is pulled from the feed chunk by chunk, or pushed by `extend`; only the current chunk is held.
4. When the feed has ended and nothing is on its way, `advance` returns once to say so; after that the clock still runs
   to the timers of each wake, over the last book. With no timer left it stands, and `advance` returns at once.

How orders fill is listed in `kernel_fill`, what wakes the maker in `kernel_delivery`, the order of things at equal
times in `kernel`, margin and money in `kernel_accounts`.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from perpmaker.domain.commands import FAR_FUTURE_NS, Cancel, Place, Wake
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.events import Event
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT
from perpmaker.domain.orders import Side
from perpmaker.simulation import kernel_state as at
from perpmaker.simulation.first_state import first_state
from perpmaker.simulation.kernel import run
from perpmaker.simulation.kernel_state import Core
from perpmaker.simulation.latency import LatencyPath, Path
from perpmaker.simulation.market_events import (
    ASK,
    BID,
    CLEAR_ASKS,
    CLEAR_BIDS,
    DEPTH,
    EVERY_LEVEL,
    GAP_START,
    MARK,
    MarketChunk,
    MarketFeed,
)
from perpmaker.simulation.pushed_rows import PushedRows, contiguous
from perpmaker.simulation.records import REFERENCE_CODES, REQUEST_BYTES, read_event, write_request
from perpmaker.simulation.terms import ExchangeTerms

MAX_OPEN_ORDERS: Final = 256
"""Orders that may rest at once; one more is rejected (OTHER)."""

WINDOW_TICKS: Final = 2**20
"""Prices of a side that are kept at once, see `kernel_book`."""

_FIRST_RING: Final = 1024
_WAKE: Final = struct.Struct(f"{at.WAKE_CELLS}q")


class OpenOrder(NamedTuple):
    """An order that rests at the exchange, as the exchange knows it."""

    order_id: int
    side: Side
    price_ticks: int
    lots: int  # what is left of it


class SimulatedExchange:
    """An exchange to trade on, in simulated time.

    Args:
        feed: market data; its instrument is the one that is traded.
        terms: fees, latencies, balance, margin, liquidation, queue model.
        window_ticks: prices of a side that are kept at once.

    Raises:
        RecordingError: the feed has no rows; later, from `advance`: its time runs backwards or a kind is unknown.
    """

    def __init__(self, feed: MarketFeed, terms: ExchangeTerms, *, window_ticks: int = WINDOW_TICKS) -> None:
        self.instrument: Final[Instrument] = feed.instrument
        self.terms: Final = terms
        self._chunks = feed.chunks()
        self._pushed: PushedRows | None = None
        first = self._next_chunk()
        if first is None:
            raise RecordingError(
                f"the market data of {self.instrument.symbol} has no rows; record or generate some first"
            )
        state = first_state(terms, self.instrument.min_lots, int(first.ts_ns[0]))
        self._core = Core(
            state,
            np.zeros((2, window_ticks), np.int64),
            np.zeros((MAX_OPEN_ORDERS, at.ORDER_COLUMNS), np.int64),
            np.zeros(MAX_OPEN_ORDERS, np.float64),
            requests=np.zeros((_FIRST_RING, at.RECORD_CELLS), np.int64),
            responses=np.zeros((_FIRST_RING, at.RECORD_CELLS), np.int64),
            views=np.zeros((_FIRST_RING, at.RECORD_CELLS), np.int64),
            out=np.zeros((_FIRST_RING, at.RECORD_CELLS), np.int64),
            ts=first.ts_ns,
            kind=first.kind,
            price=first.price,
            lots=first.lots,
            power=float(terms.power_exponent),
        )
        self._cells = state.data
        self._wake_bytes = state.data.cast("B")
        self._request_bytes = self._core.requests.data.cast("B")
        varies = not isinstance(terms.order_latency_ns, int)
        self._request_path = LatencyPath(terms.order_latency_ns, terms.seed, Path.REQUEST) if varies else None

    @classmethod
    def pushed(
        cls, instrument: Instrument, terms: ExchangeTerms, at_ns: int, rows: Sequence[tuple[int, int, int]]
    ) -> "SimulatedExchange":
        """An exchange whose market data is pushed from the beginning; its first message is given, see `push`."""
        exchange = cls(_FirstRow(instrument, at_ns), terms)
        exchange.push(at_ns, rows)
        return exchange

    def submit(self, commands: Sequence[Place | Cancel]) -> None:
        """Send commands now, as one message; they arrive one order latency later, in the order given."""
        cells = self._cells
        path = self._request_path
        due = cells[at.NOW] + cells[at.ORDER_LATENCY] if path is None else path.due_ns(cells[at.NOW])
        tail = cells[at.REQUEST_TAIL]
        if tail - cells[at.REQUEST_HEAD] + len(commands) > len(self._core.requests):
            self._grow("requests", at.REQUEST_HEAD, at.REQUEST_TAIL, len(commands))
            self._request_bytes = self._core.requests.data.cast("B")
            tail = cells[at.REQUEST_TAIL]
        capacity, ring = len(self._core.requests), self._request_bytes
        for command in commands:
            write_request(command, due, ring, (tail % capacity) * REQUEST_BYTES)
            tail += 1
        cells[at.REQUEST_TAIL] = tail

    def advance(self, wake: Wake, horizon_ns: int = FAR_FUTURE_NS) -> list[Event]:
        """Let time pass until the wake says so, or to the horizon if that comes first.

        Returns what the maker is told, in order of ``at_ns``.

        The list is empty only where what woke the maker was undone by the time of telling (a book that changed back).

        Raises:
            RecordingError: time runs backwards in the feed, or it has a row of unknown kind.
            ValueError: market data is pushed, and the wake has no end: the clock would run to the end of time.
        """
        until_ns, refresh_ns, interval_ns, reference, *bounds = wake
        if horizon_ns < until_ns:
            until_ns = horizon_ns
        if self._pushed is not None and until_ns >= FAR_FUTURE_NS:
            raise ValueError("where market data is pushed, only until_ns stops the clock: give one")
        # The bounds stand in the kernel's state in the order of the wake's fields; behind them what a stop writes.
        code = REFERENCE_CODES[reference]
        _WAKE.pack_into(self._wake_bytes, 0, 1, until_ns, refresh_ns, interval_ns, code, *bounds, 0, 0, 0)
        status = run(*self._core)
        while status != at.STOPPED:
            self._provide(status)
            status = run(*self._core)
        return [read_event(record) for record in self._core.out[: self._cells[at.OUT_COUNT]].tolist()]

    def extend(self, chunk: MarketChunk) -> None:
        """Add market data that has just become known, behind all that is known already (paper trading, testnet).

        From the first call on the feed is not asked any more, and never counts as exhausted: the clock runs on over
        the last book until more is pushed. Rows must not be older than `now_ns`; `advance` makes them happen.
        """
        pushed = self._pushed or self._start_pushing()
        if pushed.extend(chunk, self._cells[at.ROW]):
            self._take_rows_from(pushed.chunk)

    def push(self, at_ns: int, rows: Sequence[tuple[int, int, int]]) -> None:
        """`extend` by one atomic message: ``(kind, price, lots)`` per row, without `MORE`."""
        pushed = self._pushed or self._start_pushing()
        if pushed.append(at_ns, rows, self._cells[at.ROW]):
            self._take_rows_from(pushed.chunk)

    def transfer(self, quanta: int) -> None:
        """Put money into the account, or take it out (negative): no profit, no loss."""
        cells = self._cells
        whole, rest = divmod(cells[at.CASH_REST] + quanta, QUANTA_PER_MILLITICK_LOT)
        cells[at.CASH] += whole
        cells[at.CASH_REST] = rest
        cells[at.PEAK] += whole

    def take_over(self, change_lots: int, price_milliticks: int) -> None:
        """Change the position as if somebody else had traded on this account at this price, without a fee."""
        self._cells[at.POSITION] += change_lots
        self._cells[at.CASH] -= change_lots * price_milliticks

    def shrink(self, order_id: int, lots: int) -> None:
        """Make a resting order smaller: ``lots`` are left of it, at least 1. It keeps its place in the queue."""
        ids = self._core.orders[: self._cells[at.ORDER_COUNT], at.ID].tolist()
        row = ids.index(order_id)
        self._core.orders[row, at.LEFT] = min(lots, self._core.orders[row, at.LEFT])

    @property
    def cash_quanta(self) -> int:
        """Equity without the value of the position, exact; it went down by what was paid for the position."""
        return self._cells[at.CASH] * QUANTA_PER_MILLITICK_LOT + self._cells[at.CASH_REST]

    @property
    def next_due_ns(self) -> int | None:
        """When the next of what is on its way arrives, here or at the maker; None when nothing is on its way."""
        cells, core = self._cells, self._core
        rings = (
            (core.requests, at.REQUEST_HEAD, at.REQUEST_TAIL),
            (core.responses, at.RESPONSE_HEAD, at.RESPONSE_TAIL),
            (core.views, at.VIEW_HEAD, at.VIEW_TAIL),
        )
        dues = [int(ring[cells[head] % len(ring), at.DUE]) for ring, head, tail in rings if cells[head] < cells[tail]]
        return min(dues, default=None)

    @property
    def now_ns(self) -> int:
        """The exchange's clock: the time of the first row before the first advance."""
        return self._cells[at.NOW]

    @property
    def exhausted(self) -> bool:
        """No rows are left, and nothing is on its way to the exchange or to the maker."""
        cells = self._cells
        return (
            cells[at.FEED_ENDED] == 1
            and cells[at.ROW] == len(self._core.ts)
            and cells[at.REQUEST_HEAD] == cells[at.REQUEST_TAIL]
            and cells[at.RESPONSE_HEAD] == cells[at.RESPONSE_TAIL]
            and cells[at.VIEW_HEAD] == cells[at.VIEW_TAIL]
        )

    @property
    def events_processed(self) -> int:
        """Rows of market data so far."""
        return self._cells[at.ROWS_BEFORE] + self._cells[at.ROW]

    @property
    def position_lots(self) -> int:
        """The position as the exchange knows it: fills may still be on their way to the maker."""
        return self._cells[at.POSITION]

    @property
    def mark_milliticks(self) -> int | None:
        """The exchange's mark price; None before the first."""
        return self._cells[at.MARK] if self._cells[at.MARK_KNOWN] else None

    @property
    def equity_quanta(self) -> int:
        """Cash and the value of the position at the exchange's mark, exact."""
        cells = self._cells
        whole = cells[at.CASH] + cells[at.POSITION] * cells[at.MARK]
        return whole * QUANTA_PER_MILLITICK_LOT + cells[at.CASH_REST]

    @property
    def max_drawdown_quanta(self) -> int:
        """The deepest fall of the equity from its highest point before, at every mark and every change of the account.

        To a millitick x lot (10**9 quanta).
        """
        return self._cells[at.MAX_DRAWDOWN] * QUANTA_PER_MILLITICK_LOT

    def queue_ahead(self, order_id: int) -> int | None:
        """Estimated lots ahead of a resting order, rounded up; None when it does not rest or nobody can know."""
        ids = self._core.orders[: self._cells[at.ORDER_COUNT], at.ID].tolist()
        ahead = self._core.ahead[ids.index(order_id)] if order_id in ids else at.UNKNOWN_QUEUE
        return max(0, math.ceil(ahead)) if ahead < at.UNKNOWN_QUEUE / 2 else None

    def open_orders(self) -> list[OpenOrder]:
        """What rests at the exchange, in order of arrival."""
        rows = self._core.orders[: self._cells[at.ORDER_COUNT]].tolist()
        return [
            OpenOrder(row[at.ID], Side.BUY if row[at.SIDE] == at.BUYS else Side.SELL, row[at.PRICE], row[at.LEFT])
            for row in rows
        ]

    def market_as_it_stands(self) -> list[list[tuple[int, int, int]]]:
        """Messages that tell an exchange which knows nothing what this one knows of the market: book, mark, gap.

        ``(kind, price, lots)`` per row, without `MORE`; each inner list is one atomic message.
        """
        cells = self._cells
        book = [(CLEAR_BIDS, 0, 0), (CLEAR_ASKS, at.NO_PRICE_ABOVE, 0)]
        for side, kind in ((at.BUYS, BID), (at.SELLS, ASK)):
            levels = self._core.levels[side]
            origin = cells[at.ORIGIN_OF_SIDE + side]
            book += [(kind, origin + cell, int(levels[cell])) for cell in np.flatnonzero(levels).tolist()]
        messages = [book if cells[at.BARS] == 0 else book[:2]]  # of bars the next one states it anew
        if cells[at.DEPTH] != EVERY_LEVEL:
            messages.insert(0, [(DEPTH, 0, cells[at.DEPTH])])
        if cells[at.MARK_RECORDED]:
            messages.append([(MARK, cells[at.MARK], 0)])
        if cells[at.IN_GAP]:
            messages.append([(GAP_START, 0, 0)])
        return messages

    def _provide(self, status: int) -> None:
        """Give the kernel what it returned for."""
        if status == at.NEED_CHUNK:
            chunk = self._next_chunk()
            if chunk is None:
                self._cells[at.FEED_ENDED] = 1
                return
            self._take_rows_from(chunk)
        elif status == at.NEED_VIEW_ROOM:
            self._grow("views", at.VIEW_HEAD, at.VIEW_TAIL, 0)
        elif status == at.NEED_RESPONSE_ROOM:
            self._grow("responses", at.RESPONSE_HEAD, at.RESPONSE_TAIL, 0)
        elif status == at.NEED_OUT_ROOM:
            self._core = self._core._replace(out=np.concatenate((self._core.out, np.zeros_like(self._core.out))))
        else:
            row = self._cells[at.ROW]
            what = "time runs backwards" if status == at.TIME_RAN_BACK else f"unknown kind {self._core.kind[row]}"
            raise RecordingError(
                f"market data of {self.instrument.symbol}, row {self.events_processed}, time {self._core.ts[row]} ns: "
                f"{what}; import the recording again"
            )

    def _start_pushing(self) -> PushedRows:
        """What is left of the current chunk is the first that is pushed."""
        core, row = self._core, self._cells[at.ROW]
        pushed = PushedRows(MarketChunk(core.ts[row:], core.kind[row:], core.price[row:], core.lots[row:]))
        self._chunks = iter(())
        self._pushed = pushed
        self._take_rows_from(pushed.chunk)
        return pushed

    def _take_rows_from(self, chunk: MarketChunk) -> None:
        """Let the kernel go on with the first row of this chunk."""
        self._cells[at.ROWS_BEFORE] += self._cells[at.ROW]
        self._cells[at.ROW] = 0
        self._core = self._core._replace(ts=chunk.ts_ns, kind=chunk.kind, price=chunk.price, lots=chunk.lots)

    def _next_chunk(self) -> MarketChunk | None:
        """The next chunk with rows in it."""
        for chunk in self._chunks:
            if len(chunk.ts_ns) == 0:
                continue
            return contiguous(chunk)
        return None

    def _grow(self, name: str, head_cell: int, tail_cell: int, extra: int) -> None:
        """Move a ring into one at least twice as large; its records start at 0 there."""
        ring = getattr(self._core, name)
        head, tail = self._cells[head_cell], self._cells[tail_cell]
        capacity = 2 ** (len(ring) + extra).bit_length()
        larger = np.zeros((capacity, at.RECORD_CELLS), np.int64)
        larger[: tail - head] = ring[np.arange(head, tail) % len(ring)]
        self._cells[head_cell], self._cells[tail_cell] = 0, tail - head
        self._core = self._core._replace(**{name: larger})  # type: ignore[arg-type]  # a name of a ring


class _FirstRow:
    """A feed of one row that says nothing: the clock of a pushed exchange starts at its time."""

    def __init__(self, instrument: Instrument, at_ns: int) -> None:
        self.instrument = instrument
        self._at_ns = at_ns

    def chunks(self) -> Iterator[MarketChunk]:
        yield MarketChunk(
            np.array([self._at_ns], np.int64),
            np.array([CLEAR_BIDS], np.uint8),
            np.zeros(1, np.int64),
            np.zeros(1, np.int64),
        )
