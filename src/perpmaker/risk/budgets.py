"""Budgets over several markets of one account: what may still be added, and what happens when one is reached.

Rules kept here:

1. What counts for a new order is the largest position value that could come about: everything that could still fill, on
   the side of each market that is worse. Margin is the same sum, each value times its margin rate.
2. An order that adds exposure is allowed only while both sums, this order included, stay within their budgets. One that
   can only reduce is always allowed. So no sequence of fills leads beyond a budget: only a move of prices can.
3. What counts for the steps is what is held. REDUCING begins when notional or margin are used up, or when drawdown or
   the day's loss have come to `NEARLY` of their limit; HALT when prices have carried the former to `BEYOND` of their
   limit, or when the loss has reached its own.
4. REDUCING ends below `RELIEF` of the amount at which it began, so that nothing flickers. HALT stays.
5. A limit of 0 is off. Amounts are exact, in the account's currency.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Final, NamedTuple

from perpmaker.domain.orders import Side

NEARLY: Final = Fraction(4, 5)
BEYOND: Final = Fraction(6, 5)
RELIEF: Final = Fraction(9, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLimits:
    """What an account may use up, 0 is off. Quote currency; ``max_margin_share`` is a share of the equity."""

    max_notional: Decimal = Decimal(0)
    max_margin_share: Decimal = Decimal(0)
    max_drawdown: Decimal = Decimal(0)
    max_daily_loss: Decimal = Decimal(0)

    @property
    def limit_losses(self) -> bool:
        """Whether one of them ends everything at a loss."""
        return bool(self.max_drawdown or self.max_daily_loss)


class Exposure(NamedTuple):
    """One market, in quote currency at its mark: position (signed), bids and asks that could still fill."""

    position: Fraction
    bids: Fraction
    asks: Fraction
    margin_rate: Fraction

    @property
    def held(self) -> Fraction:
        """The value of the position."""
        return abs(self.position)

    @property
    def worst(self) -> Fraction:
        """The largest position value that fills could bring about."""
        return max(abs(self.position + self.bids), abs(self.position - self.asks))


class Account(NamedTuple):
    """The account as a whole: equity now, the highest it has been, and what this UTC day has made."""

    equity: Fraction
    peak_equity: Fraction
    day_profit: Fraction


class Step(IntEnum):
    """What the markets are told."""

    FREE = 0
    REDUCING = 1
    HALT = 2


class Use(NamedTuple):
    """How much of one budget is used; ``limit`` is above 0."""

    name: str
    used: Fraction
    limit: Fraction
    reducing_from: Fraction
    halt_from: Fraction


class Verdict(NamedTuple):
    """The strictest step, and the budget that calls for it (None where none does)."""

    step: Step
    budget: Use | None


NOTIONAL: Final = "notional"
MARGIN: Final = "margin"
DRAWDOWN: Final = "drawdown"
DAILY_LOSS: Final = "daily loss"


def uses(limits: BudgetLimits, account: Account, markets: Mapping[str, Exposure]) -> list[Use]:
    """Every budget that is on, and how much of it is used."""
    found: list[Use] = []
    if limits.max_notional:
        held = sum((market.held for market in markets.values()), Fraction(0))
        found.append(_of_size(NOTIONAL, held, Fraction(limits.max_notional)))
    if limits.max_margin_share:
        bound = sum((market.held * market.margin_rate for market in markets.values()), Fraction(0))
        found.append(_of_size(MARGIN, bound, _margin_budget(limits, account)))
    if limits.max_drawdown:
        found.append(_of_loss(DRAWDOWN, account.peak_equity - account.equity, Fraction(limits.max_drawdown)))
    if limits.max_daily_loss:
        found.append(_of_loss(DAILY_LOSS, -account.day_profit, Fraction(limits.max_daily_loss)))
    return found


def verdict(used: list[Use], before: Step) -> Verdict:
    """Which step these uses call for, coming from the step before (rules 3 and 4)."""
    if before is Step.HALT:
        return Verdict(Step.HALT, None)
    strictest = Verdict(Step.FREE, None)
    for use in used:
        step = _step(use, before)
        if step > strictest.step:
            strictest = Verdict(step, use)
    return strictest


def room(
    limits: BudgetLimits, account: Account, markets: Mapping[str, Exposure], market: str, side: Side
) -> Fraction | None:
    """The value that one more order on this side of this market may have (rule 2); None where nothing limits it.

    What only reduces is always in it: after a position of 100 sold short, 100 may be bought whatever the budgets say.
    """
    here = markets[market]
    others = [exposure for name, exposure in markets.items() if name != market]
    left: list[Fraction] = []
    if limits.max_notional:
        taken = sum((other.worst for other in others), Fraction(0))
        left.append(Fraction(limits.max_notional) - taken)
    if limits.max_margin_share and here.margin_rate:
        taken = sum((other.worst * other.margin_rate for other in others), Fraction(0))
        left.append((_margin_budget(limits, account) - taken) / here.margin_rate)
    if not left:
        return None
    could_hold = side * here.position + (here.bids if side is Side.BUY else here.asks)
    return max(min(left) - could_hold, -could_hold, Fraction(0))


def _margin_budget(limits: BudgetLimits, account: Account) -> Fraction:
    return Fraction(limits.max_margin_share) * max(account.equity, Fraction(0))


def _of_size(name: str, used: Fraction, limit: Fraction) -> Use:
    return Use(name, used, limit, limit, limit * BEYOND)


def _of_loss(name: str, used: Fraction, limit: Fraction) -> Use:
    return Use(name, used, limit, limit * NEARLY, limit)


def _step(use: Use, before: Step) -> Step:
    if use.used >= use.halt_from and use.used > 0:
        return Step.HALT
    begins = use.reducing_from * RELIEF if before is Step.REDUCING else use.reducing_from
    return Step.REDUCING if use.used >= begins and use.used > 0 else Step.FREE
