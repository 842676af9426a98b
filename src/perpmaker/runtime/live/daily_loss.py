"""The loss limit of a UTC day, for one account, over all its runs.

Rules kept here:

1. The day's result is what earlier runs of the day made, plus what this run made since midnight or since its start,
   open position included, at the mark.
2. What a position had gained or lost before this run took it over belongs to no run's day.
3. At midnight UTC the count starts anew from the equity of that moment.
4. Reached once, it stays reached. Another limit counts from the next look on, with all that the day has made so far.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from perpmaker.domain.events import Event, PositionCorrected
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT
from perpmaker.maker.state import MakerState

_NS_PER_S = 1_000_000_000


class DayResult(NamedTuple):
    """What this run made on one day, quanta. ``day`` is ``YYYY-MM-DD``, UTC."""

    day: str
    profit_quanta: int


def utc_day(at_ns: int) -> str:
    """The day of a time, ``YYYY-MM-DD``."""
    return datetime.fromtimestamp(at_ns // _NS_PER_S, UTC).strftime("%Y-%m-%d")


class DailyLoss:
    """Counts one run's share of the day and compares the whole with the limit.

    Args:
        limit_quanta: the loss that ends the run, > 0; None only counts.
        carried_quanta: what other runs of this account made today.
        now_ns: the time now.
    """

    def __init__(self, limit_quanta: int | None, carried_quanta: int, now_ns: int) -> None:
        self._limit_quanta = limit_quanta
        self._carried_quanta = carried_quanta
        self._day = utc_day(now_ns)
        self._base_quanta: int | None = None
        self._profit_quanta = 0
        self._earlier_days_quanta = 0
        self._is_reached = False

    @property
    def result(self) -> DayResult:
        return DayResult(self._day, self._profit_quanta)

    @property
    def run_profit_quanta(self) -> int:
        """What this run made on all of its days."""
        return self._earlier_days_quanta + self._profit_quanta

    def change_limit(self, limit_quanta: int | None) -> None:
        """Another limit for the same day, > 0; None only counts from now on."""
        self._limit_quanta = limit_quanta

    def is_reached(self, now_ns: int, event: Event, state: MakerState) -> bool:
        """After each event: whether the day's loss has reached the limit."""
        mark = state.mark_milliticks
        if mark is None:
            return self._is_reached
        profit = state.position.profit_quanta(mark)
        if self._base_quanta is None:
            self._base_quanta = profit
        elif isinstance(event, PositionCorrected):
            self._base_quanta += event.change_lots * (mark - event.price_milliticks) * QUANTA_PER_MILLITICK_LOT
        day = utc_day(now_ns)
        if day != self._day:
            self._earlier_days_quanta += profit - self._base_quanta
            self._day, self._base_quanta, self._carried_quanta = day, profit, 0
        self._profit_quanta = profit - self._base_quanta
        if self._limit_quanta is not None:
            self._is_reached |= self._carried_quanta + self._profit_quanta <= -self._limit_quanta
        return self._is_reached
