"""`perpmaker data fetch`: the flags. The work is done in `perpmaker.cli.fetching`."""

from pathlib import Path
from typing import Annotated

import typer

from perpmaker.cli import options as o
from perpmaker.cli import values


def fetch(
    dest: Annotated[
        Path,
        typer.Argument(
            metavar="DEST", help="Folder of the new recording; for --kind funding, the new file.", show_default=False
        ),
    ],
    exchange: Annotated[
        str,
        typer.Option("--exchange", help="Whose history: an exchange of ccxt by its id. No keys.", show_default=False),
    ],
    symbol: Annotated[
        str,
        typer.Option("--symbol", help="Market: the exchange's own name or ccxt's, e.g. BTCUSDT.", show_default=False),
    ],
    kind: Annotated[str, typer.Option("--kind", help="What: bars, trades or funding.", show_default=False)],
    from_: Annotated[
        int,
        typer.Option(
            "--from",
            parser=values.moment,
            metavar="MOMENT",
            help="Where to begin, e.g. 2026-01-05.",
            show_default=False,
        ),
    ],
    to: Annotated[
        int,
        typer.Option(
            "--to",
            parser=values.moment,
            metavar="MOMENT",
            help="Where to end, itself left out; not in the future.",
            show_default=False,
        ),
    ],
    timeframe: Annotated[str, typer.Option("--timeframe", help="Length of a bar, for --kind bars.")] = "1m",
    base_url: o.BaseUrl = None,
) -> None:
    """Download the past of a market from its exchange.

    A fetch that was stopped, by Ctrl-C or otherwise, goes on when it is asked for once more with the same flags.
    """
    from perpmaker.cli.fetching import fetch_history  # noqa: PLC0415 - ccxt and pyarrow: keeps --help quick

    raise typer.Exit(
        fetch_history(dest, exchange, symbol, kind, span_ns=(from_, to), timeframe=timeframe, base_url=base_url)
    )
