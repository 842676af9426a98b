"""What a run did, counted exactly while it runs.

Rules kept here:

1. Every count is an integer: orders, lots, quanta, nanoseconds. Ratios are formed by the summary, at the end.
2. A fill counts once, whatever number of times it is told (`Filled.fill_id`); so does the death of an order.
3. Durations are venue time: an order rests from ``OrderAccepted.venue_ns`` to its last fill or its cancellation at the
   venue, a position changes at ``Filled.venue_ns``. News may arrive in another order than things happened: changes
   are held back for `REORDER_NS` of venue time and put in order before they are timed. News later than that counts
   from the moment already timed.
4. Market and immediate orders never rest, so they never count as a quote.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, Final

from perpmaker.domain.commands import Command, Notice, NoticeKind, Place
from perpmaker.domain.events import (
    Event,
    Filled,
    FundingPaid,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    PositionCorrected,
    SettingsChanged,
)
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import notional_quanta
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.domain.position import Position
from perpmaker.maker.settings import StrategyTerms

REORDER_NS: Final = 60 * 1_000_000_000
"""How long a change waits for an earlier one that is still on its way."""

FILLS_KEPT: Final = 10_000
"""Fills that are remembered, so that one told again is known; news is never that late."""


@dataclass(slots=True)
class _Order:
    """What is still to be learnt of an order; forgotten when its whole life at the venue is known."""

    side: Side
    rests: bool
    lots_left: int
    accepted_ns: int | None = None
    dead_ns: int | None = None


@dataclass(slots=True)
class _Timeline:
    """How long the venue held quotes of ours on both sides, and how long the position stood at its cap."""

    cap_lots: int
    min_lots: int
    now_ns: int
    bids: int = 0
    asks: int = 0
    position_lots: int = 0
    two_sided_ns: int = 0
    at_cap_ns: int = 0
    latest_ns: int = 0
    waiting: list[tuple[int, int, int, int]] = field(default_factory=list)  # a heap: (venue_ns, bids, asks, lots)

    def add(self, venue_ns: int, bids: int = 0, asks: int = 0, lots: int = 0) -> None:
        """Note a change, and time all that is older than `REORDER_NS`."""
        waiting = self.waiting
        heappush(waiting, (venue_ns, bids, asks, lots))
        if venue_ns > self.latest_ns:
            self.latest_ns = venue_ns
        timed_ns = self.latest_ns - REORDER_NS
        while waiting[0][0] < timed_ns:
            self._apply(heappop(waiting))

    def until(self, end_ns: int) -> "_Timeline":
        """The timeline as it would be if it ended at ``end_ns``; itself unchanged."""
        ended = _Timeline(self.cap_lots, self.min_lots, self.now_ns, self.bids, self.asks, self.position_lots)
        ended.two_sided_ns, ended.at_cap_ns = self.two_sided_ns, self.at_cap_ns
        for change in sorted(self.waiting):
            if change[0] < end_ns:
                ended._apply(change)
        ended._pass_to(end_ns)
        return ended

    def _apply(self, change: tuple[int, int, int, int]) -> None:
        venue_ns, bids, asks, lots = change
        self._pass_to(venue_ns)
        self.bids += bids
        self.asks += asks
        self.position_lots += lots

    def _pass_to(self, venue_ns: int) -> None:
        passed = venue_ns - self.now_ns
        if passed <= 0:
            return
        if self.bids > 0 and self.asks > 0:
            self.two_sided_ns += passed
        if abs(self.position_lots) + self.min_lots > self.cap_lots:
            self.at_cap_ns += passed
        self.now_ns = venue_ns


class RunStatistics:
    """Counts a run as its driver tells it, in order, what was commanded and what the venue answered.

    Args:
        instrument: what is traded.
        max_position_lots: the cap on the position, lots, > 0.
        start_ns: when the run started, venue time.

    Attributes (all integers; money in quanta):
        position: the run's own books, from a flat start.
        fills, buys, sells: executions.
        volume_lots, volume_quanta: size and value traded.
        orders_placed: `Place` commands given.
        orders_cancelled: orders that the venue ended unfilled or partly filled, whoever asked for it.
        orders_rejected: orders that the venue refused.
        max_abs_position_lots: the largest position held, either way.
        stops, takes: closings of the position by the stop loss and by the take profit.
    """

    def __init__(self, instrument: Instrument, max_position_lots: int, start_ns: int) -> None:
        self.instrument = instrument
        self.start_ns = start_ns
        self.position = Position()
        self.fills = 0
        self.buys = 0
        self.sells = 0
        self.volume_lots = 0
        self.volume_quanta = 0
        self.orders_placed = 0
        self.orders_cancelled = 0
        self.orders_rejected = 0
        self.max_abs_position_lots = 0
        self.stops = 0
        self.takes = 0
        self._orders: dict[int, _Order] = {}
        self._seen_fills: OrderedDict[int, None] = OrderedDict()
        self._timeline = _Timeline(max_position_lots, instrument.min_lots, start_ns)
        # Market data, timers and unanswered requests change no count: what is not here is passed over at once.
        self._counters: dict[type, Callable[[Any], None]] = {
            OrderAccepted: self._on_accepted,
            OrderCanceled: self._on_canceled,
            OrderRejected: self._on_rejected,
            Filled: self._on_fill,
            FundingPaid: self._on_funding,
            PositionCorrected: self._on_correction,
            SettingsChanged: self._on_settings,
        }

    def on_step(self, _now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        """One step of the driver, see `perpmaker.runtime.observer`."""
        counters = self._counters
        for event in events:
            if type(event) in counters:
                counters[type(event)](event)
        for command in commands:
            self.on_command(command)

    def on_command(self, command: Command) -> None:
        """The maker gave a command: an order is counted as placed, a stop and a take as what they are."""
        if isinstance(command, Place):
            self.orders_placed += 1
            rests = command.kind is OrderKind.LIMIT
            self._orders[command.order_id] = _Order(command.side, rests, command.lots)
        elif isinstance(command, Notice):
            self.stops += command.kind is NoticeKind.STOP_LOSS
            self.takes += command.kind is NoticeKind.TAKE_PROFIT

    def on_event(self, event: Event) -> None:
        """The venue said something; only what concerns our orders and money is counted."""
        counter = self._counters.get(type(event))
        if counter is not None:
            counter(event)

    def _on_settings(self, event: SettingsChanged) -> None:
        """From now on the cap is another one."""
        if isinstance(event.terms, StrategyTerms):
            self._timeline.cap_lots = event.terms.max_position_lots

    def two_sided_ns(self, end_ns: int) -> int:
        """How long at least one bid and one ask rested at the venue together, from the start to ``end_ns``."""
        return self._timeline.until(end_ns).two_sided_ns

    def at_cap_ns(self, end_ns: int) -> int:
        """How long the increasing side could not be quoted (abs(position) + the minimum size > cap), to ``end_ns``."""
        return self._timeline.until(end_ns).at_cap_ns

    def _on_fill(self, fill: Filled) -> None:
        if fill.fill_id in self._seen_fills:
            return
        self._seen_fills[fill.fill_id] = None
        if len(self._seen_fills) > FILLS_KEPT:
            self._seen_fills.popitem(last=False)
        self.fills += 1
        if fill.side is Side.BUY:
            self.buys += 1
        else:
            self.sells += 1
        self.volume_lots += fill.lots
        self.volume_quanta += notional_quanta(fill.price_ticks, fill.lots)
        self.position.apply_fill(fill.side, fill.price_ticks, fill.lots, fill.fee_quanta)
        self.max_abs_position_lots = max(self.max_abs_position_lots, abs(self.position.lots))
        self._timeline.add(fill.venue_ns, lots=fill.side * fill.lots)
        order = self._orders.get(fill.order_id)
        if order is not None:
            order.lots_left -= fill.lots
            if order.lots_left <= 0:
                self._on_dead(fill.order_id, fill.venue_ns)

    def _on_canceled(self, event: OrderCanceled) -> None:
        if self._on_dead(event.order_id, event.venue_ns):
            self.orders_cancelled += 1

    def _on_rejected(self, event: OrderRejected) -> None:
        if self._orders.pop(event.order_id, None) is not None:
            self.orders_rejected += 1

    def _on_funding(self, event: FundingPaid) -> None:
        self.position.apply_funding(event.amount_quanta)

    def _on_correction(self, event: PositionCorrected) -> None:
        self.position.apply_correction(event.change_lots, event.price_milliticks)
        self.max_abs_position_lots = max(self.max_abs_position_lots, abs(self.position.lots))
        self._timeline.add(event.venue_ns, lots=event.change_lots)

    def _on_accepted(self, event: OrderAccepted) -> None:
        order = self._orders.get(event.order_id)
        if order is None or not order.rests or order.accepted_ns is not None:
            return
        order.accepted_ns = event.venue_ns
        self._note_resting(order, event.venue_ns, 1)
        if order.dead_ns is not None:  # its end was told before its beginning
            self._note_resting(order, max(order.dead_ns, event.venue_ns), -1)
            del self._orders[event.order_id]

    def _on_dead(self, order_id: int, venue_ns: int) -> bool:
        """An order ended at the venue; whether that is news."""
        order = self._orders.get(order_id)
        if order is None or order.dead_ns is not None:
            return False
        order.dead_ns = venue_ns
        if order.accepted_ns is not None:
            self._note_resting(order, max(venue_ns, order.accepted_ns), -1)
        if order.accepted_ns is not None or not order.rests:
            del self._orders[order_id]
        return True

    def _note_resting(self, order: _Order, venue_ns: int, change: int) -> None:
        if order.side is Side.BUY:
            self._timeline.add(venue_ns, bids=change)
        else:
            self._timeline.add(venue_ns, asks=change)
