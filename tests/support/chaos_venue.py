"""A venue at its worst, for property tests of the maker alone.

It executes orders truly and in its own time, but tells late, twice, in any order, or not at all until asked again.
What it holds is the truth that the cap is measured against.
"""

from dataclasses import dataclass
from typing import Any

from perpmaker.domain.commands import Cancel, Command, Halt, Notice, Place
from perpmaker.domain.events import (
    BookUpdated,
    CancelRejected,
    CloseRequested,
    EndReason,
    Filled,
    GapEnded,
    GapStarted,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    OutcomeUnknown,
    QuotingPaused,
    StopRequested,
    TimerFired,
)
from perpmaker.domain.orders import CancelReason, OrderKind, RejectReason, Side
from perpmaker.maker.market_maker import MarketMaker, Phase


@dataclass
class VenueOrder:
    place: Place
    remaining: int
    filled: int = 0


class ChaosVenue:
    def __init__(self, maker: MarketMaker, max_position_lots: int) -> None:
        self.maker = maker
        self.cap = max_position_lots
        self.now_ns = 0
        self.bid, self.ask = 9_999, 10_001
        self.position = 0
        self.live: dict[int, VenueOrder] = {}
        self.requests: list[Command] = []  # sent by the maker, not yet seen by the venue
        self.news: list[Any] = []  # told by the venue, not yet heard by the maker
        self.placed: dict[int, Place] = {}
        self.final: dict[int, str] = {}  # what became of each order, at the venue
        self.fill_count = 0
        self.halted: EndReason | None = None
        self.is_blind = False
        self.after_commands: Any = None

    # --- towards the maker ---

    def tell(self, event: Any) -> None:
        commands = self.maker.on_event(event)
        for command in commands:
            if isinstance(command, Halt):
                self.halted = command.reason
            elif isinstance(command, Place):
                assert command.order_id not in self.placed, "an order id was used twice"
                self.placed[command.order_id] = command
                self.requests.append(command)
            elif isinstance(command, Cancel):
                assert command.order_id in self.placed, "a cancel of an order that was never sent"
                self.requests.append(command)
            else:
                assert isinstance(command, Notice)
        self.check_places([c for c in commands if isinstance(c, Place)])
        self.check_cap()

    def check_places(self, places: list[Place]) -> None:
        for place in places:
            assert place.lots > 0
            if place.kind is OrderKind.MARKET:
                assert place.reduce_only
                continue
            assert place.post_only
            book = self.maker.state.book
            assert book is not None, "a quote without a book"
            assert not self.is_blind or not self.maker.state.is_blind, "a quote in a gap"
            if place.side is Side.BUY:
                assert place.price_ticks < book.ask_ticks, "a crossing bid"
            else:
                assert place.price_ticks > book.bid_ticks, "a crossing ask"

    def check_cap(self) -> None:
        """Whatever fills next, the position stays within the cap: by the venue's count, requests in flight included."""
        flying = [VenueOrder(r, r.lots) for r in self.requests if isinstance(r, Place)]
        could = [o for o in [*self.live.values(), *flying] if not o.place.reduce_only]
        bids = sum(o.remaining for o in could if o.place.side is Side.BUY)
        asks = sum(o.remaining for o in could if o.place.side is Side.SELL)
        assert self.position + bids <= self.cap, f"{self.position} + {bids} bids is beyond the cap {self.cap}"
        assert self.position - asks >= -self.cap, f"{self.position} - {asks} asks is beyond the cap {self.cap}"

    # --- what can happen ---

    def pass_time(self, ns: int) -> None:
        """Time passes; refreshes fall due as a driver would report them."""
        target = self.now_ns + ns
        while self.halted is None:
            wake = self.maker.wake()
            due = min(wake.refresh_ns, wake.until_ns)
            if due > target:
                break
            self.now_ns = max(self.now_ns, due)
            self.tell(TimerFired(self.now_ns, is_refresh=wake.refresh_ns <= self.now_ns))
        self.now_ns = max(self.now_ns, target)
        self.tell(TimerFired(self.now_ns))

    def move_price(self, ticks: int) -> None:
        self.bid = max(2_000, self.bid + ticks)
        self.ask = self.bid + 2
        self.tell_market()

    def tell_market(self) -> None:
        if not self.is_blind:
            self.tell(BookUpdated(self.now_ns, self.now_ns, self.bid, 10, self.ask, 10))
            self.tell(MarkUpdated(self.now_ns, self.now_ns, (self.bid + self.ask) * 500))

    def process_request(self, index: int, outcome: int) -> None:
        """The venue sees one request (any one: the wire may reorder) and decides."""
        if not self.requests:
            return
        request = self.requests.pop(index % len(self.requests))
        if isinstance(request, Place):
            self._process_place(request, outcome)
        else:
            assert isinstance(request, Cancel)
            self._process_cancel(request, outcome)

    def _process_place(self, place: Place, outcome: int) -> None:
        if outcome % 8 == 0:
            reasons = [RejectReason.POST_ONLY_WOULD_CROSS, RejectReason.INSUFFICIENT_MARGIN, RejectReason.OTHER]
            self.final[place.order_id] = "rejected"
            self.news.append(OrderRejected(self.now_ns, self.now_ns, place.order_id, reasons[outcome // 8 % 3]))
            return
        if place.reduce_only:
            self._close(place)
            return
        self.live[place.order_id] = VenueOrder(place, place.lots)
        if outcome % 8 == 1:
            self.news.append(OutcomeUnknown(self.now_ns, place.order_id))
        self.news.append(OrderAccepted(self.now_ns, self.now_ns, place.order_id))

    def _close(self, place: Place) -> None:
        reducible = max(0, -self.position * place.side)
        lots = min(place.lots, reducible)
        if lots:
            price = self.bid if place.side is Side.SELL else self.ask
            self._execute(place, lots, price)
        done = "filled" if lots == place.lots else "canceled"
        self.final[place.order_id] = done
        if done == "canceled":
            self.news.append(
                OrderCanceled(self.now_ns, self.now_ns, place.order_id, lots, CancelReason.IMMEDIATE_REMAINDER)
            )

    def _process_cancel(self, cancel: Cancel, outcome: int) -> None:
        order = self.live.pop(cancel.order_id, None)
        if order is None:
            if any(isinstance(r, Place) and r.order_id == cancel.order_id for r in self.requests):
                self.requests.append(cancel)  # the cancel overtook its order: the wire keeps that much order
                return
            self.news.append(CancelRejected(self.now_ns, self.now_ns, cancel.order_id))
            return
        if outcome % 8 == 1:
            self.news.append(OutcomeUnknown(self.now_ns, cancel.order_id))
        self.final[cancel.order_id] = "canceled"
        self.news.append(OrderCanceled(self.now_ns, self.now_ns, cancel.order_id, order.filled, CancelReason.REQUESTED))

    def fill(self, index: int, lots: int) -> None:
        if not self.live:
            return
        order_id = list(self.live)[index % len(self.live)]
        order = self.live[order_id]
        lots = min(1 + lots % order.remaining, order.remaining)
        order.remaining -= lots
        order.filled += lots
        self._execute(order.place, lots, order.place.price_ticks)
        if not order.remaining:
            del self.live[order_id]
            self.final[order_id] = "filled"

    def _execute(self, place: Place, lots: int, price: int) -> None:
        self.fill_count += 1
        self.position += lots * place.side
        fee = price * lots * 200_000_000
        self.news.append(
            Filled(self.now_ns, self.now_ns, self.fill_count, place.order_id, place.side, price, lots, True, fee)
        )
        self.check_cap()

    def deliver(self, index: int, *, twice: bool) -> None:
        """The maker hears one piece of news, any one, perhaps to be told again."""
        if not self.news:
            return
        index %= len(self.news)
        event = self.news[index] if twice else self.news.pop(index)
        self.tell(event)

    def gap(self, *, starts: bool) -> None:
        if starts and not self.is_blind:
            self.is_blind = True
            self.tell(GapStarted(self.now_ns, self.now_ns))
        elif not starts and self.is_blind:
            self.is_blind = False
            self.tell(GapEnded(self.now_ns, self.now_ns))
            self.tell_market()

    def settle(self) -> None:
        """The venue calms down: everything is processed and told; orders of unknown outcome are resolved."""
        self.gap(starts=False)
        for _ in range(2_000):
            if self.maker.phase is Phase.ENDED and not self.news and not self.requests:
                return
            while self.requests:
                self.process_request(0, 2)
            while self.news:
                self.deliver(0, twice=False)
            for order in list(self.maker.orders):
                self._resolve(order.order_id)
            self.pass_time(1_000_000_000)
        raise AssertionError(f"the run does not end: {self.maker.phase}, {list(self.maker.orders)}")

    def _resolve(self, order_id: int) -> None:
        """Somebody asks the venue what became of an order."""
        if order_id in self.live or order_id not in self.final:
            return
        if self.final[order_id] == "rejected":
            self.tell(OrderRejected(self.now_ns, self.now_ns, order_id, RejectReason.OTHER))
        elif self.final[order_id] == "canceled":
            order = self.maker.orders.get(order_id)
            assert order is not None
            self.tell(OrderCanceled(self.now_ns, self.now_ns, order_id, order.filled_lots, CancelReason.REQUESTED))

    def pause(self, *, is_paused: bool) -> None:
        self.tell(QuotingPaused(self.now_ns, is_paused))

    def close(self) -> None:
        self.tell(CloseRequested(self.now_ns))

    def stop(self) -> None:
        self.tell(StopRequested(self.now_ns, EndReason.INTERRUPTED))
