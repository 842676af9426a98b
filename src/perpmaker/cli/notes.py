"""What a trader should read before a run (how the spread was understood) and after one that did not trade."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from perpmaker import compiled
from perpmaker.advisor.short import short_advice
from perpmaker.cli.request import SimulationSettings
from perpmaker.domain.commands import Command
from perpmaker.domain.events import Event, Filled, OrderAccepted, OrderRejected
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.reasons import NotResting
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.touches import Touches, measure_touches

_SAMPLE_ROWS = 200_000  # under half a second of work, and an hour or so of a quiet market


def maker_notes() -> list[str]:
    """Which maker runs, where it is not the plain one."""
    if not compiled.is_served():
        return []
    return [f"compiled maker: {compiled.SWITCH}=0 in the environment means plain Python"]


def touches_of(feed: MarketFeed, strategy: StrategySettings) -> Touches | None:
    """How often the price of level 1 is reached at the beginning of this market data."""
    return measure_touches(feed.chunks(), Fraction(strategy.spread), _SAMPLE_ROWS)


def opening_notes(
    strategy: StrategySettings,
    maker: MarketMaker,
    instrument: Instrument,
    price_ticks: int,
    touches: Touches | None,
    fees: SimulationSettings,
) -> list[str]:
    """How the spread was read, in every unit, how often this market moves that far (rule 16), and what is risky.

    ``fees`` are those of the simulated exchange; where the real ones are not known, they are what is reckoned with.
    """
    spread = strategy.spread
    distance = spread * price_ticks
    reading = (
        f"--spread is read as {_plain(spread * 100)} % = {_plain(spread * 10_000)} bp on each side: "
        f"{distance:.1f} ticks of {instrument.tick_size} at a price of {instrument.price(price_ticks)}"
    )
    notes = [reading]
    if touches is not None:
        notes.append(
            f"this market reaches a price that far away within a minute {touches.per_hour:.3g} times an hour "
            f"(both sides, of 120; first {touches.minutes} minutes of data)"
        )
    terms = maker.state.terms
    return notes + short_advice(strategy, terms, instrument, price_ticks, fees.maker_fee, fees.taker_fee)


class TradeWatch:
    """Observes whether a run can trade at all, and what stands in its way."""

    def __init__(self, maker: MarketMaker) -> None:
        self._maker = maker
        self._reasons: Counter[str] = Counter()
        self.accepted = 0
        self.fills = 0

    def on_step(self, _now_ns: int, events: Sequence[Event], _commands: Sequence[Command]) -> None:
        for event in events:
            if isinstance(event, OrderAccepted):
                self.accepted += 1
            elif isinstance(event, Filled):
                self.fills += 1
            elif isinstance(event, OrderRejected):
                self._reasons[f"refused: {event.reason.value}"] += 1
        if not self.accepted and not self._maker.is_ending:
            self._reasons.update(reason.value for reason in self._maker.quoter.not_resting.values())

    def verdict(self, strategy: StrategySettings, touches: Touches | None) -> str | None:
        """One sentence when nothing traded; None when something did."""
        if self.fills:
            return None
        if not self.accepted:
            reasons = [text for text, _ in self._reasons.most_common(3)] or [NotResting.STARTING.value]
            return f"nothing could trade: no order ever rested ({'; '.join(reasons)})"
        reach = "" if touches is None else f"; the market reaches that far {touches.per_hour:.3g} times an hour"
        return f"nothing traded: quotes rested, and no price reached them {_plain(strategy.spread * 100)} % away{reach}"


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
