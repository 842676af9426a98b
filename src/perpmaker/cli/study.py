"""`perpmaker study`: what a setting does, measured on recorded markets."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from perpmaker.cli import data_options as d
from perpmaker.cli import values
from perpmaker.domain.errors import InvalidSettingError

study_app = typer.Typer(help="Measure on recorded markets what a setting does.", no_args_is_help=True)

_Data = Annotated[
    list[str] | None,
    typer.Option("--data", metavar="PATH...", help="Recordings, or folders that hold some; each is a market."),
]
_Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write the page there. Default: to the terminal.")
]


@study_app.command("skew")
def skew(
    more: d.MoreDataPaths = None,
    data: _Data = None,
    half_spreads: Annotated[
        str, typer.Option("--half-spreads", metavar="SPREAD,...", help="Distances of level 1 from the price.")
    ] = "2bp,5bp,20bp,100bp",
    inventory_skew: Annotated[
        Decimal,
        typer.Option("--inventory-skew", parser=values.decimal, metavar="0..1", help="How strongly the modes lean."),
    ] = Decimal(1),
    order_value: Annotated[
        Decimal,
        typer.Option("--order-value", parser=values.decimal, metavar="QUOTE", help="What an order is worth, about."),
    ] = Decimal(100),
    interval: Annotated[
        Decimal, typer.Option("--interval", parser=values.decimal, metavar="SECONDS", help="Between two refreshes.")
    ] = Decimal(10),
    out: _Out = None,
) -> None:
    """Compare the skew modes and no skew: position, time at the cap, and where the money came from, in one page."""
    paths = _paths(data, more)
    from perpmaker.cli.studying import study_skew  # noqa: PLC0415 - a second of imports `--help` does not need

    study_skew(paths, half_spreads, inventory_skew, order_value, interval, out)


@study_app.command("settings")
def settings(
    more: d.MoreDataPaths = None,
    data: _Data = None,
    out: _Out = None,
) -> None:
    """Try the documented settings on recorded markets, and how good the advisor's estimates are, in one page."""
    paths = _paths(data, more)
    from perpmaker.cli.studying import study_documented  # noqa: PLC0415 - a second of imports `--help` does not need

    study_documented(paths, out)


def _paths(data: list[str] | None, more: list[str] | None) -> list[Path]:
    paths = [Path(path) for path in [*(data or []), *(more or [])]]
    if not paths:
        raise InvalidSettingError("--data is missing: give recordings; `perpmaker data import` makes them")
    return paths
