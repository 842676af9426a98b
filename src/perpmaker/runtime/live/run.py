"""The driver for real time: one venue, one maker, one thread.

Rules kept here:

1. Every event goes through the maker in order of arrival, and what it commands is carried out at once, before the
   next event is looked at. Observers are told afterwards, in the same order.
2. The maker is blind (`GapStarted`) while any reason for it lasts: the venue's own gaps, a stale book, an account whose
   state is not known. It sees again (`GapEnded`, then the book) when the last one is over.
3. Nothing is quoted before the first reconciliation: what the account holds is known before anything is sent.
4. A run ends when the maker halts. Then the venue is asked whether any order of the run is left; what is left is
   cancelled and asked for again, until none is or patience ends. The same happens when anything breaks.
5. From the first moment of that on nothing that the maker commands is sent any more. It is still told what happened, so
   that the books are whole.
6. An execution or a payment that is told twice is booked once; an observer that breaks does not keep the others from
   hearing, and ends the run.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from perpmaker.domain.commands import FAR_FUTURE_NS, Halt
from perpmaker.domain.events import (
    BookUpdated,
    EndReason,
    Event,
    Filled,
    FundingPaid,
    GapEnded,
    GapStarted,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    PositionCorrected,
    StopRequested,
    TimerFired,
)
from perpmaker.domain.orders import OrderStatus
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.runtime.live.audience import Audience
from perpmaker.runtime.live.daily_loss import DailyLoss
from perpmaker.runtime.live.desk import Desk
from perpmaker.runtime.live.executor import Executor
from perpmaker.runtime.live.pretrade import PreTradeChecks
from perpmaker.runtime.live.rate_limit import RateLimit, TokenBucket
from perpmaker.runtime.live.reconciler import Reconciler
from perpmaker.runtime.live.resolver import Resolver
from perpmaker.runtime.live.seat import ALONE, Seat
from perpmaker.runtime.live.settings import LiveSettings
from perpmaker.runtime.live.supervisor import Supervisor
from perpmaker.runtime.live.sweep import sweep
from perpmaker.runtime.live.tasks import Tasks
from perpmaker.runtime.observer import Observer
from perpmaker.runtime.outcome import Outcome
from perpmaker.venues.clock import Clock
from perpmaker.venues.fan_out import FanOut
from perpmaker.venues.port import MarketEvent, MarketListener, MarketTerms, OwnEvent, Row, Venue

LEAST_PAUSE_NS: Final = 1_000_000
"""Between two timers, so that a maker which cannot go on does not keep the processor busy."""

SOON_NS: Final = 50_000_000
"""Orders that were searched for come back together: one decision for all of them."""

STOPPED_PATIENCE_NS: Final = 20 * 10**9

_NS_PER_S: Final = 1_000_000_000
_NewsOfOrder = OrderAccepted | OrderCanceled | OrderRejected | Filled
_OF_ORDERS = (OrderAccepted, OrderCanceled, OrderRejected, Filled)
_MOVES_MONEY = (MarkUpdated, Filled, FundingPaid, PositionCorrected)


class LiveRun:
    """One run on one venue; also what listens to the venue.

    Args:
        maker: decides; made for this run.
        venue: executes; not yet opened.
        market: what the venue says of the market.
        tag: of this run, in the client ids of its orders; from 1 to ``venue.facts.max_tag``.
        clock: the time of day.
        observers: told of every step, in this order.
        note: told what is worth knowing of the wires: a kind and a sentence.
        settings: how carefully to watch.
        opening: events that the maker is told before anything else (a position taken over).
        daily_loss: watches the day's result, if limited.
        heartbeat: told the time four times a second while the run is alive.
        recorder: hears the market beside the run, and before it.
        rate: how much may be sent; without it the venue's whole limit.
        seat: the run's place among several of an account, which has budgets over all of them.
    """

    def __init__(
        self,
        maker: MarketMaker,
        venue: Venue,
        market: MarketTerms,
        tag: int,
        clock: Clock,
        observers: Sequence[Observer],
        note: Callable[[str, str], None],
        settings: LiveSettings,
        *,
        opening: Sequence[Event] = (),
        daily_loss: DailyLoss | None = None,
        heartbeat: Callable[[int], None] = lambda _: None,
        recorder: MarketListener | None = None,
        rate: RateLimit | None = None,
        seat: Seat = ALONE,
    ) -> None:
        self._maker = maker
        self._venue = venue
        self._clock = clock
        self._settings = settings
        self._opening = opening
        self._daily_loss = daily_loss
        self._market_listener: MarketListener = self if recorder is None else FanOut(recorder, self)
        self._seat = seat
        bucket = rate or TokenBucket(venue.facts.requests_per_minute, clock.now_ns())
        self.desk = Desk(market.instrument, maker, venue, clock, bucket, tag, self.tell, self._note, self._stop)
        self._tasks = Tasks(self._fail)
        self._spawn = self._tasks.spawn
        resolver = Resolver(self.desk, self._spawn)
        self.desk.settled_elsewhere = seat.settled_elsewhere
        self.checks = PreTradeChecks(maker, venue.facts.max_order_id, market.max_lots, seat.fits)
        self._executor = Executor(
            self.desk, self.checks, resolver, self._spawn, has_account_alone=settings.has_account_alone
        )
        self._reconciler = Reconciler(self.desk, resolver)
        self.signs = self.desk.signs
        self.supervisor = Supervisor(self.desk, self._reconciler, settings, self._set_blind, heartbeat, self._spawn)
        self._events: deque[tuple[Event, int]] = deque()  # and when it arrived
        self._audience = Audience(observers, self._fail)
        self._is_telling = False
        self._blind_for: set[str] = set()
        self._book: BookUpdated | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0
        self._refresh_ns = self._due_ns = FAR_FUTURE_NS  # as the maker last said
        self._give_up_timer: asyncio.TimerHandle | None = None
        self._soon_timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[EndReason] | None = None
        self._note_outside = note
        self._early_stop: EndReason | None = None
        self._error: Exception | None = None
        self._is_over = False
        self.market_messages = 0
        self.orders_left: int | None = 0  # known after `run`, whether it returned or raised

    @property
    def requests(self) -> int:
        """Orders and cancels sent so far; a batch is one."""
        return self._executor.requests

    @property
    def blind_for(self) -> list[str]:
        """Why the maker is blind; empty while it sees."""
        return sorted(self._blind_for)

    @property
    def reconciled_ns(self) -> int | None:
        """When everything was last compared with the venue, and answered; None before."""
        return self._reconciler.last_ns or None

    def request_stop(self, reason: EndReason) -> None:
        """Ask for a clean end; safe to call from a signal handler or another thread, also before the run has begun."""
        if self._loop is None:
            self._early_stop = reason
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop, reason)

    async def run(self) -> Outcome:
        """Run to the end.

        Raises:
            VenueError: the venue could not be opened; nothing was sent.
            Exception: whatever broke, after the run's orders were cancelled.
        """
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._venue.begin_run(self.desk.tag)
        heart = self._spawn(self.supervisor.beat(), "heartbeat")
        self._seat.attend(self.tell, self._stop, self._note)
        for event in self._opening:
            self.tell(event)
        self._set_blind("account unknown", True)
        if self._early_stop is not None:
            self._stop(self._early_stop)
        self._spawn(self._open(), "open")
        try:
            reason = await self._ended
            self.orders_left = None
            self.orders_left = await self._clean_up(heart)
        except asyncio.CancelledError:  # a second interrupt: nothing is cleaned up any more
            self._is_over = True
            self.orders_left = None if self.requests else 0
            self._tasks.cancel()
            raise
        finally:
            self._audience.tell()
        if self._error is not None:
            raise self._error
        return Outcome(reason, self.orders_left)

    async def _open(self) -> None:
        await self._venue.open_account(self)
        self.desk.is_account_up = True
        await self._venue.open(self._market_listener)
        self._spawn(self.supervisor.watch_streams(), "streams")
        self._spawn(self.supervisor.watch_account(), "account")

    # --- what the venue tells ---

    def on_market(self, event: MarketEvent | None, _rows: Sequence[Row], received_ns: int, _venue_ns: int) -> None:
        """The market moved, or gave a sign of life."""
        self.market_messages += 1
        if self._is_over:
            return
        if event is None:
            self.supervisor.book_alive(received_ns)
        elif isinstance(event, BookUpdated):
            self._book = event
            self.supervisor.book_alive(received_ns)
            self.tell(event, received_ns)
        elif isinstance(event, GapStarted):
            self._book = None
            self._set_blind("market data gap", True)
        elif isinstance(event, GapEnded):
            self._set_blind("market data gap", False)
        else:
            if isinstance(event, MarkUpdated):
                self.desk.mark_ns = received_ns
            self.tell(event, received_ns)

    def on_own(self, event: OwnEvent) -> None:
        """News of our orders or money."""
        if isinstance(event, FundingPaid) and not self._reconciler.is_new_payment(event):
            return
        self.tell(event)

    def on_foreign_order(self, _client_id: str | None, *, is_open: bool) -> None:  # noqa: ARG002 - one that has ended was theirs, too
        """Somebody else trades here: nothing that could touch their orders is done from now on."""
        self.desk.see_foreigner()

    def on_position(self, lots: int, _venue_ns: int) -> None:
        """The venue's own count."""
        self.supervisor.position_told(lots)

    def on_account_stream(self, *, is_up: bool) -> None:
        """The private stream was lost, or is back."""
        self.desk.note("stream", "the private stream is back" if is_up else "the private stream was lost")
        self.supervisor.account_stream(is_up=is_up)

    # --- the maker ---

    def tell(self, event: Event, arrived_ns: int | None = None) -> None:
        """Hand an event to the maker and carry out what it commands; from inside that, the event waits its turn.

        ``arrived_ns`` is when it reached us, now unless told.
        """
        self._events.append((event, self._clock.now_ns() if arrived_ns is None else arrived_ns))
        if self._is_telling:
            return
        self._is_telling = True
        while self._events:
            event, arrived_ns = self._events.popleft()
            try:
                if event.at_ns >= self._refresh_ns:
                    self._step(TimerFired(event.at_ns, is_refresh=True), arrived_ns)
                self._step(event, arrived_ns)
            except Exception as error:  # noqa: BLE001 - whatever broke, the run must end with its orders cancelled
                self._fail(error)
        self._is_telling = False
        self._set_timer()

    def _step(self, event: Event, arrived_ns: int) -> None:
        if isinstance(event, _OF_ORDERS):
            self._hear_of_order(event)
        commands = self._maker.on_event(event)
        if isinstance(event, _OF_ORDERS):
            self._keep_resting(event)
        if self._is_over:
            commands = []
        if commands:
            self._executor.carry_out(commands)
            for command in commands:
                if isinstance(command, Halt):
                    self._end(command.reason)
        now_ns = self._clock.now_ns()
        self.signs.decision.add(now_ns - arrived_ns)
        self._audience.keep(now_ns, event, commands)
        daily_loss = self._daily_loss
        if isinstance(event, _MOVES_MONEY) and daily_loss and daily_loss.is_reached(now_ns, event, self._maker.state):
            self._stop(EndReason.MAX_DAILY_LOSS)
        if isinstance(event, _MOVES_MONEY):
            self._seat.money_moved(now_ns)
        if self._maker.is_ending and self._give_up_timer is None and not self._is_over:
            self._give_up_timer = self._in(self._end_patience_ns(), self._give_up)
        self._refresh_ns, until_ns = self._maker.deadlines()
        self._due_ns = min(self._refresh_ns, until_ns)

    def _hear_of_order(self, event: _NewsOfOrder) -> None:
        """Before the maker does: where it still stands as we believed it to."""
        if isinstance(event, OrderAccepted):
            if self.desk.status(event.order_id) is OrderStatus.UNKNOWN:
                self._decide_soon()
        elif isinstance(event, OrderRejected) and self.desk.is_open(event.order_id):
            self.signs.rejects[event.reason] += 1

    def _decide_soon(self) -> None:
        """An order rests after all: whether it is still wanted is decided now, not at the next interval."""
        if self._soon_timer is None and not self._is_over:
            self._soon_timer = self._in(SOON_NS, self._on_soon)

    def _on_soon(self) -> None:
        self._soon_timer = None
        self.tell(TimerFired(self._clock.now_ns(), is_refresh=True))

    def _keep_resting(self, event: _NewsOfOrder) -> None:
        if not self.desk.is_open(event.order_id):
            self.desk.resting.discard(event.order_id)
        elif isinstance(event, OrderAccepted | Filled):
            self.desk.resting.add(event.order_id)

    def _note(self, kind: str, text: str) -> None:
        try:
            self._note_outside(kind, text)
        except Exception as error:  # noqa: BLE001 - as in `tell`: it must not reach the venue whose news it is
            self._fail(error)

    def _stop(self, reason: EndReason) -> None:
        if not self._maker.is_ending:
            self.tell(StopRequested(self._clock.now_ns(), reason))

    def _end_patience_ns(self) -> int:
        """A venue that needs a person first will hardly do better for being asked longer."""
        patience_ns = self._settings.end_patience_ns
        is_refused = self._maker.end_reason is EndReason.VENUE_STOPPED
        return min(patience_ns, STOPPED_PATIENCE_NS) if is_refused else patience_ns

    def _give_up(self) -> None:
        """The end took too long: what is left is for `sweep`, and for a person."""
        if self._ended is not None and not self._ended.done():
            self.desk.note("end", f"{len(self._maker.orders)} orders were not confirmed dead in time")
            self._end(self._maker.end_reason or EndReason.FAILED)

    def _fail(self, error: Exception) -> None:
        """Only the first error is raised: the others follow from it."""
        if self._error is None:
            self._error = error
        self._end(EndReason.FAILED)

    def _end(self, reason: EndReason) -> None:
        self._is_over = True
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(reason)

    def _set_blind(self, why: str, is_blind: bool) -> None:
        was_blind = bool(self._blind_for)
        if is_blind:
            self._blind_for.add(why)
        else:
            self._blind_for.discard(why)
        now_ns = self._clock.now_ns()
        if self._blind_for and not was_blind:
            self.desk.note("not quoting", why)
            self.tell(GapStarted(now_ns, now_ns))
        elif was_blind and not self._blind_for:
            self.tell(GapEnded(now_ns, now_ns))
            if self._book is not None:
                self.tell(self._book._replace(at_ns=now_ns))

    # --- time and tasks ---

    def _set_timer(self) -> None:
        """Wake the maker when it asked for it: at a refresh, or when its patience with something ends."""
        if self._is_over:
            return
        if self._timer is not None:
            if self._due_ns == self._timer_ns:
                return
            self._timer.cancel()
        self._timer_ns = self._due_ns
        self._timer = self._in(max(LEAST_PAUSE_NS, self._due_ns - self._clock.now_ns()), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.tell(TimerFired(self._clock.now_ns()))  # a refresh that is due is told before it, see `tell`

    def _in(self, delay_ns: int, call: Callable[[], None]) -> asyncio.TimerHandle:
        assert self._loop is not None
        # A timer of asyncio may come a microsecond early; a millisecond more than a year is as good as never.
        return self._loop.call_later(min(delay_ns, 366 * 86_400 * _NS_PER_S) / _NS_PER_S + 1e-6, call)

    async def _clean_up(self, heart: "asyncio.Task[None]") -> int | None:
        """Stop every task, prove that nothing of ours rests, close the streams."""
        self._is_over = True
        for timer in (self._timer, self._soon_timer, self._give_up_timer):
            if timer is not None:
                timer.cancel()
        self._stop(EndReason.FAILED)  # a maker that is not ending would want to quote again
        await asyncio.gather(*self._tasks.cancel(but=heart), return_exceptions=True)
        try:
            if not self.requests:
                return 0
            return await sweep(self.desk, self._settings.end_patience_ns, self._reconciler)
        finally:
            heart.cancel()
            await self._venue.close()
