"""Finds out what became of orders of unknown outcome, by asking the venue for that very order.

Rules kept here:

1. An order of unknown outcome is never sent again, and never assumed dead: it is asked for until the venue has told.
2. That the venue does not know an order proves something only when its request can no longer take effect
   (`VenueFacts.request_life_ns`; `UNBOUNDED_LIFE_NS` where the venue gives no bound), its executions are fetched and
   the position then agrees: it is gone.
3. Executions are told before the end of their order, so no exposure is forgotten in between.
4. One question at a time for each order, with growing pauses; the order's own news ends the search early. An answer
   that is older than the latest doubt proves nothing.
5. An order that was to be cancelled and still rests is live again: the maker decides about it anew.
6. An order that closes the position never rests: it is asked for until it has ended.
7. Each time that an order is found to rest after all, the next search for it begins later: a venue that contradicts
   itself makes no storm of requests.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

from perpmaker.domain.commands import FAR_FUTURE_NS
from perpmaker.domain.events import OrderAccepted, OrderCanceled, OrderRejected, OutcomeUnknown
from perpmaker.domain.orders import CancelReason, OrderKind, OrderStatus, RejectReason
from perpmaker.execution.own_orders import Order
from perpmaker.runtime.live.desk import Desk
from perpmaker.venues.errors import VenueError
from perpmaker.venues.port import OrderState, VenueOrder

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 4.0
LOOK_BACK_NS: Final = 5_000_000_000
"""Executions are asked for from this long before the order was sent: our clock and the venue's differ a little."""

LIFE_MARGIN_NS: Final = 500_000_000
"""A request is feared for this much longer than it lives: clocks differ, and a measured offset is not exact."""

UNBOUNDED_LIFE_NS: Final = 120 * 10**9
"""Where requests do not expire at the venue: no request is on its way for longer. The reconciler finds it if it was."""

DISAGREEMENTS_BORNE: Final = 5
"""How often the position may disagree before an unknown order counts as gone: somebody else may have traded."""

_KEPT: Final = 10_000


