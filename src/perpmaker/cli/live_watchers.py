"""Everything that watches a run on a real exchange: counts, journal, day, screen, remarks, heartbeat, summary."""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Final

from perpmaker.cli.berth import Berth
from perpmaker.cli.live_notes import LiveNotes, OpeningNotes
from perpmaker.cli.notes import TradeWatch, maker_notes
from perpmaker.cli.onlookers import RunOnlookers
from perpmaker.cli.request import Request, WireSettings
from perpmaker.cli.run_flags import SIMULATION
from perpmaker.cli.screen import Screen
from perpmaker.cli.teller import Teller
from perpmaker.domain.instrument import Instrument
from perpmaker.journal.daily import DailyObserver
from perpmaker.journal.observer import JournalObserver
from perpmaker.journal.writer import RunJournal
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.runtime.live.daily_loss import DailyLoss
from perpmaker.runtime.live.drawdown import DrawdownWatch
from perpmaker.runtime.live.run import LiveRun
from perpmaker.runtime.observer import Observer
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.recorder import Recorder
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.runtime.summary import RunFacts, Summary, summarize
from perpmaker.venues.clock import Clock

HEARTBEAT_NS: Final = 1_000_000_000


class LiveWatchers:
    """Made for one run.

    Args:
        request: what was asked for.
        wires: the exchange, and how to trade there.
        maker: decides.
        instrument: units.
        journal: where the run is recorded, if anywhere.
        daily: the day's result.
        berth: its place in a fleet, if it is in one: what is told says of which market it is.

    Attributes:
        statistics: what the run did.
        drawdown: how far it fell.
        onlookers: told what the observers are, after them, and every remark; none until they are set.
    """

    def __init__(
        self,
        request: Request,
        wires: WireSettings,
        maker: MarketMaker,
        instrument: Instrument,
        journal: RunJournal | None,
        daily: DailyLoss,
        berth: Berth | None = None,
    ) -> None:
        label = None if berth is None else berth.label
        self._fleet_screen = None if berth is None else berth.screen
        console = None if self._fleet_screen is None else self._fleet_screen.console
        self.teller = Teller(request.view, request.summary, maker, instrument, label, console)
        self._name = label or ""
        self._label = "" if label is None else f"{label}: "
        self._request = request
        self._wires = wires
        self._maker = maker
        self._instrument = instrument
        self._journal = journal
        self._daily = daily
        self._start_ns = maker.state.now_ns
        self._notes = LiveNotes(self.teller, self._record)
        self.statistics = RunStatistics(instrument, maker.state.terms.max_position_lots, self._start_ns)
        self.drawdown = DrawdownWatch(maker.state)
        self.onlookers: RunOnlookers | None = None
        self._trades = TradeWatch(maker)
        self._day: DailyObserver | None = None
        self._next_heartbeat_ns = 0

    def observers(self, stack: ExitStack, title: str, queue_ahead: Callable[[int], int | None]) -> list[Observer]:
        """What is told of every step, in this order; a live view is closed with the stack."""
        request, maker, instrument = self._request, self._maker, self._instrument
        found: list[Observer] = [self.statistics, self.drawdown, self._trades]
        if self._journal is not None:
            found.append(JournalObserver(self._journal, maker))
            if self._wires.is_live:
                self._day = DailyObserver(self._journal, self._daily, instrument)
                found.append(self._day)
        found.append(OpeningNotes(self.teller, request.strategy, maker, instrument, request.simulation))
        terms = maker.state.terms
        screen: AbstractContextManager[Observer]
        if self._fleet_screen is None:
            screen = Screen(self.teller.console, title, maker, instrument, terms, self._start_ns, queue_ahead)
        else:
            screen = nullcontext(self._fleet_screen.add(self._name, self._wires, maker, instrument))
        view = self.teller.view(screen)
        if isinstance(view, AbstractContextManager):
            view = stack.enter_context(view)
        if view is not None:
            found.append(view)
        return found if self.onlookers is None else [*found, *self.onlookers.all]

    def recorder(self, stack: ExitStack, clock: Clock) -> Recorder | None:
        """Records the market, where that was asked for. Raises `RecordingError` when the folder cannot be used."""
        wires = self._wires
        if wires.record is None:
            return None
        made = Recorder(
            wires.record,
            self._instrument,
            wires.exchange,
            clock,
            on_failure=lambda why: self.note("recording", why),
        )
        stack.callback(made.close)
        return made

    def note(self, kind: str, text: str) -> None:
        """A remark from the wires."""
        self._notes.note(kind, text)
        if self.onlookers is not None:
            self.onlookers.note(kind, text)

    def heartbeat(self, now_ns: int) -> None:
        """The run is alive: the journal is told once a second, whoever looks on at once."""
        if self._journal is not None and now_ns >= self._next_heartbeat_ns:
            self._next_heartbeat_ns = now_ns + HEARTBEAT_NS
            self._journal.heartbeat(now_ns)
        if self.onlookers is not None:
            self.onlookers.tick(now_ns)

    def tell_opening(self, mode: str, notes: Sequence[str]) -> None:
        """What kind of run it is, and what came before it."""
        exchange = self._wires.exchange
        if mode == "live":
            where = f" at {self._wires.base_url}" if self._wires.base_url else ", with real money"
            self.teller.tell(f"LIVE: real orders on {exchange}{where}")
        elif exchange == SIMULATION:
            self.teller.tell("SIM: market and exchange are simulated, in real time; no real money, no network")
        else:
            self.teller.tell(f"PAPER: the market is {exchange}'s, orders and fills are simulated; say --live to trade")
        for note in (*maker_notes(), *self._request.notes, *notes):
            self.teller.tell(note)

    def tell_end(self, run: LiveRun, outcome: Outcome, error: Exception | None) -> None:
        """What is left, what broke, why nothing traded, and what went over the wires; the day's last figure."""
        if self._day is not None:
            self._day.write()
        self.teller.conclude(outcome, error, self._trades.verdict(self._request.strategy, None))
        counts = {**run.desk.counts, **{f"held back: {name}": n for name, n in run.checks.refusals.items()}}
        if counts:
            self.teller.tell("; ".join(f"{name} {count}" for name, count in sorted(counts.items())))

    def tell_abandoned(self, run: LiveRun) -> None:
        """A second signal: nothing was cleaned up."""
        position = self._instrument.quantity(self._maker.position.lots)
        sys.stderr.write(
            f"{self._label}abandoned: up to {len(self._maker.orders)} orders left resting "
            f"({len(run.desk.resting)} confirmed), position {position}; `perpmaker cancel` cancels them\n"
        )

    def summarize(self, run: LiveRun, outcome: Outcome, facts: RunFacts, end_ns: int, wall_s: float) -> Summary:
        """The run in figures."""
        assert facts.end_reason is outcome.reason
        return summarize(
            self.statistics,
            equity_start_quanta=self._maker.state.terms.balance_quanta,
            mark_milliticks=self._maker.state.mark_milliticks or 0,
            max_drawdown_quanta=self.drawdown.max_quanta,
            requests=run.requests,
            end_ns=end_ns,
            events=run.market_messages,
            wall_s=wall_s,
            run=facts,
        )

    def _record(self, kind: str, text: str) -> None:
        if self._journal is not None:
            self._journal.reason(self._maker.state.now_ns, kind, text)
