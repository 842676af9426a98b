"""A run on a real exchange, on paper or live, from preflight to exit code.

Rules kept here:

1. In this order: checklist, journal, what a dead run left, streams, orders. What fails before the orders is one
   sentence and exit code 2, and nothing was sent.
2. A limit to the loss that was reached stays in force for this account until `perpmaker clear`.
3. The first signal ends cleanly, the second at once. In a fleet the signals are the fleet's: it calls `request_stop`,
   and cancels what it plays.
"""

import asyncio
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from decimal import Decimal

from perpmaker import __version__
from perpmaker.cli.berth import Berth
from perpmaker.cli.checklist import show_checklist
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.interrupts import ending_cleanly
from perpmaker.cli.live_control import LiveControl
from perpmaker.cli.live_memory import LiveMemory
from perpmaker.cli.live_watchers import LiveWatchers
from perpmaker.cli.onlookers import Onlookers, RunOnlookers, about_run
from perpmaker.cli.request import Request, WireSettings
from perpmaker.cli.session import end_journal, settings_by_name
from perpmaker.cli.strategy_changes import settings_by_flag
from perpmaker.cli.teller import exit_code
from perpmaker.domain.errors import InvalidSettingError, UserError
from perpmaker.domain.events import EndReason, Event, SettingsChanged
from perpmaker.domain.instrument import Instrument
from perpmaker.journal.recover_runs import recover_runs
from perpmaker.journal.writer import Journal, RunJournal
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.monitor.viewer import Subject
from perpmaker.risk.budgets import BudgetLimits
from perpmaker.runtime.live.daily_loss import DailyLoss
from perpmaker.runtime.live.preflight import Preflight, answered, preflight
from perpmaker.runtime.live.preflight_checks import Protections
from perpmaker.runtime.live.run import LiveRun
from perpmaker.runtime.live.seat import ALONE, MarketSeat
from perpmaker.runtime.live.settings import LiveSettings
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.summary import RunFacts, Summary
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import VenueError
from perpmaker.venues.fan_out import FanOut
from perpmaker.venues.paper import PaperVenue
from perpmaker.venues.port import AccountState, MarketTerms, Venue
from perpmaker.venues.redaction import redact
from perpmaker.venues.registry import credentials_name


