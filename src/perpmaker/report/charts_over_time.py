"""Equity with drawdown, price with our fills, position against its cap: three charts that zoom together.

Lines are thinned to `series.MOST_POINTS`, keeping every high and low; of fills at most `MOST_FILLS` are drawn, and the
caption says so. Nothing else is left out.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from perpmaker.domain.orders import Side
from perpmaker.report.attribution import CLOSING, Execution
from perpmaker.report.figures import LEGEND, Chart, Figure, line_of, ms, number, time_axis
from perpmaker.report.run_data import RunReport
from perpmaker.report.series import drawdown, thinned
from perpmaker.report.terms import side_name

MOST_FILLS: Final = 4_000


def equity(report: RunReport) -> Chart:
    quote = report.instrument.quote
    below = thinned(drawdown(report.equity))
    traces = [
        line_of(thinned(report.equity), "equity", "@accent"),
        {**line_of(below, "drawdown", "@loss"), "yaxis": "y2", "fill": "tozeroy", "fillcolor": "@loss-soft"},
    ]
    layout = {
        "xaxis": {**time_axis(report), "anchor": "y2"},
        "yaxis": {"title": {"text": f"equity, {quote}"}, "domain": [0.36, 1]},
        "yaxis2": {"title": {"text": f"drawdown, {quote}"}, "domain": [0, 0.27]},
        "showlegend": False,
    }
    exact = "" if report.summary is None else f" The deepest, at every mark: {report.summary['max_drawdown']} {quote}."
    caption = f"As sampled by the journal: at every fill and every ten seconds.{exact}"
    return Chart("equity", f"Equity and drawdown, {quote}", caption, traces, layout, 420, follows_time=True)


def position(report: RunReport) -> Chart:
    base = report.instrument.base
    line = thinned([*report.positions, (report.span.end_ns, report.positions[-1][1])])
    traces = [{**line_of(line, "position", "@accent"), "line": {"shape": "hv", "width": 1.5, "color": "@accent"}}]
    cap = Decimal(report.run.settings.get("max_position", "0"))
    target = Decimal(report.run.settings.get("target_position", "0"))
    traces += [_level_line(report, float(sign * cap), "cap", "@loss") for sign in (1, -1) if cap]
    traces += [_level_line(report, float(sign * target), "target", "@muted") for sign in (1, -1) if target]
    layout = {"xaxis": time_axis(report), "yaxis": {"title": {"text": f"position, {base}"}}, "showlegend": False}
    limits = f"Dashed: the cap of {cap} {base}" + (f", dotted: the target of {target} {base}." if target else ".")
    return Chart("position", f"Position, {base}", limits if cap else "", traces, layout, 300, follows_time=True)


def _level_line(report: RunReport, value: float, name: str, colour: str) -> Figure:
    ends = [(report.span.start_ns, value), (report.span.end_ns, value)]
    dash = "dash" if name == "cap" else "dot"
    return {**line_of(ends, name, colour), "line": {"dash": dash, "width": 1.2, "color": colour}}


def price(report: RunReport) -> Chart:
    quote = report.instrument.quote
    fills = report.fills
    drawn = fills if len(fills) <= MOST_FILLS else [fills[i * len(fills) // MOST_FILLS] for i in range(MOST_FILLS)]
    traces = [line_of(thinned(report.price), "mid", "@muted")]
    for is_maker in (True, False):
        for side in Side:
            chosen = [fill for fill in drawn if fill.side is side and fill.is_maker is is_maker]
            if chosen:
                traces.append(_fill_marks(report, chosen, side, is_maker=is_maker))
    layout = {
        "xaxis": time_axis(report),
        "yaxis": {"title": {"text": f"price, {quote}"}},
        "legend": LEGEND,
        "hovermode": "closest",
    }
    left = f" {len(drawn):,} of {len(fills):,} fills are drawn, evenly chosen." if len(drawn) < len(fills) else ""
    caption = f"Drag to zoom, double-click to see all; equity and position follow. Hollow marks took liquidity.{left}"
    return Chart(
        "price", f"Price and our fills, {quote} per {report.instrument.base}", caption, traces, layout, 460, True
    )


def _fill_marks(report: RunReport, fills: Sequence[Execution], side: Side, *, is_maker: bool) -> Figure:
    instrument = report.instrument
    colour = "@buy" if side is Side.BUY else "@sell"
    kind = ("buys" if side is Side.BUY else "sells") + ("" if is_maker else ", taking")
    size = 12 if not is_maker else 9 if len(report.fills) < 400 else 6
    symbol = ("triangle-up" if side is Side.BUY else "triangle-down") + ("" if is_maker else "-open")
    return {
        "type": "scatter",
        "mode": "markers",
        "name": kind,
        "x": [ms(fill.ts_ns) for fill in fills],
        "y": [number(instrument.price_from_milliticks(fill.price_milliticks)) for fill in fills],
        "text": [_about(report, fill) for fill in fills],
        "hovertemplate": "%{text} at %{y}<br>%{x}<extra></extra>",
        "marker": {
            "symbol": symbol,
            "size": size,
            "color": colour,
            "opacity": 0.85,
            "line": {"width": 0 if is_maker else 2},
        },
    }


def _about(report: RunReport, fill: Execution) -> str:
    size = f"{report.instrument.quantity(abs(fill.signed_lots)):f} {report.instrument.base}"
    level = f"level {fill.level}" if fill.level != CLOSING else "closing"
    return f"{side_name(fill.side)} {size}, {level}"
