"""A run on a real exchange, on paper or live, from preflight to exit code.

Rules kept here:

1. In this order: checklist, journal, what a dead run left, streams, orders. What fails before the orders is one
   sentence and exit code 2, and nothing was sent.
2. A limit to the loss that was reached stays in force for this account until `perpmaker clear`.
3. The first signal ends cleanly, the second at once.
"""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from decimal import Decimal

from perpmaker import __version__
from perpmaker.cli.checklist import show_checklist
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.interrupts import ending_cleanly
from perpmaker.cli.live_watchers import LiveWatchers
from perpmaker.cli.request import Request, WireSettings
from perpmaker.cli.running import is_running
from perpmaker.cli.session import end_journal, settings_by_name
from perpmaker.cli.teller import exit_code
from perpmaker.domain.errors import InvalidSettingError, UserError
from perpmaker.domain.events import EndReason, Event
from perpmaker.journal.limits import Latch, active_latches, day_profit, set_latch
from perpmaker.journal.live import TAGS_KEPT_NS, end_dead_run, recent_tags, unfinished_runs
from perpmaker.journal.processes import this_host
from perpmaker.journal.readers import load_run
from perpmaker.journal.recover_runs import recover_runs
from perpmaker.journal.writer import Journal, RunJournal, RunStart
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategyTerms
from perpmaker.runtime.live.daily_loss import DailyLoss, utc_day
from perpmaker.runtime.live.preflight import Known, Preflight, answered, preflight
from perpmaker.runtime.live.preflight_checks import Protections
from perpmaker.runtime.live.run import LiveRun
from perpmaker.runtime.live.settings import LiveSettings
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.recorder import Recorder
from perpmaker.runtime.summary import RunFacts, Summary
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import VenueError
from perpmaker.venues.paper import PaperVenue
from perpmaker.venues.port import MarketTerms, Venue, VenueFacts
from perpmaker.venues.redaction import redact

_MOST_TAGS = 1 << 16
"""Tags to choose from, where a venue's client ids would carry more."""

_LATCHING = frozenset({EndReason.MAX_LOSS, EndReason.MAX_DAILY_LOSS, EndReason.MAX_DRAWDOWN})


