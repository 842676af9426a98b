"""Our orders as we know them: live, in flight, unknown, and lately dead.

Rules kept here:

1. Exposure is everything that could still fill: orders sent and not answered, cancels sent and not confirmed, orders of
   unknown outcome, and executions that the venue has counted (in a cancellation) but not yet reported.
2. A fill counts once, whatever its order's status and however often it is told.
3. Memory is bounded: of the dead, the latest `_DEAD_KEPT` are kept, and of fill ids the latest `_FILLS_KEPT`.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import OrderKind, OrderStatus, Side
from perpmaker.execution.transitions import STATUS_AFTER, UNKNOWN, Trigger

_DEAD_KEPT = 1_000
_FILLS_KEPT = 10_000
_FILL, _LAST_FILL = Trigger.FILL, Trigger.LAST_FILL


@dataclass(slots=True)
class Order:
    """One order of ours. ``level`` is its place in the ladder, 0 for an order that closes the position."""

    order_id: int
    side: Side
    level: int
    price_ticks: int
    lots: int
    kind: OrderKind
    reduce_only: bool
    status: OrderStatus = OrderStatus.PENDING_PLACE
    filled_lots: int = 0
    venue_filled_lots: int = 0

    @property
    def remaining_lots(self) -> int:
        return self.lots - self.filled_lots

    @property
    def could_fill_lots(self) -> int:
        """What may still come in as fills of this order."""
        most = self.lots if self.status.is_open else self.venue_filled_lots
        return most - self.filled_lots if most > self.filled_lots else 0


class OwnOrders:
    """The orders of one run on one market."""

    def __init__(self) -> None:
        self._active: dict[int, Order] = {}  # could still fill
        self._dead: OrderedDict[int, Order] = OrderedDict()  # oldest first; a dict finds its oldest slowly
        self._fills_seen: OrderedDict[int, None] = OrderedDict()

    def __iter__(self) -> Iterator[Order]:
        """Orders that could still fill, in the order in which they were sent."""
        return iter(self._active.values())

    def __len__(self) -> int:
        return len(self._active)

    def get(self, order_id: int) -> Order | None:
        return self._active.get(order_id) or self._dead.get(order_id)

    def placed(self, command: Place) -> None:
        """Remember an order that is being sent: from now on it counts."""
        order_id, side, price_ticks, lots, kind, _post_only, reduce_only, level = command
        self._active[order_id] = Order(order_id, side, level, price_ticks, lots, kind, reduce_only)

    def apply(self, order_id: int, trigger: Trigger, venue_filled_lots: int = 0) -> Order | None:
        """Move an order through the table; returns it, or None if we never sent it (or it is long dead)."""
        order = self._active.get(order_id) or self._dead.get(order_id)
        if order is None:
            return None
        if venue_filled_lots > order.venue_filled_lots:
            order.venue_filled_lots = venue_filled_lots
        before = order.status
        after = order.status = STATUS_AFTER[before, trigger]
        if not (before.is_open and after.is_open):
            self._file(order)
        return order

    def is_new_fill(self, fill_id: int) -> bool:
        """True once per fill; later tellings are not new."""
        if fill_id in self._fills_seen:
            return False
        self._fills_seen[fill_id] = None
        if len(self._fills_seen) > _FILLS_KEPT:
            self._fills_seen.popitem(last=False)
        return True

    def has_seen_fill(self, fill_id: int) -> bool:
        """Whether this execution was told before."""
        return fill_id in self._fills_seen

    def apply_fill(self, order_id: int, lots: int) -> Order | None:
        """Count an execution; returns the order, or None if it is not ours as far as we know."""
        order = self.get(order_id)
        if order is None:
            return None
        order.filled_lots += lots
        return self.apply(order_id, _LAST_FILL if order.filled_lots >= order.lots else _FILL)

    @property
    def has_unknown(self) -> bool:
        """Whether the outcome of some request is still unknown."""
        for order in self._active.values():  # noqa: SIM110 - asked at every decision, and any() is three times as slow
            if order.status is UNKNOWN:
                return True
        return False

    def exposure_lots(self, side: Side) -> int:
        """What could still fill on a side. Reduce-only orders cannot enlarge a position, so they do not count."""
        return sum([o.could_fill_lots for o in self._active.values() if o.side is side and not o.reduce_only])

    def _file(self, order: Order) -> None:
        """Keep an order whose status has changed where it belongs: with those that could fill, or with the dead."""
        order_id = order.order_id
        if order.status.is_open or order.could_fill_lots:
            if order_id not in self._active:
                del self._dead[order_id]
                self._active[order_id] = order
        elif order_id in self._active:
            del self._active[order_id]
            self._dead[order_id] = order
            if len(self._dead) > _DEAD_KEPT:
                self._dead.popitem(last=False)
