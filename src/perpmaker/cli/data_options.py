"""The flags that say which market data a backtest plays."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from perpmaker.cli import values

_PANEL = "Data"

DataPaths = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        metavar="synthetic|PATH...",
        rich_help_panel=_PANEL,
        help="Recordings, or folders that hold some; those of one instrument are played one after another.",
    ),
]
MoreDataPaths = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH...", help="More of --data: `--data recordings/*` is enough.", show_default=False),
]
DataSymbol = Annotated[
    str | None,
    typer.Option(
        "--symbol",
        rich_help_panel=_PANEL,
        help="Only this market of the recordings, or which synthetic one. Default: every market that there is.",
    ),
]
FromMoment = Annotated[
    int | None,
    typer.Option(
        "--from",
        parser=values.moment,
        metavar="TIME",
        rich_help_panel=_PANEL,
        help="Begin here, with the book as it stood: 2026-01-05 or 2026-01-05T22:54, UTC. Default: with the data.",
    ),
]
ToMoment = Annotated[
    int | None,
    typer.Option(
        "--to",
        parser=values.moment,
        metavar="TIME",
        rich_help_panel=_PANEL,
        help="End before this moment, likewise; a date is its midnight. Default: with the data.",
    ),
]
FundingRate = Annotated[
    Decimal | None,
    typer.Option(
        "--funding-rate",
        parser=values.rate,
        metavar="FRACTION|%|bp",
        rich_help_panel=_PANEL,
        help="For data without funding: the rate of every settlement; longs pay when it is positive. Default: none.",
    ),
]
FundingInterval = Annotated[
    int | None,
    typer.Option(
        "--funding-interval",
        parser=values.nanoseconds,
        metavar="TIME",
        rich_help_panel=_PANEL,
        help="Between two settlements, at multiples of it from midnight UTC. Default 8h.",
    ),
]
FundingFile = Annotated[
    Path | None,
    typer.Option(
        "--funding",
        metavar="FILE",
        rich_help_panel=_PANEL,
        help="For data without funding: times and rates, as `perpmaker data fetch --kind funding` writes them.",
    ),
]
