"""What a run whose process died has left at the venue: its orders, and news that its journal never heard.

Rules kept here:

1. Only orders that carry the dead run's tag are touched. Those of others, and of other runs, are left alone.
2. Its orders are cancelled first, and the venue is asked until none rests. Executions are asked for after that, so none
   that happened in between is lost; a request that may still take effect is waited out.
3. An order that is known to have executed must be in the venue's history with all of it. History may come late: it is
   asked for again, and what stays missing is an error.
4. Nothing is guessed. A question without an answer raises; asking again from the beginning does no harm.
"""

import asyncio
from collections import Counter
from collections.abc import Set as AbstractSet
from copy import copy
from dataclasses import dataclass
from typing import Final

from perpmaker.domain.events import Filled, FundingPaid
from perpmaker.domain.position import Position
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Venue, VenueFill, VenueOrder, VenuePosition

ATTEMPTS: Final = 4
"""How often the venue is asked for what should be there already."""

PAUSE_S: Final = 1.0

_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadRun:
    """What its journal knows of a run that died.

    ``since_ns`` is from when on its executions are looked for, ``funding_since_ns`` when it began. ``known_fill_ids``
    and ``known_funding`` (time at the venue, amount) are booked already, ``position`` is what that made. ``silent_ns``
    is how long ago it last lived.
    """

    tag: int
    since_ns: int
    funding_since_ns: int
    known_fill_ids: AbstractSet[int]
    known_funding: AbstractSet[tuple[int, int]]
    position: Position
    silent_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What the venue told. ``fills`` and ``funding`` were missed, in order, with their real fees and amounts.

    ``canceled`` are the orders that still rested, with the lots that they had executed in the end. ``position`` is the
    venue's now; ``books`` is the run's own with what it missed. They differ where somebody else traded too.
    """

    fills: tuple[Filled, ...]
    funding: tuple[FundingPaid, ...]
    canceled: tuple[VenueOrder, ...]
    position: VenuePosition
    books: Position


async def recover(venue: Venue, dead: DeadRun) -> Recovered:
    """Cancel what still rests of a dead run, and learn what became of it. It needs no stream.

    Raises:
        VenueError: a question went unanswered, an order could not be cancelled, or executions are missing.
    """
    canceled = await _cancel_what_rests(venue, dead.tag)
    life_ns = venue.facts.request_life_ns or 0
    if dead.silent_ns < life_ns:
        await asyncio.sleep(min(life_ns, life_ns - dead.silent_ns) / _NS_PER_S)
        canceled |= await _cancel_what_rests(venue, dead.tag)
    executions, position, books = await _consistent(venue, dead, canceled)
    funding = await _missed_funding(venue, dead)
    for payment in funding:
        books.apply_funding(payment.amount_quanta)
    executed = _lots_by_order(executions)
    return Recovered(
        fills=tuple(_missed(executions, dead)),
        funding=funding,
        canceled=tuple(
            order._replace(filled_lots=max(order.filled_lots, executed[venue_id]))
            for venue_id, order in canceled.items()
        ),
        position=position,
        books=books,
    )


async def _cancel_what_rests(venue: Venue, tag: int) -> dict[str, VenueOrder]:
    """Cancel every order of this tag until the venue holds none; returns those that were found, by the venue's id."""
    found: dict[str, VenueOrder] = {}
    for attempt in range(ATTEMPTS):
        if attempt > 1:  # the first look back is at once
            await asyncio.sleep(PAUSE_S)
        resting = {order.venue_id: order for order in await venue.open_orders() if order.tag == tag}
        if not resting:
            return found
        found |= resting
        for venue_id in resting:
            await venue.cancel_venue_order(venue_id)
    raise VenueError(
        f"{len(resting)} orders of the run that died (tag {tag}) still rest at {venue.facts.name} after being "
        "cancelled several times: start again, or cancel them there",
        Reaction.RETRY,
    )


async def _consistent(
    venue: Venue, dead: DeadRun, canceled: dict[str, VenueOrder]
) -> tuple[list[VenueFill], VenuePosition, Position]:
    """Executions that explain the orders and, unless somebody else traded, the position."""
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(PAUSE_S)
        executions = [each for each in await venue.fills(dead.since_ns) if each.tag == dead.tag]
        position = await venue.position()
        books = _with_missed(dead, executions)
        executed = _lots_by_order(executions)
        missing = {order.order_id for order in canceled.values() if executed[order.venue_id] < order.filled_lots}
        if not missing and books.lots == position.lots:
            break
    if missing:
        raise VenueError(
            f"{venue.facts.name} says that orders {sorted(map(str, missing))} of the run that died have executed, "
            "and its history does not show all of it: start again in a minute",
            Reaction.RETRY,
        )
    return executions, position, books


async def _missed_funding(venue: Venue, dead: DeadRun) -> tuple[FundingPaid, ...]:
    told = dict(await venue.funding(dead.funding_since_ns))
    return tuple(each for each in told.values() if (each.venue_ns, each.amount_quanta) not in dead.known_funding)


def _missed(executions: list[VenueFill], dead: DeadRun) -> list[Filled]:
    told = {execution.fill.fill_id: execution.fill for execution in executions}
    return [fill for fill_id, fill in told.items() if fill_id not in dead.known_fill_ids]


def _with_missed(dead: DeadRun, executions: list[VenueFill]) -> Position:
    books = copy(dead.position)
    for fill in _missed(executions, dead):
        books.apply_fill(fill.side, fill.price_ticks, fill.lots, fill.fee_quanta)
    return books


def _lots_by_order(executions: list[VenueFill]) -> Counter[str]:
    lots: Counter[str] = Counter()
    told = {execution.fill.fill_id: execution for execution in executions}
    for execution in told.values():
        lots[execution.venue_order_id] += execution.fill.lots
    return lots
