"""The last look before a run lets go: the venue's own word that no order of the run rests.

Rules kept here:

1. Only an answer counts. While the venue does not answer, or still holds an order of ours, it is asked again.
2. Each order found is cancelled by the venue's own number; one that cannot be cancelled does not keep the others.
   Orders of others and of other runs are left alone.
3. Where a request of ours could still take effect, its life is waited out, and asked once more.
4. Executions and payments found at the end are told, so that the books of the run are those of the venue.
"""

import asyncio
from typing import Final

from perpmaker.runtime.live.desk import Desk
from perpmaker.runtime.live.reconciler import Reconciler
from perpmaker.runtime.live.resolver import LIFE_MARGIN_NS
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import VenueOrder

PAUSE_S: Final = 1.0

UNBOUNDED_WAIT_NS: Final = 10 * 10**9
"""What is waited for a request where the venue gives no bound to its life."""


async def sweep(desk: Desk, patience_ns: int, reconciler: Reconciler) -> int | None:
    """Cancel what rests of this run; returns how many orders are left, None when the venue never told.

    Args:
        desk: the run's.
        patience_ns: how long to try.
        reconciler: knows from when on executions and payments may be missing.
    """
    give_up_ns = desk.clock.now_ns() + patience_ns
    left: int | None = None
    may_appear = _may_appear(desk)
    while True:
        try:
            found = await _resting(desk)
            left = len(found)
            if found:
                await _cancel(desk, found)
            elif may_appear:
                may_appear = False
                life_ns = desk.venue.facts.request_life_ns
                await asyncio.sleep((UNBOUNDED_WAIT_NS if life_ns is None else life_ns + LIFE_MARGIN_NS) / 1e9)
                continue
            else:
                await _tell_executions(desk, reconciler.executions_since_ns)
                await reconciler.tell_funding()
                return 0
        except VenueError as error:
            desk.counts["failed: last look"] += 1
            desk.note("end", f"the venue could not be asked what rests, or to cancel it: {error}")
            if error.reaction is Reaction.STOP:
                return left
        if desk.clock.now_ns() >= give_up_ns:
            return left
        await asyncio.sleep(PAUSE_S)


async def _resting(desk: Desk) -> list[VenueOrder]:
    return [order for order in await desk.ask(desk.venue.open_orders) if order.tag == desk.tag]


async def _cancel(desk: Desk, found: list[VenueOrder]) -> None:
    """Cancel each. Raises `VenueError` after the last one, where any could not be cancelled."""
    failure: VenueError | None = None
    for order in found:
        desk.note("end", f"order {order.order_id} still rested: cancelling it")
        try:
            await desk.ask(desk.venue.cancel_venue_order, order.venue_id)
        except VenueError as error:
            failure = error
    if failure is not None:
        raise failure


def _may_appear(desk: Desk) -> bool:
    """Whether an order that the maker counts with might still come to rest."""
    return any(order.status.is_open and order.order_id not in desk.resting for order in desk.maker.orders)


async def _tell_executions(desk: Desk, since_ns: int) -> None:
    for execution in await desk.ask(desk.venue.fills, since_ns):
        if execution.tag == desk.tag and not desk.maker.orders.has_seen_fill(execution.fill.fill_id):
            desk.tell(execution.fill)
