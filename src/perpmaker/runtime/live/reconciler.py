"""Compares what we believe with what the venue holds, and corrects us: the venue is the truth.

Rules kept here:

1. Executions first, then orders, then the position, then the balance: each explains what the next would only correct.
2. What moved while the question was under way proves nothing: a difference counts only where it was there before the
   question, and for position and balance only when it stands in two questions in a row with no news in between.
3. The position is not corrected while an order of ours could explain it: one that has executed more at the venue than
   we were told, one of which the venue counts executions that it does not show yet, one that is on its way or that is
   searched for. That is borne for `POSTPONEMENTS_BORNE` rounds. The balance is compared only where the position agrees.
4. An order of this run that rests and that the maker does not count with is cancelled. One that the maker counts with
   and that does not rest is searched for (`resolver`), not written off; so is one that rests though it was cancelled.
5. Orders of others, and of other runs, are seen and left alone.
6. Every correction is noted, with both figures.
7. A question that fails corrects nothing.
8. Executions and payments are told once, whether the stream or the history tells them first.
"""

from typing import Final

from perpmaker.domain.events import BalanceCorrected, Filled, FundingPaid, MarkUpdated, PositionCorrected
from perpmaker.domain.money import MILLITICKS_PER_TICK, QUANTA_PER_MILLITICK_LOT
from perpmaker.domain.orders import OrderStatus
from perpmaker.runtime.live.desk import Desk
from perpmaker.runtime.live.resolver import Resolver
from perpmaker.venues.errors import VenueError
from perpmaker.venues.port import VenueOrder, VenuePosition

OVERLAP_NS: Final = 60 * 10**9
"""Executions are asked for from this long before the last question: news may reach the venue's history late."""

BALANCE_TOLERANCE_PPB: Final = 100_000
"""Differences of the balance below 0.01 % of it are rounding at the venue, not money."""


POSTPONEMENTS_BORNE: Final = 10

FUNDING_NS: Final = 60 * 10**9
"""Between two looks at the payments."""

MARK_AGE_NS: Final = 10 * 10**9
"""A mark price older than this is replaced by the one that comes with the position: the stops look at it."""


