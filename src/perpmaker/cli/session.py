"""A run on the simulated exchange from start to end: what watches it, what interrupts it, its summary, its exit code.

Shared by `perpmaker run` and `perpmaker backtest`: whatever makes an order is the same for both. What differs is a
`Manner`: what the run is called, and how it is shown while it goes on.
"""

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, fields
from enum import Enum
from typing import TYPE_CHECKING, Final

from rich.console import Console

from perpmaker import __version__
from perpmaker.cli.compose import SimulatedRun, compose
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.interrupts import Abandoned, ending_cleanly
from perpmaker.cli.notes import TradeWatch, maker_notes, opening_notes, touches_of
from perpmaker.cli.output_file import check_writable
from perpmaker.cli.request import NO_JOURNAL, Request, View
from perpmaker.cli.screen import Screen
from perpmaker.cli.teller import Teller, exit_code
from perpmaker.data.opening import open_data
from perpmaker.domain.errors import JournalError
from perpmaker.domain.events import EndReason
from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.runtime.observer import Observer
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.pace import Pace
from perpmaker.runtime.replay import Replay
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.runtime.summary import RunFacts, Summary, summarize
from perpmaker.simulation.first_mark import first_mark

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from perpmaker.journal.writer import RunJournal
    from perpmaker.monitor.logs import Log
    from perpmaker.monitor.step_log import StepLog

EXCHANGE: Final = "sim"

_TAG: Final = 1
"""Of a run that shares its exchange with no other."""

Watcher = AbstractContextManager[Observer]
"""What shows a run on a terminal while it goes on."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a kind of run is told.

    ``mode`` is its name in journal and summary; ``watcher`` makes what shows it on a terminal; ``has_lines``: elsewhere
    every event of interest is a line, also where nobody asked for lines.
    """

    mode: str
    watcher: Callable[[SimulatedRun, Console], Watcher]
    has_lines: bool = True


@dataclass(frozen=True, slots=True)
class Played:
    """How a run went. No summary and no outcome where it was abandoned; no ``run_id`` where no journal was kept."""

    code: ExitCode
    outcome: Outcome | None = None
    summary: Summary | None = None
    run_id: str | None = None


def run_session(request: Request) -> ExitCode:
    """Run it, tell about it, and say how it ended.

    Raises:
        UserError: what was asked for cannot be done; nothing was started.
    """
    check_writable(request.summary)
    run = compose(open_data(request.data), request.strategy, request.simulation)
    return Session(request, run, Manner("simulation", _screen)).play().code


