"""Prints how this process runs the maker, and the digest of all that it commands in a simulated hour.

`perpmaker compile` starts it twice, with the new build and with plain Python. The hour has stops, closes, a skew and
several levels; it needs neither a journal nor a network.
"""

import sys
from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256

from perpmaker import compiled
from perpmaker.domain.commands import Command
from perpmaker.domain.events import Event
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.runtime.replay import Replay
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.simulation.terms import ExchangeTerms

_SETTINGS = StrategySettings(
    spread=Decimal("0.0003"), quantity=Decimal("0.1"), max_orders=3, max_position=Decimal(1),
    position_threshold=Decimal(0), inventory_skew=Decimal("0.5"), stop_loss=Decimal("0.05"), take_profit=Decimal("0.1"),
    interval_s=Decimal(1), duration_s=Decimal(3600), close_on_exit=True,
)  # fmt: skip
_BALANCE, _LEVERAGE = Decimal(10_000), Decimal(10)


class _Digest:
    """Observes a run: every command with its time."""

    def __init__(self) -> None:
        self.digest = sha256()

    def on_step(self, now_ns: int, _events: Sequence[Event], commands: Sequence[Command]) -> None:
        for command in commands:
            self.digest.update(f"{now_ns} {command!r}\n".encode())


def main() -> None:
    market = SyntheticMarket(PROFILES["SOL_USDC_PERP"], seed=1)
    terms = StrategyTerms.of(_SETTINGS, market.instrument, _BALANCE, _LEVERAGE)
    exchange = SimulatedExchange(
        market,
        ExchangeTerms(
            maker_fee_ppb=200_000, taker_fee_ppb=500_000, balance_quanta=terms.balance_quanta, leverage=_LEVERAGE,
            feed_latency_ns=10_000_000, order_latency_ns=10_000_000,
        ),
    )  # fmt: skip
    watching = _Digest()
    Replay(MarketMaker(terms, exchange.now_ns), exchange, [watching]).run()
    sys.stdout.write(f"{'compiled' if compiled.is_served() else 'plain'} {watching.digest.hexdigest()}\n")


if __name__ == "__main__":
    main()
