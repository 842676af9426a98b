"""`perpmaker clear`: lift the stops that a loss limit has set, and say which."""

from typing import Annotated

import typer

from perpmaker.cli import options as o


def clear(
    account: Annotated[
        str | None, typer.Option("--account", help="Which account, as `perpmaker status` names it. Default: every one.")
    ] = None,
    symbol: Annotated[str | None, typer.Option("--symbol", help="Only this market's. Default: every one.")] = None,
    journal: o.JournalUrl = None,
) -> None:
    """Lift the stops that loss limits have set: from then on a live run may start again. Needs no keys."""
    from perpmaker.cli.account_view import clear_stops  # noqa: PLC0415 - the journal: keeps --help quick

    raise typer.Exit(clear_stops(journal, account, symbol))
