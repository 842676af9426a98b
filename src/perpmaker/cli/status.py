"""`perpmaker status`: what runs, what died, what stops a start, and what the account holds."""

from typing import Annotated

import typer

from perpmaker.cli import account_options as a
from perpmaker.cli import options as o


def status(
    exchange: a.AccountExchange = None,
    symbol: a.AccountSymbol = None,
    base_url: o.BaseUrl = None,
    ws_url: o.WsUrl = None,
    journal: o.JournalUrl = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Only what the journal knows; the venue is not asked.")
    ] = False,
) -> None:
    """Show live runs, their last sign of life, stops in force, today's result, and what the account holds."""
    from perpmaker.cli.account_view import show_status  # noqa: PLC0415 - journal and venues: keeps --help quick

    raise typer.Exit(show_status(journal, exchange, symbol, base_url, ws_url, is_offline=offline))
