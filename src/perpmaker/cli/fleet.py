"""Several markets in one process, as one account: from their checklists to one exit code.

Rules kept here:

1. One `LiveSession` a market, all in one event loop: each has its own maker, tag, journal run and summary. What breaks
   in one ends that one, with its orders cancelled; the others go on.
2. A start is of all or of none: nothing is sent before every checklist speaks for it and every market is ready.
3. Two markets that are the same instrument of one exchange are refused, whatever their names are: their makers would
   trade with each other. Budgets add up amounts, so all markets must then be quoted in one currency.
4. The first signal ends every market cleanly, all at the same time; the second at once.
5. The exit code is the worst of all markets, by `WORST_FIRST`.
6. A market that is alone, without a budget, tells of itself as if it were in no fleet: screen, lines, summary.
"""

import asyncio
import json
import secrets
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from perpmaker.cli.berth import Berth
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.fleet_screen import FleetScreen
from perpmaker.cli.fleet_view import FleetResult, as_json, show_fleet
from perpmaker.cli.interrupts import ending_cleanly
from perpmaker.cli.live_session import Checked, LiveSession
from perpmaker.cli.onlookers import Onlookers
from perpmaker.cli.request import Request, View, WireSettings
from perpmaker.cli.run_flags import SIMULATION
from perpmaker.domain.errors import InvalidSettingError, JournalError, UserError
from perpmaker.domain.events import EndReason
from perpmaker.journal.budgets import write_budgets
from perpmaker.journal.limits import day_profit
from perpmaker.journal.writer import Journal
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.risk.budgets import BudgetLimits
from perpmaker.runtime.live.daily_loss import utc_day
from perpmaker.runtime.live.portfolio import Portfolio
from perpmaker.runtime.live.settings import LiveSettings
from perpmaker.runtime.live.shared_rate import SharedRate
from perpmaker.runtime.live.starting_line import NotStartedError, StartingLine
from perpmaker.venues.clock import Clock
from perpmaker.venues.feed_source import FeedSource
from perpmaker.venues.port import Venue
from perpmaker.venues.redaction import redact
from perpmaker.venues.registry import credentials_name

TELL_S: Final = 1.0
"""Between two tellings of the budgets."""

WORST_FIRST: Final = (
    ExitCode.FAILED,
    ExitCode.ABANDONED,
    ExitCode.BAD_INPUT,
    ExitCode.RESCUED,
    ExitCode.LIQUIDATED,
    ExitCode.VENUE_STOPPED,
    ExitCode.BUDGET_LOSS,
    ExitCode.MAX_DAILY_LOSS,
    ExitCode.MAX_LOSS,
    ExitCode.MAX_DRAWDOWN,
    ExitCode.BUDGET,
    ExitCode.STOP_LOSS,
    ExitCode.TERMINATED,
    ExitCode.INTERRUPTED,
    ExitCode.FEED_EXHAUSTED,
    ExitCode.TAKE_PROFIT,
    ExitCode.DURATION,
)
"""Every way to end, what needs a person most first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetMarket:
    """One market: its name, what is asked for, and its venue, not listened to yet.

    ``source`` is the market data of a simulated one, ``played`` says which it is.
    """

    name: str
    request: Request
    wires: WireSettings
    venue: Venue
    source: FeedSource | None = None
    played: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> tuple[str, str]:
        """The account that it trades with: the exchange and the account's name there."""
        return credentials_name(self.wires.exchange), self.venue.facts.account


