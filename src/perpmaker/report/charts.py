"""The charts of a report as plain figures (traces and layout) for plotly; no colour is fixed here.

Rules kept here:

1. A colour is a token such as ``@gain``; the page replaces it by that of its light or dark theme.
2. Every chart has a title and its units; times are UTC, in milliseconds.
3. Lines are thinned to `series.MOST_POINTS`, keeping every high and low; of fills at most `MOST_FILLS` are drawn, and
   the caption says so. Nothing else is left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from perpmaker.domain.orders import Side
from perpmaker.report.attribution import CLOSING, Attribution, Execution, Terms
from perpmaker.report.markouts import Curve
from perpmaker.report.run_data import RunReport
from perpmaker.report.series import Line, drawdown, thinned
from perpmaker.report.terms import LABELS, group_name, shown, side_name

Figure = dict[str, Any]

MOST_FILLS: Final = 4_000
_MOST_BARS: Final = 60
_NS_PER_MS: Final = 1_000_000
_DIGITS: Final = 10
_LEGEND: Final = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
HORIZON_NAMES: Final = {0: "at the fill", 10**9: "1 s", 5 * 10**9: "5 s", 30 * 10**9: "30 s", 300 * 10**9: "5 min"}


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: ``name`` is its identifier and file name; ``follows_time`` charts zoom together."""

    name: str
    title: str
    caption: str
    traces: list[Figure]
    layout: Figure
    height: int = 340
    follows_time: bool = False
    wide: bool = True

    def as_json(self) -> Figure:
        return {
            "name": self.name,
            "title": self.title,
            "traces": self.traces,
            "layout": self.layout,
            "followsTime": self.follows_time,
        }


def charts(report: RunReport) -> list[Chart]:
    """Every chart that there is data for, in the order of the page."""
    found: list[Chart] = []
    if report.equity:
        found.append(_equity(report))
    if report.price:
        found.append(_price(report))
    found.append(_position(report))
    if report.attribution is not None:
        found += _attribution(report, report.attribution)
    if report.curves:
        found.append(_markouts(report.curves))
    if report.inventory:
        found.append(_inventory(report))
    return found


def _equity(report: RunReport) -> Chart:
    quote = report.instrument.quote
    below = thinned(drawdown(report.equity))
    traces = [
        _line(thinned(report.equity), "equity", "@accent"),
        {**_line(below, "drawdown", "@loss"), "yaxis": "y2", "fill": "tozeroy", "fillcolor": "@loss-soft"},
    ]
    layout = {
        "xaxis": {**_time_axis(report), "anchor": "y2"},
        "yaxis": {"title": {"text": f"equity, {quote}"}, "domain": [0.36, 1]},
        "yaxis2": {"title": {"text": f"drawdown, {quote}"}, "domain": [0, 0.27]},
        "showlegend": False,
    }
    exact = "" if report.summary is None else f" The deepest, at every mark: {report.summary['max_drawdown']} {quote}."
    caption = f"As sampled by the journal: at every fill and every ten seconds.{exact}"
    return Chart("equity", f"Equity and drawdown, {quote}", caption, traces, layout, 420, follows_time=True)


def _position(report: RunReport) -> Chart:
    base = report.instrument.base
    line = thinned([*report.positions, (report.span.end_ns, report.positions[-1][1])])
    traces = [{**_line(line, "position", "@accent"), "line": {"shape": "hv", "width": 1.5, "color": "@accent"}}]
    cap = Decimal(report.run.settings.get("max_position", "0"))
    target = Decimal(report.run.settings.get("target_position", "0"))
    traces += [_level_line(report, float(sign * cap), "cap", "@loss") for sign in (1, -1) if cap]
    traces += [_level_line(report, float(sign * target), "target", "@muted") for sign in (1, -1) if target]
    layout = {"xaxis": _time_axis(report), "yaxis": {"title": {"text": f"position, {base}"}}, "showlegend": False}
    limits = f"Dashed: the cap of {cap} {base}" + (f", dotted: the target of {target} {base}." if target else ".")
    return Chart("position", f"Position, {base}", limits if cap else "", traces, layout, 300, follows_time=True)


def _level_line(report: RunReport, value: float, name: str, colour: str) -> Figure:
    ends = [(report.span.start_ns, value), (report.span.end_ns, value)]
    dash = "dash" if name == "cap" else "dot"
    return {**_line(ends, name, colour), "line": {"dash": dash, "width": 1.2, "color": colour}}


