"""Puts a simulated run together: feed, exchange, maker. Nothing starts here, and no network is touched.

What is wrong with a setting, a name or a recording is found here, before anything runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perpmaker.cli.request import SYNTHETIC, SimulationSettings
from perpmaker.domain.errors import InvalidSettingError, UnknownNameError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import rate_to_ppb
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.simulation.terms import ExchangeTerms

DEFAULT_SYMBOL = "SOL_USDC_PERP"


@dataclass(frozen=True, slots=True)
class SimulatedRun:
    """Everything that a simulated run consists of. ``provenance`` says where its market data comes from."""

    instrument: Instrument
    feed: MarketFeed
    exchange: SimulatedExchange
    maker: MarketMaker
    terms: StrategyTerms
    provenance: Mapping[str, str]


def compose(symbol: str | None, strategy: StrategySettings, simulation: SimulationSettings) -> SimulatedRun:
    """Build a run.

    Raises:
        UnknownNameError: there is no such symbol or feed.
        InvalidSettingError: a setting does not fit the instrument or the exchange.
        RecordingError: the recording cannot be read.
    """
    feed, provenance = open_feed(symbol, simulation.feed, simulation.seed)
    instrument = feed.instrument
    if simulation.balance <= 0:
        raise InvalidSettingError(f"--balance {simulation.balance}: must be above 0, there is nothing to trade with")
    terms = StrategyTerms.of(strategy, instrument, simulation.balance, simulation.leverage)
    exchange_terms = ExchangeTerms(
        maker_fee_ppb=rate_to_ppb(simulation.maker_fee),
        taker_fee_ppb=rate_to_ppb(simulation.taker_fee),
        balance_quanta=terms.balance_quanta,
        leverage=simulation.leverage,
        feed_latency_ns=simulation.feed_latency_ns,
        order_latency_ns=simulation.order_latency_ns,
        queue_model=simulation.queue_model,
    )
    exchange = SimulatedExchange(feed, exchange_terms)
    maker = MarketMaker(terms, exchange.now_ns)
    return SimulatedRun(instrument, feed, exchange, maker, terms, provenance)


def open_feed(symbol: str | None, feed: str, seed: int) -> tuple[MarketFeed, Mapping[str, str]]:
    """Market data to simulate on (`SYNTHETIC` or the folder of a recording), and where it comes from.

    Raises:
        UnknownNameError: there is no such symbol or feed.
        RecordingError: the recording cannot be read.
    """
    if feed == SYNTHETIC:
        name = symbol or DEFAULT_SYMBOL
        if name not in PROFILES:
            raise UnknownNameError(
                f"--symbol {name}: the synthetic market has no such symbol; it has {', '.join(PROFILES)}"
            )
        return SyntheticMarket(PROFILES[name], seed), {"feed": SYNTHETIC, "seed": str(seed)}
    return _open_recording(symbol, feed)


def _open_recording(symbol: str | None, feed: str) -> tuple[MarketFeed, Mapping[str, str]]:
    from perpmaker.data.reader import Recording  # noqa: PLC0415 - pyarrow is slow to import, and only this needs it

    path = Path(feed)
    if not path.exists():
        raise UnknownNameError(
            f"--feed {feed}: there is no such recording; give {SYNTHETIC}, or a folder made by `perpmaker data import`"
        )
    recording = Recording.open(path)
    if symbol is not None and symbol != recording.instrument.symbol:
        raise UnknownNameError(
            f"--symbol {symbol}: the recording {feed} is of {recording.instrument.symbol}; say that, or leave it out"
        )
    return recording, {"feed": str(path.resolve())}
