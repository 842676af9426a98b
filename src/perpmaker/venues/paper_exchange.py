"""The simulated exchange behind a paper account, in real time: requests in, answers and events out.

Rules kept here:

1. A message of the market happens when it was received; time passes at the exchange whenever somebody looks, and by
   itself up to whatever is on its way.
2. Every request gets exactly one answer. A cancel that a gap swallows on its way in is answered by the end of its
   order.
3. The exchange exists from the first book on.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from perpmaker.domain.commands import ASLEEP, Cancel, Place
from perpmaker.domain.events import (
    BookUpdated,
    CancelRejected,
    Event,
    GapEnded,
    GapStarted,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
)
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import CancelReason, RejectReason
from perpmaker.simulation import market_events as me
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.terms import ExchangeTerms
from perpmaker.venues.alarm import Alarm
from perpmaker.venues.clock import Clock
from perpmaker.venues.paper_books import PaperBooks, PaperOrder
from perpmaker.venues.port import (
    Accepted,
    Canceled,
    CancelResult,
    MarketEvent,
    NotOpen,
    PlaceResult,
    Refused,
    Row,
    Unknown,
)

_R = TypeVar("_R")

_GAP_KINDS: Final = (me.GAP_START, me.GAP_END)


class PaperExchange:
    """One account on one market.

    Args:
        instrument: what is traded.
        terms: the account's.
        clock: our clock.
        on_event: told every event of the exchange, once it is in the books, with the order that it is about.
    """

    def __init__(
        self,
        instrument: Instrument,
        terms: ExchangeTerms,
        clock: Clock,
        on_event: Callable[[PaperOrder | None, Event], None],
    ) -> None:
        self.books: Final = PaperBooks(instrument, terms)
        self._instrument = instrument
        self._terms = terms
        self._clock = clock
        self._on_event = on_event
        self._alarm = Alarm(clock, self.catch_up)
        self._exchange: SimulatedExchange | None = None
        self._placing: dict[int, asyncio.Future[PlaceResult]] = {}
        self._cancelling: dict[int, deque[asyncio.Future[CancelResult]]] = {}

    def happen(self, event: MarketEvent | None, rows: Sequence[Row], received_ns: int) -> list[Event]:
        """A message of the market; returns what the exchange tells up to its time, which is for `tell`."""
        plain = [row for row in rows if row.kind not in _GAP_KINDS]
        if self._exchange is None:
            if isinstance(event, BookUpdated):
                self._exchange = SimulatedExchange.pushed(self._instrument, self._terms, received_ns, plain)
            return self._advance(received_ns)
        at_ns = max(received_ns, self._exchange.now_ns)
        if isinstance(event, GapStarted):
            self._exchange.push(at_ns, [(me.GAP_START, 0, 0)])
        elif isinstance(event, GapEnded):
            self._exchange.push(at_ns, [(me.GAP_END, 0, 0)])
        if plain:
            self._exchange.push(at_ns, plain)
        return self._advance(at_ns)

    def tell(self, events: Sequence[Event]) -> None:
        """Book these events, answer the requests that they answer, and pass them on."""
        for event in events:
            if isinstance(event, CancelRejected):
                order = self.books.by_number(event.order_id)
                self._answer_cancel(event.order_id, NotOpen(0 if order is None else order.place.order_id))
                continue
            order = self.books.hear(event)
            if order is not None:
                self._answer(order, event)
            self._on_event(order, event)
        if self._exchange is not None:
            self._alarm.set(self._exchange.next_due_ns)

    def catch_up(self) -> None:
        """Bring the exchange to this moment."""
        self.tell(self._advance(self._clock.now_ns()))

    def place(self, orders: Sequence[Place], tag: int) -> "list[asyncio.Future[PlaceResult]]":
        """Send orders; the answers come by themselves."""
        self.catch_up()
        answers: list[asyncio.Future[PlaceResult]] = []
        sent: list[Place] = []
        for place in orders:
            answer: asyncio.Future[PlaceResult] = asyncio.get_running_loop().create_future()
            answers.append(answer)
            if self._exchange is None:
                answer.set_result(Refused(place.order_id, RejectReason.NO_MARKET, "no order book has been seen yet"))
            elif (order := self.books.send(place, tag)) is None:
                detail = f"order id {place.order_id} was used before"
                answer.set_result(Refused(place.order_id, RejectReason.OTHER, detail))
            else:
                self._placing[order.number] = answer
                sent.append(place._replace(order_id=order.number))
        self._submit(sent)
        return answers

    def cancel(self, order: PaperOrder | None) -> "asyncio.Future[CancelResult]":
        """Send a cancel. What is not known here is looked for at the exchange all the same: its answer takes time."""
        self.catch_up()
        answer: asyncio.Future[CancelResult] = asyncio.get_running_loop().create_future()
        if self._exchange is None:
            answer.set_result(NotOpen(0))
        else:
            number = self.books.new_number() if order is None else order.number
            self._cancelling.setdefault(number, deque()).append(answer)
            self._submit([Cancel(number)])
        return answer

    def queue_ahead(self, order: PaperOrder) -> int | None:
        """Estimated lots ahead of an order; None when it does not rest."""
        return None if self._exchange is None else self._exchange.queue_ahead(order.number)

    def close(self) -> None:
        """The exchange is gone; what is on its way is never answered."""
        self._alarm.set(None)
        self._exchange = None
        detail = "the paper venue was closed"
        for placing in self._placing.values():
            _settle(placing, Unknown(0, detail))
        for waiting in self._cancelling.values():
            for cancelling in waiting:
                _settle(cancelling, Unknown(0, detail))
        self._placing.clear()
        self._cancelling.clear()

    def _submit(self, commands: Sequence[Place | Cancel]) -> None:
        if self._exchange is not None and commands:
            self._exchange.submit(commands)
            self._alarm.set(self._exchange.next_due_ns)

    def _advance(self, until_ns: int) -> list[Event]:
        """Let time pass."""
        exchange = self._exchange
        if exchange is None:
            return []
        until_ns = max(until_ns, exchange.now_ns)
        told = exchange.advance(ASLEEP._replace(until_ns=until_ns))
        while exchange.now_ns < until_ns:
            told += exchange.advance(ASLEEP._replace(until_ns=until_ns))
        return told

    def _answer(self, order: PaperOrder, event: Event) -> None:
        """The answers to requests that this event is."""
        number, order_id = order.number, order.place.order_id
        if isinstance(event, OrderAccepted):
            _settle(self._placing.pop(number, None), Accepted(order_id, event.venue_ns))
        elif isinstance(event, OrderRejected):
            detail = f"refused by the simulated exchange: {event.reason.value}"
            _settle(self._placing.pop(number, None), Refused(order_id, event.reason, detail))
            if event.reason is RejectReason.MARKET_GAP:
                self._answer_all_cancels(number, order_id)
        elif isinstance(event, OrderCanceled):
            dead = Canceled(order_id, event.venue_ns, event.filled_lots)
            if event.reason in (CancelReason.REQUESTED, CancelReason.MARKET_GAP):
                self._answer_cancel(number, dead)
            if event.reason is CancelReason.MARKET_GAP:
                self._answer_all_cancels(number, order_id)

    def _answer_cancel(self, number: int, result: CancelResult) -> None:
        """Answer the oldest cancel of an order."""
        waiting = self._cancelling.get(number)
        if waiting is not None:
            _settle(waiting.popleft(), result)
            if not waiting:
                del self._cancelling[number]

    def _answer_all_cancels(self, number: int, order_id: int) -> None:
        """A gap swallows cancels on their way in: the end of the order is their answer."""
        while number in self._cancelling:
            self._answer_cancel(number, NotOpen(order_id))


def _settle(answer: "asyncio.Future[_R] | None", result: _R) -> None:
    """Answer a request, unless nobody waits for it any more."""
    if answer is not None and not answer.done():
        answer.set_result(result)
