"""What a trader sets, in the trader's units, and the same in ticks, lots and quanta for one instrument.

Rules kept here:

1. A setting that cannot work is refused with its name, its value and what to do; nothing is silently repaired but the
   skew, which is clamped to 0..1 as docs/strategy.md says (with a notice).
2. Rounding never enlarges a risk: the cap and the target round down to the lot.
"""

from dataclasses import dataclass, fields
from decimal import Decimal
from enum import Enum
from fractions import Fraction

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import RATE_SCALE
from perpmaker.domain.reference import ReferencePrice
from perpmaker.quoting.skew import SkewMode
from perpmaker.risk.protection import Limits

_NS_PER_SECOND = 1_000_000_000


class Recenter(Enum):
    INTERVAL = "interval"  # the ladder follows the reference price at every refresh
    FILL = "fill"  # the ladder stays until a fill, a stop, a skew change or --max-drift


class AfterStop(Enum):
    REQUOTE = "requote"  # wait one interval, quote again
    HALT = "halt"  # end the run


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySettings:
    """The strategy's settings; defaults as in docs/strategy.md. Sizes in base, money in quote currency.

    Raises:
        InvalidSettingError: a value is impossible on any instrument.
    """

    spread: Decimal  # fraction: 0.01 is 1 % on each side
    quantity: Decimal
    max_orders: int = 3
    target_position: Decimal = Decimal(0)
    max_position: Decimal = Decimal(1)
    position_threshold: Decimal = Decimal("0.1")
    inventory_skew: Decimal = Decimal(0)
    skew_mode: SkewMode = SkewMode.SHIFT
    stop_loss: Decimal = Decimal(0)  # magnitude; 0 is off
    take_profit: Decimal = Decimal(0)  # 0 is off
    after_stop: AfterStop = AfterStop.REQUOTE
    max_drawdown: Decimal = Decimal(0)  # 0 is off
    max_loss: Decimal = Decimal(0)  # 0 is off
    recenter: Recenter = Recenter.INTERVAL
    max_drift: Decimal = Decimal(0)  # fraction of the price; 0 is off
    reference: ReferencePrice = ReferencePrice.MID
    close_on_exit: bool = False
    duration_s: Decimal = Decimal(3600)  # 0 is until stopped
    interval_s: Decimal = Decimal(60)

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Decimal) and not value.is_finite():
                _refuse(field.name, value, "must be a finite number")
        self._normalize()
        _require(self.spread > 0, "spread", self.spread, "must be above 0, e.g. 0.01, 1% or 100bp")
        _require(self.quantity > 0, "quantity", self.quantity, "must be above 0")
        _require(self.max_orders >= 1, "max_orders", self.max_orders, "must be at least 1 order per side")
        _require(self.max_orders <= _MOST_LEVELS, "max_orders", self.max_orders, f"can be at most {_MOST_LEVELS}")
        _require(self.max_position > 0, "max_position", self.max_position, "must be above 0: it is the hard cap")
        _require(self.position_threshold >= 0, "position_threshold", self.position_threshold, "cannot be negative")
        _require(self.take_profit >= 0, "take_profit", self.take_profit, "cannot be negative; 0 turns it off")
        _require(self.max_drawdown >= 0, "max_drawdown", self.max_drawdown, "cannot be negative; 0 turns it off")
        _require(self.max_loss >= 0, "max_loss", self.max_loss, "cannot be negative; 0 turns it off")
        _require(self.max_drift >= 0, "max_drift", self.max_drift, "cannot be negative; 0 turns it off")
        _require(self.duration_s >= 0, "duration", self.duration_s, "cannot be negative; 0 runs until stopped")
        _require(self.interval_s >= _LEAST_INTERVAL_S, "interval", self.interval_s, "must be at least 0.001 seconds")
        for name in ("duration_s", "interval_s"):
            _require(getattr(self, name) <= _LONGEST_S, name[:-2], getattr(self, name), "is too long")
        if self.target_position > self.max_position:
            _refuse("target_position", self.target_position, f"is above max_position {self.max_position}: lower it")
        reach = (self.max_orders + 2 * self.inventory_skew) * self.spread
        if reach >= 1:
            _refuse(
                "spread",
                self.spread,
                f"puts the lowest of {self.max_orders} bids at or below zero: lower spread or max_orders",
            )

    def _normalize(self) -> None:
        """The sign typed is ignored for the stop and the target; skew is clamped to 0..1."""
        object.__setattr__(self, "stop_loss", abs(self.stop_loss))
        object.__setattr__(self, "target_position", abs(self.target_position))
        object.__setattr__(self, "inventory_skew", max(Decimal(0), min(Decimal(1), self.inventory_skew)))


