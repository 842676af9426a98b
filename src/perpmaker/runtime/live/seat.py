"""A market's place among several of an account: what a run asks of it, and what all together ask of the market.

Rules kept here:

1. Position, orders and price are read from the maker when they are needed. A market that has ended still counts with
   what it holds, at its last mark.
2. Amounts are exact, in quote currency. Fractions are slow, so one is made anew only when what it is made from changed:
   the same object means that nothing has.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Protocol

from perpmaker.domain.commands import Place
from perpmaker.domain.events import EndReason, Event
from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.domain.orders import Side
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.risk.budgets import Exposure
from perpmaker.runtime.live.daily_loss import DailyLoss
from perpmaker.venues.port import MarketTerms

if TYPE_CHECKING:
    from perpmaker.runtime.live.portfolio import Portfolio

_BUY: Final = Side.BUY


class Seat(Protocol):
    """A run's place among the markets of its account."""

    def attend(
        self, tell: Callable[[Event], None], stop: Callable[[EndReason], None], note: Callable[[str, str], None]
    ) -> None:
        """The run begins: these hand it an event, ask it to end, and say something about it."""
        ...

    def fits(self, order: Place) -> bool:
        """Whether the budgets have room for an order that the maker has counted already."""
        ...

    def money_moved(self, now_ns: int) -> None:
        """The maker has just heard of a price, an execution or a payment."""
        ...

    def settled_elsewhere(self) -> int:
        """What the other markets of this account have settled since the start, in quanta of this one."""
        ...


class Alone:
    """The seat of a run that shares nothing."""

    def attend(
        self, tell: Callable[[Event], None], stop: Callable[[EndReason], None], note: Callable[[str, str], None]
    ) -> None:
        pass

    def fits(self, _order: Place) -> bool:
        return True

    def money_moved(self, now_ns: int) -> None:
        pass

    def settled_elsewhere(self) -> int:
        return 0


ALONE: Final = Alone()


class MarketSeat:
    """One market of a `Portfolio`, which makes it."""

    def __init__(
        self, portfolio: "Portfolio", name: str, account: str, maker: MarketMaker, market: MarketTerms, daily: DailyLoss
    ) -> None:
        self.name = name
        self.account = account
        self.daily = daily
        self._portfolio = portfolio
        self._maker = maker
        instrument = market.instrument
        self.quantum = Fraction(instrument.money(1))
        self._per_millitick_lot = Fraction(instrument.tick_size) * Fraction(instrument.lot_size) / MILLITICKS_PER_TICK
        margin_ppb = max(maker.state.terms.margin_rate_ppb, market.initial_margin_ppb)
        self._margin_rate = Fraction(margin_ppb, 10**9)
        self._last_reference = 0
        self._seen = (0, 0, 0, 0)  # position, bids, asks, price: what `_exposure` was made from
        self._exposure = Exposure(Fraction(0), Fraction(0), Fraction(0), self._margin_rate)
        self._profit_quanta, self._profit = 0, Fraction(0)
        self._day_quanta, self._day_profit = 0, Fraction(0)
        self.is_limited = False
        self.tell: Callable[[Event], None] | None = None
        self.stop: Callable[[EndReason], None] | None = None
        self.note: Callable[[str, str], None] | None = None

    def attend(
        self, tell: Callable[[Event], None], stop: Callable[[EndReason], None], note: Callable[[str, str], None]
    ) -> None:
        self.tell, self.stop, self.note = tell, stop, note
        self._portfolio.tell_step(self)

    def fits(self, order: Place) -> bool:
        return self._portfolio.fits(self, order)

    def money_moved(self, now_ns: int) -> None:
        self._portfolio.look(now_ns)

    def settled_elsewhere(self) -> int:
        return round(self._portfolio.settled(self.account, but=self) / self.quantum)

    @property
    def settled(self) -> Fraction:
        """Cash that this market has made, quote currency."""
        position = self._maker.position
        return (position.realized_quanta - position.fees_quanta + position.funding_quanta) * self.quantum

    @property
    def profit(self) -> Fraction:
        """What this market has made since the start, its position at the mark."""
        quanta = self.daily.run_profit_quanta
        if quanta != self._profit_quanta:
            self._profit_quanta, self._profit = quanta, quanta * self.quantum
        return self._profit

    def day_profit(self, day: str) -> Fraction:
        """The same of one UTC day; a market that has heard nothing on it has made nothing."""
        result = self.daily.result
        quanta = result.profit_quanta if result.day == day else 0
        if quanta != self._day_quanta:
            self._day_quanta, self._day_profit = quanta, quanta * self.quantum
        return self._day_profit

    def value(self, lots: int) -> Fraction:
        """Lots at the mark, or at the best price that there is instead; quote currency."""
        return lots * self._price_milliticks() * self._per_millitick_lot

    @property
    def exposure(self) -> Exposure:
        """Position and what could still fill."""
        seen = (self._maker.position.lots, *self._could_fill(None), self._price_milliticks())
        if seen != self._seen:
            self._seen, self._exposure = seen, self._valued(*seen)
        return self._exposure

    def exposure_before(self, order_id: int) -> Exposure:
        """The same without orders of this number and later ones."""
        return self._valued(self._maker.position.lots, *self._could_fill(order_id), self._price_milliticks())

    def _could_fill(self, before: int | None) -> tuple[int, int]:
        """Lots of bids and of asks; reduce-only orders cannot enlarge a position."""
        bids = asks = 0
        for order in self._maker.orders:
            if order.reduce_only or (before is not None and order.order_id >= before):
                continue
            if order.side is _BUY:
                bids += order.could_fill_lots
            else:
                asks += order.could_fill_lots
        return bids, asks

    def _valued(self, position: int, bids: int, asks: int, price_milliticks: int) -> Exposure:
        per_lot = price_milliticks * self._per_millitick_lot
        return Exposure(position * per_lot, bids * per_lot, asks * per_lot, self._margin_rate)

    def _price_milliticks(self) -> int:
        """Mark, middle of the book, the last of these, or what the position has cost."""
        state = self._maker.state
        if state.mark_milliticks is not None:
            return state.mark_milliticks
        self._last_reference = state.reference() or self._last_reference
        position = state.position
        if self._last_reference or not position.lots:
            return self._last_reference
        return round(position.cost_quanta * self.quantum / (position.lots * self._per_millitick_lot))
