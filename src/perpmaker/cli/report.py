"""`perpmaker report`: what a run did and where its money came from, from the journal of any run."""

from pathlib import Path
from typing import Annotated

import typer

from perpmaker.cli import options as o

RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="Name of the run, the first letters of it, or latest.", show_default=False)
]
MarketData = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="PATH",
        help="Recording of the market that was traded. Default: the one that the run names, if any.",
    ),
]
HtmlFile = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write the report, with its charts, as one HTML file.")
]


def report(
    run: RunName,
    journal: o.JournalUrl = None,
    html: HtmlFile = None,
    png: Annotated[
        Path | None,
        typer.Option("--png", metavar="DIR", help="Write every chart as a picture; needs Chromium on this machine."),
    ] = None,
    data: MarketData = None,
) -> None:
    """Show where the money of a run came from: attribution, markouts, fills by level, stops, figures."""
    from perpmaker.cli.reporting import report_run  # noqa: PLC0415 - journal, numba and pyarrow: keeps --help quick

    report_run(run, journal, html=html, png=png, data=data)
