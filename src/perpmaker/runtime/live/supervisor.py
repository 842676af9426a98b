"""Watches over a live run: silent streams, the venue's clock, reconciliation, the heartbeat.

Rules kept here:

1. A book older than half of ``max_book_age`` is looked up; older than the whole, quotes are pulled until it is alive
   again and the streams are opened anew. Trades and marks are no sign of life of the book.
2. After a loss of the private stream nothing is quoted before a reconciliation, begun since, has succeeded and found
   the position as we count it: what happened meanwhile is not known. The same holds at the start.
3. The venue's clock is measured at the start and regularly; a failed measurement keeps the last one.
4. Reconciliation comes at its interval, and soon after anything doubtful, also when the doubt comes in the middle of
   one; never two at a time. A position that the venue tells is given `NEWS_NS` to be explained by executions, and so
   are executions that the venue has counted and not told.
5. The heartbeat is given until the very end, also while the last orders are looked for.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from perpmaker.runtime.live.desk import Desk
from perpmaker.runtime.live.reconciler import Reconciler
from perpmaker.runtime.live.settings import LiveSettings
from perpmaker.venues.errors import VenueError

STEP_S: Final = 0.25
RESTART_PAUSE_NS: Final = 5 * 10**9
"""Between two attempts to open silent streams anew."""

NEWS_NS: Final = 500_000_000
"""How much later than the position the executions behind it may be told."""

PATIENT_FROM: Final = 3
"""After so many rounds without a clear result the pauses are twice as long: histories are rationed at some venues."""

_NEVER_NS: Final = 2**62


class Supervisor:
    """Three tasks: `beat`, `watch_streams` and `watch_account`.

    Args:
        desk: what the run shares.
        reconciler: compares with the venue.
        settings: limits.
        set_blind: says that quoting must wait (True) or need not (False) for a named reason.
        heartbeat: told the time at every step.
        spawn: starts a task that the run looks after.
    """

    def __init__(
        self,
        desk: Desk,
        reconciler: Reconciler,
        settings: LiveSettings,
        set_blind: Callable[[str, bool], None],
        heartbeat: Callable[[int], None],
        spawn: Callable[..., "asyncio.Task[None]"],
    ) -> None:
        self._desk = desk
        self._reconciler = reconciler
        self._settings = settings
        self._set_blind = set_blind
        self._heartbeat = heartbeat
        self._spawn = spawn
        self._reconcile_due_ns = 0
        self._clock_due_ns = 0
        self._restart_due_ns = 0
        self._lookup_due_ns = 0
        self._alive_ns = desk.clock.now_ns()
        self._is_stale = False
        self._missing_since_ns = _NEVER_NS
        self._unsettled_rounds = 0
        self._losses = 0  # of the private stream
        self._told_position: tuple[int, int] | None = None  # lots, and when they were told
        self.clock_offset_ns: int | None = None

    def book_alive(self, received_ns: int) -> None:
        """The book was told, or found to be right."""
        self._alive_ns = self._desk.signs.book_ns = received_ns
        if self._is_stale:
            self._is_stale = False
            self._set_blind("book stale", False)

    def account_stream(self, *, is_up: bool) -> None:
        """The private stream was lost, or is back."""
        self._losses += 1
        self._desk.is_account_up = is_up
        self._desk.is_account_known = False
        self._set_blind("account unknown", True)  # until the next reconciliation has succeeded
        if is_up:
            self.reconcile_soon()

    def position_told(self, lots: int) -> None:
        """The venue's own count; where ours differs for longer, a reconciliation finds out why."""
        self._told_position = lots, self._desk.clock.now_ns()

    def reconcile_soon(self) -> None:
        """Something is doubtful."""
        self._reconcile_due_ns = 0

    async def beat(self) -> None:
        """Gives the heartbeat. Runs until it is cancelled."""
        while True:
            self._heartbeat(self._desk.clock.now_ns())
            await asyncio.sleep(STEP_S)

    async def watch_streams(self) -> None:
        """Looks for silence; never waits for the venue's answer. Runs until it is cancelled."""
        self._alive_ns = max(self._alive_ns, self._desk.clock.now_ns())
        while True:
            await self._watch_book(self._desk.clock.now_ns())
            await asyncio.sleep(STEP_S)

    async def watch_account(self) -> None:
        """Measures the clock and reconciles, one question after another. Runs until it is cancelled."""
        while True:
            if self._desk.clock.now_ns() >= self._clock_due_ns:
                await self._measure_clock()
            self._look_at_told_position(self._desk.clock.now_ns())
            self._look_for_missing_news(self._desk.clock.now_ns())
            if self._desk.clock.now_ns() >= self._reconcile_due_ns:
                await self._reconcile()
            await asyncio.sleep(STEP_S)

    def _look_at_told_position(self, now_ns: int) -> None:
        if self._told_position is None or now_ns < self._told_position[1] + NEWS_NS:
            return
        if self._told_position[0] != self._desk.maker.position.lots:
            self.reconcile_soon()
        self._told_position = None

    def _look_for_missing_news(self, now_ns: int) -> None:
        """An order that has ended and still counts has executed more than we were told."""
        if all(order.status.is_open for order in self._desk.maker.orders):
            self._missing_since_ns = _NEVER_NS
        elif self._missing_since_ns == _NEVER_NS:
            self._missing_since_ns = now_ns
        elif now_ns > self._missing_since_ns + NEWS_NS:
            self._missing_since_ns = now_ns + self._settings.recheck_ns
            self.reconcile_soon()

    async def _watch_book(self, now_ns: int) -> None:
        age_ns = now_ns - self._alive_ns
        limit_ns = self._settings.max_book_age_ns
        if age_ns > limit_ns:
            if not self._is_stale:
                self._is_stale = True
                self._set_blind("book stale", True)
            if now_ns >= self._restart_due_ns:
                self._restart_due_ns = now_ns + RESTART_PAUSE_NS
                self._desk.counts["streams restarted"] += 1
                self._desk.note("stale", f"no book for {age_ns / 10**9:.1f} s: opening the streams anew")
                await self._restart()
        elif age_ns > limit_ns // 2 and now_ns >= self._lookup_due_ns:
            self._lookup_due_ns = now_ns + limit_ns // 2
            self._spawn(self._look_up(), "look-up")

    async def _restart(self) -> None:
        try:
            await self._desk.venue.restart()
        except VenueError as error:
            self._desk.venue_failed("opening the streams anew", error)

    async def _look_up(self) -> None:
        try:
            await self._desk.ask(self._desk.venue.resnapshot)
        except VenueError as error:
            self._desk.venue_failed("looking the book up", error)

    async def _measure_clock(self) -> None:
        try:
            reading = await self._desk.ask(self._desk.venue.clock)
        except VenueError as error:
            self._desk.venue_failed("asking for the time", error)
            self._clock_due_ns = self._desk.clock.now_ns() + self._settings.recheck_ns
            return
        self.clock_offset_ns = self._desk.clock_offset_ns = reading.offset_ns
        self._clock_due_ns = self._desk.clock.now_ns() + self._settings.clock_ns

    async def _reconcile(self) -> None:
        desk, reconciler = self._desk, self._reconciler
        self._reconcile_due_ns = _NEVER_NS  # a doubt that comes from now on asks for another round
        was_up, losses_before = desk.is_account_up, self._losses
        has_answers = await reconciler.round()
        is_settled = has_answers and not reconciler.has_doubts
        if has_answers and was_up and losses_before == self._losses and reconciler.is_position_right:
            desk.is_account_known = True
            self._set_blind("account unknown", False)
        self._unsettled_rounds = 0 if is_settled else self._unsettled_rounds + 1
        pause_ns = self._settings.reconcile_ns if is_settled else self._settings.recheck_ns
        if self._unsettled_rounds > PATIENT_FROM:
            pause_ns *= 2
        self._reconcile_due_ns = min(self._reconcile_due_ns, desk.clock.now_ns() + pause_ns)
