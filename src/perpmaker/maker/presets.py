"""The recommended settings, by name (docs/strategy.md). A flag given beside a preset overrides it."""

from collections.abc import Mapping
from decimal import Decimal

from perpmaker.domain.errors import UnknownNameError

_COMMON = {"duration_s": Decimal(3600), "interval_s": Decimal(10)}

PRESETS: Mapping[str, Mapping[str, Decimal | int]] = {
    "neutral": {
        **_COMMON,
        "spread": Decimal("0.01"),
        "quantity": Decimal("0.1"),
        "max_orders": 2,
        "target_position": Decimal(0),
        "max_position": Decimal(3),
        "position_threshold": Decimal(1),
        "inventory_skew": Decimal("0.7"),
        "stop_loss": Decimal(100),
        "take_profit": Decimal(200),
    },
    "balanced": {
        **_COMMON,
        "spread": Decimal("0.01"),
        "quantity": Decimal("0.1"),
        "max_orders": 3,
        "target_position": Decimal(1),
        "max_position": Decimal(5),
        "position_threshold": Decimal(2),
        "inventory_skew": Decimal("0.3"),
        "stop_loss": Decimal(200),
        "take_profit": Decimal(400),
    },
    "aggressive": {
        **_COMMON,
        "spread": Decimal("0.005"),
        "quantity": Decimal("0.2"),
        "max_orders": 5,
        "target_position": Decimal(2),
        "max_position": Decimal(10),
        "inventory_skew": Decimal("0.3"),
    },
    "conservative": {
        **_COMMON,
        "spread": Decimal("0.02"),
        "quantity": Decimal("0.05"),
        "max_orders": 1,
        "target_position": Decimal(0),
        "max_position": Decimal(2),
        "inventory_skew": Decimal("0.8"),
        "stop_loss": Decimal(50),
        "take_profit": Decimal(100),
    },
}


def preset(name: str) -> Mapping[str, Decimal | int]:
    """The settings of one preset, by field name of `StrategySettings`.

    Raises:
        UnknownNameError: there is no preset of that name.
    """
    if name not in PRESETS:
        raise UnknownNameError(f"--preset {name}: there is no such preset; there are {', '.join(PRESETS)}")
    return PRESETS[name]
