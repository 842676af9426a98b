"""The simulated exchange as a run on wires met its own: blind when the run was blind, requests that wait for others.

Rules kept here:

1. The maker is blind exactly while the run was, whatever for: the feed's own gaps are told by the journal's, not twice.
2. What reached the run from outside (positions and money corrected, a stop that was asked for) reaches the maker at the
   same times, and the exchange's account with it.
3. Where the venue can cancel everything in one request, quotes that are decided on with two or more cancels wait for
   its answer, as in `perpmaker.runtime.live.executor`; a quote that is cancelled while it waits is never sent. Such a
   cancel has one answer for all: that an order was not open any more is not told.
4. The maker hears one event after the other, and what it commands leaves before it hears the next.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from perpmaker.domain.commands import ASLEEP, FAR_FUTURE_NS, Cancel, Place, Wake
from perpmaker.domain.events import (
    BalanceCorrected,
    BookUpdated,
    CancelRejected,
    Event,
    Filled,
    GapEnded,
    GapStarted,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    PositionCorrected,
    TradeSeen,
)
from perpmaker.domain.orders import CancelReason, OrderStatus
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.terms import ExchangeTerms

_OF_ORDERS: Final = (OrderAccepted, OrderCanceled, OrderRejected, CancelRejected, Filled)


class WiredExchange(SimulatedExchange):
    """A `SimulatedExchange` between feed and maker.

    Args:
        feed: market data, without the run's own part in it.
        terms: the account.
        outside: rules 1 and 2, in order of time.
        waits: rule 3.
    """

    def __init__(self, feed: MarketFeed, terms: ExchangeTerms, outside: Sequence[Event], *, waits: bool) -> None:
        super().__init__(feed, terms)
        self._outside = deque(outside)
        self._waits = waits
        self._maker: MarketMaker | None = None
        self._untold: deque[Event] = deque()
        self._resting: set[int] = set()
        self._awaited: set[int] = set()
        self._held: dict[int, Place] = {}
        self._book: BookUpdated | None = None

    def begin(self, maker: MarketMaker, start_ns: int) -> None:
        """Let the market pass to the start of the run; what it looks like then is the first thing that is told."""
        self._maker = maker
        latest: dict[type[Event], Event] = {}
        while self.now_ns < start_ns:
            for event in super().advance(ASLEEP._replace(until_ns=start_ns)):
                if isinstance(event, GapStarted):
                    latest.pop(BookUpdated, None)
                latest[type(event)] = event
        self._untold += self._due_from_outside()
        self._untold += [latest[kind]._replace(at_ns=start_ns) for kind in _SHOWN if kind in latest]

    def advance(self, wake: Wake, horizon_ns: int = FAR_FUTURE_NS) -> list[Event]:
        """As `SimulatedExchange.advance`, one event at a time (rule 4); stops where something comes from outside."""
        self._release()
        if not self._untold:
            self._untold += self._due_from_outside() or self._pass(wake, horizon_ns)
        while self._untold:
            event = self._untold.popleft()
            if self._hears(event):
                return [event]
        return []

    def _pass(self, wake: Wake, horizon_ns: int) -> list[Event]:
        due_ns = self._outside[0].at_ns if self._outside else FAR_FUTURE_NS
        wake = wake._replace(on_order=wake.on_order or bool(self._awaited))
        told: list[Event] = []
        for event in super().advance(wake, min(horizon_ns, due_ns)):
            if isinstance(event, _GAPS):
                self._book = None
            else:
                told.append(event)
        return told

    def submit(self, commands: Sequence[Place | Cancel]) -> None:
        """Send commands, as the executor would."""
        cancels = [command for command in commands if isinstance(command, Cancel) and not self._is_dropped(command)]
        places = [command for command in commands if isinstance(command, Place)]
        self._send(cancels)
        if self._may_cancel_all(cancels, places):
            self._awaited = {cancel.order_id for cancel in cancels}
        self._send([place for place in places if place.reduce_only])
        quotes = [place for place in places if not place.reduce_only]
        if self._awaited:
            self._held |= {quote.order_id: quote for quote in quotes}
        else:
            self._send(quotes)

    def _send(self, commands: Sequence[Place | Cancel]) -> None:
        """One message, if there is anything to say."""
        if commands:
            super().submit(commands)

    def _hears(self, event: Event) -> bool:
        """Take note of an event; whether the maker is told."""
        if isinstance(event, BookUpdated):
            self._book = event
        elif isinstance(event, _OF_ORDERS):
            return self._hears_of_order(event)
        return True

    def _hears_of_order(self, event: OrderAccepted | OrderCanceled | OrderRejected | CancelRejected | Filled) -> bool:
        order_id = event.order_id
        if isinstance(event, OrderAccepted):
            self._resting.add(order_id)
        elif not isinstance(event, Filled):
            self._resting.discard(order_id)
            was_awaited = order_id in self._awaited
            self._awaited.discard(order_id)
            return not (was_awaited and isinstance(event, CancelRejected))
        return True

    def _release(self) -> None:
        if self._held and not self._awaited:
            held, self._held = list(self._held.values()), {}
            self._send(held)

    def _is_dropped(self, cancel: Cancel) -> bool:
        if self._held.pop(cancel.order_id, None) is None:
            return False
        self._untold.append(OrderCanceled(self.now_ns, self.now_ns, cancel.order_id, 0, CancelReason.REQUESTED))
        return True

    def _may_cancel_all(self, cancels: Sequence[Cancel], places: Sequence[Place]) -> bool:
        if not self._waits or self._awaited or len(cancels) < 2 or self._maker is None:
            return False
        if not self._resting.issuperset(cancel.order_id for cancel in cancels):
            return False
        going = {cancel.order_id for cancel in cancels} | {place.order_id for place in places}
        return all(
            order.order_id in going or order.status is OrderStatus.PENDING_CANCEL or order.reduce_only
            for order in self._maker.orders
        )

    def _due_from_outside(self) -> list[Event]:
        """What comes from outside now: before the market of this instant."""
        told: list[Event] = []
        while self._outside and self._outside[0].at_ns <= self.now_ns:
            event = self._outside.popleft()
            if isinstance(event, PositionCorrected):
                self.take_over(event.change_lots, event.price_milliticks)
            elif isinstance(event, BalanceCorrected):
                self.transfer(event.change_quanta)
            told.append(event._replace(at_ns=self.now_ns))
            if isinstance(event, GapEnded) and self._book is not None:
                told.append(self._book._replace(at_ns=self.now_ns))
        return told


_GAPS: Final = (GapStarted, GapEnded)
_SHOWN: Final = (BookUpdated, TradeSeen, MarkUpdated)