class LiveSession:
    """One run on a venue, from its checklist to its exit code; for tests in virtual time, too.

    Args:
        request: what was asked for.
        wires: the exchange, and how to trade there.
        venue: the account on the market, not listened to yet.
        clock: the time of day.
        journal: where the run is recorded; None records nothing, and is refused for a live run.
        random_below: chooses the tag of the run.
        settings: how carefully to watch the venue.

    Attributes:
        run: the driver, once it is made.
        summary: of the run, once it is over.
    """

    def __init__(
        self,
        request: Request,
        wires: WireSettings,
        venue: Venue,
        clock: Clock,
        journal: Journal | None,
        *,
        random_below: Callable[[int], int] = secrets.randbelow,
        settings: LiveSettings | None = None,
    ) -> None:
        self._request = request
        self._wires = wires
        self._venue = venue
        self._clock = clock
        self._journal = journal
        self._random_below = random_below
        self._settings = settings or LiveSettings(
            max_book_age_ns=wires.max_book_age_ns, has_account_alone=not wires.is_account_shared
        )
        self._mode = "live" if wires.is_live else "paper"
        self._symbol = ""
        self._tag = 1
        self.run: LiveRun | None = None
        self.summary: Summary | None = None

    async def play(self) -> ExitCode:
        """Checklist, recovery, run, summary.

        Raises:
            UserError: a setting does not fit the market, or an earlier run is in the way; nothing was sent.
        """
        if self._journal is None and self._wires.is_live:
            raise InvalidSettingError(
                "--journal none with --live: limits to the loss and the recovery of a dead run need the journal"
            )
        try:
            market = await answered(self._venue.market)
            self._symbol = market.instrument.symbol
            checked = await self._preflight()
            if checked is None:
                return ExitCode.BAD_INPUT
            with ExitStack() as stack:
                journal = self._begin_journal(stack, market, checked)
                return await self._prepare_and_play(market, journal, stack)
        except VenueError as error:
            sys.stderr.write(f"perpmaker: not started: {redact(str(error))}\n")
            return ExitCode.BAD_INPUT

    async def _preflight(self) -> Preflight | None:
        """The checklist; None where something on it speaks against a start."""
        price = await answered(self._venue.mark)
        known = Known(price_milliticks=price)
        if self._journal is not None and self._wires.is_live:
            account = self._venue.facts.account
            runs = unfinished_runs(self._journal, account, self._symbol)
            now_ns = self._clock.now_ns()
            known = Known(
                price_milliticks=price,
                latches=[latch.text for latch in active_latches(self._journal, account, self._symbol)],
                running=[run.tag for run in runs if run.tag is not None and is_running(run, now_ns)],
                dead=[run.tag for run in runs if run.tag is not None and not is_running(run, now_ns)],
            )
        protections = Protections(max_daily_loss=self._wires.max_daily_loss, none_wanted=True)
        checked = await preflight(
            self._venue, self._venue, self._request.strategy, protections, known, is_paper=not self._wires.is_live
        )
        title = f"{self._mode.upper()}  {self._symbol} on {self._wires.exchange}"
        show_checklist(checked, self._request.view, title)
        if checked.is_ready:
            return checked
        sys.stderr.write(f"perpmaker: not started: {redact(checked.refusal or '')}\n")
        return None

    def _begin_journal(self, stack: ExitStack, market: MarketTerms, checked: Preflight) -> RunJournal | None:
        if self._journal is None:
            return None
        facts = self._venue.facts
        about = RunStart(
            version=__version__,
            exchange=self._wires.exchange,
            symbol=self._symbol,
            market_type="perp",
            mode=self._mode,
            seed=None,
            command_line=redact(self._request.command_line),
            settings=self._named_settings(),
            instrument=market.instrument,
            provenance={"market": facts.name},
            started_at_ns=self._clock.now_ns(),
            account=facts.account if self._wires.is_live else None,
            tag=self._new_tag(facts, checked),
            pid=os.getpid(),
            host=this_host(),
            endpoint=self._wires.base_url,
        )
        self._tag = about.tag or 1
        return stack.enter_context(self._journal.begin_run(about))

    def _new_tag(self, facts: VenueFacts, checked: Preflight) -> int:
        """A tag that no order of this account carries, as far as the journal and the market's open orders tell."""
        taken = frozenset(order.tag for order in checked.orders or () if order.tag is not None)
        if self._journal is not None and self._wires.is_live:
            taken |= recent_tags(self._journal, facts.account, self._clock.now_ns() - TAGS_KEPT_NS)
        free = [tag for tag in range(1, min(facts.max_tag, _MOST_TAGS) + 1) if tag not in taken]
        if not free:
            raise InvalidSettingError(
                f"all {facts.max_tag} tags that orders of {facts.name} can carry were used by runs of the last 30 days"
            )
        return free[self._random_below(len(free))]

    async def _prepare_and_play(self, market: MarketTerms, journal: RunJournal | None, stack: ExitStack) -> ExitCode:
        try:
            run, watchers = await self._prepare(market, journal, stack)
        except (VenueError, UserError):
            self._was_not_started(journal)
            raise
        self.run = run
        return await self._drive(run, watchers, journal)

    async def _prepare(
        self, market: MarketTerms, journal: RunJournal | None, stack: ExitStack
    ) -> tuple[LiveRun, LiveWatchers]:
        """Finish what died before, and put the run together. Nothing new is sent."""
        opening: list[Event] = []
        notes: list[str] = []
        if self._wires.is_live and self._journal is not None and journal is not None:
            continued = await recover_runs(
                self._journal,
                self._venue,
                market.instrument,
                symbol=self._symbol,
                run_id=journal.run_id,
                clock=self._clock,
            )
            notes += continued.notes
            opening += [] if continued.opening is None else [continued.opening]
        account = await answered(self._venue.account)
        terms = StrategyTerms.of(self._request.strategy, market.instrument, account.balance, account.leverage)
        maker = MarketMaker(terms, self._clock.now_ns())
        daily = self._daily_loss(market, journal)
        watchers = LiveWatchers(self._request, self._wires, maker, market.instrument, journal, daily)
        recorder = self._recorder(stack, market, watchers)
        watchers.tell_opening(self._mode, notes)
        run = LiveRun(
            maker,
            self._venue,
            market,
            self._tag,
            self._clock,
            watchers.observers(stack, self._title(), self._queue_ahead),
            watchers.note,
            self._settings,
            opening=opening,
            daily_loss=daily,
            heartbeat=watchers.heartbeat,
            recorder=recorder,
        )
        return run, watchers

    async def _drive(self, run: LiveRun, watchers: LiveWatchers, journal: RunJournal | None) -> ExitCode:
        main_task = asyncio.current_task()
        assert main_task is not None
        began_s = time.perf_counter()
        outcome: Outcome | None = None
        error: Exception | None = None
        try:
            with ending_cleanly(run.request_stop, lambda: self._loop().call_soon_threadsafe(main_task.cancel)):
                outcome = await run.run()
        except asyncio.CancelledError:
            watchers.tell_abandoned(run)
            return ExitCode.ABANDONED
        except VenueError as failure:
            if not run.requests:
                self._was_not_started(journal)
                raise
            error = failure
        except Exception as failure:  # noqa: BLE001 - whatever it was, the run must end with its summary and exit code
            error = failure
        outcome = outcome or Outcome(EndReason.FAILED, run.orders_left)
        return self._conclude(run, watchers, journal, outcome, error, time.perf_counter() - began_s)

    def _conclude(
        self,
        run: LiveRun,
        watchers: LiveWatchers,
        journal: RunJournal | None,
        outcome: Outcome,
        error: Exception | None,
        wall_s: float,
    ) -> ExitCode:
        watchers.tell_end(run, outcome, error)
        self.summary = watchers.summarize(run, outcome, self._facts(outcome, watchers), self._clock.now_ns(), wall_s)
        self._latch(outcome, journal)
        is_recorded = True
        if journal is not None and outcome.orders_left == 0:  # otherwise the next start must find it, and look again
            is_recorded = end_journal(journal, self.summary)
        is_told = watchers.teller.publish(self.summary)
        return exit_code(outcome, is_told=is_told and is_recorded)

    def _latch(self, outcome: Outcome, journal: RunJournal | None) -> None:
        """A limit that was reached keeps this account from starting again until a person has cleared it."""
        if self._journal is None or journal is None or not self._wires.is_live or outcome.reason not in _LATCHING:
            return
        now_ns = self._clock.now_ns()
        symbol = None if outcome.reason is EndReason.MAX_DAILY_LOSS else self._symbol
        text = f"run {journal.run_id} ended by its {outcome.reason.value}"
        latch = Latch(
            account=self._venue.facts.account,
            symbol=symbol,
            kind=outcome.reason.value,
            text=text,
            run_id=journal.run_id,
            set_at_ns=now_ns,
        )
        set_latch(self._journal, latch)

    def _daily_loss(self, market: MarketTerms, journal: RunJournal | None) -> DailyLoss:
        now_ns = self._clock.now_ns()
        to_quanta = market.instrument.money_to_quanta
        carried = Decimal(0)
        if self._journal is not None and journal is not None and self._wires.is_live:
            account = self._venue.facts.account
            carried = day_profit(self._journal, account, utc_day(now_ns), excluding_run_no=journal.run_no)
        limit = self._wires.max_daily_loss
        return DailyLoss(to_quanta(limit) if limit else None, to_quanta(carried), now_ns)

    def _facts(self, outcome: Outcome, watchers: LiveWatchers) -> RunFacts:
        return RunFacts(
            end_reason=outcome.reason,
            mode=self._mode,
            exchange=self._wires.exchange,
            symbol=self._symbol,
            seed=None,
            version=__version__,
            settings=self._named_settings(),
            notices=watchers.teller.notes,
        )

    def _named_settings(self) -> Mapping[str, str]:
        if self._wires.is_live:
            return settings_by_name(self._request.strategy, self._wires)
        return settings_by_name(self._request.strategy, self._wires, self._request.simulation)

    def _was_not_started(self, journal: RunJournal | None) -> None:
        """Nothing was sent: the run has no summary, but an end."""
        if self._journal is not None and journal is not None:
            journal.flush()
            end_dead_run(self._journal, load_run(self._journal, journal.run_id), "not started")

    def _recorder(self, stack: ExitStack, market: MarketTerms, watchers: LiveWatchers) -> Recorder | None:
        """Raises `RecordingError` when the folder cannot be used."""
        if self._wires.record is None:
            return None
        recorder = Recorder(
            self._wires.record,
            market.instrument,
            self._wires.exchange,
            self._clock,
            on_failure=lambda why: watchers.note("recording", why),
        )
        stack.callback(recorder.close)
        return recorder

    def _queue_ahead(self, order_id: int) -> int | None:
        """Lots before an order of ours: the simulated exchange knows, a real one does not say."""
        return self._venue.queue_ahead(order_id) if isinstance(self._venue, PaperVenue) else None

    def _title(self) -> str:
        return f"perpmaker {__version__}  {self._mode.upper()}  {self._symbol}  {self._wires.exchange}"

    @staticmethod
    def _loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()