def _price(report: RunReport) -> Chart:
    quote = report.instrument.quote
    fills = report.fills
    drawn = fills if len(fills) <= MOST_FILLS else [fills[i * len(fills) // MOST_FILLS] for i in range(MOST_FILLS)]
    traces = [_line(thinned(report.price), "mid", "@muted")]
    for is_maker in (True, False):
        for side in Side:
            chosen = [fill for fill in drawn if fill.side is side and fill.is_maker is is_maker]
            if chosen:
                traces.append(_fill_marks(report, chosen, side, is_maker=is_maker))
    layout = {
        "xaxis": _time_axis(report),
        "yaxis": {"title": {"text": f"price, {quote}"}},
        "legend": _LEGEND,
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
        "x": [_ms(fill.ts_ns) for fill in fills],
        "y": [_number(instrument.price_from_milliticks(fill.price_milliticks)) for fill in fills],
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


def _attribution(report: RunReport, split: Attribution) -> list[Chart]:
    quote = report.instrument.quote
    by_level = {group_name(group): terms for group, terms in split.by_level().items()}
    by_side = {side_name(side): terms for side, terms in split.by_side().items()}
    by_hour = {_ms(hour): terms for hour, terms in split.by_hour().items()}
    return [
        _waterfall(report, split.total),
        _stacked(report, "sides", f"By side, {quote}", by_side, "", {"type": "category"}, wide=False),
        _stacked(
            report, "levels", f"By level, {quote}", by_level,
            "Closing: orders that close the position. Account: what belongs to no fill.", {"type": "category"},
            wide=False,
        ),
        _stacked(
            report, "hours", f"By hour, {quote}", by_hour,
            "Hours of UTC. The diamond is the change of equity in that hour, exactly.", {"type": "date"},
        ),
    ]  # fmt: skip


def _waterfall(report: RunReport, total: Terms) -> Chart:
    """Each term starts where the one before it ended; the last bar is their sum."""
    money, quote = report.instrument.money, report.instrument.quote
    names, starts, heights, colours, running = [], [], [], [], 0
    for name in shown(total):
        value = getattr(total, name)
        names.append(LABELS[name])
        starts.append(_number(money(running)))
        heights.append(_number(money(value)))
        colours.append("@gain" if value >= 0 else "@loss")
        running += value
    names.append("Change of equity")
    starts.append(0)
    heights.append(_number(money(running)))
    colours.append("@accent")
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": names,
        "x": heights,
        "base": starts,
        "marker": {"color": colours},
        "text": [f"{height:+,.4f}" if height else "0" for height in heights],
        "textposition": "outside",
        "constraintext": "none",
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{text} " + quote + "<extra></extra>",
    }
    reach = [0.0, *(start + height for start, height in zip(starts, heights, strict=True))]
    room = (max(reach) - min(reach) or 1) * 0.28
    layout = {
        "xaxis": {"title": {"text": quote}, "range": [min(reach) - room, max(reach) + room]},
        "yaxis": {"type": "category", "autorange": "reversed"},
        "showlegend": False,
        "hovermode": "closest",
    }
    caption = "Each bar starts where the one before it ends. The terms sum to the change of equity to the last digit."
    return Chart("attribution", f"Where the money came from, {quote}", caption, [trace], layout, 400)


def _stacked(
    report: RunReport,
    name: str,
    title: str,
    parts: Mapping[Any, Terms],
    caption: str,
    axis: Figure,
    *,
    wide: bool = True,
) -> Chart:
    money = report.instrument.money
    keys = list(parts)
    traces: list[Figure] = [
        {
            "type": "bar",
            "name": LABELS[term],
            "x": keys,
            "y": [_number(money(getattr(parts[key], term))) for key in keys],
            "marker": {"color": f"@term-{term.replace('_', '-')}"},
        }
        for term in Terms._fields
        if any(getattr(parts[key], term) for key in keys)
    ]
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "Sum",
            "x": keys,
            "y": [_number(money(parts[key].total)) for key in keys],
            "marker": {"symbol": "diamond", "size": 10, "color": "@ink", "line": {"width": 1.5, "color": "@card"}},
        }
    )
    layout = {
        "barmode": "relative",
        "bargap": 0.35,
        "xaxis": axis,
        "yaxis": {"title": {"text": report.instrument.quote}},
        "legend": _LEGEND,
    }
    return Chart(name, title, caption, traces, layout, 400, wide=wide)


