"""How our fills and our inventory did: markouts with their bands, and how long each position was held."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from perpmaker.report.figures import HORIZON_NAMES, LEGEND, Chart, Figure, rounded
from perpmaker.report.markouts import Curve
from perpmaker.report.run_data import RunReport

_MOST_BARS: Final = 60


def markouts(curves: Sequence[Curve]) -> Chart:
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
            "y": [rounded(mean.value) for _, mean, _ in points],
            "text": [f"{mean.size:,} fills, {left_out:,} left out" for _, mean, left_out in points],
            "hovertemplate": "%{y:+.2f} bp, %{text}<extra>" + curve.name + "</extra>",
            "line": {"color": colour, "width": 2.5 if curve.name == "maker" else 1.5},
        }
        if curve.name != "maker":
            trace["error_y"] = {
                "type": "data",
                "array": [rounded(mean.half_width) if mean.half_width else None for _, mean, _ in points],
                "thickness": 1,
                "width": 3,
            }
        traces.append(trace)
    layout = {
        "xaxis": {"type": "category", "title": {"text": "time after the fill"}},
        "yaxis": {"title": {"text": "basis points of the price"}, "zeroline": True},
        "legend": LEGEND,
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
    lower = {**common, "x": names, "y": [rounded(value - width) for _, value, width in known]}
    upper = {**common, "x": names, "y": [rounded(value + width) for _, value, width in known]}
    return [lower, {**upper, "fill": "tonexty", "fillcolor": "@accent-soft"}] if known else []


def inventory(report: RunReport) -> Chart:
    base = report.instrument.base
    shares = _binned(report.inventory)
    trace = {
        "type": "bar",
        "x": [rounded(value) for value, _, _ in shares],
        "y": [rounded(share * 100) for _, _, share in shares],
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
