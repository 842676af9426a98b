"""Whole live runs in virtual time: a maker, a venue, the driver, and what it said."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from perpmaker.domain.commands import Command
from perpmaker.domain.events import Event
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.runtime.live.run import LiveRun
from perpmaker.runtime.live.settings import LiveSettings
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.venues.clock import Clock
from perpmaker.venues.feed_source import FeedSource
from perpmaker.venues.paper import PaperTerms, PaperVenue
from perpmaker.venues.port import Venue

BALANCE = Decimal(10_000)
LEVERAGE = Decimal(10)
BUSY: dict[str, Any] = {
    "spread": Decimal("0.0003"),
    "quantity": Decimal("0.1"),
    "max_orders": 2,
    "max_position": Decimal(1),
    "position_threshold": Decimal("0.1"),
    "inventory_skew": Decimal("0.5"),
    "interval_s": Decimal(5),
    "duration_s": Decimal(300),
}
"""Settings that trade on the synthetic market."""


@dataclass
class Told:
    """Observes a run and keeps everything."""

    events: list[Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    def on_step(self, _now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        self.events += events
        self.commands += commands

    def note(self, kind: str, text: str) -> None:
        self.notes.append((kind, text))

    def of(self, kind: type) -> list[Any]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


@dataclass
class Rig:
    """One run, not yet started."""

    run: LiveRun
    maker: MarketMaker
    told: Told
    statistics: RunStatistics

    async def play(self) -> Outcome:
        return await self.run.run()


async def rig(
    venue: Venue,
    clock: Clock,
    *,
    tag: int = 7,
    live: LiveSettings | None = None,
    observers: Sequence[Any] = (),
    more: Callable[[MarketMaker], dict[str, Any]] = lambda _: {},
    **settings: Any,
) -> Rig:
    """A run on this venue; ``settings`` over those of `BUSY`, ``more`` are further arguments of the driver."""
    market = await venue.market()
    account = await venue.account()
    strategy = StrategySettings(**{**BUSY, **settings})
    terms = StrategyTerms.of(strategy, market.instrument, account.balance, account.leverage)
    maker = MarketMaker(terms, clock.now_ns())
    told = Told()
    statistics = RunStatistics(market.instrument, terms.max_position_lots, clock.now_ns())
    run = LiveRun(
        maker, venue, market, tag, clock, [statistics, told, *observers], told.note, live or LiveSettings(),
        **more(maker),
    )  # fmt: skip
    return Rig(run, maker, told, statistics)


def paper_venue(clock: Clock, *, seed: int = 7, order_latency_ns: int = 10_000_000) -> PaperVenue:
    """Paper on the synthetic market."""
    source = FeedSource(SyntheticMarket(PROFILES["SOL_USDC_PERP"], seed), clock)
    terms = PaperTerms(
        balance=BALANCE,
        leverage=LEVERAGE,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        order_latency_ns=order_latency_ns,
    )
    return PaperVenue(source, terms, clock)
