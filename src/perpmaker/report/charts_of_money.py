"""Where the money came from: every term after the other, and the same by side, by level and by hour."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from perpmaker.report.attribution import HOUR_NS, Attribution, Terms, add
from perpmaker.report.figures import LEGEND, Chart, Figure, ms, number
from perpmaker.report.run_data import RunReport
from perpmaker.report.terms import LABELS, group_name, shown, side_name

_LENGTHS_NS: Final = {"hour": HOUR_NS, "day": 24 * HOUR_NS, "week": 7 * 24 * HOUR_NS}
_FIRST_MONDAY_NS: Final = 4 * 24 * HOUR_NS
_MOST_BARS: Final = 240


def attribution(report: RunReport, split: Attribution) -> list[Chart]:
    quote = report.instrument.quote
    by_level = {group_name(group): terms for group, terms in split.by_level().items()}
    by_side = {side_name(side): terms for side, terms in split.by_side().items()}
    length, by_time = _by_time(split.by_hour())
    return [
        _waterfall(report, split.total),
        _stacked(report, "sides", f"By side, {quote}", by_side, "", {"type": "category"}, wide=False),
        _stacked(
            report, "levels", f"By level, {quote}", by_level,
            "Closing: orders that close the position. Account: what belongs to no fill.", {"type": "category"},
            wide=False,
        ),
        _stacked(
            report, "hours", f"By {length}, {quote}", {ms(at_ns): terms for at_ns, terms in by_time.items()},
            f"By {length} of UTC. The diamond is the change of equity in that {length}, exactly.", {"type": "date"},
        ),
    ]  # fmt: skip


def _by_time(by_hour: Mapping[int, Terms]) -> tuple[str, Mapping[int, Terms]]:
    """By hour, or by day or week where there are too many bars to be told apart; each by its start."""
    grouped = {length: _grouped(by_hour, span_ns) for length, span_ns in _LENGTHS_NS.items()}
    length = next((length for length, parts in grouped.items() if len(parts) <= _MOST_BARS), "week")
    return length, grouped[length]


def _grouped(by_hour: Mapping[int, Terms], span_ns: int) -> dict[int, Terms]:
    parts: defaultdict[int, list[Terms]] = defaultdict(list)
    for hour_ns, terms in by_hour.items():
        parts[(hour_ns - _FIRST_MONDAY_NS) // span_ns * span_ns + _FIRST_MONDAY_NS].append(terms)
    return {at_ns: add(terms) for at_ns, terms in parts.items()}


def _waterfall(report: RunReport, total: Terms) -> Chart:
    """Each term starts where the one before it ended; the last bar is their sum."""
    money, quote = report.instrument.money, report.instrument.quote
    names, starts, heights, colours, running = [], [], [], [], 0
    for name in shown(total):
        value = getattr(total, name)
        names.append(LABELS[name])
        starts.append(number(money(running)))
        heights.append(number(money(value)))
        colours.append("@gain" if value >= 0 else "@loss")
        running += value
    names.append("Change of equity")
    starts.append(0)
    heights.append(number(money(running)))
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
            "y": [number(money(getattr(parts[key], term))) for key in keys],
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
            "y": [number(money(parts[key].total)) for key in keys],
            "marker": {"symbol": "diamond", "size": 10, "color": "@ink", "line": {"width": 1.5, "color": "@card"}},
        }
    )
    layout = {
        "barmode": "relative",
        "bargap": 0.35,
        "xaxis": axis,
        "yaxis": {"title": {"text": report.instrument.quote}},
        "legend": LEGEND,
    }
    return Chart(name, title, caption, traces, layout, 400, wide=wide)
