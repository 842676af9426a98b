"""One healthy case, to be changed in one respect at a time."""

from decimal import Decimal
from typing import Any

from perpmaker.advisor.case import Account, Case, Observed, Rehearsed
from perpmaker.domain.instrument import Instrument
from perpmaker.maker.settings import StrategySettings, StrategyTerms

SOL = Instrument("SOL_USDC_PERP", "SOL", "USDC", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))
PRICE_MILLITICKS = 10_000_000  # 100 USDC

HEALTHY: dict[str, Any] = {
    "spread": Decimal("0.002"),
    "quantity": Decimal("0.1"),
    "max_orders": 2,
    "max_position": Decimal(5),
    "position_threshold": Decimal("0.4"),
    "inventory_skew": Decimal("0.5"),
    "stop_loss": Decimal(40),
    "take_profit": Decimal(5),
    "interval_s": Decimal(10),
}

ACCOUNT: dict[str, Any] = {
    "maker_fee": Decimal("0.0002"),
    "taker_fee": Decimal("0.0005"),
    "balance": Decimal(10_000),
    "leverage": Decimal(10),
    "maintenance_margin": Decimal("0.05"),
}


def observed(**changes: Any) -> Observed:
    """A day on which the price moved 1 bp a second."""
    values: dict[str, Any] = {
        "hours": 24.0,
        "spread": 0.0001,
        "volatility_s": 0.0001,
        "touches_per_hour": 10.0,
        "funding_rate": 0.0001,
        "name": "a day of SOL",
    }
    return Observed(**(values | changes))


def rehearsed(**changes: Any) -> Rehearsed:
    values: dict[str, Any] = {
        "hours": 10.0,
        "last_milliticks": PRICE_MILLITICKS,
        "fills": 100,
        "fills_of_level": {1: 80, 2: 20},
        "volume": 1000.0,
        "fees": 0.2,
        "profit": 1.0,
        "stops": 0,
        "takes": 0,
        "time_at_cap": 0.0,
        "uptime": 1.0,
        "edge_bp": 20.0,
        "adverse_bp": 3.0,
    }
    return Rehearsed(**(values | changes))


def case(
    *, account: dict[str, Any] | None = None, seen: Observed | None = None, run: Rehearsed | None = None, **changes: Any
) -> Case:
    """The healthy case with these settings instead."""
    settings = StrategySettings(**(HEALTHY | changes))
    of_account = Account(**(ACCOUNT | (account or {})))
    terms = StrategyTerms.of(settings, SOL, of_account.balance, of_account.leverage)
    return Case(
        settings=settings,
        terms=terms,
        instrument=SOL,
        account=of_account,
        price_milliticks=PRICE_MILLITICKS,
        observed=seen,
        rehearsed=run,
    )
