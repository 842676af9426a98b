"""What a backtest says of its data, and of several markets side by side."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perpmaker.data.format import utc
from perpmaker.data.opening import OpenedData, gaps_within
from perpmaker.runtime.summary import Summary


def show_data(console: Console, data: OpenedData, summary: Summary) -> None:
    """How good the data was that the figures rest on."""
    for line in data_lines(data, summary.start_ns, summary.end_ns):
        console.print(Text(line, style="dim"), soft_wrap=not console.is_terminal)


def data_lines(data: OpenedData, start_ns: int, end_ns: int) -> list[str]:
    """What was played from one moment to another, how well it knows the market, and what is missing in it."""
    count = len(data.recordings)
    name = (
        f"synthetic market, seed {data.choice.seed}" if count == 0 else f"{count} recording{'s' if count > 1 else ''}"
    )
    grade = data.grade
    lines = [
        f"data: {name}, {utc(start_ns)} to {utc(end_ns)} UTC",
        f"grade {grade.name}: {grade.title}",
        f"known bias: {grade.bias}",
    ]
    gaps = gaps_within(data.gaps, start_ns, end_ns)
    if gaps:
        blind_s = sum((gap.end_ns or end_ns) - gap.start_ns for gap in gaps) / 10**9
        lines.append(f"gaps: {len(gaps)}, {blind_s:,.1f} s in all; nothing rests and nothing fills in a gap")
    return lines


def show_table(console: Console, summaries: Mapping[str, Summary | None]) -> None:
    """Several markets by symbol, a row each; None was not run."""
    table = Table(
        title="markets", title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False
    )
    table.add_column("")
    for name in ("net result", "drawdown", "fills", "position", "hours"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("end", no_wrap=True)
    for symbol, summary in summaries.items():
        if summary is None:
            table.add_row(Text(symbol), *[""] * 5, "not run")
            continue
        net = summary.equity_end - summary.equity_start
        hours = (summary.end_ns - summary.start_ns) / 3.6e12
        cells = (
            f"{net:+.6f}",
            f"{summary.max_drawdown:.6f}",
            f"{summary.fills}",
            f"{summary.position}",
            f"{hours:.3f}",
        )
        table.add_row(Text(symbol), *cells, summary.run.end_reason.value)
    console.print()
    console.print(table)
