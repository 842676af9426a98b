"""All markets of a fleet as one account: what they may add together, and what happens when a budget is used up.

Rules kept here (the arithmetic is that of `perpmaker.risk.budgets`):

1. Position, orders and price of a market are read from its maker when they are needed, so what was sent counts from the
   moment in which its command was made. A market that has ended still counts with what it holds.
2. An order that does not fit is refused before it is sent (`fits`). Orders of the same decision that come after it do
   not count against it; those before it do.
3. Every event that moves money is followed by a look at the steps (`money_moved`). A new step is told to every market
   at once: REDUCING as `QuotingLimited`, HALT as the end of the run. One that begins late is told where things stand.
4. HALT for notional or margin ends with `EndReason.BUDGET` and leaves the positions: prices have carried them there,
   which is no loss that closing would save. HALT for a loss ends with `EndReason.BUDGET_LOSS` and closes them, as every
   other limit to the loss does.
5. Profit counts from the start of the fleet, open positions at their marks; what a position that was taken over had
   gained or lost before is neither. The account's peak is the highest since then, or what it was before the losses of
   earlier runs of the same UTC day, if that is higher. Deposits are neither profit nor loss, and change no budget.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Final

from perpmaker.domain.commands import Place
from perpmaker.domain.events import EndReason, QuotingLimited
from perpmaker.domain.orders import Side
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.risk.budgets import (
    MARGIN,
    NOTIONAL,
    Account,
    BudgetLimits,
    Exposure,
    Step,
    Use,
    room,
    uses,
    verdict,
)
from perpmaker.runtime.live.daily_loss import DailyLoss, utc_day
from perpmaker.runtime.live.seat import MarketSeat
from perpmaker.venues.port import MarketTerms

_NOTHING: Final = Fraction(0)
_NO_ACCOUNT: Final = Account(_NOTHING, _NOTHING, _NOTHING)
_NO_FURTHER: Final = "only what reduces a position is quoted"


class _Tally:
    """A sum whose parts change one at a time."""

    def __init__(self) -> None:
        self.total = Fraction(0)
        self._parts: dict[str, Fraction] = {}

    def put(self, name: str, part: Fraction) -> None:
        before = self._parts.get(name)
        if part is before:
            return
        self._parts[name] = part
        self.total += part if before is None else part - before


class _Sizes:
    """A sum of position values, each with its margin; told as one market, which is all that the arithmetic needs."""

    def __init__(self) -> None:
        self.values = _Tally()
        self.margins = _Tally()

    def put(self, name: str, value: Fraction, margin_rate: Fraction) -> None:
        self.values.put(name, value)
        self.margins.put(name, value * margin_rate)

    def without(self, value: Fraction, margin_rate: Fraction) -> Exposure:
        """All but one part."""
        rest, margin = self.values.total - value, self.margins.total - value * margin_rate
        return Exposure(rest, _NOTHING, _NOTHING, margin / rest if rest else _NOTHING)


class Portfolio:
    """Every market of a fleet.

    Args:
        limits: the budgets.
        now_ns: the time now.
        carried: what earlier runs of these accounts have made today.
    """

    def __init__(self, limits: BudgetLimits, now_ns: int, carried: Decimal = Decimal(0)) -> None:
        self._limits = limits
        self._now_ns = now_ns
        self._day = utc_day(now_ns)
        self._carried = Fraction(carried)
        self._peak_profit = max(Fraction(0), -self._carried)
        self._equities: dict[str, Fraction] = {}
        self._seats: dict[str, MarketSeat] = {}
        self._counted: dict[str, Exposure] = {}
        self._worst, self._held = _Sizes(), _Sizes()
        self._profit, self._day_profit = _Tally(), _Tally()
        self.step = Step.FREE
        self.budget: Use | None = None

    def join(
        self, name: str, account: str, equity: Decimal, maker: MarketMaker, market: MarketTerms, daily: DailyLoss
    ) -> MarketSeat:
        """A market of its own name. ``equity`` is its account's, and counts once for each account."""
        self._equities.setdefault(account, Fraction(equity))
        seat = self._seats[name] = MarketSeat(self, name, account, maker, market, daily)
        return seat

    @property
    def limits(self) -> BudgetLimits:
        """The budgets as they are now."""
        return self._limits

    def profit(self, name: str) -> Fraction | None:
        """What a market has made since the start, its position at the mark; None where it has not joined."""
        seat = self._seats.get(name)
        return None if seat is None else seat.profit

    @property
    def account(self) -> Account:
        """All accounts together, as of now."""
        for name, seat in self._seats.items():
            self._profit.put(name, seat.profit)
            self._day_profit.put(name, seat.day_profit(self._day))
        profit = self._profit.total
        self._peak_profit = max(self._peak_profit, profit)
        equity = sum(self._equities.values(), _NOTHING)
        return Account(equity + profit, equity + self._peak_profit, self._carried + self._day_profit.total)

    @property
    def uses(self) -> list[Use]:
        """Every budget that is on, and how much of it is used."""
        self._count()
        return uses(self._limits, self.account, {"all": self._held.without(_NOTHING, _NOTHING)})

    @property
    def worst(self) -> Fraction:
        """The largest value of all positions together that fills could bring about."""
        self._count()
        return self._worst.values.total

    def _count(self) -> None:
        """Bring the sums up to date with the markets that have changed."""
        for name, seat in self._seats.items():
            exposure = seat.exposure
            if exposure is not self._counted.get(name):
                self._counted[name] = exposure
                self._worst.put(name, exposure.worst, exposure.margin_rate)
                self._held.put(name, exposure.held, exposure.margin_rate)

    def settled(self, account: str, but: MarketSeat) -> Fraction:
        """Cash that the other markets of an account have made."""
        others = (seat.settled for seat in self._seats.values() if seat.account == account and seat is not but)
        return sum(others, Fraction(0))

    def fits(self, seat: MarketSeat, order: Place) -> bool:
        """See `Seat.fits`."""
        is_free = self.step is Step.FREE
        if is_free and not self._limits.max_notional and not self._limits.max_margin_share:
            return True
        value = seat.value(order.lots)
        here = seat.exposure_before(order.order_id)
        if not is_free:
            return value <= -(order.side * here.position + (here.bids if order.side is Side.BUY else here.asks))
        self._count()
        counted = self._counted[seat.name]
        others = self._worst.without(counted.worst, counted.margin_rate)
        account = self.account if self._limits.max_margin_share else _NO_ACCOUNT
        free = room(self._limits, account, {seat.name: here, f"but {seat.name}": others}, seat.name, order.side)
        return free is None or value <= free

    def look(self, now_ns: int) -> None:
        """Rule 3."""
        self._now_ns = max(self._now_ns, now_ns)
        day = utc_day(self._now_ns)
        if day != self._day:
            self._day, self._carried = day, Fraction(0)
        if self.step is Step.HALT or (self.step is Step.FREE and self._limits == BudgetLimits()):
            return
        found = verdict(self.uses, self.step)
        if found.step is self.step:
            return
        self.step, self.budget = found
        for seat in self._seats.values():
            self.tell_step(seat)

    def change_limits(self, limits: BudgetLimits, now_ns: int) -> None:
        """Other budgets from now on. A halt stays one."""
        self._limits = limits
        self.look(now_ns)

    def tell_step(self, seat: MarketSeat) -> None:
        """Tell a market where things stand; nothing to one that has not begun."""
        if seat.tell is None or seat.stop is None or seat.note is None:
            return
        budget = self.budget
        if self.step is Step.HALT:
            assert budget is not None
            seat.note("budget", f"{_sentence(budget)}: every market ends")
            seat.stop(EndReason.BUDGET if budget.name in {NOTIONAL, MARGIN} else EndReason.BUDGET_LOSS)
        elif self.step is Step.REDUCING:
            assert budget is not None
            seat.is_limited = True
            seat.note("budget", f"{_sentence(budget)}: {_NO_FURTHER}")
            seat.tell(QuotingLimited(self._now_ns, only_reducing=True, why=budget.name))
        elif seat.is_limited:
            seat.is_limited = False
            seat.note("budget", "below its budgets again: both sides are quoted")
            seat.tell(QuotingLimited(self._now_ns, only_reducing=False, why=""))


def _sentence(use: Use) -> str:
    return f"{use.name} {_money(use.used)} of {_money(use.limit)}"


def _money(amount: Fraction) -> str:
    return f"{Decimal(amount.numerator) / Decimal(amount.denominator):.2f}"
