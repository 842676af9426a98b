"""`perpmaker record`: the flags. The work is done in `perpmaker.cli.recording`."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from perpmaker.cli import options as o
from perpmaker.cli import values


def record(
    exchange: Annotated[
        str,
        typer.Option(
            "--exchange",
            help="Whose market: backpack, an exchange of ccxt by its id, or sim (synthetic). No keys are needed.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder of the recording; one that this command began is gone on with.",
            show_default=False,
        ),
    ],
    symbol: Annotated[str, typer.Option("--symbol", help="Market, e.g. SOL_USDC_PERP.")] = "SOL_USDC_PERP",
    duration: Annotated[
        Decimal, typer.Option(parser=values.decimal, metavar="SECONDS", help="How long; 0 until stopped.")
    ] = Decimal(0),
    flush: Annotated[
        int,
        typer.Option(parser=values.nanoseconds, metavar="TIME", help="What a kill may lose at most, at least 1s."),
    ] = "30s",  # type: ignore[assignment]  # typer hands the default through the parser
    base_url: o.BaseUrl = None,
    ws_url: o.WsUrl = None,
) -> None:
    """Record a market's public data, for --feed DIR: every change of the book, trades, marks, funding and gaps.

    The recording can be read at any time. To record while trading: `perpmaker run --record DIR`.
    """
    from perpmaker.cli.recording import record_market  # noqa: PLC0415 - pyarrow and aiohttp: keeps --help quick

    raise typer.Exit(
        record_market(exchange, symbol, out, duration_s=duration, flush_ns=flush, addresses=(base_url, ws_url))
    )
