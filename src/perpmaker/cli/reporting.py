"""What `perpmaker report` and `perpmaker compare` do: find the runs, make the report, show and write it.

Rules kept here:

1. A run is named as `perpmaker.journal.readers.find_run` takes it.
2. Where a file can be written is found out before the work, not after it.
3. The terminal always gets the report; files beside it, where asked for.
"""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from perpmaker.cli.output_file import check_writable, write_page
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.journal.readers import find_run
from perpmaker.journal.writer import open_journal
from perpmaker.report import comparison
from perpmaker.report.browser import export_charts
from perpmaker.report.html import page
from perpmaker.report.run_data import read_report, read_reports
from perpmaker.report.terminal import show


def report_run(name: str, url: str | None, *, html: Path | None, png: Path | None, data: Path | None) -> None:
    """Show one run, and write what was asked for.

    Raises:
        UserError: there is no such run, a file cannot be written, or the market data cannot be read.
    """
    check_writable(html, "--html")
    with open_journal(url) as journal:
        report = read_report(journal, find_run(journal, name), data)
    show(Console(highlight=False), report)
    if html is None and png is None:
        return
    written = page(report)
    with ExitStack() as stack:
        file = html
        if file is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            file = Path(folder) / "report.html"
        write_page(file, written)
        if html is not None:
            typer.echo(f"report: {html}", err=True)
        if png is not None:
            for picture in export_charts(file, png):
                typer.echo(f"chart: {picture}", err=True)


def write_report(run_id: str, url: str | None, file: Path) -> None:
    """Write the page of a run that has just ended.

    Raises:
        UserError: the file cannot be written, or the market data cannot be read.
    """
    with open_journal(url) as journal:
        report = read_report(journal, find_run(journal, run_id))
    write_page(file, page(report), "--report")
    typer.echo(f"report: {file}", err=True)


def compare_runs(names: Sequence[str], url: str | None, *, html: Path | None) -> None:
    """Show runs side by side.

    Raises:
        UserError: there is no such run, there are fewer than two, or the file cannot be written.
    """
    if len(names) < 2:
        raise InvalidSettingError("compare needs two runs at least, e.g. `perpmaker compare 3f2a 9c41`")
    check_writable(html, "--html")
    with open_journal(url) as journal:
        reports = read_reports(journal, [find_run(journal, name) for name in names])
    found = comparison.compare(reports)
    console = Console(highlight=False)
    _show_rows(console, "runs", found.names, found.runs)
    _show_rows(console, f"settings that differ ({found.equal_settings} are equal)", found.names, found.settings)
    _show_rows(console, "where the money came from", found.names, found.terms)
    _show_rows(console, "figures", found.names, found.figures)
    if html is not None:
        write_page(html, comparison.page(reports))
        typer.echo(f"comparison: {html}", err=True)


def _show_rows(console: Console, title: str, names: Sequence[str], rows: Sequence[comparison.Row]) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False)
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in (row.name, *row.values)))
    console.print()
    console.print(table)
