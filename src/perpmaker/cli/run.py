"""`perpmaker run`: one market maker on one market, from its flags to its summary and exit code."""

import shlex
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from perpmaker.cli import options as o
from perpmaker.cli.request import SYNTHETIC, Request, SimulationSettings, View, WireSettings
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.maker.presets import preset as find_preset
from perpmaker.maker.settings import StrategySettings
from perpmaker.simulation.terms import QueueModel

_DIRECTION = Annotated[bool, typer.Option(hidden=True)]
SIMULATION = "sim"


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
    max_loss: o.MaxLoss = None,
    max_daily_loss: o.MaxDailyLoss = None,
    close_on_exit: o.CloseOnExit = False,
    duration: o.Duration = None,
    interval: o.Interval = None,
    live: o.Live = False,
    no_loss_limit: o.NoLossLimit = False,
    base_url: o.BaseUrl = None,
    ws_url: o.WsUrl = None,
    max_book_age: o.MaxBookAge = "5s",  # type: ignore[assignment]  # typer hands the default through the parser
    shared_account: o.SharedAccount = False,
    record: o.RecordFolder = None,
    feed: o.Feed = SYNTHETIC,
    seed: o.Seed = 1,
    speed: o.Speed = "max",  # type: ignore[assignment]  # as above
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
    _check_market_type(market_type)
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
            "max_loss": max_loss,
            "recenter": recenter,
            "max_drift": max_drift,
            "reference": reference,
            "close_on_exit": close_on_exit,
            "duration_s": duration,
            "interval_s": interval,
        },
    )
    wires = None
    if exchange == SIMULATION:
        _refuse_what_does_not_fit(
            "sim, the embedded exchange: name a real one, e.g. --exchange backpack",
            {
                "--live": live,
                "--max-daily-loss": max_daily_loss,
                "--base-url": base_url,
                "--ws-url": ws_url,
                "--record": record,
                "--shared-account": shared_account,
            },
        )
    else:
        _refuse_what_does_not_fit(
            "a real exchange, whose market is its own: use it with --exchange sim",
            {"--feed": feed != SYNTHETIC, "--seed": seed != 1, "--speed": speed != float("inf")},
        )
        wires = WireSettings(
            exchange=exchange,
            is_live=live,
            base_url=base_url,
            ws_url=ws_url,
            max_book_age_ns=max_book_age,
            is_account_shared=shared_account,
            max_daily_loss=Decimal(0) if max_daily_loss is None else max_daily_loss,
            record=record,
        )
        _check_wires(wires, strategy, is_waived=no_loss_limit)
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
        wires=wires,
        speed=speed,
        summary=summary,
        journal=journal,
        view=view,
        command_line=_command_line(),
        notes=_notes_on(inventory_skew, strategy),
    )
    if wires is None:
        from perpmaker.cli.session import run_session  # noqa: PLC0415 - a second of imports `--help` does not need

        raise typer.Exit(run_session(request))
    from perpmaker.cli.wires import run_live_session  # noqa: PLC0415 - as above

    raise typer.Exit(run_live_session(request, wires))


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


def _check_market_type(market_type: str) -> None:
    if market_type != "perp":
        raise InvalidSettingError(
            f"--market-type {market_type}: this program trades perpetual futures only; positions may go short, and "
            "spot has no short side. Use --market-type perp"
        )


def _refuse_what_does_not_fit(where: str, flags: Mapping[str, object]) -> None:
    """A flag that would do nothing is a mistake, not a wish. Raises `InvalidSettingError`."""
    for flag, is_given in flags.items():
        if is_given:
            raise InvalidSettingError(f"{flag} does nothing on {where}")


def _check_wires(wires: WireSettings, strategy: StrategySettings, *, is_waived: bool) -> None:
    """What a start on a real exchange must not lack.

    Raises:
        InvalidSettingError: a value is impossible, or real money would be traded without any limit to its loss.
    """
    if wires.max_daily_loss < 0:
        raise InvalidSettingError(f"--max-daily-loss {wires.max_daily_loss}: cannot be negative; 0 turns it off")
    if wires.max_book_age_ns <= 0:
        raise InvalidSettingError("--max-book-age 0: must be above 0, e.g. 5s")
    limits = (strategy.stop_loss, strategy.max_loss, strategy.max_drawdown, wires.max_daily_loss)
    if wires.is_live and not any(limits) and not is_waived:
        raise InvalidSettingError(
            "--live without any limit to the loss: give --stop-loss, --max-loss, --max-daily-loss or --max-drawdown, "
            "or say --no-loss-limit"
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
