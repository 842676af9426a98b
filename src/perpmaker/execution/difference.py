"""What is to be sent so that the orders become the approved ladder, and nothing else.

Rules kept here (numbers as in docs/strategy.md):

10. An order that is already right stays and keeps its queue place. Right is: the price of a wanted level on its side,
    and its size, or what is left of it after a partial fill. The rest is cancelled; what is right is not sent again.
7. A new order waits for the confirmation of a cancel where both together could break the cap, and where it would trade
   with an order of our own that may still be there. Cancels go first.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import NamedTuple

from perpmaker.domain.commands import ANY_PRICE
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


_LEVEL = attrgetter("level")
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
    wanted_at: dict[tuple[Side, int], list[Quote]] = {}  # a list: levels may be squeezed onto one price
    for quote in wanted:
        wanted_at.setdefault((quote.side, quote.price_ticks), []).append(quote)
    cancels: list[Order] = []
    top_bid, top_ask = -ANY_PRICE, ANY_PRICE  # of ours, until they are known to be dead
    for order in orders:
        if order.reduce_only:
            continue
        side, price, status = order.side, order.price_ticks, order.status
        if side is Side.BUY:
            top_bid = max(top_bid, price)
        else:
            top_ask = min(top_ask, price)
        quotes_here = wanted_at.get((side, price))
        if quotes_here and status in _STAYS and _serves_one_of(quotes_here, order):
            continue
        if status in _CANCELLABLE:
            cancels.append(order)
    places: list[Quote] = []
    deferred: list[Quote] = []
    room = {
        Side.BUY: room_bid_lots - orders.exposure_lots(Side.BUY),
        Side.SELL: room_ask_lots - orders.exposure_lots(Side.SELL),
    }
    for quote in sorted([quote for quotes in wanted_at.values() for quote in quotes], key=_LEVEL):
        is_clear = quote.price_ticks < top_ask if quote.side is Side.BUY else quote.price_ticks > top_bid
        if is_clear and quote.lots <= room[quote.side]:
            room[quote.side] -= quote.lots
            places.append(quote)
        else:
            deferred.append(quote)
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
