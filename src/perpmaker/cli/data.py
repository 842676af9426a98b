"""`perpmaker data`: import market data that was recorded elsewhere, and look at a recording.

What is heavy (pyarrow, numba) is imported inside the commands, so that `--help` stays quick. Results go to the standard
output, progress to the standard error and only on a terminal.
"""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from perpmaker.cli import values

if TYPE_CHECKING:
    from perpmaker.data.format import RecordingInfo
    from perpmaker.data.reader import Recording
    from perpmaker.data.statistics import MarketStatistics

data_app = typer.Typer(name="data", help="Recordings of markets: import them, look at them.", no_args_is_help=True)

_NS_PER_S = 1_000_000_000
_Row = tuple[str, str]


@data_app.command("import")
def import_(
    sources: Annotated[
        list[Path], typer.Argument(metavar="SRC...", help="Folder, or files, to import.", show_default=False)
    ],
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="Folder of the new recording.", show_default=False)],
    kind: Annotated[
        str, typer.Option("--from", help="What the source is: binance, hyperliquid or standx.", show_default=False)
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
            help="A book silent for longer is a gap, e.g. 3s; standx and hyperliquid only. Default: 3s.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the recording at DEST.")] = False,
) -> None:
    """Turn recorded market data into a recording of this program, for --feed PATH."""
    from perpmaker.data.importers.plan import ImportOptions  # noqa: PLC0415  # keeps --help quick
    from perpmaker.data.importing import import_recording  # noqa: PLC0415  # same

    options = ImportOptions(symbol, tick_size, lot_size, min_quantity, blind_after, overwrite)
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
    from perpmaker.data.statistics import measure  # noqa: PLC0415  # same

    recording = Recording.open(path)
    errors = Console(stderr=True)
    if errors.is_terminal:
        with errors.status(f"measuring {path}"):
            statistics = measure(recording)
    else:
        statistics = measure(recording)
    if as_json:
        typer.echo(json.dumps(_as_json(recording, statistics), indent=2))
    else:
        _show(Console(), recording, statistics)


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


def closing_line(dest: Path, info: "RecordingInfo") -> str:
    """What a new recording holds, in one line."""
    gap_ns = sum((info.last_ns if gap.end_ns is None else gap.end_ns) - gap.start_ns for gap in info.gaps)
    gaps = f"{_count(len(info.gaps), 'gap')} ({_span(gap_ns)} in all)" if info.gaps else "no gaps"
    trades = info.rows_by_kind.get("buy_trade", 0) + info.rows_by_kind.get("sell_trade", 0)
    return (
        f"{dest}: {info.instrument.symbol}, {info.period}, {_count(info.rows, 'row')}, {_count(trades, 'trade')}, "
        f"{gaps}, {_count(sum(info.dropped.values()), 'source message')} dropped (see `perpmaker data info`)"
    )


def _as_json(recording: "Recording", statistics: "MarketStatistics") -> dict[str, Any]:
    import msgspec  # noqa: PLC0415  # keeps --help quick

    figures = asdict(statistics)
    figures["depth"] = list(figures["depth"])
    described = {"path": str(recording.path), "recording": msgspec.to_builtins(recording.info), "statistics": figures}
    finite: dict[str, Any] = _without_nan(described)
    return finite


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: an estimate that could not be made is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_without_nan(entry) for entry in value]
    return value


def _show(console: Console, recording: "Recording", statistics: "MarketStatistics") -> None:
    info = recording.info
    instrument = recording.instrument
    console.print(
        Text(
            f"{instrument.symbol}  tick {instrument.tick_size} {instrument.quote}, lot {instrument.lot_size} "
            f"{instrument.base}, minimum {instrument.min_quantity}",
            style="bold",
        )
    )
    sections = (
        ("recording", _recording_rows(info, statistics)),
        ("market", _market_rows(recording, statistics)),
        ("rows", [(name.replace("_", " "), f"{count:,}") for name, count in statistics.rows_by_kind.items()]),
        ("dropped", [(reason, f"{count:,}") for reason, count in info.dropped.items()]),
        ("notes", [(statement, f"{count:,}") for statement, count in info.notes.items()]),
    )
    for title, rows in sections:
        if rows:
            table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False)
            table.add_column(style="dim")
            table.add_column(justify="right")
            for name, value in rows:
                table.add_row(Text(name), Text(value))
            console.print()
            console.print(table)


def _recording_rows(info: "RecordingInfo", statistics: "MarketStatistics") -> list[_Row]:
    longest = max(((gap.end_ns or info.last_ns) - gap.start_ns for gap in info.gaps), default=0)
    return [
        ("from", f"{info.provenance.importer}, {_count(len(info.provenance.sources), 'file')}"),
        ("period", info.period),
        ("span", _span(statistics.span_ns)),
        ("rows", f"{info.rows:,}"),
        ("gaps", f"{len(info.gaps):,}"),
        ("time in gaps", f"{_span(statistics.gap_ns)} (longest {_span(longest)})" if info.gaps else "none"),
        ("order book", "every change" if info.provenance.depth == "every-change" else "snapshots of the top levels"),
        ("side of trades", info.provenance.trade_side),
    ]


def _market_rows(recording: "Recording", statistics: "MarketStatistics") -> list[_Row]:
    s, instrument = statistics, recording.instrument
    tick, lot = float(instrument.tick_size), float(instrument.lot_size)
    rows = [
        ("mid price", f"{s.mid_low_ticks * tick:,.10g} to {s.mid_high_ticks * tick:,.10g} {instrument.quote}"),
        ("spread, median", f"{s.spread_ticks_median:g} ticks, {s.spread_bp_median:.3f} bp"),
        ("spread, mean", f"{s.spread_ticks_mean:.2f} ticks, {s.spread_bp_mean:.3f} bp"),
        ("locked / crossed", f"{s.locked_share:.1%} / {s.crossed_share:.1%} of the time"),
        ("10-second volatility", f"{s.volatility_10s_bp:.2f} bp ({s.returns_10s:,} returns)"),
        ("autocorrelation of 1 s returns", f"{s.autocorrelation_1s:+.3f}"),
        ("trades", f"{s.trades_per_minute:,.1f} a minute, {s.trade_row_share:.1%} of the rows"),
        ("trade size, median", f"{s.trade_lots_median * lot:,.6g} {instrument.base}"),
        ("trade size, mean", f"{s.trade_lots_mean * lot:,.6g} {instrument.base}"),
        ("changes of best price", f"{s.best_price_changes_per_minute:,.1f} a minute"),
        ("changes of best price or size", f"{s.best_quote_changes_per_minute:,.1f} a minute"),
    ]
    for depth in s.depth:
        where = f"within {depth.within_bp:g} bp" if depth.within_bp else "at the best price"
        rows.append(
            (f"depth {where}", f"{depth.bid_lots * lot:,.6g} bid, {depth.ask_lots * lot:,.6g} ask {instrument.base}")
        )
    return rows


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _span(ns: int) -> str:
    """A span of time as people say it: 6.7 s, 12 min 5 s, 49 h 5 min."""
    seconds = ns / _NS_PER_S
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"
