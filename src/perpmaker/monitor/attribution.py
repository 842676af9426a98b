"""Where the money of a run comes from, while it goes on: the terms of `perpmaker.report.attribution`, as totals.

Rules kept here:

1. The terms are the report's, with the same horizon, and their sum is the profit of the run at every moment, to the
   last quantum. The report splits them by side, level and hour; here only the totals are kept, so that an event costs
   the same however many there were: what is young or carried is one sum of lots and one of lots x mid.
2. Times are the report's: on paper an execution counts when it happened at the exchange, live when it was told. Mids
   count when they were told, so that a report with a recording made beside the run finds the same.
3. Mids are remembered for `KEPT_NS`: an execution that is told later than that is valued at the oldest mid known.
4. What happens before there is any mid is held back, and valued at the first one.
"""

from bisect import bisect_right
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Final

from perpmaker.domain.commands import Command
from perpmaker.domain.events import BookUpdated, Event, Filled, FundingPaid, MarkUpdated, PositionCorrected
from perpmaker.domain.money import MILLITICKS_PER_TICK, QUANTA_PER_MILLITICK_LOT
from perpmaker.report.attribution import HORIZON_NS, Terms

KEPT_NS: Final = 30 * 10**9
MOST_MIDS: Final = 20_000
"""Twice as many are never kept, however fast the book moves."""

_MILLITICKS_OF_HALF_A_TICK: Final = MILLITICKS_PER_TICK // 2


class _Mids:
    """The mid over the last while, milliticks; where the book has only one side, the last one stays."""

    def __init__(self) -> None:
        self._times: list[int] = []
        self._mids: list[int] = []
        self.latest: int | None = None

    def put(self, event: BookUpdated) -> None:
        if not event.bid_lots or not event.ask_lots:
            return
        mid = (event.bid_ticks + event.ask_ticks) * _MILLITICKS_OF_HALF_A_TICK
        if mid == self.latest:
            return
        self.latest = mid
        self._times.append(event.at_ns)
        self._mids.append(mid)
        if len(self._times) > 2 * MOST_MIDS or self._times[0] < event.at_ns - 2 * KEPT_NS:
            self._forget(event.at_ns - KEPT_NS)

    def at(self, ts_ns: int) -> int:
        """The mid then: the first one where it was earlier."""
        return self._mids[max(0, bisect_right(self._times, ts_ns) - 1)]

    def _forget(self, before_ns: int) -> None:
        """Drop what is older, but for the mid of that moment, and at least half of what is too much."""
        gone = max(0, bisect_right(self._times, before_ns) - 1, len(self._times) - MOST_MIDS)
        del self._times[:gone], self._mids[:gone]