class Resolver:
    """Searches for orders; each search is a task of its own."""

    def __init__(self, desk: Desk, spawn: Callable[..., "asyncio.Task[None]"]) -> None:
        self._desk = desk
        self._spawn = spawn
        self._start_ns = desk.clock.now_ns()
        self._sent_ns: dict[int, tuple[int, int]] = {}  # the first and the last moment in which it may have left
        self._under_way: set[int] = set()  # handed to the venue, whose answer is awaited
        self._found_open: dict[int, int] = {}  # how often
        self._searches: set[int] = set()
        self._doubted_anew: set[int] = set()

    def placed(self, order_id: int) -> None:
        """An order is handed to the venue: its request leaves now; where it is not signed at once, until `answered`."""
        now_ns = self._desk.clock.now_ns()
        self._sent_ns[order_id] = now_ns, now_ns
        if not self._desk.venue.facts.signs_at_once:
            self._under_way.add(order_id)
        if len(self._sent_ns) > _KEPT:
            del self._sent_ns[next(iter(self._sent_ns))]

    def answered(self, order_id: int) -> None:
        """The venue has done with it, whatever it said. The request may have left only a moment ago."""
        if order_id in self._under_way:
            self._under_way.remove(order_id)
            now_ns = self._desk.clock.now_ns()
            self._sent_ns[order_id] = self._sent_ns.get(order_id, (now_ns, now_ns))[0], now_ns

    def watch(self, order_id: int) -> None:
        """Find out; returns at once."""
        if order_id in self._searches:
            self._doubted_anew.add(order_id)
        elif self._desk.is_open(order_id):
            self._searches.add(order_id)
            self._spawn(self._search(order_id), f"resolve-{order_id}")

    async def _search(self, order_id: int) -> None:
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(8, self._found_open.get(order_id, 0)))
        disagreements = 0
        try:
            while True:
                await asyncio.sleep(min(pause_s, self._until_expired_s(order_id)))
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                order = self._desk.maker.orders.get(order_id)
                if order is None or not order.status.is_open:
                    return
                self._doubted_anew.discard(order_id)
                try:
                    if await self._ask(order, bears_disagreement=disagreements >= DISAGREEMENTS_BORNE):
                        return
                except VenueError as error:
                    self._desk.venue_failed("asking for an order", error)
                    continue
                if self._cannot_take_effect(order_id):
                    disagreements += 1
        finally:
            self._searches.discard(order_id)
            self._doubted_anew.discard(order_id)

    async def _ask(self, order: Order, *, bears_disagreement: bool) -> bool:
        """Ask once; True when the order's fate is known and told."""
        desk, order_id = self._desk, order.order_id
        had_expired = self._cannot_take_effect(order_id)  # before the question, not when its answer came
        state = await desk.ask(desk.venue.order, order_id)
        if state is None and not had_expired:
            return False
        if state is not None and state.state is OrderState.OPEN:
            if state.filled_lots > order.filled_lots:
                await self._tell_executions(order_id)
            return self._tell_open(order, state)
        executed = await self._tell_executions(order_id)
        if state is None and not bears_disagreement:
            venue_position = await desk.ask(desk.venue.position)
            if venue_position.lots != desk.maker.position.lots:
                return False
        self._tell_end(order_id, state, executed)
        return True

    def _cannot_take_effect(self, order_id: int) -> bool:
        return self._desk.clock.now_ns() > self._expiry_ns(order_id)

    def _until_expired_s(self, order_id: int) -> float:
        """How long until that the venue does not know an order will prove something; for ever once it does."""
        left_ns = self._expiry_ns(order_id) - self._desk.clock.now_ns()
        return (left_ns + 1_000_000) / 1e9 if left_ns >= 0 else math.inf

    def _expiry_ns(self, order_id: int) -> int:
        if order_id in self._under_way:
            return FAR_FUTURE_NS
        life_ns = self._desk.venue.facts.request_life_ns
        _, left_ns = self._sent_ns.get(order_id, (0, 0))
        return left_ns + (UNBOUNDED_LIFE_NS if life_ns is None else life_ns + LIFE_MARGIN_NS)

    async def _tell_executions(self, order_id: int) -> int:
        """Tell every execution of this order that was not told; returns how many lots the venue counts."""
        desk = self._desk
        sent_ns, _ = self._sent_ns.get(order_id, (self._start_ns, 0))
        lots = 0
        for execution in await desk.ask(desk.venue.fills, sent_ns + desk.clock_offset_ns - LOOK_BACK_NS):
            if execution.tag == desk.tag and execution.fill.order_id == order_id:
                lots += execution.fill.lots
                if not desk.maker.orders.has_seen_fill(execution.fill.fill_id):
                    desk.tell(execution.fill)
        return lots

    def _tell_open(self, order: Order, state: VenueOrder) -> bool:
        """It rests. Where its cancel was lost, the maker must decide about it anew."""
        desk, order_id, status = self._desk, order.order_id, order.status
        if order.kind is not OrderKind.LIMIT or order_id in self._doubted_anew:
            return False
        now_ns = desk.clock.now_ns()
        if status is OrderStatus.PENDING_CANCEL:
            if order_id in desk.cancelling:
                return True  # the answer to that will tell
            desk.tell(OutcomeUnknown(now_ns, order_id))
        desk.tell(OrderAccepted(now_ns, state.venue_ns, order_id))
        if status in (OrderStatus.PENDING_CANCEL, OrderStatus.UNKNOWN):
            desk.counts["outcomes resolved"] += 1
            self._found_open[order_id] = self._found_open.get(order_id, 0) + 1
            self._found_open = {each: times for each, times in self._found_open.items() if desk.is_open(each)}
        return True

    def _tell_end(self, order_id: int, state: VenueOrder | None, executed: int) -> None:
        desk = self._desk
        now_ns = desk.clock.now_ns()
        if not desk.is_open(order_id):
            return
        desk.counts["outcomes resolved"] += 1
        if state is None:
            desk.tell(OrderCanceled(now_ns, now_ns, order_id, executed, CancelReason.VENUE))
        elif state.state is OrderState.REJECTED:
            desk.tell(OrderRejected(now_ns, state.venue_ns, order_id, RejectReason.OTHER))
        else:
            filled = max(executed, state.filled_lots)
            desk.tell(OrderCanceled(now_ns, state.venue_ns, order_id, filled, state.cancel_reason))
