"""`perpmaker data`: import market data that was recorded elsewhere, and look at a recording.

What is heavy (pyarrow, numba) is imported inside the commands, so that `--help` stays quick. Results go to the standard
output, progress to the standard error and only on a terminal.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from perpmaker.cli import values
from perpmaker.cli.data_view import as_json as json_of
from perpmaker.cli.data_view import closing_line, show
from perpmaker.cli.fetch import fetch

if TYPE_CHECKING:
    from perpmaker.data.bar_statistics import BarStatistics
    from perpmaker.data.reader import Recording
    from perpmaker.data.statistics import MarketStatistics

data_app = typer.Typer(name="data", help="Recordings of markets: import them, look at them.", no_args_is_help=True)
data_app.command("fetch")(fetch)


@data_app.command("import")
def import_(
    sources: Annotated[
        list[Path], typer.Argument(metavar="SRC...", help="Folder, or files, to import.", show_default=False)
    ],
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="Folder of the new recording.", show_default=False)],
    kind: Annotated[
        str,
        typer.Option(
            "--from",
            help="What the source is: binance, hftbacktest, hyperliquid, ohlcv, standx, tardis or trades.",
            show_default=False,
        ),
    ],
    symbol: Annotated[
        str | None, typer.Option(help="Which symbol; needed where the source has several, e.g. BTCUSDT.")
    ] = None,
    tick_size: Annotated[
        Decimal | None,
        typer.Option(
            parser=values.decimal, metavar="PRICE", help="Price step, above 0. Default: as known for the symbol."
        ),
    ] = None,
    lot_size: Annotated[
        Decimal | None,
        typer.Option(
            parser=values.decimal, metavar="SIZE", help="Size step, above 0. Default: as known for the symbol."
        ),
    ] = None,
    min_quantity: Annotated[
        Decimal | None,
        typer.Option(
            parser=values.decimal, metavar="SIZE", help="Smallest order, whole lots. Default: as known, or a lot."
        ),
    ] = None,
    blind_after: Annotated[
        int | None,
        typer.Option(
            parser=values.nanoseconds,
            metavar="TIME",
            help="A book silent for longer is a gap, e.g. 3s; standx, hyperliquid and tardis only. Default: 3s.",
        ),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Zone of times that name none, e.g. UTC; ohlcv only.", show_default=False),
    ] = None,
    funding: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file of funding rates to add; ohlcv only.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the recording at DEST.")] = False,
) -> None:
    """Turn recorded market data into a recording of this program, for --feed PATH."""
    from perpmaker.data.importers.plan import ImportOptions  # noqa: PLC0415  # keeps --help quick
    from perpmaker.data.importing import import_recording  # noqa: PLC0415  # same

    options = ImportOptions(
        symbol, tick_size, lot_size, min_quantity, blind_after, overwrite, timezone=timezone, funding=funding
    )
    with _progress(dest) as on_progress:
        info = import_recording(kind, sources, dest, options, on_progress)
    Console().print(Text(closing_line(dest, info)), soft_wrap=True)


@data_app.command("info")
def info(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder of a recording.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """Show what a recording holds and what its market was like."""
    from perpmaker.data.reader import Recording  # noqa: PLC0415  # keeps --help quick

    recording = Recording.open(path)
    errors = Console(stderr=True)
    if errors.is_terminal:
        with errors.status(f"measuring {path}"):
            statistics, of_bars = _measured(recording)
    else:
        statistics, of_bars = _measured(recording)
    if as_json:
        typer.echo(json.dumps(json_of(recording, statistics, of_bars), indent=2))
    else:
        show(Console(), recording, statistics, of_bars)


def _measured(recording: "Recording") -> tuple["MarketStatistics", "BarStatistics | None"]:
    """The figures of any recording, and those of bars where it holds some."""
    from perpmaker.data.bar_statistics import measure_bars  # noqa: PLC0415  # keeps --help quick
    from perpmaker.data.statistics import measure  # noqa: PLC0415  # same

    is_bars = recording.info.provenance.depth == "bars"
    return measure(recording), measure_bars(recording) if is_bars else None


@data_app.command()
def calibration(
    recordings: Annotated[
        list[Path] | None, typer.Argument(metavar="[RECORDING...]", help="Recordings to compare with.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the tables there; between the marker lines, where the file has them."),
    ] = None,
) -> None:
    """Put recordings and the synthetic markets that were fitted to them side by side."""
    from perpmaker.cli.calibration import calibration as compare  # noqa: PLC0415 - pyarrow and numba are slow to import

    compare(recordings or [], out)


@contextmanager
def _progress(dest: Path) -> Iterator[Callable[[int, int], None] | None]:
    """A bar of the source's bytes on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"importing {dest.name}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
