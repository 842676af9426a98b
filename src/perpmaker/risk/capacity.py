"""How much of a ladder may rest: the hard cap and the margin, level by level.

Rules kept here (numbers as in docs/strategy.md):

7. ``x + bids <= M`` and ``x - asks >= -M``: levels that do not fit are shrunk to what fits, if that is at least the
   minimum size, or left out, outermost first.
11. Where free margin carries less than M, it is the cap; the reason says so. Reducing is always carried.

What was refused is data with a reason: only an `ApprovedSide` reaches the orders.
"""

from typing import NamedTuple

from perpmaker.domain.commands import ANY_PRICE
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT
from perpmaker.domain.position import Position
from perpmaker.domain.reasons import NotResting
from perpmaker.risk.protection import EVERY_MARK, MarkBand


class ApprovedSide(NamedTuple):
    """One side of the ladder as risk allows it, innermost level first.

    ``lots[i]`` is the size allowed at level i + 1, 0 where ``refusals[i]`` says why not.
    """

    lots: tuple[int, ...]
    refusals: tuple[NotResting | None, ...]


class Caps(NamedTuple):
    """The largest position either way, in lots, and whether margin rather than the trader's cap sets it."""

    lots: int
    is_margin: bool


def caps(max_position_lots: int, equity_quanta: int, mark_milliticks: int, margin_rate_ppb: int) -> Caps:
    """The hard cap, or what the equity can carry at the initial margin rate if that is less."""
    per_lot = mark_milliticks * margin_rate_ppb  # milliticks x ppb: exactly quanta per lot, see domain.money
    carried = max(0, equity_quanta // per_lot)
    return Caps(carried, is_margin=True) if carried < max_position_lots else Caps(max_position_lots, is_margin=False)


def approve(
    level_lots: int,
    levels: int,
    room_lots: int,
    min_lots: int,
    *,
    is_margin: bool,
    full: NotResting = NotResting.AT_CAP,
) -> ApprovedSide:
    """Fit ``levels`` orders of ``level_lots`` into the room that the cap leaves on one side, innermost first.

    ``full`` is why there is no room, where it is not margin.
    """
    if room_lots >= level_lots * levels:
        return ApprovedSide((level_lots,) * levels, (None,) * levels)
    full = NotResting.NO_MARGIN if is_margin else full
    lots: list[int] = []
    refusals: list[NotResting | None] = []
    left = max(0, room_lots)
    for _ in range(levels):
        fits = min(level_lots, left)
        if fits >= min_lots:
            lots.append(fits)
            refusals.append(None)
            left -= fits
        else:
            lots.append(0)
            refusals.append(NotResting.BELOW_MINIMUM if fits > 0 else full)
            left = 0
    return ApprovedSide(tuple(lots), tuple(refusals))


def margin_mark_band(max_position_lots: int, position: Position, balance_quanta: int, margin_rate_ppb: int) -> MarkBand:
    """Marks at which the equity carries the whole cap, so that margin changes nothing.

    Both equity and the margin that the cap needs are straight lines of the mark: one bound says where they cross.
    """
    equity_at_zero = balance_quanta + position.profit_quanta(0)
    slope = position.lots * QUANTA_PER_MILLITICK_LOT - max_position_lots * margin_rate_ppb  # quanta per millitick
    if slope < 0:
        return MarkBand(0, equity_at_zero // -slope)
    if slope > 0:
        return MarkBand(-(equity_at_zero // slope), ANY_PRICE)
    return EVERY_MARK if equity_at_zero >= 0 else MarkBand(1, 0)