def _markouts(curves: Sequence[Curve]) -> Chart:
    """All maker fills with their band, both sides as lines with bars, taker fills where there are any."""
    colours = {"maker": "@accent", "maker buys": "@buy", "maker sells": "@sell", "taker": "@muted"}
    traces: list[Figure] = []
    for curve in curves:
        if curve.name not in colours:
            continue
        colour = colours[curve.name]
        points = [(HORIZON_NAMES[p.horizon_ns], p.mean, p.left_out) for p in curve.points if p.mean is not None]
        if curve.name == "maker":
            traces += _band([(where, mean.value, mean.half_width) for where, mean, _ in points if mean.half_width])
        trace: Figure = {
            "type": "scatter",
            "mode": "lines+markers",
            "name": f"{curve.name} ({curve.fills:,})",
            "x": [where for where, _, _ in points],
            "y": [_round(mean.value) for _, mean, _ in points],
            "text": [f"{mean.size:,} fills, {left_out:,} left out" for _, mean, left_out in points],
            "hovertemplate": "%{y:+.2f} bp, %{text}<extra>" + curve.name + "</extra>",
            "line": {"color": colour, "width": 2.5 if curve.name == "maker" else 1.5},
        }
        if curve.name != "maker":
            trace["error_y"] = {
                "type": "data",
                "array": [_round(mean.half_width) if mean.half_width else None for _, mean, _ in points],
                "thickness": 1,
                "width": 3,
            }
        traces.append(trace)
    layout = {
        "xaxis": {"type": "category", "title": {"text": "time after the fill"}},
        "yaxis": {"title": {"text": "basis points of the price"}, "zeroline": True},
        "legend": _LEGEND,
    }
    caption = (
        "The mid against our price; above zero is good for us. Band and bars: 95 %, fills close in time counted "
        "together; none where there are fewer than 10 stretches of time."
    )
    return Chart("markouts", "Markouts of our fills, basis points", caption, traces, layout, 400, wide=False)


def _band(points: Iterable[tuple[str, float, float | None]]) -> list[Figure]:
    known = [(where, value, width) for where, value, width in points if width is not None]
    common = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    names = [where for where, _, _ in known]
    lower = {**common, "x": names, "y": [_round(value - width) for _, value, width in known]}
    upper = {**common, "x": names, "y": [_round(value + width) for _, value, width in known]}
    return [lower, {**upper, "fill": "tonexty", "fillcolor": "@accent-soft"}] if known else []


def _inventory(report: RunReport) -> Chart:
    base = report.instrument.base
    shares = _binned(report.inventory)
    trace = {
        "type": "bar",
        "x": [_round(value) for value, _, _ in shares],
        "y": [_round(share * 100) for _, _, share in shares],
        "width": [width * 0.92 for _, width, _ in shares],
        "marker": {"color": "@accent"},
        "hovertemplate": "%{x} " + base + ": %{y:.2f} % of the time<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": f"position, {base}"}},
        "yaxis": {"title": {"text": "share of the time, %"}},
        "showlegend": False,
    }
    return Chart("inventory", f"Distribution of inventory, {base}", "", [trace], layout, 400, wide=False)


def _binned(shares: Mapping[float, float]) -> list[tuple[float, float, float]]:
    """(middle, width, share) of at most `_MOST_BARS` bars."""
    values = list(shares)
    low, high = min(values), max(values)
    steps = [after - before for before, after in pairwise(values)]
    if len(values) <= _MOST_BARS:
        width = max(min(steps, default=1.0), (high - low) / _MOST_BARS)
        return [(value, width, share) for value, share in shares.items()]
    width = (high - low) / _MOST_BARS
    bars = [0.0] * _MOST_BARS
    for value, share in shares.items():
        bars[min(int((value - low) / width), _MOST_BARS - 1)] += share
    return [(low + (index + 0.5) * width, width, share) for index, share in enumerate(bars)]


def _line(line: Line, name: str, colour: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [_ms(ts_ns) for ts_ns, _ in line],
        "y": [_round(value) for _, value in line],
        "line": {"color": colour, "width": 1.5},
        "hovertemplate": "%{y}<br>%{x}<extra>" + name + "</extra>",
    }


def _time_axis(report: RunReport) -> Figure:
    """The whole run, the same for every chart over time."""
    return {"type": "date", "range": [_ms(report.span.start_ns), _ms(report.span.end_ns)]}


def _ms(ts_ns: int) -> int:
    return ts_ns // _NS_PER_MS


def _number(value: Decimal) -> float:
    return _round(float(value))


def _round(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