class Session:
    """One run; `play` it once."""

    def __init__(self, request: Request, run: SimulatedRun, manner: Manner) -> None:
        self._request = request
        self._run = run
        self._manner = manner
        self._start_ns = run.exchange.now_ns
        self._teller = Teller(request.view, request.summary, run.maker, run.instrument)
        self._statistics = RunStatistics(run.instrument, run.terms.max_position_lots, self._start_ns)
        self._watch = TradeWatch(run.maker)
        self._touches = touches_of(run.data.feed, request.strategy)
        self._first_mark = first_mark(run.data.feed)

    def play(self) -> Played:
        """Run to the end, whatever ends it.

        Raises:
            UserError: the journal cannot be opened; nothing was started.
        """
        with ExitStack() as stack:
            log = self._open_log(stack)  # before the journal knows of a run that cannot be
            journal = self._begin_journal(stack)
            observers: list[Observer] = [self._statistics, self._watch]
            if journal is not None:
                from perpmaker.journal.observer import JournalObserver  # noqa: PLC0415 - as where the journal is opened

                observers.append(JournalObserver(journal, self._run.maker))
            for note in self._opening_notes():
                self._teller.tell(note)
            watcher = self._manner.watcher(self._run, self._teller.console)
            view = self._teller.view(watcher, has_lines=self._manner.has_lines or self._request.view is View.LINES)
            if isinstance(view, AbstractContextManager):
                view = stack.enter_context(view)
            if view is not None:
                observers.append(view)
            steps = self._step_log(log, None if journal is None else journal.run_id)
            if steps is not None:
                steps.started(self._settings())
                observers.append(steps)
            pace = None if self._request.speed == float("inf") else Pace(self._request.speed)
            replay = Replay(self._run.maker, self._run.exchange, observers, pace)
            began = time.perf_counter()
            outcome, error = self._drive(replay)
            wall_s = time.perf_counter() - began
            if outcome is None:
                return Played(ExitCode.ABANDONED)
            self._teller.conclude(outcome, error, self._watch.verdict(self._request.strategy, self._touches))
            summary = self._summarize(outcome, replay.requests, wall_s)
            if steps is not None:
                steps.ended(outcome.reason.value, orders_left=outcome.orders_left, error=error)
            is_recorded = journal is None or end_journal(journal, summary)
        is_told = self._teller.publish(summary)
        code = exit_code(outcome, is_told=is_told and is_recorded)
        return Played(code, outcome, summary, None if journal is None else journal.run_id)

    def _drive(self, replay: Replay) -> tuple[Outcome | None, Exception | None]:
        """Run; no outcome after a second interrupt, an error beside the outcome when something broke."""
        exchange = self._run.exchange
        try:
            with ending_cleanly(replay.request_stop):
                return replay.run(), None
        except Abandoned:
            left = exchange.open_orders()
            position = self._run.instrument.quantity(exchange.position_lots)
            sys.stderr.write(f"abandoned: {len(left)} orders left resting, position {position}\n")
            return None, None
        except Exception as error:  # noqa: BLE001 - whatever it was, the run must end with its summary and exit code
            return Outcome(EndReason.FAILED, len(exchange.open_orders())), error

    def _begin_journal(self, stack: ExitStack) -> "RunJournal | None":
        if self._request.journal == NO_JOURNAL:
            return None
        from perpmaker.journal.writer import RunStart, open_journal  # noqa: PLC0415 - SQLAlchemy is slow to import

        journal = stack.enter_context(open_journal(self._request.journal))
        run = self._run
        about = RunStart(
            version=__version__,
            exchange=EXCHANGE,
            symbol=run.instrument.symbol,
            market_type="perp",
            mode=self._manner.mode,
            seed=self._seed,
            command_line=self._request.command_line,
            settings=self._settings(),
            instrument=run.instrument,
            provenance=run.data.provenance,
        )
        return stack.enter_context(journal.begin_run(about))

    def _open_log(self, stack: ExitStack) -> "Log | None":
        """Raises `InvalidSettingError` where the file cannot be written."""
        if not self._request.watching.has_log:
            return None
        from perpmaker.cli.onlookers import log_settings  # noqa: PLC0415 - a second that most runs do not need
        from perpmaker.monitor.logs import Log  # noqa: PLC0415 - the same
        from perpmaker.venues.clock import SystemClock  # noqa: PLC0415 - the same

        return stack.enter_context(Log(log_settings(self._request.watching), SystemClock()))

    def _step_log(self, log: "Log | None", run_id: str | None) -> "StepLog | None":
        if log is None:
            return None
        from perpmaker.monitor.step_log import StepLog  # noqa: PLC0415 - as where the log is opened

        return StepLog(log, self._run.instrument, _TAG, {"run": run_id, "market": None})

    def _opening_notes(self) -> list[str]:
        notes = ["simulated exchange: no real money, no network", *maker_notes()]
        notes += [*self._request.notes, *self._run.data.notes]
        if self._first_mark is None:
            return notes
        request, run = self._request, self._run
        price_ticks = max(1, self._first_mark // MILLITICKS_PER_TICK)
        return notes + opening_notes(
            request.strategy, run.maker, run.instrument, price_ticks, self._touches, request.simulation
        )

    def _summarize(self, outcome: Outcome, requests: int, wall_s: float) -> Summary:
        run = self._run
        return summarize(
            self._statistics,
            equity_start_quanta=run.terms.balance_quanta,
            mark_milliticks=run.exchange.mark_milliticks or 0,
            max_drawdown_quanta=run.exchange.max_drawdown_quanta,
            requests=requests,
            end_ns=run.exchange.now_ns,
            events=run.exchange.events_processed,
            wall_s=wall_s,
            run=RunFacts(
                end_reason=outcome.reason,
                mode=self._manner.mode,
                exchange=EXCHANGE,
                symbol=run.instrument.symbol,
                seed=self._seed,
                version=__version__,
                settings=self._settings(),
                notices=self._teller.notes,
            ),
        )

    @property
    def _seed(self) -> int | None:
        return self._request.data.seed if self._request.data.is_synthetic else None

    def _settings(self) -> Mapping[str, str]:
        request = self._request
        return {**settings_by_name(request.strategy), **request.data.named(), **settings_by_name(request.simulation)}


def _screen(run: SimulatedRun, console: Console) -> Screen:
    feed = ", ".join(value for value in run.data.choice.named().values())
    title = f"perpmaker {__version__}  SIMULATION  {run.instrument.symbol}  {feed}"
    exchange = run.exchange
    return Screen(console, title, run.maker, run.instrument, run.terms, exchange.now_ns, exchange.queue_ahead)


def end_journal(journal: "RunJournal", summary: Summary) -> bool:
    """Write what is left and the summary; False when the journal could not take it."""
    try:
        journal.end(summary)
    except JournalError as error:
        sys.stderr.write(f"perpmaker: {error}\n")
        return False
    return True


def settings_by_name(*groups: "DataclassInstance") -> Mapping[str, str]:
    """Every setting as it took effect, by its name."""
    return {field.name: _text(getattr(group, field.name)) for group in groups for field in fields(group)}


def _text(value: object) -> str:
    return str(value.value if isinstance(value, Enum) else value)
