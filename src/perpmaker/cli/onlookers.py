"""Who looks on at the runs of this process: the log, metrics, alerts and page, one of each; and the link of every run.

Rules kept here:

1. What cannot be opened (a port in use, a file that cannot be written, no address for alerts) is said before a run
   begins.
2. Onlookers hear what every observer hears, and the remarks from the wires. They change nothing, and what breaks in
   them ends no run.
3. At the end each is told how the run ended, in figures, before it is closed.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self

from perpmaker import __version__
from perpmaker.cli.alerting import open_alerts
from perpmaker.cli.berth import Berth
from perpmaker.cli.dashboard_beside import dashboard_beside
from perpmaker.cli.request import Watching, WireSettings
from perpmaker.cli.run_flags import SIMULATION
from perpmaker.domain.commands import Command
from perpmaker.domain.events import Event
from perpmaker.domain.instrument import Instrument
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.monitor.alerts.alerts import Alerts
from perpmaker.monitor.alerts.watch import RunAlerts
from perpmaker.monitor.logs import Log, LogSettings
from perpmaker.monitor.metrics import RunMetrics, Snapshot, keep_showing
from perpmaker.monitor.metrics_server import MetricsServer
from perpmaker.monitor.monitor import RunMonitor
from perpmaker.monitor.step_log import StepLog
from perpmaker.monitor.view import About, Answer, Ask
from perpmaker.monitor.viewer import Subject
from perpmaker.runtime.live.run import LiveRun
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.summary import Summary
from perpmaker.venues.clock import Clock


def about_run(
    run_id: str | None,
    wires: WireSettings,
    instrument: Instrument,
    maker: MarketMaker,
    berth: Berth | None,
    *,
    mode: str,
) -> About:
    """What does not change of a run that is about to begin; one that no journal knows gets a name of its own."""
    started_ns, duration_ns = maker.state.now_ns, maker.state.terms.duration_ns
    return About(
        run_id=run_id or str(uuid.uuid4()),
        exchange=wires.exchange,
        symbol=instrument.symbol,
        market=None if berth is None else berth.label,
        mode=SIMULATION if wires.exchange == SIMULATION else mode,
        base=instrument.base,
        quote=instrument.quote,
        tick_size=f"{instrument.tick_size:f}",
        lot_size=f"{instrument.lot_size:f}",
        started_at_ns=started_ns,
        ends_at_ns=started_ns + duration_ns if duration_ns else None,
        version=__version__,
        fleet_id=None if berth is None else berth.fleet_id,
    )


class Onlookers:
    """Of a process; a context manager. As it is made without `Watching`, nobody looks on but by the links.

    Args:
        watching: who is to look on.
        clock: the time of day.
        journal: of the runs, by its URL.

    Raises:
        UserError: on entering: one of them cannot.
    """

    def __init__(self, watching: Watching, clock: Clock, journal: str | None) -> None:
        self._watching = watching
        self._clock = clock
        self._journal = journal
        self._stack = ExitStack()
        self.log: Log | None = None
        self.alerts: Alerts | None = None
        self.metrics: RunMetrics | None = None

    def __enter__(self) -> Self:
        watching = self._watching
        with ExitStack() as stack:
            if watching.has_log:
                self.log = stack.enter_context(Log(log_settings(watching), self._clock))
            if watching.has_alerts:
                self.alerts = open_alerts(self._clock)
                stack.callback(self.alerts.close)
            if watching.metrics_port is not None:
                log = self.log
                waiting = {} if log is None else {"log": lambda: log.waiting}
                dropped = {} if log is None else {"log": lambda: log.dropped}
                self.metrics = RunMetrics(__version__, waiting, dropped)
                stack.enter_context(MetricsServer(self.metrics.registry(), watching.metrics_port))
            if watching.dashboard_port is not None:
                from perpmaker.cli.dashboard_places import state_folder  # noqa: PLC0415 - the web is for who wants it

                stack.enter_context(dashboard_beside(watching, self._journal, state_folder()))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)


class Onlooker(Protocol):
    """What each of them hears of a run."""

    def on_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None: ...

    def note(self, kind: str, text: str) -> None: ...


class RunOnlookers:
    """Those of one run.

    Args:
        subject: what is looked at.
        tag: of the run.
        shared: those of the process.
        note: told what is broken here.
        queues: how many wait in each queue of the run, by name.
    """

    def __init__(
        self,
        subject: Subject,
        tag: int,
        shared: Onlookers | None,
        note: Callable[[str, str], None],
        queues: Mapping[str, Callable[[], int]],
    ) -> None:
        about = subject.about
        self._queues = queues
        self.monitor = RunMonitor(subject, note)
        self._metrics = None if shared is None else shared.metrics
        self._showing: asyncio.Task[None] | None = None
        self._alerts: RunAlerts | None = None
        self._log: StepLog | None = None
        self.all: list[Onlooker] = [self.monitor]
        if shared is not None and shared.alerts is not None:
            self._alerts = RunAlerts(shared.alerts, about, subject.maker, subject.instrument, subject.clock)
            self.all.append(self._alerts)
        if shared is not None and shared.log is not None:
            self._log = StepLog(shared.log, subject.instrument, tag, {"run": about.run_id, "market": about.market})
            self.all.append(self._log)

    def note(self, kind: str, text: str) -> None:
        """A remark from the wires, or what became of a wish."""
        for onlooker in self.all:
            onlooker.note(kind, text)

    def tick(self, now_ns: int) -> None:
        """Time has passed."""
        if self._alerts is not None:
            self._alerts.tick(now_ns)

    async def begin(self, run: LiveRun, ask: Callable[[Ask], Awaitable[Answer]], settings: Mapping[str, str]) -> None:
        """The run begins; ``ask`` carries out what somebody wishes."""
        await self.monitor.open(run, ask)
        if self._log is not None:
            self._log.started(settings)
        if self._metrics is not None:
            self._showing = asyncio.create_task(keep_showing(self._metrics, lambda: self._snapshot(run)))

    async def end(self, outcome: Outcome, error: Exception | None, summary: Summary) -> None:
        """The run is over (rule 3)."""
        if self._alerts is not None:
            self._alerts.tell_end(summary, outcome, error)
        if self._log is not None:
            self._log.ended(outcome.reason.value, orders_left=outcome.orders_left, error=error)
        await self.monitor.close(outcome.reason)
        if self._showing is not None:
            self._showing.cancel()
            await asyncio.gather(self._showing, return_exceptions=True)

    def abandon(self) -> None:
        """The run was not begun after all, or abandoned: the link goes, without a word."""
        self.monitor.abandon()
        if self._showing is not None:
            self._showing.cancel()

    def _snapshot(self, run: LiveRun) -> Snapshot | None:
        view = self.monitor.latest_view()
        return (
            None if view is None else Snapshot.of(view, run.signs, {name: ask() for name, ask in self._queues.items()})
        )


def log_settings(watching: Watching) -> LogSettings:
    """What the flags ask for."""
    return LogSettings(
        level=watching.log_level.value, is_json=watching.log_format.value == "json", file=watching.log_file
    )
