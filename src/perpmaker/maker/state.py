"""What the market maker knows: the market, its position, its orders. Shared by quoter, closer and phases.

Rule kept here: an order or a cancel is remembered in the moment in which its command is made, so nothing that was sent
can be missing from the exposure.
"""

from dataclasses import dataclass, field

from perpmaker.domain.commands import Cancel, Place
from perpmaker.domain.events import BookUpdated
from perpmaker.domain.orders import OrderKind, OrderStatus, Side
from perpmaker.domain.position import Position
from perpmaker.execution.own_orders import Order, OwnOrders
from perpmaker.execution.transitions import Trigger
from perpmaker.maker.settings import StrategyTerms
from perpmaker.quoting.reference import reference_milliticks

_CANCEL_WORKS = (OrderStatus.LIVE, OrderStatus.PENDING_PLACE)


@dataclass(slots=True)
class MakerState:
    """Mutable; times in ns, prices in ticks or milliticks, sizes in lots."""

    terms: StrategyTerms
    now_ns: int
    position: Position = field(default_factory=Position)
    orders: OwnOrders = field(default_factory=OwnOrders)
    book: BookUpdated | None = None
    last_ticks: int | None = None
    mark_milliticks: int | None = None
    is_blind: bool = False
    next_order_id: int = 1
    balance_quanta: int = field(init=False)

    def __post_init__(self) -> None:
        self.balance_quanta = self.terms.balance_quanta

    def reference(self) -> int | None:
        """The price to quote around (milliticks); None while blind or while an input is missing."""
        if self.is_blind or self.book is None:
            return None
        return reference_milliticks(self.terms.reference, self.book, self.last_ticks, self.mark_milliticks)

    def place_quote(self, side: Side, level: int, price_ticks: int, lots: int) -> Place:
        """A post-only limit order of the ladder."""
        return self._place(Place(self.next_order_id, side, price_ticks, lots, OrderKind.LIMIT, True, False, level))

    def place_close(self, side: Side, lots: int) -> Place:
        """A reduce-only market order."""
        return self._place(Place(self.next_order_id, side, 0, lots, OrderKind.MARKET, False, True))

    def cancel(self, order: Order) -> Cancel:
        self.orders.apply(order.order_id, Trigger.CANCEL_SENT)
        return Cancel(order.order_id)

    def cancel_quotes(self, *, also_unknown: bool) -> list[Cancel]:
        """Cancel every order of the ladder that is not on its way out; those of unknown outcome only when told."""
        return [
            self.cancel(order)
            for order in list(self.orders)
            if not order.reduce_only
            and (order.status in _CANCEL_WORKS or (also_unknown and order.status is OrderStatus.UNKNOWN))
        ]

    def _place(self, command: Place) -> Place:
        self.next_order_id += 1
        self.orders.placed(command)
        return command
