"""The settings that the strategy's own document recommends, and what a study changes of them.

Rules kept here:

1. The document's sizes are in SOL. On another market they are scaled by one common factor, so that an order is worth
   about the same, whole lots and at least the minimum: cap, threshold and target keep their proportions to it. Limits
   in money are scaled with the value.
2. The duration is left aside: a study plays all of its data.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.maker.presets import PRESETS
from perpmaker.maker.settings import Recenter, StrategySettings

_DOCUMENT: Final = StrategySettings(
    spread=Decimal("0.01"),
    quantity=Decimal("0.1"),
    max_orders=2,
    target_position=Decimal(0),
    max_position=Decimal(5),
    position_threshold=Decimal(2),
    inventory_skew=Decimal(0),
    stop_loss=Decimal(-1),
    take_profit=Decimal(5),
    duration_s=Decimal(3600),
    interval_s=Decimal(10),
)

SOL_PRICE: Final = Decimal(150)
"""About what SOL cost in the recorded months: the price at which the document's sizes are taken."""


def _preset(name: str) -> StrategySettings:
    return StrategySettings(**PRESETS[name])  # type: ignore[arg-type]  # its values have the fields' types


DOCUMENTED: Final[Mapping[str, StrategySettings]] = MappingProxyType(
    {"the command": _DOCUMENT, **{name: _preset(name) for name in PRESETS}}
)
"""The document's own command, and its four recommended settings."""

VARIED: Final[Mapping[str, StrategySettings]] = MappingProxyType(
    {
        "the command, --recenter fill": replace(_DOCUMENT, recenter=Recenter.FILL),
        "the command, --stop-loss 100": replace(_DOCUMENT, stop_loss=Decimal(100)),
        "the command, --spread 20bp": replace(_DOCUMENT, spread=Decimal("0.002")),
        "the command, --spread 5bp": replace(_DOCUMENT, spread=Decimal("0.0005")),
        "--spread 5bp, skew 0.5, threshold 0.2, stop 20": replace(
            _DOCUMENT,
            spread=Decimal("0.0005"),
            inventory_skew=Decimal("0.5"),
            position_threshold=Decimal("0.2"),
            stop_loss=Decimal(20),
        ),
    }
)
"""The same command with one thing changed, and with all that the advisor would change."""


def scaled(settings: StrategySettings, instrument: Instrument, price_milliticks: int) -> StrategySettings:
    """The settings for another market, see rule 1."""
    price = Fraction(price_milliticks, MILLITICKS_PER_TICK) * Fraction(instrument.tick_size)
    quantity = Fraction(settings.quantity)
    wanted = quantity * Fraction(SOL_PRICE) / price
    lots = max(instrument.min_lots, round(wanted / Fraction(instrument.lot_size)))
    factor = lots * Fraction(instrument.lot_size) / quantity
    worth = factor * price / Fraction(SOL_PRICE)

    def size(value: Decimal) -> Decimal:
        return instrument.quantity(int(Fraction(value) * factor / Fraction(instrument.lot_size)))

    return replace(
        settings,
        quantity=instrument.quantity(lots),
        max_position=size(settings.max_position),
        position_threshold=size(settings.position_threshold),
        target_position=size(settings.target_position),
        stop_loss=_money(settings.stop_loss, worth),
        take_profit=_money(settings.take_profit, worth),
    )


def _money(value: Decimal, worth: Fraction) -> Decimal:
    exact = Fraction(value) * worth
    return round(Decimal(exact.numerator) / exact.denominator, 2)
