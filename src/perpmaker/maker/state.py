"""What the market maker knows: the market, its position, its orders. Shared by quoter, closer and phases.

Rule kept here: an order or a cancel is remembered in the moment in which its command is made, so nothing that was sent
can be missing from the exposure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from perpmaker.domain.commands import Cancel, Notice, NoticeKind, Place
from perpmaker.domain.events import BookUpdated
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.domain.position import Position
from perpmaker.execution.difference import Quote
from perpmaker.execution.own_orders import Order, OwnOrders
from perpmaker.execution.transitions import LIVE, PENDING_PLACE, UNKNOWN, Trigger
from perpmaker.maker.settings import StrategyTerms
from perpmaker.quoting.reference import reference_milliticks

_CANCEL_WORKS = (LIVE, PENDING_PLACE)
_CANCEL_SENT = Trigger.CANCEL_SENT
_LIMIT = OrderKind.LIMIT


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
    notices: list[Notice] = field(default_factory=list)  # not handed out yet
    balance_quanta: int = field(init=False)

    def __post_init__(self) -> None:
        self.balance_quanta = self.terms.balance_quanta

    def reference(self) -> int | None:
        """The price to quote around (milliticks); None while blind or while an input is missing."""
        if self.is_blind or self.book is None:
            return None
        return reference_milliticks(self.terms.reference, self.book, self.last_ticks, self.mark_milliticks)

    def tell(self, kind: NoticeKind, detail: str) -> None:
        """Something worth telling; the next decision hands it out."""
        position, mark = self.position, self.mark_milliticks
        unrealized = 0 if mark is None else position.unrealized_quanta(mark)
        self.notices.append(Notice(kind, position.lots, unrealized, detail))

    def place_quotes(self, quotes: Iterable[Quote]) -> list[Place]:
        """Post-only limit orders of the ladder."""
        first_id = self.next_order_id
        places = [
            Place(order_id, side, price_ticks, lots, _LIMIT, True, False, level)
            for order_id, (side, level, price_ticks, lots) in enumerate(quotes, first_id)
        ]
        self.next_order_id = first_id + len(places)
        for command in places:
            self.orders.placed(command)
        return places

    def place_close(self, side: Side, lots: int) -> Place:
        """A reduce-only market order."""
        command = Place(self.next_order_id, side, 0, lots, OrderKind.MARKET, False, True)
        self.next_order_id += 1
        self.orders.placed(command)
        return command

    def cancel(self, order: Order) -> Cancel:
        self.orders.apply(order.order_id, _CANCEL_SENT)
        return Cancel(order.order_id)

    def cancel_quotes(self, *, also_unknown: bool) -> list[Cancel]:
        """Cancel every order of the ladder that is not on its way out; those of unknown outcome only when told."""
        return [
            self.cancel(order)
            for order in list(self.orders)
            if not order.reduce_only and (order.status in _CANCEL_WORKS or (also_unknown and order.status is UNKNOWN))
        ]