class LiveAttribution:
    """Observes a run. It must be told every fill once.

    Args:
        is_live: whether executions count when they were told (rule 2).
        horizon_ns: see `perpmaker.report.attribution`.

    Attributes:
        mark: the last one, milliticks; None before there is one.
    """

    def __init__(self, *, is_live: bool, horizon_ns: int = HORIZON_NS) -> None:
        self._is_live = is_live
        self._horizon_ns = horizon_ns
        self._mids = _Mids()
        self.mark: int | None = None
        self._position_lots = 0
        self._early: list[Filled | PositionCorrected] = []  # told before there was a mid
        self._young: list[tuple[int, int, int]] = []  # a heap: when it ages, lots, mid just before it
        self._young_lots = self._young_cost = 0  # sums of lots, and of lots x that mid
        self._aged_lots = self._aged_cost = 0  # likewise with the mid when it aged
        self._settled_adverse = 0  # of what has aged, millitick-lots
        self._spread = self._takeover = 0
        self._funding = self._maker_fees = self._taker_fees = 0  # quanta

    def on_step(self, _now_ns: int, events: Sequence[Event], _commands: Sequence[Command]) -> None:
        for event in events:
            if isinstance(event, BookUpdated):
                self._mids.put(event)
                if self._early:
                    self._book_early()
                if self._young:
                    self._age(event.at_ns)
            elif isinstance(event, MarkUpdated):
                self.mark = event.mark_milliticks
            elif isinstance(event, Filled | PositionCorrected):
                self._on_execution(event)
            elif isinstance(event, FundingPaid):
                self._funding += event.amount_quanta

    @property
    def mid(self) -> int | None:
        """The last mid, milliticks; None before the first book with two sides."""
        return self._mids.latest

    @property
    def terms(self) -> Terms:
        """The terms as of now, an open position at the mark; before there is one, at the mid.

        What ages while the mid stands still need not be known: its terms are the same either way.
        """
        mid = self._mids.latest
        if mid is None:
            return self._terms_before_prices()
        mark = mid if self.mark is None else self.mark
        return self._in_quanta(
            adverse=self._settled_adverse + self._young_lots * mid - self._young_cost,
            inventory=self._aged_lots * mid - self._aged_cost,
            mark=self._position_lots * (mark - mid),
        )

    def _terms_before_prices(self) -> Terms:
        """Without a mid all is worth what it cost, or what the mark says."""
        cost = sum(_signed_lots(event) * _price(event) for event in self._early)
        held = 0 if self.mark is None else self._position_lots * self.mark - cost
        return self._in_quanta(mark=held)

    def _in_quanta(self, *, adverse: int = 0, inventory: int = 0, mark: int = 0) -> Terms:
        return Terms(
            spread=self._spread * QUANTA_PER_MILLITICK_LOT,
            adverse=adverse * QUANTA_PER_MILLITICK_LOT,
            inventory=inventory * QUANTA_PER_MILLITICK_LOT,
            mark=mark * QUANTA_PER_MILLITICK_LOT,
            takeover=self._takeover * QUANTA_PER_MILLITICK_LOT,
            funding=self._funding,
            maker_fees=-self._maker_fees,
            taker_fees=-self._taker_fees,
        )

    def _on_execution(self, event: Filled | PositionCorrected) -> None:
        self._position_lots += _signed_lots(event)
        if isinstance(event, Filled):
            if event.is_maker:
                self._maker_fees += event.fee_quanta
            else:
                self._taker_fees += event.fee_quanta
        if self._mids.latest is None:
            self._early.append(event)
        else:
            self._book(event)

    def _book_early(self) -> None:
        if self._mids.latest is not None:
            for event in self._early:
                self._book(event)
            self._early.clear()

    def _book(self, event: Filled | PositionCorrected) -> None:
        at_ns = event.at_ns if self._is_live else event.venue_ns
        lots, before = _signed_lots(event), self._mids.at(at_ns - 1)
        gained = lots * (before - _price(event))
        if isinstance(event, Filled):
            self._spread += gained
            heappush(self._young, (at_ns + self._horizon_ns, lots, before))
            self._young_lots += lots
            self._young_cost += lots * before
        else:
            self._takeover += gained
            self._carry(lots, before)

    def _age(self, now_ns: int) -> None:
        """What came of age before now becomes inventory, at the mid of that moment."""
        young = self._young
        while young and young[0][0] < now_ns:
            ages_ns, lots, before = heappop(young)
            mid = self._mids.at(ages_ns)
            self._young_lots -= lots
            self._young_cost -= lots * before
            self._settled_adverse += lots * (mid - before)
            self._carry(lots, mid)

    def _carry(self, lots: int, mid: int) -> None:
        self._aged_lots += lots
        self._aged_cost += lots * mid


def _signed_lots(event: Filled | PositionCorrected) -> int:
    return event.side * event.lots if isinstance(event, Filled) else event.change_lots


def _price(event: Filled | PositionCorrected) -> int:
    """Milliticks."""
    return event.price_ticks * MILLITICKS_PER_TICK if isinstance(event, Filled) else event.price_milliticks
