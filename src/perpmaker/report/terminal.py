"""The report on a terminal: the same figures as on the page, without its charts."""

from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perpmaker.report.attribution import Attribution
from perpmaker.report.figures import HORIZON_NAMES
from perpmaker.report.markouts import Point
from perpmaker.report.provenance import REAL_FILLS
from perpmaker.report.rows import LIVE
from perpmaker.report.run_data import RunReport
from perpmaker.report.terms import SHORT, amount, group_name, shown, side_name
from perpmaker.report.wording import money, plain, span, utc


def show(console: Console, report: RunReport) -> None:
    """Print it. What comes from outside is never taken for markup."""
    run = report.run
    console.print(
        Text(f"{run.symbol} on {run.exchange}, {run.mode}: {run.end_reason or 'has not ended'}", style="bold")
    )
    times = f"{utc(report.span.start_ns)} to {utc(report.span.end_ns)} UTC, run {run.run_id}, version {run.version}"
    console.print(Text(times, style="dim"))
    for warning in report.warnings:
        console.print(Text(f"! {warning}", style="yellow"))
    _show_figures(console, report)
    if report.attribution is not None:
        _show_terms(console, report, report.attribution)
    _show_markouts(console, report)
    _show_levels(console, report)
    _show_stops(console, report)
    _show_performance(console, report)
    _show_market_data(console, report)
    console.print(Text(run.command_line, style="dim"))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False)
    table.padding = (0, 1, 0, 0)
    for index, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if index == 0 else "right", no_wrap=True)
    return table


def _add(table: Table, *cells: object, style: str = "") -> None:
    table.add_row(*(Text(str(cell)) for cell in cells), style=style)


def _show_figures(console: Console, report: RunReport) -> None:
    if report.summary is None:
        return
    table = _table("summary", "", "")
    for name, value in report.summary.items():
        if name != "run":
            _add(table, name, plain(value))
    console.print()
    console.print(table)


def _show_terms(console: Console, report: RunReport, split: Attribution) -> None:
    instrument = report.instrument
    groups = {side_name(side): terms for side, terms in split.by_side().items() if side is not None}
    groups |= {group_name(group): terms for group, terms in split.by_level().items()}
    names = shown(split.total)
    table = _table(f"where the money came from, {instrument.quote}", "", *(SHORT[name] for name in names), "sum")
    for group, terms in [*groups.items(), ("total", split.total)]:
        cells = [_rounded(amount(terms, name, instrument)) for name in names]
        style = "bold" if group == "total" else ""
        _add(table, group, *cells, _rounded(instrument.money(terms.total)), style=style)
    console.print()
    console.print(table)
    exact = f"sum, exactly: {instrument.money(split.total.total):f} {instrument.quote}"
    console.print(Text(f"{exact}; adverse: in the first {span(split.horizon_ns)} of a fill", style="dim"))


def _rounded(value: Decimal) -> str:
    return money(value) if value else "0"


def _show_markouts(console: Console, report: RunReport) -> None:
    if not report.curves:
        return
    names = list(HORIZON_NAMES.values())
    table = _table("markouts, basis points (+- 95 % band, ? too few for one)", "", "fills", "at fill", *names[1:])
    for curve in report.curves:
        _add(table, curve.name.replace(" level", ""), f"{curve.fills:,}", *(_point(point) for point in curve.points))
    console.print()
    console.print(table)
    left_out = report.curves[0].points[-1].left_out
    if left_out:
        console.print(Text(f"{left_out} fills have no {names[-1]} before the end or a gap", style="dim"))


def _point(point: Point) -> str:
    if point.mean is None:
        return ""
    band = "?" if point.mean.half_width is None else f"+-{point.mean.half_width:.1f}"
    return f"{point.mean.value:+.2f}{band}"


def _show_levels(console: Console, report: RunReport) -> None:
    if not report.levels:
        return
    base = report.instrument.base
    head = ("accepted", "filled", "share", "per hour", "time to fill", f"queue, {base}")
    table = _table("orders by level (filled per hour at rest; medians)", "", *head)
    for row in report.levels:
        queue = None if row.median_queue_lots is None else row.median_queue_lots * float(report.instrument.lot_size)
        _add(
            table,
            f"{side_name(row.side)} {row.level}",
            f"{row.accepted:,}",
            f"{row.filled_orders:,}",
            f"{row.fill_share:.2%}",
            f"{row.fills_per_hour:,.1f}",
            "" if row.median_fill_ns is None else span(row.median_fill_ns),
            "unknown" if queue is None else f"{queue:,.4g}",
        )
    console.print()
    console.print(table)


def _show_stops(console: Console, report: RunReport) -> None:
    if not report.stops:
        return
    table = _table("stops, takes and limits", "time, UTC", "reason", "position", "unrealized")
    for stop in report.stops:
        held = "" if stop.position_lots is None else f"{report.instrument.quantity(stop.position_lots):f}"
        profit = "" if stop.unrealized_quanta is None else money(report.instrument.money(stop.unrealized_quanta))
        _add(table, utc(stop.ts_ns), stop.kind, held, profit)
    console.print()
    console.print(table)


def _show_market_data(console: Console, report: RunReport) -> None:
    console.print()
    console.print(Text(f"market data: {report.market_name}", style="dim"))
    for grade in report.grades:
        console.print(Text(f"data grade {grade.name}: {grade.title}", style="dim"))
        if report.run.mode == LIVE:
            console.print(Text(REAL_FILLS, style="dim"))
        else:
            console.print(Text(f"known bias: {grade.bias}", style="dim"))


def _show_performance(console: Console, report: RunReport) -> None:
    ratio = report.ratio
    if ratio is None:
        return
    line = (
        f"profit per {span(ratio.period_ns)}: {ratio.mean:+.4g} ± {ratio.half_width:.2g} {report.instrument.quote} "
        f"(95 %), on {ratio.periods} independent periods"
    )
    sharpe = "" if ratio.sharpe is None else f"; Sharpe ratio of a year {ratio.sharpe:+.2f}"
    console.print()
    console.print(Text(line + sharpe))