_MOST_LEVELS = 50
_LEAST_INTERVAL_S = Decimal("0.001")
_LONGEST_S = Decimal(10 * 366 * 86_400)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyTerms:
    """The same settings in whole numbers, for one instrument and one account."""

    half_spread: Fraction
    order_lots: int
    levels: int
    target_lots: int
    max_position_lots: int
    threshold_lots: int  # |d| > threshold with whole |d| is the same for the threshold rounded down
    skew_strength: Fraction
    skew_mode: SkewMode
    limits: Limits
    halts_after_stop: bool
    recenter: Recenter
    max_drift: Fraction
    reference: ReferencePrice
    closes_on_exit: bool
    duration_ns: int
    interval_ns: int
    min_lots: int
    balance_quanta: int
    margin_rate_ppb: int

    @classmethod
    def of(
        cls, settings: StrategySettings, instrument: Instrument, balance: Decimal, leverage: Decimal
    ) -> "StrategyTerms":
        """Settings in the instrument's units.

        Args:
            settings: what the trader asked for.
            instrument: whose ticks, lots and minimum count.
            balance: equity that the run starts with, quote currency.
            leverage: the account's; the initial margin rate is its inverse, rounded up to a part per billion.

        Raises:
            InvalidSettingError: a size does not fit the instrument's lot or minimum.
        """
        _check_sizes(settings, instrument)
        return cls(
            half_spread=Fraction(settings.spread),
            order_lots=instrument.quantity_to_lots(settings.quantity),
            levels=settings.max_orders,
            target_lots=instrument.quantity_to_lots(settings.target_position),
            max_position_lots=instrument.quantity_to_lots(settings.max_position),
            threshold_lots=instrument.quantity_to_lots(settings.position_threshold),
            skew_strength=Fraction(settings.inventory_skew),
            skew_mode=settings.skew_mode,
            limits=Limits(
                stop_loss_quanta=_limit(settings.stop_loss, instrument),
                take_profit_quanta=_limit(settings.take_profit, instrument),
                max_drawdown_quanta=_limit(settings.max_drawdown, instrument),
                max_loss_quanta=_limit(settings.max_loss, instrument),
            ),
            halts_after_stop=settings.after_stop is AfterStop.HALT,
            recenter=settings.recenter,
            max_drift=Fraction(settings.max_drift),
            reference=settings.reference,
            closes_on_exit=settings.close_on_exit,
            duration_ns=int(settings.duration_s * _NS_PER_SECOND),
            interval_ns=int(settings.interval_s * _NS_PER_SECOND),
            min_lots=instrument.min_lots,
            balance_quanta=instrument.money_to_quanta(balance),
            margin_rate_ppb=margin_rate_ppb(leverage),
        )


def margin_rate_ppb(leverage: Decimal) -> int:
    """Initial margin rate in parts per billion: 1 / leverage, rounded up.

    Raises:
        InvalidSettingError: the leverage is not a finite number of at least 1.
    """
    if not leverage.is_finite() or leverage < 1:
        _refuse("leverage", leverage, "must be a finite number of at least 1")
    return -(-RATE_SCALE // Fraction(leverage))


def _check_sizes(settings: StrategySettings, instrument: Instrument) -> None:
    quantity, lot = settings.quantity, instrument.lot_size
    if quantity < instrument.min_quantity:
        _refuse("quantity", quantity, f"is below {instrument.symbol}'s minimum order of {instrument.min_quantity}")
    if quantity % lot != 0:
        below = instrument.quantity(instrument.quantity_to_lots(quantity))
        _refuse("quantity", quantity, f"is not a whole number of lots of {lot}: use {below} or {below + lot}")
    if settings.max_position < instrument.min_quantity:
        _refuse(
            "max_position",
            settings.max_position,
            f"is below {instrument.symbol}'s minimum order of {instrument.min_quantity}: nothing could be quoted",
        )


def _limit(amount: Decimal, instrument: Instrument) -> int | None:
    return max(1, instrument.money_to_quanta(amount)) if amount else None


def _require(holds: bool, name: str, value: object, what: str) -> None:
    if not holds:
        _refuse(name, value, what)


def _refuse(name: str, value: object, what: str) -> None:
    raise InvalidSettingError(f"--{name.replace('_', '-')} {value}: {what}")
