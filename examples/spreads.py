"""Backtest from code: the same hour of the synthetic market, quoted at four distances.

    python examples/spreads.py

Any feed goes in the market's place: `perpmaker.data.reader.Recording(folder)` is one.
"""

from decimal import Decimal

from perpmaker.domain.money import rate_to_ppb
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.runtime.replay import Replay
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.simulation.terms import ExchangeTerms

BALANCE, LEVERAGE = Decimal(10_000), Decimal(10)


def backtest(spread: str) -> tuple[int, Decimal]:
    """Fills of an hour, and what the equity changed by, in quote currency."""
    feed = SyntheticMarket(PROFILES["SOL_USDC_PERP"], seed=7)
    settings = StrategySettings(
        spread=Decimal(spread),
        quantity=Decimal("0.1"),
        max_position=Decimal(2),
        inventory_skew=Decimal("0.5"),
        interval_s=Decimal(10),
        duration_s=Decimal(3600),
    )
    terms = StrategyTerms.of(settings, feed.instrument, BALANCE, LEVERAGE)
    fees = {"maker_fee_ppb": rate_to_ppb(Decimal("0.0002")), "taker_fee_ppb": rate_to_ppb(Decimal("0.0005"))}
    account = ExchangeTerms(**fees, balance_quanta=terms.balance_quanta, leverage=LEVERAGE)
    exchange = SimulatedExchange(feed, account)
    maker = MarketMaker(terms, exchange.now_ns)
    statistics = RunStatistics(feed.instrument, terms.max_position_lots, exchange.now_ns)
    Replay(maker, exchange, [statistics]).run()
    return statistics.fills, feed.instrument.money(exchange.equity_quanta - terms.balance_quanta)


for spread in ("0.0002", "0.0005", "0.001", "0.002"):
    fills, result = backtest(spread)
    print(f"--spread {spread:7} {fills:4} fills  {result:+.4f} USDC")