class Reconciler:
    """Runs one round at a time.

    Args:
        desk: what the run shares.
        resolver: searches for orders.
    """

    def __init__(self, desk: Desk, resolver: Resolver) -> None:
        self._desk = desk
        self._resolver = resolver
        self._start_ns = desk.clock.now_ns()
        self._asked_ns = self._start_ns  # when executions were last asked for with success
        self._payments: set[tuple[int, int]] = set()  # time at the venue and amount, of all that were told
        self._payment_ids: set[str] = set()
        self._foreign_fills: set[int] = set()
        self._funding_due_ns = 0
        self._untold_lots = 0  # what orders of ours may have executed without our knowing
        self._postponements = 0
        self._is_position_right = False
        self._corrected_ns = 0  # by the venue's clock
        self._doubted_position: tuple[int, int] | None = None  # difference, and our position then
        self._doubted_balance: int | None = None
        self.last_ns = 0

    async def round(self) -> bool:
        """Everything once; False where a question went unanswered."""
        desk = self._desk
        try:
            await self._executions()
            await self._orders()
            await self._position()
            await self._funding()
            await self._balance()
        except VenueError as error:
            desk.venue_failed("reconciling", error)
            return False
        self.last_ns = desk.clock.now_ns()
        desk.counts["reconciliations"] += 1
        return True

    @property
    def is_position_right(self) -> bool:
        """The last round has found the position as we count it."""
        return self._is_position_right

    @property
    def has_doubts(self) -> bool:
        """A difference was seen once, or news is missing: look again soon."""
        return not self._is_position_right or self._doubted_balance is not None or self._untold_lots > 0

    @property
    def executions_since_ns(self) -> int:
        """From when on executions may be missing, by the venue's clock."""
        return self._asked_ns + self._desk.clock_offset_ns - OVERLAP_NS

    def is_new_payment(self, payment: FundingPaid) -> bool:
        """True once per payment, whoever tells it."""
        key = (payment.venue_ns, payment.amount_quanta)
        is_new = key not in self._payments
        self._payments.add(key)
        return is_new

    async def _executions(self) -> None:
        desk = self._desk
        asked_ns = desk.clock.now_ns()
        missed = 0
        for execution in await desk.ask(desk.venue.fills, self.executions_since_ns):
            fill = execution.fill
            if execution.tag != desk.tag:
                if fill.venue_ns > self._start_ns + desk.clock_offset_ns:
                    self._see_foreign(fill)
            elif not desk.maker.orders.has_seen_fill(fill.fill_id):
                missed += 1
                desk.tell(fill)
        if missed:
            desk.note("reconciliation", f"booked executions that the stream had not told: {missed}")
            desk.counts["missed executions"] += missed
        self._asked_ns = asked_ns

    def _see_foreign(self, fill: Filled) -> None:
        """Somebody else's execution changes our position at its own price: no need to doubt anything of ours."""
        desk, now_ns = self._desk, self._desk.clock.now_ns()
        desk.see_foreigner()
        if fill.fill_id in self._foreign_fills:
            return
        self._foreign_fills.add(fill.fill_id)
        if fill.venue_ns <= self._corrected_ns:
            return  # the position that we were corrected to had it in it
        change = fill.side * fill.lots
        desk.note("reconciliation", f"somebody else traded {desk.instrument.quantity(change)}: the position follows")
        desk.counts["foreign executions"] += 1
        desk.tell(PositionCorrected(now_ns, fill.venue_ns, change, fill.price_ticks * MILLITICKS_PER_TICK))

    async def _orders(self) -> None:
        desk = self._desk
        open_before = {order.order_id: order.status for order in desk.maker.orders if order.status.is_open}
        next_id = desk.maker.state.next_order_id
        resting = await desk.ask(desk.venue.open_orders)
        ours = {order.order_id: order for order in resting if order.tag == desk.tag and order.order_id is not None}
        if len(ours) < len(resting):
            desk.see_foreigner()
        for order_id, status in open_before.items():
            if self._is_doubtful(order_id, status, is_resting=order_id in ours):
                self._resolver.watch(order_id)
        self._untold_lots = self._count_untold(ours)
        # What was sent after the question was asked may have come to rest, and have ended, before the answer came.
        known = (order_id for order_id in ours if order_id not in open_before and not desk.is_open(order_id))
        await self._cancel_lost(
            [ours[order_id] for order_id in known if order_id < next_id or not desk.status(order_id)]
        )

    def _is_doubtful(self, order_id: int, status: OrderStatus, *, is_resting: bool) -> bool:
        if is_resting:  # a cancel that is not under way any more was lost
            return status is OrderStatus.PENDING_CANCEL and order_id not in self._desk.cancelling
        return status is not OrderStatus.PENDING_PLACE

    def _count_untold(self, ours: dict[int, VenueOrder]) -> int:
        """How much of our orders may have executed without our knowing, in lots, both sides together."""
        untold = 0
        for order in self._desk.maker.orders:
            resting = ours.get(order.order_id)
            if resting is None:
                untold += order.could_fill_lots
            else:
                untold += max(0, resting.filled_lots - order.filled_lots)
        return untold

    async def _cancel_lost(self, lost: list[VenueOrder]) -> None:
        desk = self._desk
        failure: VenueError | None = None
        for order in lost:
            desk.note(
                "reconciliation", f"order {order.order_id} rests at the venue and was believed dead: cancelling it"
            )
            try:
                await desk.ask(desk.venue.cancel_venue_order, order.venue_id)
            except VenueError as error:
                failure = error
            else:
                desk.counts["lost orders cancelled"] += 1
        if failure is not None:
            raise failure

    async def _position(self) -> None:
        desk = self._desk
        before, asked_ns = desk.maker.position.lots, desk.venue_now_ns()
        held = await desk.ask(desk.venue.position)
        self._refresh_mark(held)
        lots = desk.maker.position.lots
        difference = held.lots - lots
        self._is_position_right = difference == 0
        if difference == 0 or lots != before:
            self._doubted_position = None
            self._postponements = 0
            return
        if self._doubted_position != (difference, lots):
            self._doubted_position = (difference, lots)
            return
        if self._untold_lots and self._postponements < POSTPONEMENTS_BORNE:
            self._postponements += 1
            return
        self._corrected_ns = asked_ns
        self._correct_position(held, difference)

    def _correct_position(self, held: VenuePosition, difference: int) -> None:
        desk, quantity = self._desk, self._desk.instrument.quantity
        self._doubted_position = None
        self._postponements = 0
        self._is_position_right = True
        desk.see_foreigner()
        desk.note(
            "reconciliation",
            f"the venue holds a position of {quantity(held.lots)}, our executions explain "
            f"{quantity(held.lots - difference)}: corrected by {quantity(difference)}",
        )
        desk.counts["position corrections"] += 1
        now_ns = desk.clock.now_ns()
        desk.tell(PositionCorrected(now_ns, now_ns, difference, self._price(held)))

    def _price(self, held: VenuePosition) -> int:
        """What a correction is booked at: the mark; where there never was one, what the position has cost."""
        state = self._desk.maker.state
        mark = held.mark_milliticks or state.mark_milliticks
        if mark:
            return mark
        if held.lots:
            return int(held.entry_price / self._desk.instrument.tick_size * MILLITICKS_PER_TICK)
        return state.position.cost_quanta // (state.position.lots * QUANTA_PER_MILLITICK_LOT)

    def _refresh_mark(self, held: VenuePosition) -> None:
        now_ns = self._desk.clock.now_ns()
        if held.mark_milliticks is not None and now_ns - self._desk.mark_ns > MARK_AGE_NS:
            self._desk.tell(MarkUpdated(now_ns, now_ns, held.mark_milliticks))

    async def _funding(self) -> None:
        """Rarely: payments come by the hour. A balance that is doubted must be explained before it is corrected."""
        desk = self._desk
        now_ns = desk.clock.now_ns()
        if now_ns < self._funding_due_ns and self._doubted_balance is None:
            return
        await self.tell_funding()
        self._funding_due_ns = now_ns + FUNDING_NS

    async def tell_funding(self) -> None:
        """Tell every payment of this run that was not told. Raises `VenueError`."""
        desk = self._desk
        for payment_id, payment in await desk.ask(desk.venue.funding, self._start_ns + desk.clock_offset_ns):
            if payment_id not in self._payment_ids:
                self._payment_ids.add(payment_id)
                if self.is_new_payment(payment):
                    desk.tell(payment)

    async def _balance(self) -> None:
        """Cash by the venue's count against ours; a deposit, a withdrawal or what another program traded."""
        if not self._is_position_right or self._untold_lots:
            self._doubted_balance = None
            return
        desk = self._desk
        before = self._settled_quanta()
        account = await desk.ask(desk.venue.account)
        settled = self._settled_quanta()  # here and, where the account has more markets of ours, there
        ours = desk.maker.state.balance_quanta + settled
        difference = desk.instrument.money_to_quanta(account.balance) - ours
        tolerance = max(abs(ours) * BALANCE_TOLERANCE_PPB // 10**9, QUANTA_PER_MILLITICK_LOT)
        if settled != before or abs(difference) <= tolerance:
            self._doubted_balance = None
            return
        if self._doubted_balance is None or abs(difference - self._doubted_balance) > tolerance:
            self._doubted_balance = difference
            return
        self._doubted_balance = None
        now_ns = desk.clock.now_ns()
        money = desk.instrument.money
        desk.note(
            "reconciliation",
            f"the account's balance is {money(ours + difference):f}, ours was {money(ours):f}: corrected",
        )
        desk.counts["balance corrections"] += 1
        desk.tell(BalanceCorrected(now_ns, now_ns, difference))

    def _settled_quanta(self) -> int:
        position = self._desk.maker.position
        settled = position.realized_quanta - position.fees_quanta + position.funding_quanta
        return settled + self._desk.settled_elsewhere()
