"""The report on a terminal: the same figures as on the page, without its charts."""

from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perpmaker.report.attribution import Attribution
from perpmaker.report.charts import HORIZON_NAMES
from perpmaker.report.run_data import RunReport
from perpmaker.report.terms import LABELS, amount, group_name, shown, side_name
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
    console.print()
    console.print(Text(f"market data: {report.market_name}", style="dim"))
    console.print(Text(run.command_line, style="dim"))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if index == 0 else "right")
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
    groups = {"total": split.total, **{side_name(side): terms for side, terms in split.by_side().items()}}
    groups |= {group_name(group): terms for group, terms in split.by_level().items() if group.side is not None}
    table = _table(f"where the money came from, {instrument.quote}", "", *groups)
    for name in shown(split.total):
        _add(table, LABELS[name].lower(), *(_rounded(amount(terms, name, instrument)) for terms in groups.values()))
    sums = [_rounded(instrument.money(terms.total)) for terms in groups.values()]
    _add(table, "change of equity", *sums, style="bold")
    console.print()
    console.print(table)
    exact = f"sum, exactly: {instrument.money(split.total.total):f} {instrument.quote}"
    console.print(Text(f"{exact}; adverse selection in the first {span(split.horizon_ns)} of a fill", style="dim"))


def _rounded(value: Decimal) -> str:
    return money(value) if value else "0"


def _show_markouts(console: Console, report: RunReport) -> None:
    if not report.curves:
        return
    table = _table("markouts, basis points, with 95 % bands", "", "fills", *HORIZON_NAMES.values())
    for curve in report.curves:
        cells = []
        for point in curve.points:
            if point.mean is None:
                cells.append("none")
            else:
                band = "too few" if point.mean.half_width is None else f"± {point.mean.half_width:.2f}"
                cells.append(f"{point.mean.value:+.2f} {band}" + (f" -{point.left_out}" if point.left_out else ""))
        _add(table, curve.name, f"{curve.fills:,}", *cells)
    console.print()
    console.print(table)
    console.print(Text("-N: fills left out, their horizon reaches past the end or into a gap", style="dim"))


def _show_levels(console: Console, report: RunReport) -> None:
    if not report.levels:
        return
    base = report.instrument.base
    head = ("accepted", "filled", "share", "per hour at rest", "time to fill", f"queue, {base}")
    table = _table("orders by level (medians)", "", *head)
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
