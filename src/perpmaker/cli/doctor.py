"""`perpmaker doctor`: the checklist before a live run, alone. Takes the flags of a run, and sends only questions."""

from typing import Annotated

import typer

from perpmaker.cli import options as o
from perpmaker.cli.request import View
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.maker.settings import StrategySettings


def doctor(
    exchange: Annotated[
        str, typer.Option("--exchange", help="backpack, or an exchange of ccxt by its id.")
    ] = "backpack",
    market_type: o.MarketType = "perp",
    symbol: o.Symbol = None,
    live: Annotated[bool, typer.Option("--live", help="Examine the account, too: reads the keys.")] = False,
    base_url: o.BaseUrl = None,
    ws_url: o.WsUrl = None,
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
    no_loss_limit: o.NoLossLimit = False,
    close_on_exit: o.CloseOnExit = False,
    duration: o.Duration = None,
    interval: o.Interval = None,
    journal: o.JournalUrl = None,
    view: o.ViewFlag = View.AUTO,
) -> None:
    """Examine whether a live run could start: venue, clock, market, keys, money, limits.

    No order is sent; whether the keys may trade is found out by cancelling one that cannot exist.

    Takes the flags of `perpmaker run`; without --live only what needs no keys is examined, without a strategy only what
    does not depend on it. Exit code 0: nothing speaks against a start. 2: something does.
    """
    if market_type != "perp":
        raise InvalidSettingError(f"--market-type {market_type}: this program trades perpetual futures only")
    settings = _strategy(
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
    from perpmaker.cli.examination import Examination, examine  # noqa: PLC0415 - journal and venues: keeps --help quick

    raise typer.Exit(
        examine(
            Examination(
                exchange=exchange,
                symbol=symbol,
                base_url=base_url,
                ws_url=ws_url,
                has_keys=live,
                settings=settings,
                max_daily_loss=max_daily_loss,
                no_loss_limit=no_loss_limit,
                journal=journal,
                view=view,
            )
        )
    )


def _strategy(preset: str | None, given: dict[str, object]) -> StrategySettings | None:
    """The strategy, where its flags are given; None where it is left out."""
    from perpmaker.cli.run import strategy_settings  # noqa: PLC0415 - both commands are siblings of main

    if preset is None and given["spread"] is None and given["quantity"] is None:
        return None
    return strategy_settings(preset, given)
