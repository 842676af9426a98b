"""Puts a simulated run together: market data, exchange, maker. Nothing starts here, and no network is touched.

What is wrong with a setting, a name or a recording is found here, before anything runs.
"""

from dataclasses import dataclass

from perpmaker.cli.request import SimulationSettings
from perpmaker.data.opening import OpenedData
from perpmaker.data.terms_files import LatencyFile, read_fee_tiers
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import rate_to_ppb
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.latency import Latency
from perpmaker.simulation.terms import ExchangeTerms


@dataclass(frozen=True, slots=True)
class SimulatedRun:
    """Everything that a simulated run consists of."""

    instrument: Instrument
    data: OpenedData
    exchange: SimulatedExchange
    maker: MarketMaker
    terms: StrategyTerms


def terms_of(instrument: Instrument, strategy: StrategySettings, simulation: SimulationSettings) -> StrategyTerms:
    """The strategy's settings for one instrument.

    Raises:
        InvalidSettingError: a setting does not fit the instrument or the exchange.
    """
    if simulation.balance <= 0:
        raise InvalidSettingError(f"--balance {simulation.balance}: must be above 0, there is nothing to trade with")
    return StrategyTerms.of(strategy, instrument, simulation.balance, simulation.leverage)


def compose(data: OpenedData, strategy: StrategySettings, simulation: SimulationSettings) -> SimulatedRun:
    """Build a run.

    Raises:
        InvalidSettingError: a setting does not fit the instrument or the exchange.
        RecordingError: the first rows cannot be read.
    """
    terms = terms_of(data.instrument, strategy, simulation)
    exchange_terms = ExchangeTerms(
        maker_fee_ppb=rate_to_ppb(simulation.maker_fee),
        taker_fee_ppb=rate_to_ppb(simulation.taker_fee),
        balance_quanta=terms.balance_quanta,
        leverage=simulation.leverage,
        feed_latency_ns=_read(simulation.feed_latency_ns),
        order_latency_ns=_read(simulation.order_latency_ns),
        queue_model=simulation.queue_model,
        power_exponent=simulation.queue_exponent,
        bar_volume_share_ppb=rate_to_ppb(simulation.bar_volume_share),
        bar_half_spread_ppb=rate_to_ppb(simulation.bar_half_spread),
        maintenance_margin_ppb=rate_to_ppb(simulation.maintenance_margin),
        liquidation_fee_ppb=rate_to_ppb(simulation.liquidation_fee),
        fee_tiers=() if simulation.fee_tiers is None else read_fee_tiers(simulation.fee_tiers, data.instrument),
        volume_quanta=data.instrument.money_to_quanta(simulation.volume_30d),
        seed=data.choice.seed,
    )
    exchange = SimulatedExchange(data.feed, exchange_terms)
    maker = MarketMaker(terms, exchange.now_ns)
    return SimulatedRun(data.instrument, data, exchange, maker, terms)


def _read(latency: Latency | LatencyFile) -> Latency:
    return latency.read() if isinstance(latency, LatencyFile) else latency
