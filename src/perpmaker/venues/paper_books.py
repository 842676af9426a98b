"""The paper account as its owner was told: orders, executions, funding, position, money.

Rules kept here:

1. Everything adds up from what the simulated exchange has told, and from nothing else. What it tells takes one order
   latency, and so does an answer: these books are the exchange as an answer would show it.
2. The exchange counts its orders itself; here they get the tag of their run and the maker's id back.
3. An order that was refused never existed. Of the orders that have ended the last `KEPT_ORDERS` are remembered;
   executions and funding payments all are.
"""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Final

from perpmaker.domain.commands import Place
from perpmaker.domain.events import (
    Event,
    Filled,
    FundingPaid,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
)
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT, RATE_SCALE
from perpmaker.domain.orders import CancelReason, Side
from perpmaker.domain.position import Position
from perpmaker.simulation.terms import ExchangeTerms
from perpmaker.venues.port import AccountState, OrderState, VenueFill, VenueFunding, VenueOrder, VenuePosition

KEPT_ORDERS: Final = 2_000


@dataclass(slots=True)
class PaperOrder:
    """An order by the exchange's number. ``state`` is None until the exchange has answered."""

    number: int
    tag: int
    place: Place
    filled_lots: int = 0
    state: OrderState | None = None
    cancel_reason: CancelReason = CancelReason.VENUE
    venue_ns: int = 0

    @property
    def client_id(self) -> str:
        return f"{self.tag}-{self.place.order_id}"

    @property
    def left_lots(self) -> int:
        return self.place.lots - self.filled_lots


class PaperBooks:
    """One account on one market, flat and without orders at first."""

    def __init__(self, instrument: Instrument, terms: ExchangeTerms) -> None:
        self._instrument = instrument
        self._terms = terms
        self._numbers = count(1)
        self._orders: dict[int, PaperOrder] = {}
        self._number_of: dict[tuple[int, int], int] = {}
        self._working: dict[int, PaperOrder] = {}
        self._ended: deque[int] = deque()
        self._fills: list[VenueFill] = []
        self._funding: list[VenueFunding] = []
        self._position = Position()
        self._mark_milliticks: int | None = None

    def new_number(self) -> int:
        """A number that the exchange has not seen."""
        return next(self._numbers)

    def send(self, place: Place, tag: int) -> PaperOrder | None:
        """Enter an order that is about to be sent; None where this run has used its id before."""
        key = (tag, place.order_id)
        if key in self._number_of:
            return None
        order = PaperOrder(self.new_number(), tag, place)
        self._orders[order.number] = order
        self._working[order.number] = order
        self._number_of[key] = order.number
        return order

    def find(self, tag: int, order_id: int) -> PaperOrder | None:
        """An order of a run that is on its way, rests, or has ended not too long ago."""
        return self._orders.get(self._number_of.get((tag, order_id), 0))

    def by_number(self, number: int) -> PaperOrder | None:
        return self._orders.get(number)

    def in_force(self) -> list[PaperOrder]:
        """Orders that rest or are on their way, in the order in which they were sent."""
        return list(self._working.values())

    def hear(self, event: Event) -> PaperOrder | None:
        """Book what the exchange tells, orders by its own numbers; returns the order that it is about."""
        if isinstance(event, MarkUpdated):
            self._mark_milliticks = event.mark_milliticks
            return None
        if isinstance(event, FundingPaid):
            if event.amount_quanta:
                self._position.apply_funding(event.amount_quanta)
                self._funding.append(VenueFunding(f"paper-{len(self._funding) + 1}", event))
            return None
        if not isinstance(event, OrderAccepted | OrderRejected | OrderCanceled | Filled):
            return None
        order = self._orders[event.order_id]
        order.venue_ns = event.venue_ns
        if isinstance(event, OrderAccepted):
            order.state = OrderState.OPEN
        elif isinstance(event, OrderRejected):
            self._forget(order)
        elif isinstance(event, OrderCanceled):
            order.cancel_reason = event.reason
            self._end(order, OrderState.CANCELED)
        else:
            self._fill(order, event)
        return order

    def order(self, order: PaperOrder) -> VenueOrder | None:
        """An order as the exchange holds it; None while it is only on its way."""
        if order.state is None:
            return None
        place = order.place
        return VenueOrder(
            venue_id=str(order.number),
            tag=order.tag,
            order_id=place.order_id,
            client_id=order.client_id,
            side=place.side,
            price_ticks=place.price_ticks,
            lots=place.lots,
            filled_lots=order.filled_lots,
            state=order.state,
            cancel_reason=order.cancel_reason,
            reduce_only=place.reduce_only,
            venue_ns=order.venue_ns,
        )

    def open_orders(self) -> list[VenueOrder]:
        return [shown for order in self.in_force() if (shown := self.order(order)) is not None]

    def fills(self, since_ns: int) -> list[VenueFill]:
        return self._fills[bisect_left(self._fills, since_ns, key=lambda each: each.fill.venue_ns) :]

    def funding(self, since_ns: int) -> list[VenueFunding]:
        return [each for each in self._funding if each.payment.venue_ns >= since_ns]

    @property
    def position_lots(self) -> int:
        return self._position.lots

    def position(self) -> VenuePosition:
        position, instrument = self._position, self._instrument
        entry = Decimal(0)
        if position.lots:
            entry = instrument.money(position.cost_quanta) / instrument.quantity(position.lots)
        return VenuePosition(position.lots, entry, self._mark_milliticks)

    def account(self) -> AccountState:
        position, terms = self._position, self._terms
        mark = self._mark_milliticks or 0
        unrealized = position.unrealized_quanta(mark) if mark else 0
        balance = terms.balance_quanta + position.realized_quanta - position.fees_quanta + position.funding_quanta
        used = self._exposure_lots() * mark * QUANTA_PER_MILLITICK_LOT * terms.initial_margin_ppb // RATE_SCALE
        money = self._instrument.money
        return AccountState(
            equity=money(balance + unrealized),
            balance=money(balance),
            free_margin=money(max(0, balance + unrealized - used)),
            maker_fee=Decimal(terms.maker_fee_ppb) / RATE_SCALE,
            taker_fee=Decimal(terms.taker_fee_ppb) / RATE_SCALE,
            leverage=terms.leverage,
            can_trade=True,
        )

    def _exposure_lots(self) -> int:
        """What the margin must carry: rule 2 of `perpmaker.simulation.kernel_accounts`."""
        bids, asks = 0, 0
        for order in self._working.values():
            if order.place.side is Side.BUY:
                bids += order.left_lots
            else:
                asks += order.left_lots
        return max(abs(self._position.lots + bids), abs(self._position.lots - asks))

    def _fill(self, order: PaperOrder, event: Filled) -> None:
        self._position.apply_fill(event.side, event.price_ticks, event.lots, event.fee_quanta)
        fill = event._replace(order_id=order.place.order_id)
        self._fills.append(VenueFill(order.tag, str(order.number), fill))
        order.filled_lots += event.lots
        if order.left_lots == 0:
            self._end(order, OrderState.FILLED)

    def _end(self, order: PaperOrder, state: OrderState) -> None:
        order.state = state
        del self._working[order.number]
        self._ended.append(order.number)
        if len(self._ended) > KEPT_ORDERS:
            self._forget(self._orders[self._ended.popleft()])

    def _forget(self, order: PaperOrder) -> None:
        self._working.pop(order.number, None)
        del self._orders[order.number]
        del self._number_of[order.tag, order.place.order_id]
