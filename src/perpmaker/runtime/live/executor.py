"""Sends what the maker commands: few requests, cancels first, nothing twice, and every answer told as it is.

Rules kept here:

1. Cancels leave before places. The maker places only what fits beside orders that are not known to be dead, so a new
   order need not wait for the cancels sent with it; only a cancel of everything is awaited, by every quote that is
   decided on before it is answered, since it would hit those, too.
2. All new orders of a decision are one request where the venue can; where it cannot, they leave at the same time. Two
   or more cancels are one request (cancel everything on this market) when every order there is ours and to be
   cancelled, nobody else's was ever seen, and what the account holds is known.
3. An order passes `pretrade` before it is sent; what is refused there or for lack of tokens is told as a rejection.
4. No request is repeated. No answer is `OutcomeUnknown`; "not open" is told as a refused cancel; both start a search
   (`resolver`), and so does every order that closes the position: it cannot rest, and nothing waits for it longer than
   needed. A request that takes longer than `PATIENCE_S` has no answer.
5. Cancels and closing orders use the headroom of the rate limit, and wait for it where there is none.
6. An order that waits for a cancel of everything, and is cancelled meanwhile, is never sent.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from perpmaker.domain.commands import Cancel, Command, Place
from perpmaker.domain.events import (
    CancelRejected,
    EndReason,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    OutcomeUnknown,
)
from perpmaker.domain.orders import CancelReason, OrderStatus, RejectReason
from perpmaker.runtime.live.desk import Desk
from perpmaker.runtime.live.pretrade import BUDGET, PreTradeChecks
from perpmaker.runtime.live.resolver import Resolver
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Accepted, Canceled, CancelResult, NotOpen, PlaceResult, Refused, Unknown

PATIENCE_S: Final = 10.0

PLACE: Final = "place"
CANCEL: Final = "cancel"
CANCEL_ALL: Final = "cancel all"

_NS_PER_S: Final = 1_000_000_000


class Executor:
    """Carries out commands; each request is a task.

    Args:
        desk: what the run shares.
        checks: the pre-trade checks.
        resolver: searches for orders whose fate is unknown.
        spawn: starts a task that the run looks after.
        has_account_alone: see `LiveSettings`.
    """

    def __init__(
        self,
        desk: Desk,
        checks: PreTradeChecks,
        resolver: Resolver,
        spawn: Callable[..., "asyncio.Task[None]"],
        *,
        has_account_alone: bool,
    ) -> None:
        self._desk = desk
        self._checks = checks
        self._resolver = resolver
        self._spawn = spawn
        self._can_cancel_all = desk.venue.facts.can_cancel_all and has_account_alone
        self._is_cancelling_all = False
        self._held: dict[int, Place] = {}  # quotes that wait for the end of that
        self.requests = 0

    def carry_out(self, commands: Sequence[Command]) -> None:
        """Send what these commands ask for; returns at once."""
        cancels: list[int] = []
        places: list[Place] = []
        for command in commands:
            if isinstance(command, Cancel):
                cancels.append(command.order_id)
            elif isinstance(command, Place):
                places.append(command)
        if cancels:
            self._cancel(cancels, places)
        if not places:
            return
        quotes, closing = self._passed(places)
        if closing:
            self._send(closing)
        if self._is_cancelling_all:
            self._held.update((order.order_id, order) for order in quotes)
        elif quotes:
            self._send(quotes)

    # --- cancels ---

    def _cancel(self, order_ids: Sequence[int], places: Sequence[Place]) -> None:
        sent = [order_id for order_id in order_ids if not self._is_dropped(order_id)]
        self._desk.cancelling.update(sent)
        if len(sent) > 1 and self._may_cancel_all(sent, places):
            self._is_cancelling_all = True
            self._spawn(self._request_cancel_all(sent), "cancel-all")
            return
        for order_id in sent:
            self._spawn(self._request_cancel(order_id), f"cancel-{order_id}")

    def _is_dropped(self, order_id: int) -> bool:
        """Whether the order was not sent yet: then it never will be."""
        if self._held.pop(order_id, None) is None:
            return False
        now_ns = self._desk.clock.now_ns()
        self._desk.tell(OrderCanceled(now_ns, now_ns, order_id, 0, CancelReason.REQUESTED))
        return True

    def _may_cancel_all(self, cancels: Sequence[int], places: Sequence[Place]) -> bool:
        """Whether everything that rests on this market is ours and is to go."""
        desk = self._desk
        if self._is_cancelling_all or not self._can_cancel_all:
            return False
        if desk.has_foreign_orders or not desk.is_account_known:
            return False
        if not desk.resting.issuperset(cancels):
            return False  # an order that is still on its way would not be hit
        going = {*cancels, *(order.order_id for order in places)}
        return all(
            order.order_id in going or order.status is OrderStatus.PENDING_CANCEL or order.reduce_only
            for order in desk.maker.orders
        )

    async def _request_cancel_all(self, order_ids: Sequence[int]) -> None:
        desk = self._desk
        is_confirmed = False
        await self._headroom()
        sent_ns = self._count(CANCEL_ALL)
        try:
            async with asyncio.timeout(PATIENCE_S):
                is_confirmed = await desk.venue.cancel_all()
            desk.answered(CANCEL_ALL, sent_ns)
        except TimeoutError:
            pass
        except VenueError as error:
            desk.venue_failed("cancelling everything", error)
        self._is_cancelling_all = False
        desk.cancelling.difference_update(order_ids)
        for order_id in order_ids:
            if not is_confirmed:
                desk.tell(OutcomeUnknown(desk.clock.now_ns(), order_id))
            self._resolver.watch(order_id)  # the stream tells of each; where it does not, the search does
        held = list(self._held.values())
        self._held.clear()
        if held:
            self._send(held)

    async def _request_cancel(self, order_id: int) -> None:
        desk = self._desk
        await self._headroom()
        sent_ns = self._count(CANCEL)
        result: CancelResult | None = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                result = await desk.venue.cancel(order_id)
        except TimeoutError:
            pass
        desk.cancelling.discard(order_id)
        if not isinstance(result, Unknown | None):
            desk.answered(CANCEL, sent_ns)
        now_ns = desk.clock.now_ns()
        if isinstance(result, Canceled):
            desk.tell(OrderCanceled(now_ns, result.venue_ns, order_id, result.filled_lots, CancelReason.REQUESTED))
            return
        if isinstance(result, NotOpen):
            desk.tell(CancelRejected(now_ns, now_ns, order_id))
        else:
            if isinstance(result, Unknown):
                self._heed(result)
            desk.tell(OutcomeUnknown(now_ns, order_id))
        self._resolver.watch(order_id)

    # --- places ---

    def _passed(self, places: Sequence[Place]) -> tuple[list[Place], list[Place]]:
        """What the checks let through, the rate limit last: quotes, closing orders. The rest is told as rejected."""
        quotes: list[Place] = []
        closing: list[Place] = []
        for order in places:
            refusal = self._checks.refusal(order)
            if refusal is not None:
                reason = RejectReason.BUDGET if refusal == BUDGET else RejectReason.PRE_TRADE
                self._refuse(order.order_id, refusal, reason)
            elif order.reduce_only:
                closing.append(self._checks.shrunk(order))
            elif self._has_token(is_first=not quotes):
                quotes.append(order)
            else:
                self._refuse(order.order_id, self._checks.rate_refused(), RejectReason.RATE_LIMITED)
        return quotes, closing

    def _has_token(self, *, is_first: bool) -> bool:
        if self._desk.venue.facts.can_place_batch and not is_first:
            return True  # in the same request as the first
        return self._desk.bucket.take_for_quote(self._desk.clock.now_ns())

    def _refuse(self, order_id: int, check: str, reason: RejectReason) -> None:
        now_ns = self._desk.clock.now_ns()
        if reason is not RejectReason.BUDGET:  # which is normal, and comes with every refresh while it lasts
            self._desk.note("pre-trade", f"order {order_id} was held back by the check '{check}'")
        self._desk.tell(OrderRejected(now_ns, now_ns, order_id, reason))

    def _send(self, orders: list[Place]) -> None:
        if self._desk.venue.facts.can_place_batch:
            self._spawn(self._request_place(orders), "place")
            return
        for order in orders:
            self._spawn(self._request_place([order]), f"place-{order.order_id}")

    async def _request_place(self, orders: list[Place]) -> None:
        desk = self._desk
        if orders[0].reduce_only:
            await self._headroom()
        sent_ns = self._count(PLACE)
        for order in orders:
            self._resolver.placed(order.order_id)
        results: list[PlaceResult] = []
        try:
            async with asyncio.timeout(PATIENCE_S):
                results = await desk.venue.place(orders)
        except TimeoutError:
            pass
        if any(not isinstance(result, Unknown) for result in results):
            desk.answered(PLACE, sent_ns)
        now_ns = desk.clock.now_ns()
        answers = {result.order_id: result for result in results}
        for order in orders:
            self._resolver.answered(order.order_id)
            self._tell_placed(order.order_id, answers.get(order.order_id), now_ns)
            if order.reduce_only:
                self._resolver.watch(order.order_id)

    def _tell_placed(self, order_id: int, result: PlaceResult | None, now_ns: int) -> None:
        desk = self._desk
        if isinstance(result, Accepted):
            desk.tell(OrderAccepted(now_ns, result.venue_ns, order_id))
        elif isinstance(result, Refused):
            self._heed(result)
            if result.reason is RejectReason.RATE_LIMITED:
                desk.bucket.drain(now_ns)
            desk.counts[f"refused: {result.reason.value}"] += 1
            if result.reason is RejectReason.OTHER:
                desk.note("refused", f"order {order_id}: {result.detail}")
            desk.tell(OrderRejected(now_ns, now_ns, order_id, result.reason))
        else:
            detail = f"no answer within {PATIENCE_S:g} s" if result is None else result.detail
            desk.note("unknown outcome", f"order {order_id}: {detail}")
            desk.tell(OutcomeUnknown(now_ns, order_id))
            self._resolver.watch(order_id)

    def _heed(self, result: Refused | Unknown) -> None:
        """Keys withdrawn, a market delisted: nothing more will be accepted, so the run ends."""
        if result.reaction is Reaction.STOP and not self._desk.maker.is_ending:
            self._desk.note("venue", f"order {result.order_id}: {result.detail}")
            self._desk.request_stop(EndReason.VENUE_STOPPED)

    async def _headroom(self) -> None:
        wait_ns = self._desk.bucket.take_for_cancel(self._desk.clock.now_ns())
        if wait_ns:
            await asyncio.sleep(wait_ns / _NS_PER_S)

    def _count(self, kind: str) -> int:
        """A request leaves; returns when."""
        self.requests += 1
        self._desk.counts[f"requests: {kind}"] += 1
        return self._desk.clock.now_ns()
