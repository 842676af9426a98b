"""Stop loss, take profit, drawdown and loss of the run.

Rules kept here (numbers as in docs/strategy.md):

9. Unrealized profit ``(mark - average entry) * x``: at or below -L the position is stopped out, at or above G the
   profit is taken. Both are decided at every price and every fill.
17. Drawdown counts from the highest equity of the run, not from its start; once reached it stays reached.
    The loss of the run counts from its start, open position included; it, too, stays reached. What a position that
    was taken over had gained or lost before is neither.

Equity is a straight line of the mark while the position stands, so these rules are also a band of marks within which
none of them can act: comparing two integers per price is all that is left to do.
"""

from enum import Enum
from typing import NamedTuple

from perpmaker.domain.commands import ANY_PRICE
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT
from perpmaker.domain.position import Position


class Trigger(Enum):
    """What closes the position: a limit of this module, or a person's wish."""

    STOP_LOSS = "stop loss"
    TAKE_PROFIT = "take profit"
    MAX_DRAWDOWN = "maximum drawdown"
    MAX_LOSS = "maximum loss"
    REQUESTED = "a request"


class MarkBand(NamedTuple):
    """Marks in milliticks, both ends included."""

    low: int
    high: int


EVERY_MARK = MarkBand(-ANY_PRICE, ANY_PRICE)
NO_MARK = MarkBand(ANY_PRICE, -ANY_PRICE)


class Limits(NamedTuple):
    """Magnitudes in quanta; None is off."""

    stop_loss_quanta: int | None
    take_profit_quanta: int | None
    max_drawdown_quanta: int | None
    max_loss_quanta: int | None


_NO_LIMITS = Limits(None, None, None, None)


class Protection:
    """Watches one position. `check` at every mark and fill; between them, `band` says when nothing can act."""

    __slots__ = ("_base_quanta", "_final", "_limits", "_peak_quanta")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._base_quanta: int | None = 0  # profit at the start; None: the next check says
        self._peak_quanta = 0
        self._final: Trigger | None = None

    def check(self, position: Position, mark_milliticks: int) -> Trigger | None:
        """What must happen now, the most serious first."""
        limits = self._limits
        profit = position.profit_quanta(mark_milliticks)
        if self._base_quanta is None:
            self._base_quanta = self._peak_quanta = profit
        self._peak_quanta = max(self._peak_quanta, profit)
        if self._final is None:
            self._final = self._final_trigger(profit, self._base_quanta)
        if self._final is not None:
            return self._final
        if not position.lots:
            return None
        unrealized = position.unrealized_quanta(mark_milliticks)
        if limits.stop_loss_quanta is not None and unrealized <= -limits.stop_loss_quanta:
            return Trigger.STOP_LOSS
        if limits.take_profit_quanta is not None and unrealized >= limits.take_profit_quanta:
            return Trigger.TAKE_PROFIT
        return None

    def take_limits(self, limits: Limits) -> None:
        """Other limits from now on; what was earned so far, its highest, and what was reached stay."""
        self._limits = limits

    def took_over(self, gained_quanta: int | None) -> None:
        """A position came with a profit that this run did not make; None: not known before the next mark."""
        if gained_quanta is None or self._base_quanta is None:
            self._base_quanta = None
        else:
            self._base_quanta += gained_quanta
            self._peak_quanta += gained_quanta

    def _final_trigger(self, profit: int, base: int) -> Trigger | None:
        """The limits that end the run: reached once, they stay reached."""
        limits = self._limits
        if limits.max_loss_quanta is not None and profit - base <= -limits.max_loss_quanta:
            return Trigger.MAX_LOSS
        if limits.max_drawdown_quanta is not None and self._peak_quanta - profit >= limits.max_drawdown_quanta:
            return Trigger.MAX_DRAWDOWN
        return None

    def band(self, position: Position) -> MarkBand:
        """Marks at which `check` would answer None and learn nothing (a new peak is news while drawdown is on)."""
        limits = self._limits
        if limits == _NO_LIMITS or not position.lots:
            return EVERY_MARK
        floors: list[int] = []
        ceilings: list[int] = []
        if limits.stop_loss_quanta is not None:
            floors.append(-limits.stop_loss_quanta)
        if limits.take_profit_quanta is not None:
            ceilings.append(limits.take_profit_quanta)
        settled = position.profit_quanta(0) - position.unrealized_quanta(0)
        if limits.max_loss_quanta is not None:
            floors.append((self._base_quanta or 0) - limits.max_loss_quanta - settled)
        if limits.max_drawdown_quanta is not None:
            peak = self._peak_quanta - settled
            floors.append(peak - limits.max_drawdown_quanta)
            ceilings.append(peak + 1)
        return _band(position, max(floors, default=None), min(ceilings, default=None))


def _band(position: Position, floor_quanta: int | None, ceiling_quanta: int | None) -> MarkBand:
    """Marks at which the unrealized profit of an open position lies strictly between two amounts; None is no end."""
    # unrealized(m) = slope * m - cost; a short has a negative slope, which swaps and negates the ends.
    slope = position.lots * QUANTA_PER_MILLITICK_LOT
    lower = None if floor_quanta is None else position.cost_quanta + floor_quanta
    upper = None if ceiling_quanta is None else position.cost_quanta + ceiling_quanta
    if slope < 0:
        slope = -slope
        lower, upper = (None if upper is None else -upper), (None if lower is None else -lower)
    return MarkBand(
        -ANY_PRICE if lower is None else lower // slope + 1,
        ANY_PRICE if upper is None else -(-upper // slope) - 1,
    )
