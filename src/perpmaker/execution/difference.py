"""What is to be sent so that the orders become the approved ladder, and nothing else.

Rules kept here (numbers as in docs/strategy.md):

10. An order that is already right stays and keeps its queue place. Right is: the price of a wanted level on its side,
    and its size, or what is left of it after a partial fill. The rest is cancelled; what is right is not sent again.
7. A new order waits for the confirmation of a cancel where both together could break the cap, and where it would trade
   with an order of our own that may still be there. Cancels go first.
"""

from collections.abc import Iterable
from typing import NamedTuple

from perpmaker.domain.orders import OrderStatus, Side
from perpmaker.execution.own_orders import Order, OwnOrders


class Quote(NamedTuple):
    """One approved level."""

    side: Side
    level: int
    price_ticks: int
    lots: int


class Difference(NamedTuple):
    """Orders to cancel, quotes to place now, and quotes that wait for a cancel to be confirmed."""

    cancels: tuple[Order, ...]
    places: tuple[Quote, ...]
    deferred: tuple[Quote, ...]


_STAYS = (OrderStatus.LIVE, OrderStatus.PENDING_PLACE)
_CANCELLABLE = (OrderStatus.LIVE, OrderStatus.PENDING_PLACE, OrderStatus.UNKNOWN)


def difference(wanted: Iterable[Quote], orders: OwnOrders, *, room_bid_lots: int, room_ask_lots: int) -> Difference:
    """Compare the approved ladder with our orders.

    Args:
        wanted: approved levels, innermost first on each side.
        orders: ours; an order that stays is given the number of the level that it now serves.
        room_bid_lots: cap minus position: what all bids together, dying ones included, may hold.
        room_ask_lots: the same for asks.
    """
    unmatched: dict[tuple[Side, int], list[Quote]] = {}  # a list: levels may be squeezed onto one price
    for quote in wanted:
        unmatched.setdefault((quote.side, quote.price_ticks), []).append(quote)
    cancels: list[Order] = []
    for order in orders:
        if order.reduce_only:
            continue
        quotes_here = unmatched.get((order.side, order.price_ticks))
        if quotes_here and order.status in _STAYS and _serves_one_of(quotes_here, order):
            continue
        if order.status in _CANCELLABLE:
            cancels.append(order)
    missing = sorted([quote for quotes in unmatched.values() for quote in quotes], key=_level)
    places, deferred = _admit(missing, orders, room_bid_lots, room_ask_lots)
    return Difference(tuple(cancels), tuple(places), tuple(deferred))


def _serves_one_of(quotes: list[Quote], order: Order) -> bool:
    """Give the order the first level that it is right for, and take that level off the list."""
    remaining = order.remaining_lots
    for index, quote in enumerate(quotes):
        if remaining == quote.lots or (remaining < quote.lots <= order.lots):
            order.level = quote.level
            del quotes[index]
            return True
    return False


def _level(quote: Quote) -> int:
    return quote.level


def _admit(
    missing: list[Quote], orders: OwnOrders, room_bid_lots: int, room_ask_lots: int
) -> tuple[list[Quote], list[Quote]]:
    """Split what is missing into what may be sent now and what must wait for a cancel."""
    if not missing:
        return [], []
    room = {
        Side.BUY: room_bid_lots - orders.exposure_lots(Side.BUY),
        Side.SELL: room_ask_lots - orders.exposure_lots(Side.SELL),
    }
    places: list[Quote] = []
    deferred: list[Quote] = []
    for quote in missing:
        if quote.lots <= room[quote.side] and not _would_meet_own(quote, orders):
            room[quote.side] -= quote.lots
            places.append(quote)
        else:
            deferred.append(quote)
    return places, deferred


def _would_meet_own(quote: Quote, orders: OwnOrders) -> bool:
    """An order of ours on the other side, not known to be dead, is in the way."""
    for order in orders:
        if order.side is not quote.side and not order.reduce_only:
            gap = order.price_ticks - quote.price_ticks
            if (gap if quote.side is Side.BUY else -gap) <= 0:
                return True
    return False
