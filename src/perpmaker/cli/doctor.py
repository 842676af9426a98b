"""`perpmaker doctor`: the checklist before a live run, alone. Takes the flags of a run, and sends only questions."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perpmaker.cli import options as o
from perpmaker.cli.flag_groups import with_groups
from perpmaker.cli.flags import StrategyFlags, check_market_type
from perpmaker.cli.request import View
from perpmaker.cli.starting import typed_flags
from perpmaker.domain.errors import InvalidSettingError

if TYPE_CHECKING:
    from perpmaker.cli.examination import Examination


@with_groups
def doctor(
    *,
    context: typer.Context,
    exchange: Annotated[
        str, typer.Option("--exchange", help="backpack, or an exchange of ccxt by its id.")
    ] = "backpack",
    market_type: o.MarketType = "perp",
    symbol: o.Symbol = None,
    config: o.ConfigFile = None,
    live: Annotated[bool, typer.Option("--live", help="Examine the account, too: reads the keys.")] = False,
    base_url: o.BaseUrl = None,
    ws_url: o.WsUrl = None,
    strategy: StrategyFlags,
    max_daily_loss: o.MaxDailyLoss = None,
    no_loss_limit: o.NoLossLimit = False,
    journal: o.JournalUrl = None,
    view: o.ViewFlag = View.AUTO,
) -> None:
    """Examine whether a live run could start: venue, clock, market, keys, money, limits.

    No order is sent; whether the keys may trade is found out by cancelling one that cannot exist.

    Takes the flags of `perpmaker run`; without --live only what needs no keys is examined, without a strategy only what
    does not depend on it; with --config each market of the file that is on a real exchange. Exit code 0: nothing speaks
    against a start. 2: something does.
    """
    check_market_type(market_type)
    from perpmaker.cli.examination import Examination, examine  # noqa: PLC0415 - venues: keeps --help quick

    wanted = Examination(
        exchange=exchange,
        symbol=symbol,
        base_url=base_url,
        ws_url=ws_url,
        has_keys=live,
        settings=strategy.settings() if strategy.is_given else None,
        max_daily_loss=max_daily_loss,
        no_loss_limit=no_loss_limit,
        journal=journal,
        view=view,
    )
    each = [wanted] if config is None else _of_file(config, typed_flags(context), wanted)
    raise typer.Exit(max(examine(one) for one in each))


def _of_file(file: Path, typed: dict[str, Any], wanted: "Examination") -> list["Examination"]:
    """One for each market of the file that is on a real exchange. Raises `UserError` where there is none."""
    from perpmaker.cli.configuration.loading import load_config  # noqa: PLC0415 - only where there is a file

    config = load_config(file, {name: value for name, value in typed.items() if name not in {"live", "no_loss_limit"}})
    found = [
        replace(
            wanted,
            exchange=market.exchange,
            symbol=market.symbol,
            base_url=market.plan.wires.base_url,
            ws_url=market.plan.wires.ws_url,
            settings=market.strategy,
            max_daily_loss=market.plan.wires.max_daily_loss,
            journal=config.output.journal,
            view=config.output.view,
            budgets=config.budgets,
        )
        for market in config.markets
        if market.plan.wires is not None
    ]
    if not found:
        raise InvalidSettingError(f"{file}: every market is on sim, where there is nothing to examine")
    return found
