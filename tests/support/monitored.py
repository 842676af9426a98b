"""Whole live runs in virtual time that are looked at: a run with its monitor, and a place for its link."""

import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.monitor.monitor import RunMonitor
from perpmaker.monitor.places import PLACE
from perpmaker.monitor.view import About, Answer, Ask
from perpmaker.monitor.viewer import Subject
from perpmaker.runtime.live.drawdown import DrawdownWatch
from perpmaker.runtime.live.run import LiveRun
from perpmaker.runtime.live.settings import LiveSettings
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.runtime.summary import RunFacts, Summary, summarize
from perpmaker.venues.clock import Clock
from perpmaker.venues.port import Venue
from support.live_runs import BUSY

RUN_ID = "11111111-2222-3333-4444-555555555555"


@contextmanager
def links_in_a_short_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for links of its own, whose name is short enough for sockets (pytest's are not)."""
    with tempfile.TemporaryDirectory(prefix="pm-") as folder:
        monkeypatch.setenv(PLACE, folder)
        yield Path(folder)


@dataclass
class Wishes:
    """Carries nothing out, and remembers what it was asked for."""

    asked: list[Ask] = field(default_factory=list)

    async def carry_out(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        return Answer(ask_id=ask.ask_id, is_done=True, text=f"{ask.action} is done")


@dataclass
class Monitored:
    """A run with all that looks at it, not yet started."""

    run: LiveRun
    maker: MarketMaker
    monitor: RunMonitor
    subject: Subject
    notes: list[tuple[str, str]]
    wishes: Wishes

    async def play(self, meanwhile: Callable[[], Awaitable[None]] | None = None) -> tuple[Outcome, Summary]:
        """From start to end, as a session would; ``meanwhile`` happens once the link is open."""
        await self.monitor.open(self.run, self.wishes.carry_out)
        if meanwhile is not None:
            await meanwhile()
        outcome = await self.run.run()
        summary = self._summary(outcome)
        await self.monitor.close(outcome.reason)
        return outcome, summary

    def _summary(self, outcome: Outcome) -> Summary:
        subject = self.subject
        facts = RunFacts(outcome.reason, "paper", "sim", subject.instrument.symbol, None, "0", {}, [])
        return summarize(
            subject.statistics,
            equity_start_quanta=self.maker.state.terms.balance_quanta,
            mark_milliticks=self.maker.state.mark_milliticks or 0,
            max_drawdown_quanta=subject.drawdown.max_quanta,
            requests=self.run.requests,
            end_ns=subject.clock.now_ns(),
            events=self.run.market_messages,
            wall_s=1.0,
            run=facts,
        )


async def monitored(
    venue: Venue,
    clock: Clock,
    *,
    mode: str = "paper",
    run_id: str = RUN_ID,
    live: LiveSettings | None = None,
    named: Mapping[str, str] | None = None,
    **settings: Any,
) -> Monitored:
    """A run on this venue; ``settings`` over those of `BUSY`."""
    market, account = await venue.market(), await venue.account()
    instrument = market.instrument
    terms = StrategyTerms.of(StrategySettings(**{**BUSY, **settings}), instrument, account.balance, account.leverage)
    maker = MarketMaker(terms, clock.now_ns())
    subject = Subject(
        about=about(instrument.symbol, mode=mode, run_id=run_id, started_at_ns=clock.now_ns()),
        maker=maker,
        instrument=instrument,
        statistics=RunStatistics(instrument, terms.max_position_lots, clock.now_ns()),
        drawdown=DrawdownWatch(maker.state),
        clock=clock,
        settings=lambda: {} if named is None else named,
        queue_ahead=getattr(venue, "queue_ahead", lambda _: None),
    )
    notes: list[tuple[str, str]] = []
    monitor = RunMonitor(subject, lambda kind, text: notes.append((kind, text)))

    def note(kind: str, text: str) -> None:
        notes.append((kind, text))
        monitor.note(kind, text)

    run = LiveRun(
        maker,
        venue,
        market,
        7,
        clock,
        [subject.statistics, subject.drawdown, monitor],
        note,
        live or LiveSettings(),
        recorder=monitor.depth,
    )
    return Monitored(run, maker, monitor, subject, notes, Wishes())


def about(symbol: str = "SOL_USDC_PERP", *, mode: str = "paper", run_id: str = RUN_ID, started_at_ns: int = 0) -> About:
    return About(
        run_id=run_id,
        exchange="sim",
        symbol=symbol,
        market=None,
        mode=mode,
        base="SOL",
        quote="USDC",
        tick_size="0.01",
        lot_size="0.01",
        started_at_ns=started_at_ns,
        ends_at_ns=None,
        version="0",
        fleet_id=None,
    )
