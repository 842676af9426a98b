"""`perpmaker close`: the same as `perpmaker cancel`, and then the position of the market is closed, and verified."""

from typing import Annotated

import typer

from perpmaker.cli import account_options as a
from perpmaker.cli import options as o


def close(
    exchange: a.AccountExchange = None,
    symbol: a.AccountSymbol = None,
    base_url: o.BaseUrl = None,
    ws_url: o.WsUrl = None,
    journal: o.JournalUrl = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; needed where there is no terminal to ask on.")
    ] = False,
) -> None:
    """Close the whole position of a market with reduce-only market orders, after cancelling every order of our runs.

    A run that still trades is ended first. Asks before it does anything, unless --yes is given.
    """
    from perpmaker.cli.emergencies import close_position_of  # noqa: PLC0415 - journal and venues: keeps --help quick

    raise typer.Exit(close_position_of(journal, exchange, symbol, base_url, ws_url, is_agreed=yes))
