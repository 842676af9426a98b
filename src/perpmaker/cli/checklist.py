"""The checklist before a live run: a table on a terminal, one ``key=value`` line a check elsewhere.

A mark and a word stand for each status: colours alone say nothing in a log or to everybody's eyes.
"""

import sys
from typing import Final

import structlog
from rich.console import Console
from rich.table import Table
from rich.text import Text

from perpmaker.cli.request import View
from perpmaker.runtime.live.preflight import Preflight
from perpmaker.runtime.live.preflight_checks import Status
from perpmaker.venues.redaction import redact, redact_event

_LOOKS: Final = {
    Status.OK: ("✓", "green"),
    Status.WARNING: ("!", "yellow"),
    Status.FAILED: ("✗", "bold red"),
    Status.SKIPPED: ("-", "dim"),
}


def show_checklist(
    found: Preflight, view: View, title: str = "", console: Console | None = None, *, market: str | None = None
) -> None:
    """Print the checks: as a table on a terminal, as lines elsewhere, not at all for `View.NONE`.

    Of one of several runs the table is short: what is ok is only counted.

    Args:
        found: what was examined.
        view: how the run is told.
        title: stands above the table.
        console: where to; the standard output if not given.
        market: the name of one of several runs: title and lines carry it.
    """
    if view is View.NONE:
        return
    console = console or Console(highlight=False)
    if view is View.LIVE or (view is View.AUTO and console.is_terminal):
        _show_table(console, found, title, market)
    else:
        _write_lines(found, market)


def _show_table(console: Console, found: Preflight, title: str, market: str | None) -> None:
    shown = [check for check in found.checks if market is None or check.status is not Status.OK]
    if market is not None:
        title = f"{market}  {title}: {len(found.checks) - len(shown)} of {len(found.checks)} checks are ok"
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in shown:
        mark, style = _LOOKS[check.status]
        status = Text(f"{mark} {check.status.value}", style=style)
        table.add_row(status, Text(check.name, style="bold"), Text(redact(check.detail)))
    if title:
        console.print(Text(title, style="bold"))
    if shown:
        console.print(table)


def _write_lines(found: Preflight, market: str | None) -> None:
    log = structlog.wrap_logger(
        structlog.PrintLogger(sys.stdout),
        processors=[
            redact_event,
            structlog.processors.LogfmtRenderer(key_order=["market", "event"], drop_missing=True),
        ],
    )
    log = log if market is None else log.bind(market=market)
    for check in found.checks:
        log.msg("check", name=check.name, status=check.status.value.replace(" ", "_"), detail=check.detail)