class Fleet:
    """Several markets; `play` it once.

    Args:
        markets: at least one, each with a name of its own.
        limits: budgets over all of them.
        clock: the time of day.
        journal: where the runs are recorded; None records nothing.
        summary: a file for the summary of all.
        view: how it is told. LIVE is one screen for all, AUTO is for who knows the terminal to decide.
        random_below: chooses the tags.
        settings: how carefully to watch the venues; by default each market's own.
        companion: runs beside the markets, and ends with the last of them.
        onlookers: who looks on at all of them.

    Attributes:
        sessions: by the name of their market.
        portfolio: all markets as one account.
    """

    def __init__(
        self,
        markets: Sequence[FleetMarket],
        limits: BudgetLimits,
        clock: Clock,
        journal: Journal | None,
        *,
        summary: Path | None = None,
        view: View = View.AUTO,
        random_below: Callable[[int], int] = secrets.randbelow,
        settings: LiveSettings | None = None,
        companion: Callable[["Fleet"], Coroutine[Any, Any, None]] | None = None,
        onlookers: Onlookers | None = None,
    ) -> None:
        self.fleet_id = str(uuid.uuid4())
        self._markets = markets
        self._limits = limits
        self._clock = clock
        self._journal = journal
        self._summary = summary
        self._view = view
        self._companion = companion
        self._is_alone = len(markets) == 1 and limits == BudgetLimits()
        self._line = StartingLine(len(markets))
        self._tasks: list[asyncio.Task[ExitCode]] = []
        self.portfolio = Portfolio(limits, clock.now_ns(), self._carried())
        self._screen = None
        if view is View.LIVE and not self._is_alone:
            self._screen = FleetScreen(Console(highlight=False), self.portfolio, clock)
        rates = self._rates()
        self.sessions: dict[str, LiveSession] = {}
        for market in markets:
            rate = rates.get(market.place) if market.wires.is_live else None
            berth = Berth(
                name=market.name,
                fleet_id=self.fleet_id,
                portfolio=self.portfolio,
                rate=None if rate is None else rate.share(),
                played=market.played,
                ready=self._line.ready,
                is_alone=self._is_alone,
                screen=self._screen,
            )
            self.sessions[market.name] = LiveSession(
                market.request,
                market.wires,
                market.venue,
                clock,
                journal,
                random_below=random_below,
                settings=settings,
                berth=berth,
                onlookers=onlookers,
            )

    def request_stop(self, reason: EndReason) -> None:
        """Ask every market for a clean end; safe to call from a signal handler."""
        for session in self.sessions.values():
            session.request_stop(reason)

    async def play(self) -> ExitCode:
        """Check, run, summarize.

        Raises:
            UserError: a setting does not fit its market, or markets do not fit together; nothing was sent.
        """
        loop, main_task = asyncio.get_running_loop(), asyncio.current_task()
        assert main_task is not None

        def abandon() -> None:
            for task in self._tasks or [main_task]:
                loop.call_soon_threadsafe(task.cancel)

        with ending_cleanly(self.request_stop, abandon):
            try:
                checked = await self._check()
                if checked is None:
                    return ExitCode.BAD_INPUT
                return await self._trade(checked)
            except asyncio.CancelledError:
                return ExitCode.ABANDONED

    async def _check(self) -> list[Checked] | None:
        """Every checklist; None where one speaks against a start, which was said. Raises `UserError`."""
        answers = await asyncio.gather(*(session.check() for session in self.sessions.values()), return_exceptions=True)
        for market, answer in zip(self._markets, answers, strict=True):
            if isinstance(answer, UserError):
                raise type(answer)(f"market {market.name}: {answer}") from answer
            if isinstance(answer, BaseException):
                raise answer
        checked = [answer for answer in answers if isinstance(answer, Checked)]
        if len(checked) < len(answers):
            return None
        self._refuse_what_does_not_fit_together(checked)
        return checked

    async def _trade(self, checked: Sequence[Checked]) -> ExitCode:
        """All markets at the same time, to the end of the last."""
        with self._screen or nullcontext():
            codes = await self._all_to_their_ends(checked)
        code = min(codes, key=WORST_FIRST.index)
        results = [
            FleetResult(market.name, session.instrument, session.summary, market_code)
            for (market, session, market_code) in zip(self._markets, self.sessions.values(), codes, strict=True)
        ]
        return code if self._is_alone else self._publish(results, code)

    async def _all_to_their_ends(self, checked: Sequence[Checked]) -> list[ExitCode]:
        for market, found in zip(self._markets, checked, strict=True):
            session = self.sessions[market.name]
            if market.source is not None:
                market.source.on_end = partial(session.request_stop, EndReason.FEED_EXHAUSTED)
            self._tasks.append(asyncio.create_task(self._one(market.name, session, found), name=market.name))
        works = [self._tell_budgets()]
        works += [] if self._companion is None else [self._companion(self)]
        works += [] if self._screen is None else [self._screen.keep_drawing()]
        beside = [asyncio.create_task(self._beside(work)) for work in works]
        codes = await asyncio.gather(*self._tasks)
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        return codes

    @staticmethod
    async def _beside(work: Coroutine[Any, Any, None]) -> None:
        """What breaks beside the markets does not touch them."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - as it says
            sys.stderr.write(f"perpmaker: beside the markets: {type(error).__name__}: {redact(str(error))}\n")

    async def _one(self, name: str, session: LiveSession, checked: Checked) -> ExitCode:
        """One market to its end; nothing that it raises reaches another."""
        try:
            return await session.trade(checked)
        except asyncio.CancelledError:
            return ExitCode.ABANDONED
        except NotStartedError as error:
            sys.stderr.write(f"perpmaker: {name}: not started: {error}\n")
            return ExitCode.BAD_INPUT
        except UserError as error:
            sys.stderr.write(f"perpmaker: {name}: {redact(str(error))}\n")
            return ExitCode.BAD_INPUT
        except Exception as error:  # noqa: BLE001 - whatever broke around a run, the other markets must go on
            sys.stderr.write(f"perpmaker: {name}: unrecoverable error: {type(error).__name__}: {redact(str(error))}\n")
            return ExitCode.FAILED
        finally:
            self._line.cannot_begin(name)

    def apply(
        self,
        strategies: Mapping[str, StrategySettings],
        limits: BudgetLimits,
        told: Mapping[str, str],
        daily_losses: Mapping[str, Decimal] | None = None,
    ) -> None:
        """Other settings for markets by name, and other budgets, while everything goes on.

        ``told`` says by market what was and what is, ``daily_losses`` are limits to the day's loss (0 is off). A market
        that has ended is left out.

        Raises:
            InvalidSettingError: something does not fit its market; nothing was changed.
        """
        self._refuse_several_currencies(limits)
        found = {name: self._terms_of(name, strategy) for name, strategy in strategies.items()}
        for name, terms in found.items():
            if terms is not None:
                if daily_losses is not None and name in daily_losses:
                    self.sessions[name].change_daily_loss(daily_losses[name])
                self.sessions[name].change(strategies[name], terms, told[name])
        self._limits = limits
        self.portfolio.change_limits(limits, self._clock.now_ns())

    def _terms_of(self, name: str, strategy: StrategySettings) -> StrategyTerms | None:
        try:
            return self.sessions[name].terms_of(strategy)
        except InvalidSettingError as error:
            raise InvalidSettingError(f"market {name}: {error}") from error

    async def _tell_budgets(self) -> None:
        """Let the journal know what is used, for `perpmaker status`; beside the loop, which must not wait for it."""
        if self._journal is None:
            return
        while True:
            used, step = self.portfolio.uses, self.portfolio.step
            try:
                await asyncio.to_thread(write_budgets, self._journal, self.fleet_id, used, step, self._clock.now_ns())
            except JournalError as error:
                sys.stderr.write(f"perpmaker: the budgets are not in the journal: {error}\n")
                return
            await asyncio.sleep(TELL_S)

    def _publish(self, results: Sequence[FleetResult], code: ExitCode) -> ExitCode:
        if self._view is not View.NONE:
            show_fleet(results, self.portfolio.uses)
        if self._summary is None:
            return code
        told = as_json(self.fleet_id, results, self.portfolio.uses, code)
        try:
            self._summary.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            sys.stderr.write(f"perpmaker: --summary {self._summary}: not written: {error.strerror}\n")
            return ExitCode.FAILED
        return code

    def _refuse_what_does_not_fit_together(self, checked: Sequence[Checked]) -> None:
        """Rule 3. Raises `InvalidSettingError`."""
        seen: dict[tuple[str, str, str], str] = {}
        for market, found in zip(self._markets, checked, strict=True):
            instrument = found.market.instrument
            if market.wires.exchange == SIMULATION:
                continue  # every simulated market is a world of its own
            place = (credentials_name(market.wires.exchange), instrument.base, instrument.quote)
            if place in seen:
                raise InvalidSettingError(
                    f"markets {seen[place]} and {market.name} are both {instrument.base}/{instrument.quote} on "
                    f"{place[0]}: two makers on one market would trade with each other; take one of them out"
                )
            seen[place] = market.name
        self._refuse_several_currencies(self._limits)

    def _refuse_several_currencies(self, limits: BudgetLimits) -> None:
        """Rule 3. Raises `InvalidSettingError`."""
        quotes = {session.instrument.quote: name for name, session in self.sessions.items() if session.instrument}
        if limits != BudgetLimits() and len(quotes) > 1:
            named = ", ".join(f"{name} in {quote}" for quote, name in sorted(quotes.items()))
            raise InvalidSettingError(
                f"budgets over all markets need one quote currency, and these have several ({named}): take out "
                "[budgets], or run them as two fleets"
            )

    def _rates(self) -> dict[tuple[str, str], SharedRate]:
        """The rate limit of every real account, shared by its markets."""
        live = [market for market in self._markets if market.wires.is_live]
        counts = Counter(market.place for market in live)
        return {
            market.place: SharedRate(market.venue.facts.requests_per_minute, counts[market.place], self._clock.now_ns())
            for market in live
        }

    def _carried(self) -> Decimal:
        """What earlier runs of these accounts have made today."""
        if self._journal is None:
            return Decimal(0)
        day = utc_day(self._clock.now_ns())
        accounts = {market.venue.facts.account for market in self._markets if market.wires.is_live}
        return sum((day_profit(self._journal, name, day, excluding_run_no=None) for name in accounts), Decimal(0))
