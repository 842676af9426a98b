"""The tables and tiles of a report's page, each a piece of markup."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from perpmaker.report.attribution import Attribution, Terms
from perpmaker.report.figures import HORIZON_NAMES
from perpmaker.report.markouts import Curve, Point
from perpmaker.report.markup import Content, Markup, joined, table, tag
from perpmaker.report.run_data import RunReport
from perpmaker.report.terms import LABELS, MEANINGS, amount, group_name, shown, side_name
from perpmaker.report.wording import money, plain, span, utc

_UNITS: Final = {
    "quote": frozenset(
        {
            "equity_start",
            "equity_end",
            "realized_pnl",
            "unrealized_pnl",
            "fees",
            "funding",
            "volume_quote",
            "max_drawdown",
        }
    ),
    "base": frozenset({"position", "volume_base", "max_abs_position"}),
}


def tiles(report: RunReport) -> Markup:
    """The figures to see first, from the summary where there is one."""
    quote, summary = report.instrument.quote, report.summary
    found: list[Markup] = []
    start, end = report.span.equity_start_quanta, report.span.equity_end_quanta
    if start is not None and end is not None:
        net = report.instrument.money(end - start)
        note = (
            f"{report.ratio.mean:+.4g} ± {report.ratio.half_width:.2g} per {span(report.ratio.period_ns)}"
            if report.ratio
            else ""
        )
        found.append(
            _tile("net result", f"{money(net)} {quote}", note, "gain" if net > 0 else "loss" if net < 0 else "")
        )
    if summary is None:
        found.append(_tile("fills", f"{len(report.fills):,}"))
        return tag("div", *found, class_="tiles")
    found += [
        _tile("fills", f"{summary['fills']:,}", f"{summary['buys']:,} buys, {summary['sells']:,} sells"),
        _tile(
            "fees", f"{money(-Decimal(summary['fees']))} {quote}", f"on {Decimal(summary['volume_quote']):,.2f} {quote}"
        ),
        _tile("deepest drawdown", f"{Decimal(summary['max_drawdown']):,.4f} {quote}"),
        _tile("quotes on both sides", f"{summary['two_sided_uptime']:.2%}", "of the time"),
        _tile("at the cap", f"{_share_at_cap(report):.2%}", f"of the time, {summary['time_at_cap_s']:,.0f} s"),
        _tile("stops/takes", f"{summary['stops']}/{summary['takes']}"),
        _tile("market time", span(summary["end_ns"] - summary["start_ns"]), f"{summary['events']:,} market events"),
    ]
    return tag("div", *found, class_="tiles")


def _share_at_cap(report: RunReport) -> float:
    seconds = (report.span.end_ns - report.span.start_ns) / 1e9
    return float(report.run.summary["time_at_cap_s"]) / seconds if report.run.summary and seconds else 0.0


def _tile(name: str, value: str, note: str = "", kind: str = "") -> Markup:
    figure, _, unit = value.partition(" ")
    shown_value = joined([figure, tag("span", f" {unit}", class_="unit")]) if unit else figure
    parts = [tag("div", name, class_="name"), tag("div", shown_value, class_=f"value {kind}".strip())]
    return tag("div", *parts, *([tag("div", note, class_="note")] if note else []), class_="tile")


def warnings(sentences: Sequence[str]) -> Markup:
    if not sentences:
        return Markup()
    return tag(
        "div", tag("strong", "Before you read on"), tag("ul", *(tag("li", one) for one in sentences)), class_="warnings"
    )


def terms_table(report: RunReport, split: Attribution) -> Markup:
    """Every term, exact, in total and by side."""
    instrument, sides = report.instrument, split.by_side()
    columns: list[Terms] = [split.total, *sides.values()]
    names = shown(split.total)
    horizon = span(split.horizon_ns)
    rows: list[list[Content]] = [
        [
            LABELS[name],
            *(_exact(amount(terms, name, instrument)) for terms in columns),
            MEANINGS[name].format(horizon=horizon),
        ]
        for name in names
    ]
    rows.append(["Change of equity", *(f"{instrument.money(terms.total):f}" for terms in columns), "The sum, exactly."])
    head = [instrument.quote, "total", *(side_name(side) for side in sides), ""]
    return table(head, rows, words=[len(head) - 1], last_sums=True)


def _exact(value: Decimal) -> str:
    return f"{value:f}" if value else "0"


def level_terms_table(report: RunReport, split: Attribution) -> Markup:
    """The same by side and level."""
    names, instrument = shown(split.total), report.instrument
    rows: list[list[Content]] = [
        [
            group_name(group),
            *(f"{amount(terms, name, instrument):,.6f}" for name in names),
            f"{instrument.money(terms.total):,.6f}",
        ]
        for group, terms in split.by_level().items()
    ]
    total = [f"{amount(split.total, name, instrument):,.6f}" for name in names]
    rows.append(["total", *total, f"{instrument.money(split.total.total):,.6f}"])
    return table([instrument.quote, *(LABELS[name] for name in names), "sum"], rows, last_sums=True)


def levels(report: RunReport) -> Markup:
    """Fill rates, times and queues per side and level."""
    quantity, base = report.instrument.quantity, report.instrument.base
    rows: list[list[Content]] = []
    for row in report.levels:
        queue = (
            "unknown"
            if row.median_queue_lots is None
            else f"{float(row.median_queue_lots) * float(report.instrument.lot_size):,.4g}"
        )
        rows.append(
            [
                f"{side_name(row.side)} {row.level}",
                f"{row.accepted:,}",
                f"{row.filled_orders:,}",
                f"{row.fill_share:.2%}",
                f"{row.fills_per_hour:,.1f}",
                f"{quantity(row.filled_lots):f}",
                span(row.resting_ns),
                "none filled" if row.median_fill_ns is None else span(row.median_fill_ns),
                queue,
            ]
        )
    head = [
        "level", "orders accepted", "orders filled", "share filled", "filled per hour at rest", f"filled, {base}",
        "time at rest", "median time to fill", f"median queue at entry, {base}",
    ]  # fmt: skip
    return table(head, rows)


def markouts(curves: Iterable[Curve]) -> Markup:
    rows = [[curve.name, f"{curve.fills:,}", *(_point(point) for point in curve.points)] for curve in curves]
    return table(["basis points", "fills", *HORIZON_NAMES.values()], rows)


def _point(point: Point) -> Content:
    left_out = f"{point.left_out:,} left out" if point.left_out else ""
    if point.mean is None:
        return joined([tag("span", left_out or "none", class_="muted")])
    band = "too few for a band" if point.mean.half_width is None else f"± {point.mean.half_width:.2f}"
    notes = [tag("span", part, class_="below") for part in (band, left_out) if part]
    return joined([f"{point.mean.value:+.2f}", *notes])


def stops(report: RunReport) -> Markup:
    if not report.stops:
        return tag("p", "No stop, no take, no limit was reached.", class_="muted")
    quote, base = report.instrument.quote, report.instrument.base
    rows: list[list[Content]] = [
        [
            utc(reason.ts_ns),
            reason.kind,
            "" if reason.position_lots is None else f"{report.instrument.quantity(reason.position_lots):f}",
            "" if reason.unrealized_quanta is None else money(report.instrument.money(reason.unrealized_quanta)),
            reason.text,
        ]
        for reason in report.stops
    ]
    return table(["time, UTC", "reason", f"position, {base}", f"unrealized, {quote}", "remark"], rows, words=[1, 4])


def figures(report: RunReport) -> Markup:
    """The summary, word for word."""
    if report.summary is None:
        return tag("p", "This run has no summary.", class_="muted")
    rows: list[list[Content]] = [
        [name, plain(value), _unit(name, report)] for name, value in report.summary.items() if name != "run"
    ]
    return table(["figure", "value", "unit"], rows, words=[2])


def _unit(name: str, report: RunReport) -> str:
    if name in _UNITS["quote"]:
        return report.instrument.quote
    if name in _UNITS["base"]:
        return report.instrument.base
    if name == "avg_entry_price":
        return f"{report.instrument.quote} per {report.instrument.base}"
    return {"start_ns": "ns since 1970 UTC", "end_ns": "ns since 1970 UTC", "time_at_cap_s": "s", "wall_s": "s"}.get(
        name, ""
    )


def performance(report: RunReport) -> Markup:
    """Profit per period, with the number of periods that it rests on; nothing where that number is too small."""
    ratio, quote = report.ratio, report.instrument.quote
    if ratio is None:
        return tag("p", "The run is too short for profit per period: 30 periods of a minute at least.", class_="muted")
    yearly = (
        "Not given: it takes 30 days at least."
        if ratio.sharpe is None
        else f"{ratio.sharpe:+.2f}, on {ratio.periods} days"
    )
    rows: list[list[Content]] = [
        ["independent periods", f"{ratio.periods} of {span(ratio.period_ns)}"],
        [f"profit per period, {quote}", f"{ratio.mean:+.6g}, 95 % band ± {ratio.half_width:.3g}"],
        [f"standard deviation, {quote}", f"{ratio.deviation:.6g}"],
        ["mean / standard deviation", f"{ratio.mean / ratio.deviation:+.3f} per period"],
        ["Sharpe ratio of a year", yearly],
    ]
    return table(["performance", ""], rows)


def notices(report: RunReport) -> Markup:
    told: Sequence[str] = () if report.summary is None else report.summary["run"]["notices"]
    return tag("ul", *(tag("li", note) for note in told)) if told else Markup()
