"""`perpmaker run`: one market maker on one market, from its flags to its summary and exit code."""

import shlex
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from perpmaker.cli import options as o
from perpmaker.cli.request import SYNTHETIC, Request, SimulationSettings, View
from perpmaker.domain.errors import InvalidSettingError, UnknownNameError
from perpmaker.maker.presets import preset as find_preset
from perpmaker.maker.settings import StrategySettings
from perpmaker.simulation.terms import QueueModel

_DIRECTION = Annotated[bool, typer.Option(hidden=True)]
_EXCHANGES = ("sim",)


def run(
    exchange: o.Exchange = "sim",
    market_type: o.MarketType = "perp",
    symbol: o.Symbol = None,
    preset: o.Preset = None,
    spread: o.Spread = None,
    quantity: o.Quantity = None,
    max_orders: o.MaxOrders = None,
    reference: o.Reference = None,
    recenter: o.RecenterFlag = None,
    max_drift: o.MaxDrift = None,
    target_position: o.TargetPosition = None,
    max_position: o.MaxPosition = None,
    position_threshold: o.PositionThreshold = None,
    inventory_skew: o.InventorySkew = None,
    skew_mode: o.SkewModeFlag = None,
    stop_loss: o.StopLoss = None,
    take_profit: o.TakeProfit = None,
    after_stop: o.AfterStopFlag = None,
    max_drawdown: o.MaxDrawdown = None,
    close_on_exit: o.CloseOnExit = False,
    duration: o.Duration = None,
    interval: o.Interval = None,
    feed: o.Feed = SYNTHETIC,
    seed: o.Seed = 1,
    speed: o.Speed = "max",  # type: ignore[assignment]  # typer hands the default through the parser
    balance: o.Balance = Decimal(10_000),
    leverage: o.Leverage = Decimal(10),
    maker_fee: o.MakerFee = Decimal("0.0002"),
    taker_fee: o.TakerFee = Decimal("0.0005"),
    feed_latency: o.FeedLatency = "10ms",  # type: ignore[assignment]  # as above
    order_latency: o.OrderLatency = "10ms",  # type: ignore[assignment]  # as above
    queue_model: o.QueueModelFlag = QueueModel.RISK_AVERSE,
    summary: o.SummaryFile = None,
    journal: o.JournalUrl = None,
    view: o.ViewFlag = View.AUTO,
    long_only: _DIRECTION = False,
    short_only: _DIRECTION = False,
    side: Annotated[str | None, typer.Option("--side", "--direction", hidden=True)] = None,
) -> None:
    """Make a market in one perpetual future.

    Rests buy and sell orders around the price, lets fills form a position, leans its quotes to bring that position
    back, never exceeds its cap, closes on stop loss or take profit, and cleans up after itself.
    """
    if long_only or short_only or side is not None:
        _refuse_direction()
    _check_names(exchange, market_type)
    strategy = strategy_settings(
        preset,
        {
            "spread": spread,
            "quantity": quantity,
            "max_orders": max_orders,
            "target_position": target_position,
            "max_position": max_position,
            "position_threshold": position_threshold,
            "inventory_skew": inventory_skew,
            "skew_mode": skew_mode,
            "stop_loss": stop_loss,
            "take_profit": take_profit,
            "after_stop": after_stop,
            "max_drawdown": max_drawdown,
            "recenter": recenter,
            "max_drift": max_drift,
            "reference": reference,
            "close_on_exit": close_on_exit,
            "duration_s": duration,
            "interval_s": interval,
        },
    )
    simulation = SimulationSettings(
        feed=feed,
        seed=seed,
        balance=balance,
        leverage=leverage,
        maker_fee=maker_fee,
        taker_fee=taker_fee,
        feed_latency_ns=feed_latency,
        order_latency_ns=order_latency,
        queue_model=queue_model,
    )
    request = Request(
        symbol=symbol,
        strategy=strategy,
        simulation=simulation,
        speed=speed,
        summary=summary,
        journal=journal,
        view=view,
        command_line=_command_line(),
        notes=_notes_on(inventory_skew, strategy),
    )
    from perpmaker.cli.session import run_session  # noqa: PLC0415 - a second of imports that `--help` does not need

    raise typer.Exit(run_session(request))


def strategy_settings(preset: str | None, given: Mapping[str, Any]) -> StrategySettings:
    """Settings from flags (None: not given), a preset under them, and the defaults under that.

    Raises:
        InvalidSettingError: a value is impossible, or spread or quantity is missing.
        UnknownNameError: there is no such preset.
    """
    values: dict[str, Any] = dict(find_preset(preset)) if preset is not None else {}
    values |= {name: value for name, value in given.items() if value is not None}
    for name, example in (("spread", "0.01, 1% or 100bp"), ("quantity", "0.1")):
        if name not in values:
            raise InvalidSettingError(f"--{name} is missing: give it (e.g. {example}), or choose a --preset")
    return StrategySettings(**values)


def _check_names(exchange: str, market_type: str) -> None:
    if market_type != "perp":
        raise InvalidSettingError(
            f"--market-type {market_type}: this program trades perpetual futures only; positions may go short, and "
            "spot has no short side. Use --market-type perp"
        )
    if exchange not in _EXCHANGES:
        raise UnknownNameError(
            f"--exchange {exchange}: only sim, the embedded exchange, is there for now; use --exchange sim"
        )


def _refuse_direction() -> NoReturn:
    raise InvalidSettingError(
        "there is no long-only or short-only mode: the strategy rests both sides and fills choose the direction; "
        "bound the position with --max-position, and bring it back with --inventory-skew"
    )


def _notes_on(inventory_skew: Decimal | None, strategy: StrategySettings) -> list[str]:
    if inventory_skew is not None and inventory_skew != strategy.inventory_skew:
        return [f"--inventory-skew {inventory_skew} is outside 0..1: {strategy.inventory_skew} is used"]
    return []


def _command_line() -> str:
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
