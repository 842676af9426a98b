"""Funding for market data that lacks it: payments at their times and rates, merged into a feed.

Rules kept here:

1. A payment happens before everything else of its instant: it is owed on the position held until then, at the mark
   before it, or at a mark of its own where the schedule knows one. Longs pay ``position x mark x rate``.
2. A payment that falls into a gap is settled where the gap ends, at the last mark before the gap.
3. Nothing is paid at or before the first row, nor after the last.
4. A constant rate is paid at whole multiples of its interval since midnight UTC of the epoch: every 8 h is 0, 8 and
   16 o'clock.
5. Data that has funding of its own does not get a second one: that is an error.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import RATE_SCALE
from perpmaker.simulation import market_events as me
from perpmaker.simulation.market_events import MarketChunk, MarketFeed


class FundingPayment(NamedTuple):
    """One settlement. ``mark_milliticks`` is 0 where only the market knows the mark."""

    at_ns: int
    rate_ppb: int
    mark_milliticks: int = 0


class FundingSchedule(Protocol):
    """When funding is settled, and at which rate."""

    def after(self, ns: int, until_ns: int) -> Iterable[FundingPayment]:
        """The payments after ``ns``, up to ``until_ns`` and at it, in order of time."""
        ...


@dataclass(frozen=True, slots=True)
class ConstantFunding:
    """The same rate at every multiple of an interval.

    Raises:
        InvalidSettingError: the interval is not at least a second, or the rate is 100 % or more.
    """

    rate_ppb: int
    interval_ns: int

    def __post_init__(self) -> None:
        if self.interval_ns < 10**9:
            raise InvalidSettingError(f"funding is paid at most once a second, not every {self.interval_ns} ns")
        if abs(self.rate_ppb) >= RATE_SCALE:
            raise InvalidSettingError(f"a funding rate of {self.rate_ppb} parts per billion is 100 % or more")

    def after(self, ns: int, until_ns: int) -> Iterable[FundingPayment]:
        first = ns // self.interval_ns + 1
        for number in range(first, until_ns // self.interval_ns + 1):
            yield FundingPayment(number * self.interval_ns, self.rate_ppb)


class RecordedFunding:
    """Payments as they were recorded, in order of time."""

    def __init__(self, payments: Sequence[FundingPayment]) -> None:
        self._payments = list(payments)
        self._times = np.array([payment.at_ns for payment in payments], np.int64)

    def __len__(self) -> int:
        return len(self._payments)

    def after(self, ns: int, until_ns: int) -> Iterable[FundingPayment]:
        first, end = (int(np.searchsorted(self._times, at, side="right")) for at in (ns, until_ns))
        return self._payments[first:end]


def with_funding(feed: MarketFeed, schedule: FundingSchedule) -> MarketFeed:
    """The same market data, with a row for every payment; ``chunks`` raises `InvalidSettingError` by rule 5."""
    return _FundedFeed(feed, schedule)


class _FundedFeed:
    def __init__(self, feed: MarketFeed, schedule: FundingSchedule) -> None:
        self._feed = feed
        self._schedule = schedule

    @property
    def instrument(self) -> Instrument:
        return self._feed.instrument

    def chunks(self) -> Iterator[MarketChunk]:
        merge = _Merge(self._schedule)
        for chunk in self._feed.chunks():
            if len(chunk.ts_ns):
                yield merge.chunk(chunk)


class _Merge:
    """Adds the payments to one chunk after another."""

    def __init__(self, schedule: FundingSchedule) -> None:
        self._schedule = schedule
        self._done_ns: int | None = None
        self._in_gap = False
        self._owed: list[FundingPayment] = []

    def chunk(self, chunk: MarketChunk) -> MarketChunk:
        kinds = chunk.kind & me.KIND_MASK
        if (kinds == me.FUNDING).any():
            raise InvalidSettingError("the market data has funding of its own: leave out what was to be added")
        first_ns, last_ns = int(chunk.ts_ns[0]), int(chunk.ts_ns[-1])
        since_ns = first_ns if self._done_ns is None else self._done_ns
        self._done_ns = last_ns
        due = list(self._schedule.after(since_ns, last_ns))
        gap_rows = np.flatnonzero((kinds == me.GAP_START) | (kinds == me.GAP_END)).tolist()
        if not due and not gap_rows and not self._owed:
            return chunk
        before = np.searchsorted(chunk.ts_ns, [payment.at_ns for payment in due], side="left").tolist()
        placed: list[tuple[int, int, FundingPayment]] = []
        waiting = list(zip(before, due, strict=True))
        for row in [*gap_rows, len(kinds)]:
            while waiting and waiting[0][0] <= row:
                place, payment = waiting.pop(0)
                if self._in_gap:
                    self._owed.append(payment)
                else:
                    placed.append((place, payment.at_ns, payment))
            if row < len(kinds):
                self._in_gap = kinds[row] == me.GAP_START
                if not self._in_gap:
                    placed += [(row + 1, int(chunk.ts_ns[row]), payment) for payment in self._owed]
                    self._owed = []
        return _inserted(chunk, placed)


def _inserted(chunk: MarketChunk, placed: list[tuple[int, int, FundingPayment]]) -> MarketChunk:
    """The chunk with a row of each payment before the row of that number."""
    rows = [row for row, _, _ in placed]
    return MarketChunk(
        np.insert(chunk.ts_ns, rows, [at_ns for _, at_ns, _ in placed]),
        np.insert(chunk.kind, rows, np.full(len(rows), me.FUNDING, np.uint8)),
        np.insert(chunk.price, rows, [payment.mark_milliticks for _, _, payment in placed]),
        np.insert(chunk.lots, rows, [payment.rate_ppb for _, _, payment in placed]),
    )
