"""`perpmaker cancel`: end what is running, then cancel every order of ours on one market, and verify it."""

import typer

from perpmaker.cli import account_options as a
from perpmaker.cli import options as o


def cancel(
    exchange: a.AccountExchange = None,
    symbol: a.AccountSymbol = None,
    base_url: o.BaseUrl = None,
    ws_url: o.WsUrl = None,
    journal: o.JournalUrl = None,
) -> None:
    """Cancel every order of our runs on a market, and verify that with the venue.

    A run that still trades is ended first. Orders of other programs and people are left alone. The position stays: see
    `perpmaker close`.
    """
    from perpmaker.cli.emergencies import cancel_ours_of  # noqa: PLC0415 - journal and venues: keeps --help quick

    raise typer.Exit(cancel_ours_of(journal, exchange, symbol, base_url, ws_url))