@dataclass(frozen=True, slots=True)
class Checked:
    """A market whose checklist speaks for a start."""

    market: MarketTerms
    preflight: Preflight


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
        berth: its place in a fleet, if it is in one.
        onlookers: who looks on at the runs of this process.

    Attributes:
        strategy: the settings of now.
        run: the driver, once it is made.
        instrument: what is traded, once it was looked up.
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
        berth: Berth | None = None,
        onlookers: Onlookers | None = None,
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
        self._berth = berth
        self._onlookers = onlookers
        self._memory = LiveMemory(journal, venue.facts, wires, clock)
        self._label = "" if berth is None or berth.label is None else f"{berth.label}: "
        self._mode = "live" if wires.is_live else "paper"
        self._symbol = ""
        self._tag = 1
        self._early_stop: EndReason | None = None
        self._account: AccountState | None = None
        self._daily: DailyLoss | None = None
        self.strategy = request.strategy
        self.run: LiveRun | None = None
        self.instrument: Instrument | None = None
        self.summary: Summary | None = None

    async def play(self) -> ExitCode:
        """Checklist, recovery, run, summary.

        Raises:
            UserError: a setting does not fit the market, or an earlier run is in the way; nothing was sent.
        """
        checked = await self.check()
        return ExitCode.BAD_INPUT if checked is None else await self.trade(checked)

    async def check(self) -> Checked | None:
        """The checklist alone; None where something on it speaks against a start, which was said.

        Raises:
            UserError: as `play`.
        """
        if self._journal is None and self._wires.is_live:
            raise InvalidSettingError(
                "--journal none with --live: limits to the loss and the recovery of a dead run need the journal"
            )
        try:
            market = await answered(self._venue.market)
            self.instrument = market.instrument
            self._symbol = market.instrument.symbol
            checked = await self._preflight()
        except VenueError as error:
            self._refuse(str(error))
            return None
        return None if checked is None else Checked(market, checked)

    async def trade(self, checked: Checked) -> ExitCode:
        """Recovery, run, summary.

        Raises:
            UserError: as `play`.
        """
        try:
            with ExitStack() as stack:
                journal = self._begin_journal(stack, checked.market, checked.preflight)
                return await self._prepare_and_play(checked.market, journal, stack)
        except VenueError as error:
            self._refuse(str(error))
            return ExitCode.BAD_INPUT

    def request_stop(self, reason: EndReason) -> None:
        """Ask for a clean end, whatever it is at; safe to call from a signal handler."""
        self._early_stop = self._early_stop or reason
        if self.run is not None:
            self.run.request_stop(reason)

    def terms_of(self, strategy: StrategySettings) -> StrategyTerms | None:
        """Other settings for a run that goes on, its end as it was; None where there is none (any more).

        Raises:
            InvalidSettingError: they do not fit the market.
        """
        run, account, instrument = self.run, self._account, self.instrument
        if run is None or account is None or instrument is None or self.summary is not None:
            return None
        kept = replace(strategy, duration_s=self._request.strategy.duration_s)
        return StrategyTerms.of(kept, instrument, account.balance, account.leverage)

    def change(self, strategy: StrategySettings, terms: StrategyTerms, told: str) -> None:
        """Let the run go on with these: at once, and all of them together. ``terms`` are those of ``strategy``."""
        if self.run is not None:
            self.strategy = strategy
            self.run.tell(SettingsChanged(self._clock.now_ns(), terms, told))

    def change_daily_loss(self, limit: Decimal) -> None:
        """Another limit to the loss of the day, quote currency, 0 is off; it is looked at with the next price."""
        if self._daily is not None and self.instrument is not None:
            self._daily.change_limit(self.instrument.money_to_quanta(limit) or None)

    async def _preflight(self) -> Preflight | None:
        """The checklist; None where something on it speaks against a start."""
        known = self._memory.known(self._symbol, await answered(self._venue.mark))
        berth = self._berth
        budgets = BudgetLimits() if berth is None else berth.portfolio.limits
        protections = Protections(self._wires.max_daily_loss, none_wanted=True, budgets=budgets)
        checked = await preflight(
            self._venue, self._venue, self._request.strategy, protections, known, is_paper=not self._wires.is_live
        )
        title = f"{self._mode.upper()}  {self._symbol} on {self._wires.exchange}"
        show_checklist(checked, self._request.view, title, market=None if berth is None else berth.label)
        if checked.is_ready:
            return checked
        self._refuse(checked.refusal or "")
        return None

    def _refuse(self, why: str) -> None:
        sys.stderr.write(f"perpmaker: {self._label}not started: {redact(why)}\n")

    def _begin_journal(self, stack: ExitStack, market: MarketTerms, checked: Preflight) -> RunJournal | None:
        if self._journal is None:
            return None
        seen = [order.tag for order in checked.orders or () if order.tag is not None]
        self._tag = self._memory.new_tag(seen, self._random_below)
        about = self._memory.about_run(
            market.instrument,
            self._tag,
            settings=self._named_settings(),
            command_line=self._request.command_line,
            provenance={} if self._berth is None else self._berth.provenance,
        )
        return stack.enter_context(self._journal.begin_run(about))

    async def _prepare_and_play(self, market: MarketTerms, journal: RunJournal | None, stack: ExitStack) -> ExitCode:
        try:
            run, watchers = await self._prepare(market, journal, stack)
            if self._berth is not None:
                await self._berth.ready()
        except (VenueError, UserError):
            self._memory.was_not_started(journal)
            raise
        self.run = run
        if self._early_stop is not None:
            run.request_stop(self._early_stop)
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
        self._account = account = await answered(self._venue.account)
        terms = StrategyTerms.of(self._request.strategy, market.instrument, account.balance, account.leverage)
        maker = MarketMaker(terms, self._clock.now_ns())
        self._daily = daily = self._memory.daily_loss(market.instrument, journal)
        berth = self._berth
        watchers = LiveWatchers(self._request, self._wires, maker, market.instrument, journal, daily, berth)
        onlookers = watchers.onlookers = self._looked_at(maker, market.instrument, watchers, journal)
        stack.callback(onlookers.abandon)  # where the run does not come to an end
        recorder = watchers.recorder(stack, self._clock)
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
            recorder=onlookers.monitor.depth if recorder is None else FanOut(recorder, onlookers.monitor.depth),
            rate=None if berth is None else berth.rate,
            seat=ALONE if berth is None else self._seat(berth, account.equity, maker, market, daily),
        )
        control = LiveControl(self, run, maker, market.instrument, self._clock, watchers.note)
        await onlookers.begin(run, control.carry_out, self._named_settings())
        return run, watchers

    def _looked_at(
        self, maker: MarketMaker, instrument: Instrument, watchers: LiveWatchers, journal: RunJournal | None
    ) -> RunOnlookers:
        berth = self._berth
        subject = Subject(
            about=about_run(
                None if journal is None else journal.run_id, self._wires, instrument, maker, berth, mode=self._mode
            ),
            maker=maker,
            instrument=instrument,
            statistics=watchers.statistics,
            drawdown=watchers.drawdown,
            clock=self._clock,
            settings=lambda: settings_by_flag(self.strategy),
            queue_ahead=self._queue_ahead,
            portfolio=None if berth is None else berth.portfolio,
        )
        queues = {} if journal is None else {"journal": lambda: journal.waiting}
        return RunOnlookers(subject, self._tag, self._onlookers, watchers.note, queues)

    def _seat(
        self, berth: Berth, equity: Decimal, maker: MarketMaker, market: MarketTerms, daily: DailyLoss
    ) -> MarketSeat:
        """Markets of one real account share its equity; every simulated one has its own."""
        exchange = credentials_name(self._wires.exchange)
        account = f"{exchange} {self._venue.facts.account}" if self._wires.is_live else f"simulated {berth.name}"
        return berth.portfolio.join(berth.name, account, equity, maker, market, daily)

    async def _drive(self, run: LiveRun, watchers: LiveWatchers, journal: RunJournal | None) -> ExitCode:
        began_s = time.perf_counter()
        outcome: Outcome | None = None
        error: Exception | None = None
        try:
            with self._signals(run):
                outcome = await run.run()
        except asyncio.CancelledError:
            watchers.tell_abandoned(run)
            return ExitCode.ABANDONED
        except VenueError as failure:
            if not run.requests:
                self._memory.was_not_started(journal)
                raise
            error = failure
        except Exception as failure:  # noqa: BLE001 - whatever it was, the run must end with its summary and exit code
            error = failure
        outcome = outcome or Outcome(EndReason.FAILED, run.orders_left)
        code = self._conclude(run, watchers, journal, outcome, error, time.perf_counter() - began_s)
        assert watchers.onlookers is not None
        assert self.summary is not None
        await watchers.onlookers.end(outcome, error, self.summary)
        return code

    def _signals(self, run: LiveRun) -> AbstractContextManager[None]:
        """Rule 3."""
        main_task = asyncio.current_task()
        assert main_task is not None
        if self._berth is not None:
            return nullcontext()
        return ending_cleanly(run.request_stop, lambda: self._loop().call_soon_threadsafe(main_task.cancel))

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
        self._memory.latch(outcome.reason, self._symbol, journal)
        is_recorded = True
        if journal is not None and outcome.orders_left == 0:  # otherwise the next start must find it, and look again
            is_recorded = end_journal(journal, self.summary)
        is_told = watchers.teller.publish(self.summary)
        return exit_code(outcome, is_told=is_told and is_recorded)

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

    def _queue_ahead(self, order_id: int) -> int | None:
        """Lots before an order of ours: the simulated exchange knows, a real one does not say."""
        return self._venue.queue_ahead(order_id) if isinstance(self._venue, PaperVenue) else None

    def _title(self) -> str:
        return f"perpmaker {__version__}  {self._mode.upper()}  {self._symbol}  {self._wires.exchange}"

    @staticmethod
    def _loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()
