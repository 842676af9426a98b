"""Several makers under one portfolio, without a loop: real pre-trade checks, and a venue that does as it is told."""

from collections import deque
from decimal import Decimal
from typing import Any

from perpmaker.domain.commands import Cancel, Command, Halt, Place
from perpmaker.domain.events import (
    BookUpdated,
    EndReason,
    Event,
    Filled,
    FundingPaid,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    PositionCorrected,
    StopRequested,
    TimerFired,
)
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import CancelReason, RejectReason, Side
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.risk.budgets import BudgetLimits
from perpmaker.runtime.live.daily_loss import DailyLoss
from perpmaker.runtime.live.portfolio import Portfolio
from perpmaker.runtime.live.pretrade import BUDGET, PreTradeChecks
from perpmaker.venues.port import MarketTerms

START_NS = 1_790_000_000_000_000_000
_MOVES_MONEY = (MarkUpdated, Filled, FundingPaid, PositionCorrected)


class Member:
    """One market: its maker, what rests, and what was refused or sent last."""

    def __init__(self, crowd: "Crowd", name: str, price: str, **settings: Any) -> None:
        self.crowd = crowd
        self.name = name
        self.instrument = Instrument(name, name, "USDC", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))
        values: dict[str, Any] = {
            "spread": Decimal("0.001"),
            "quantity": Decimal(1),
            "max_orders": 3,
            "max_position": Decimal(50),
            "interval_s": Decimal(1),
            "duration_s": Decimal(0),
        }
        strategy = StrategySettings(**{**values, **settings})
        terms = StrategyTerms.of(strategy, self.instrument, Decimal(10_000), Decimal(10))
        self.maker = MarketMaker(terms, START_NS)
        self.daily = DailyLoss(None, 0, START_NS)
        market = MarketTerms(
            instrument=self.instrument,
            max_lots=None,
            initial_margin_ppb=0,
            maintenance_margin_ppb=0,
            is_tradable=True,
            status="",
        )
        self.seat = crowd.portfolio.join(name, "one account", Decimal(10_000), self.maker, market, self.daily)
        self.checks = PreTradeChecks(self.maker, 10**9, None, self.seat.fits)
        self.cancelling: list[int] = []
        self.sent: list[Place] = []
        self.notes: list[tuple[str, str]] = []
        self.ended: EndReason | None = None
        self._events: deque[Event] = deque()
        self._is_telling = False
        self._fills = 0
        self.seat.attend(self.tell, self.stop, lambda kind, text: self.notes.append((kind, text)))
        self.price(price)

    def tell(self, event: Event) -> None:
        """As `perpmaker.runtime.live.run.LiveRun.tell` does."""
        self._events.append(event)
        if self._is_telling:
            return
        self._is_telling = True
        while self._events:
            event = self._events.popleft()
            self._carry_out(self.maker.on_event(event))
            if isinstance(event, _MOVES_MONEY):
                self.daily.is_reached(self.crowd.now_ns, event, self.maker.state)
                self.seat.money_moved(self.crowd.now_ns)
        self._is_telling = False

    def stop(self, reason: EndReason) -> None:
        if not self.maker.is_ending:
            self.tell(StopRequested(self.crowd.now_ns, reason))

    def price(self, price: str) -> None:
        """Book and mark around a price."""
        now_ns, ticks = self.crowd.now_ns, int(Decimal(price) / self.instrument.tick_size)
        self.tell(BookUpdated(now_ns, now_ns, ticks - 1, 1, ticks + 1, 1))
        self.mark(price)

    def mark(self, price: str) -> None:
        now_ns = self.crowd.now_ns
        self.tell(MarkUpdated(now_ns, now_ns, self.instrument.price_to_milliticks(Decimal(price))))

    def refresh(self) -> None:
        self.tell(TimerFired(self.crowd.now_ns, is_refresh=True))

    def fill(self, order_id: int, lots: int) -> None:
        order = self.maker.orders.get(order_id)
        assert order is not None
        self._fills += 1
        now_ns = self.crowd.now_ns
        self.tell(Filled(now_ns, now_ns, self._fills, order_id, order.side, order.price_ticks, lots, True, 0))

    def hold(self, quantity: str, price: str) -> None:
        """A position that was there before."""
        lots = int(Decimal(quantity) / self.instrument.lot_size)
        at = self.instrument.price_to_milliticks(Decimal(price))
        self.tell(PositionCorrected(self.crowd.now_ns, self.crowd.now_ns, lots, at))

    def confirm_cancels(self) -> None:
        now_ns, dead = self.crowd.now_ns, self.cancelling
        self.cancelling = []
        for order_id in dead:
            order = self.maker.orders.get(order_id)
            if order is not None and order.status.is_open:
                reason = CancelReason.REQUESTED
                self.tell(OrderCanceled(now_ns, now_ns, order_id, order.filled_lots, reason))

    def open_ids(self, side: Side | None = None) -> list[int]:
        return [order.order_id for order in self.maker.orders if side is None or order.side is side]

    def _carry_out(self, commands: list[Command]) -> None:
        now_ns = self.crowd.now_ns
        for command in commands:
            if isinstance(command, Cancel):
                self.cancelling.append(command.order_id)
            elif isinstance(command, Halt):
                self.ended = command.reason
            elif isinstance(command, Place):
                refusal = self.checks.refusal(command)
                if refusal is None:
                    self.sent.append(command)
                    self._events.append(OrderAccepted(now_ns, now_ns, command.order_id))
                else:
                    reason = RejectReason.BUDGET if refusal == BUDGET else RejectReason.PRE_TRADE
                    self._events.append(OrderRejected(now_ns, now_ns, command.order_id, reason))


class Crowd:
    """Markets by name."""

    def __init__(self, carried: str = "0", **limits: Any) -> None:
        budgets = BudgetLimits(**{name: Decimal(str(value)) for name, value in limits.items()})
        self.now_ns = START_NS
        self.portfolio = Portfolio(budgets, START_NS, Decimal(carried))
        self.members: dict[str, Member] = {}

    def add(self, name: str, price: str = "100", **settings: Any) -> Member:
        member = self.members[name] = Member(self, name, price, **settings)
        return member

    def pass_time(self, seconds: float = 1.0) -> None:
        self.now_ns += int(seconds * 10**9)
        for member in self.members.values():
            member.confirm_cancels()
            member.refresh()
