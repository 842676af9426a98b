"""`perpmaker compare`: runs side by side."""

from typing import Annotated

import typer

from perpmaker.cli import options as o
from perpmaker.cli.report import HtmlFile


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN RUN...", help="Names of the runs, or their first letters.", show_default=False),
    ],
    journal: o.JournalUrl = None,
    html: HtmlFile = None,
) -> None:
    """Put runs side by side: what was set differently, and what came of it."""
    from perpmaker.cli.reporting import compare_runs  # noqa: PLC0415 - journal, numba and pyarrow: keeps --help quick

    compare_runs(runs, journal, html=html)
