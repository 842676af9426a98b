"""The groups of flags that commands share, and what they become.

Rules kept here:

1. A strategy flag that is not given is None: the preset decides, then the default of `maker.settings`.
2. A default with a unit is text, as it is typed and as the help shows it: typer hands it through the flag's parser.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_DOWN, Decimal
from typing import Annotated, Any, Final

import typer

from perpmaker.cli import exchange_options as x
from perpmaker.cli import strategy_options as s
from perpmaker.cli.request import SimulationSettings
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.maker.presets import preset as find_preset
from perpmaker.maker.settings import StrategySettings
from perpmaker.simulation.terms import QueueModel

SETTING_NAMES: Final = {"duration": "duration_s", "interval": "interval_s"}
"""Flags that their setting does not share its name with."""

_MAINTENANCE_MARGIN: Final = Decimal("0.0125")

_HIDDEN = Annotated[bool, typer.Option(hidden=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyFlags:
    """What the maker is to do."""

    preset: s.Preset = None
    spread: s.Spread = None
    quantity: s.Quantity = None
    max_orders: s.MaxOrders = None
    reference: s.Reference = None
    recenter: s.RecenterFlag = None
    max_drift: s.MaxDrift = None
    target_position: s.TargetPosition = None
    max_position: s.MaxPosition = None
    position_threshold: s.PositionThreshold = None
    inventory_skew: s.InventorySkew = None
    skew_mode: s.SkewModeFlag = None
    stop_loss: s.StopLoss = None
    take_profit: s.TakeProfit = None
    after_stop: s.AfterStopFlag = None
    max_drawdown: s.MaxDrawdown = None
    max_loss: s.MaxLoss = None
    close_on_exit: s.CloseOnExit = False
    duration: s.Duration = None
    interval: s.Interval = None

    @property
    def is_given(self) -> bool:
        """Whether there is a strategy at all: spread, quantity, or a preset that has both."""
        return not (self.preset is None and self.spread is None and self.quantity is None)

    def settings(self, otherwise: Mapping[str, Any] | None = None) -> StrategySettings:
        """The flags; where one is not given ``otherwise`` (of a command, by setting), then the preset.

        Raises:
            InvalidSettingError: a value is impossible, or spread or quantity is missing.
            UnknownNameError: there is no such preset.
        """
        values: dict[str, Any] = dict(find_preset(self.preset)) if self.preset is not None else {}
        values |= otherwise or {}
        given = {SETTING_NAMES.get(f.name, f.name): getattr(self, f.name) for f in fields(self) if f.name != "preset"}
        values |= {name: value for name, value in given.items() if value is not None}
        for name, example in (("spread", "0.01, 1% or 100bp"), ("quantity", "0.1")):
            if name not in values:
                raise InvalidSettingError(f"--{name} is missing: give it (e.g. {example}), or choose a --preset")
        return StrategySettings(**values)

    def notes(self, settings: StrategySettings) -> list[str]:
        """What was understood otherwise than it was typed."""
        if self.inventory_skew is not None and self.inventory_skew != settings.inventory_skew:
            return [f"--inventory-skew {self.inventory_skew} is outside 0..1: {settings.inventory_skew} is used"]
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeFlags:
    """The simulated exchange, of every command that trades on it."""

    balance: x.Balance = Decimal(10_000)
    leverage: x.Leverage = Decimal(10)
    maker_fee: x.MakerFee = Decimal("0.0002")
    taker_fee: x.TakerFee = Decimal("0.0005")
    feed_latency: x.FeedLatency = "10ms"
    order_latency: x.OrderLatency = "10ms"
    queue_model: x.QueueModelFlag = QueueModel.RISK_AVERSE
    queue_exponent: x.QueueExponent = 3.0
    bar_volume_share: x.BarVolumeShare = Decimal("0.1")
    bar_half_spread: x.BarHalfSpread = Decimal("0.0001")
    maintenance_margin: x.MaintenanceMargin = None
    liquidation_fee: x.LiquidationFee = Decimal("0.005")
    fee_tiers: x.FeeTiers = None
    volume_30d: x.Volume30d = Decimal(0)

    def settings(self) -> SimulationSettings:
        return SimulationSettings(
            balance=self.balance,
            leverage=self.leverage,
            maker_fee=self.maker_fee,
            taker_fee=self.taker_fee,
            feed_latency_ns=self.feed_latency,
            order_latency_ns=self.order_latency,
            queue_model=self.queue_model,
            queue_exponent=self.queue_exponent,
            bar_volume_share=self.bar_volume_share,
            bar_half_spread=self.bar_half_spread,
            maintenance_margin=self._maintenance_margin(),
            liquidation_fee=self.liquidation_fee,
            fee_tiers=None if self.fee_tiers is None else self.fee_tiers.resolve(),
            volume_30d=self.volume_30d,
        )

    def _maintenance_margin(self) -> Decimal:
        """Where none is given: what Backpack asks of SOL, but no more than half of the initial margin."""
        if self.maintenance_margin is not None or not self.leverage >= 1:
            return self.maintenance_margin or Decimal(0)
        half = (1 / (2 * self.leverage)).quantize(Decimal("1e-9"), ROUND_DOWN).normalize()
        return min(_MAINTENANCE_MARGIN, half)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionFlags:
    """What others call a mode and this program refuses, with the reason."""

    long_only: _HIDDEN = False
    short_only: _HIDDEN = False
    side: Annotated[str | None, typer.Option("--side", "--direction", hidden=True)] = None

    def refuse(self) -> None:
        """Raise `InvalidSettingError` where one was given."""
        if self.long_only or self.short_only or self.side is not None:
            raise InvalidSettingError(
                "there is no long-only or short-only mode: the strategy rests both sides and fills choose the "
                "direction; bound the position with --max-position, and bring it back with --inventory-skew"
            )


def check_market_type(market_type: str) -> None:
    """Raise `InvalidSettingError` for anything but perpetual futures."""
    if market_type != "perp":
        raise InvalidSettingError(
            f"--market-type {market_type}: this program trades perpetual futures only; positions may go short, and "
            "spot has no short side. Use --market-type perp"
        )
