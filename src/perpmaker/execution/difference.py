"""What is to be sent so that the orders become the approved ladder, and nothing else.

Rules kept here (numbers as in docs/strategy.md):

10. An order that is already right stays and keeps its queue place. Right is: the price of a wanted level on its side,
    and its size, or what is left of it after a partial fill. The rest is cancelled; what is right is not sent again.
7. A new order waits for the confirmation of a cancel where both together could break the cap, and where it would trade
   with an order of our own that may still be there. Cancels go first.
"""

from collections.abc import Iterable
from typing import NamedTuple

from perpmaker.domain.commands import ANY_PRICE
from perpmaker.domain.orders import Side
from perpmaker.execution.own_orders import Order, OwnOrders
from perpmaker.execution.transitions import LIVE, PENDING_PLACE, UNKNOWN


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


_BUY = Side.BUY
_STAYS = (LIVE, PENDING_PLACE)
_CANCELLABLE = (LIVE, PENDING_PLACE, UNKNOWN)


def difference(wanted: Iterable[Quote], orders: OwnOrders, *, room_bid_lots: int, room_ask_lots: int) -> Difference:
    """Compare the approved ladder with our orders.

    Args:
        wanted: approved levels, in the order in which they are placed: innermost first.
        orders: ours; an order that stays is given the number of the level that it now serves.
        room_bid_lots: cap minus position: what all bids together, dying ones included, may hold.
        room_ask_lots: the same for asks.
    """
    missing = list(wanted)
    prices = {quote.price_ticks for quote in missing}  # of most old orders, none is wanted any more
    cancels: list[Order] = []
    top_bid, top_ask = -ANY_PRICE, ANY_PRICE  # of ours, until they are known to be dead
    for order in orders:
        if order.reduce_only:
            continue
        price, status = order.price_ticks, order.status
        if order.side is _BUY:
            room_bid_lots -= order.could_fill_lots
            if price > top_bid:
                top_bid = price
        else:
            room_ask_lots -= order.could_fill_lots
            if price < top_ask:
                top_ask = price
        if price in prices and status in _STAYS and _serves_one_of(missing, order):
            continue
        if status in _CANCELLABLE:
            cancels.append(order)
    places, deferred = _sorted_out(missing, room_bid_lots, room_ask_lots, top_bid, top_ask)
    return Difference(tuple(cancels), tuple(places), tuple(deferred))


def _sorted_out(
    quotes: list[Quote], room_bid_lots: int, room_ask_lots: int, top_bid: int, top_ask: int
) -> tuple[list[Quote], list[Quote]]:
    """Which quotes fit and meet no order of ours, and which have to wait (rule 7)."""
    places: list[Quote] = []
    deferred: list[Quote] = []
    for quote in quotes:
        side, _level, price, lots = quote
        if side is _BUY and price < top_ask and lots <= room_bid_lots:
            room_bid_lots -= lots
            places.append(quote)
        elif side is not _BUY and price > top_bid and lots <= room_ask_lots:
            room_ask_lots -= lots
            places.append(quote)
        else:
            deferred.append(quote)
    return places, deferred


def _serves_one_of(quotes: list[Quote], order: Order) -> bool:
    """Give the order the first level that it is right for, and take that level off the list."""
    price, side = order.price_ticks, order.side
    for index, quote in enumerate(quotes):
        if quote.price_ticks == price and quote.side is side:
            remaining = order.remaining_lots
            if remaining == quote.lots or remaining < quote.lots <= order.lots:
                order.level = quote.level
                del quotes[index]
                return True
    return False
