"""Small simulated runs for tests: a market, a strategy, a driver, and everything that was sent."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from perpmaker.domain.commands import ANY_PRICE, Command, Notice, Wake
from perpmaker.domain.events import Event
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.runtime.observer import Observer
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.replay import Replay
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.simulation.terms import ExchangeTerms, QueueModel


@dataclass
class Sent:
    """Observes a run and keeps what the maker answered, with its time."""

    commands: list[tuple[int, Command]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def on_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        self.commands += [(now_ns, command) for command in commands]
        self.events += events

    def notices(self) -> list[Notice]:
        return [command for _, command in self.commands if isinstance(command, Notice)]

    def fingerprint(self) -> str:
        """The order list, byte for byte."""
        return hashlib.sha256("\n".join(map(repr, self.commands)).encode()).hexdigest()


class AskedAlways(MarketMaker):
    """A maker that never allows its driver to skip anything."""

    def wake(self) -> Wake:
        return (
            super()
            .wake()
            ._replace(
                reference_low=1, reference_high=0, mark_low=ANY_PRICE, mark_high=-ANY_PRICE, on_book=True, on_order=True
            )
        )


@dataclass
class Run:
    outcome: Outcome
    exchange: SimulatedExchange
    maker: MarketMaker
    sent: Sent
    statistics: RunStatistics


def strategy(**settings: Any) -> StrategySettings:
    """Strategy settings with numbers given as text, and a small quick default."""
    defaults = {
        "spread": "0.0003",
        "quantity": "0.1",
        "max_orders": 2,
        "max_position": "1",
        "interval_s": "1",
        "position_threshold": "0",
        "inventory_skew": "0.5",
        "duration_s": "120",
    }
    values = {**defaults, **settings}
    return StrategySettings(**{k: Decimal(v) if isinstance(v, str) else v for k, v in values.items()})


def synthetic(seed: int = 1, symbol: str = "SOL_USDC_PERP") -> SyntheticMarket:
    return SyntheticMarket(PROFILES[symbol], seed)


def run(
    settings: StrategySettings,
    feed: MarketFeed,
    *,
    maker_class: type[MarketMaker] = MarketMaker,
    observers: Sequence[Any] = (),
    balance: str = "10000",
    leverage: str = "10",
    latency_ns: int = 10_000_000,
    feed_latency_ns: int = 10_000_000,
    queue_model: QueueModel = QueueModel.RISK_AVERSE,
    maker_fee_ppb: int = 200_000,
) -> Run:
    """One run to its end. ``observers`` are made with (maker, exchange)."""
    terms = StrategyTerms.of(settings, feed.instrument, Decimal(balance), Decimal(leverage))
    exchange = SimulatedExchange(
        feed,
        ExchangeTerms(
            maker_fee_ppb=maker_fee_ppb,
            taker_fee_ppb=500_000,
            balance_quanta=terms.balance_quanta,
            leverage=Decimal(leverage),
            feed_latency_ns=feed_latency_ns,
            order_latency_ns=latency_ns,
            queue_model=queue_model,
        ),
    )
    maker = maker_class(terms, exchange.now_ns)
    sent = Sent()
    statistics = RunStatistics(feed.instrument, terms.max_position_lots, exchange.now_ns)
    watching: list[Observer] = [sent, statistics, *(make(maker, exchange) for make in observers)]
    outcome = Replay(maker, exchange, watching).run()
    return Run(outcome, exchange, maker, sent, statistics)
