"""A bench for the market maker: one instrument, hand-fed events, and what the maker holds, in the trader's units."""

from decimal import Decimal
from typing import Any

from perpmaker.domain.commands import Cancel, Command, Notice, Place
from perpmaker.domain.events import (
    BookUpdated,
    EndReason,
    Filled,
    GapEnded,
    GapStarted,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    OutcomeUnknown,
    StopRequested,
    TimerFired,
)
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import CancelReason, OrderStatus, RejectReason, Side
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms

SECOND_NS = 1_000_000_000


def instrument(tick: str = "0.01", lot: str = "0.01", minimum: str = "0.01") -> Instrument:
    return Instrument("SOL_USDC_PERP", "SOL", "USDC", Decimal(tick), Decimal(lot), Decimal(minimum))


def places(commands: list[Command]) -> list[Place]:
    return [command for command in commands if isinstance(command, Place)]


def cancels(commands: list[Command]) -> list[int]:
    return [command.order_id for command in commands if isinstance(command, Cancel)]


def notices(commands: list[Command]) -> list[Notice]:
    return [command for command in commands if isinstance(command, Notice)]


class Bench:
    """A maker with a venue that acknowledges everything at once, unless told not to."""

    def __init__(
        self, instrument: Instrument, *, acknowledges: bool = True, balance: str = "1000000", **settings: Any
    ) -> None:
        converted = {
            name: Decimal(value) if isinstance(value, (str, int)) and name != "max_orders" else value
            for name, value in settings.items()
        }
        self.instrument = instrument
        self.settings = StrategySettings(**converted)
        terms = StrategyTerms.of(self.settings, instrument, Decimal(balance), Decimal(10))
        self.maker = MarketMaker(terms, start_ns=0)
        self.now_ns = 0
        self.acknowledges = acknowledges
        self.sent: list[Command] = []
        self._fills = 0

    def send(self, event: Any) -> list[Command]:
        """Give the maker one event, and whatever a venue that answers at once would answer."""
        commands = self.maker.on_event(event)
        self.sent += commands
        if self.acknowledges:
            for command in commands:
                self._acknowledge(command)
        return commands

    def _acknowledge(self, command: Command) -> None:
        if isinstance(command, Place):
            self.send(OrderAccepted(self.now_ns, self.now_ns, command.order_id))
        elif isinstance(command, Cancel):
            order = self.maker.orders.get(command.order_id)
            assert order is not None
            self.send(
                OrderCanceled(self.now_ns, self.now_ns, command.order_id, order.filled_lots, CancelReason.REQUESTED)
            )

    def price(self, price: str) -> list[Command]:
        """A book around ``price``: mid, mark and reference are all ``price``."""
        ticks = int(Decimal(price) / self.instrument.tick_size)
        commands = self.send(BookUpdated(self.now_ns, self.now_ns, ticks - 1, 1000, ticks + 1, 1000))
        return commands + self.mark(price)

    def mark(self, price: str) -> list[Command]:
        return self.send(MarkUpdated(self.now_ns, self.now_ns, self.instrument.price_to_milliticks(Decimal(price))))

    def refresh(self) -> list[Command]:
        """Let one interval pass."""
        self.now_ns = self.maker.deadlines()[0]
        return self.send(TimerFired(self.now_ns, is_refresh=True))

    def wait(self, seconds: float) -> list[Command]:
        self.now_ns += int(seconds * SECOND_NS)
        return self.send(TimerFired(self.now_ns))

    def fill(self, side: Side, price: str, quantity: str | None = None) -> list[Command]:
        """Execute our order at this price (all of it unless told)."""
        ticks = int(Decimal(price) / self.instrument.tick_size)
        order = next(o for o in self.maker.orders if o.side is side and o.price_ticks == ticks)
        lots = order.remaining_lots if quantity is None else self.instrument.quantity_to_lots(Decimal(quantity))
        return self.execute(order.order_id, side, ticks, lots)

    def execute(self, order_id: int, side: Side, ticks: int, lots: int) -> list[Command]:
        self._fills += 1
        return self.send(Filled(self.now_ns, self.now_ns, self._fills, order_id, side, ticks, lots, True, 0))

    def order_at(self, side: Side, price: str) -> int:
        """The id of our open order at this price."""
        ticks = int(Decimal(price) / self.instrument.tick_size)
        return next(o.order_id for o in self.maker.orders if o.side is side and o.price_ticks == ticks)

    def accept(self, order_id: int) -> list[Command]:
        return self.send(OrderAccepted(self.now_ns, self.now_ns, order_id))

    def reject(self, order_id: int, reason: RejectReason) -> list[Command]:
        return self.send(OrderRejected(self.now_ns, self.now_ns, order_id, reason))

    def canceled(self, order_id: int, filled: int = 0, reason: CancelReason = CancelReason.REQUESTED) -> list[Command]:
        return self.send(OrderCanceled(self.now_ns, self.now_ns, order_id, filled, reason))

    def unanswered(self, order_id: int) -> list[Command]:
        return self.send(OutcomeUnknown(self.now_ns, order_id))

    def gap(self, *, starts: bool) -> list[Command]:
        return self.send((GapStarted if starts else GapEnded)(self.now_ns, self.now_ns))

    def stop(self, reason: EndReason = EndReason.INTERRUPTED) -> list[Command]:
        return self.send(StopRequested(self.now_ns, reason))

    def hold(self, position: str, entry: str) -> None:
        """Start with a position, as if it had been traded before."""
        lots = int(Decimal(position) / self.instrument.lot_size)
        side = Side.BUY if lots > 0 else Side.SELL
        ticks = int(Decimal(entry) / self.instrument.tick_size)
        self.maker.position.apply_fill(side, ticks, abs(lots), 0)

    def quotes(self, side: Side) -> list[str]:
        """Our open quotes on a side, innermost first, as ``price`` or ``quantity@price`` where it is not the usual."""
        orders = [o for o in self.maker.orders if o.side is side and o.status is not OrderStatus.PENDING_CANCEL]
        orders.sort(key=lambda o: -o.price_ticks * side)
        usual = self.instrument.quantity_to_lots(self.settings.quantity)
        shown = []
        for order in orders:
            price = str(self.instrument.price(order.price_ticks).normalize())
            size = "" if order.remaining_lots == usual else f"{self.instrument.quantity(order.remaining_lots)}@"
            shown.append(f"{size}{Decimal(price):f}")
        return shown

    @property
    def bids(self) -> list[str]:
        return self.quotes(Side.BUY)

    @property
    def asks(self) -> list[str]:
        return self.quotes(Side.SELL)

    @property
    def position(self) -> Decimal:
        return self.instrument.quantity(self.maker.position.lots)

    @property
    def realized(self) -> Decimal:
        return self.instrument.money(self.maker.position.realized_quanta)
