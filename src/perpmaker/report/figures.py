"""What a chart is, and the parts that charts share: plain figures (traces and layout) for plotly.

Rules kept here:

1. A colour is a token such as ``@gain``; the page replaces it by that of its light or dark theme.
2. Every chart has a title and its units; times are UTC, in milliseconds.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from perpmaker.report.run_data import RunReport
from perpmaker.report.series import Line

Figure = dict[str, Any]

LEGEND: Final = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
HORIZON_NAMES: Final = {0: "at the fill", 10**9: "1 s", 5 * 10**9: "5 s", 30 * 10**9: "30 s", 300 * 10**9: "5 min"}

_NS_PER_MS: Final = 1_000_000
_DIGITS: Final = 10


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


def line_of(line: Line, name: str, colour: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [ms(ts_ns) for ts_ns, _ in line],
        "y": [rounded(value) for _, value in line],
        "line": {"color": colour, "width": 1.5},
        "hovertemplate": "%{y}<br>%{x}<extra>" + name + "</extra>",
    }


def time_axis(report: RunReport) -> Figure:
    """The whole run, the same for every chart over time."""
    return {"type": "date", "range": [ms(report.span.start_ns), ms(report.span.end_ns)]}


def ms(ts_ns: int) -> int:
    return ts_ns // _NS_PER_MS


def number(value: Decimal) -> float:
    return rounded(float(value))


def rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
