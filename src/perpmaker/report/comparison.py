"""Runs side by side: what was set differently, and what came of it.

Rules kept here:

1. Settings that are equal in all runs are not shown, but counted.
2. Figures are those of each run's own report. Money of different quote currencies is never put into one row without its
   currency; nothing is ranked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from perpmaker.report.figures import Chart, Figure
from perpmaker.report.html import chart_card, document, heading
from perpmaker.report.markup import Markup, table, tag
from perpmaker.report.run_data import RunReport
from perpmaker.report.series import thinned
from perpmaker.report.terms import LABELS, amount
from perpmaker.report.wording import plain

_COLOURS: Final = (
    "@accent", "@term-adverse", "@term-spread", "@term-inventory", "@term-maker-fees", "@term-funding", "@loss",
    "@muted",
)  # fmt: skip
_NS_PER_HOUR: Final = 3_600 * 10**9
_IDENTITY: Final = ("run", "version", "mode", "exchange", "symbol", "seed", "market data", "command line")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison: a name, and a value for each run."""

    name: str
    values: Sequence[str]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


@dataclass(frozen=True, slots=True)
class Comparison:
    names: Sequence[str]
    runs: Sequence[Row]
    settings: Sequence[Row]
    equal_settings: int
    figures: Sequence[Row]
    terms: Sequence[Row]


def compare(reports: Sequence[RunReport]) -> Comparison:
    """Two runs or more, in the order given."""
    names = _names(reports)
    every = list(dict.fromkeys(name for report in reports for name in report.run.settings))
    settings = [Row(name, [report.run.settings.get(name, "not set") for report in reports]) for name in every]
    figures = list(dict.fromkeys(name for report in reports for name in report.summary or {} if name != "run"))
    return Comparison(
        names=names,
        runs=[Row(name, [_identity(report, name) for report in reports]) for name in _IDENTITY],
        settings=[row for row in settings if row.differs],
        equal_settings=sum(not row.differs for row in settings),
        figures=[_net(reports), *(Row(name, [_figure(report, name) for report in reports]) for name in figures)],
        terms=_terms(reports),
    )


def page(reports: Sequence[RunReport]) -> str:
    """The comparison as one self-contained HTML file."""
    found = compare(reports)
    drawn = [_equity(reports, found.names)]
    drawn += [_bars(reports, found.names)] if any(report.attribution for report in reports) else []
    head = ["", *found.names]
    equal = tag("p", f"{found.equal_settings} settings are equal in all runs.", class_="caption")
    settings = _rows(head, found.settings) if found.settings else tag("p", "All settings are equal.", class_="muted")
    body = [
        heading(f"{len(reports)} runs side by side", "Differences of settings, and what came of them."),
        tag("div", *(chart_card(chart) for chart in drawn), class_="charts"),
        tag("h2", "What was set differently"),
        tag("div", settings, equal, class_="card"),
        tag("h2", "Where the money came from"),
        tag("div", _rows(head, found.terms), class_="card") if found.terms else Markup(),
        tag("h2", "Figures"),
        tag("div", _rows(head, found.figures), class_="card"),
        tag("h2", "Runs"),
        tag("div", _rows(head, found.runs), class_="card"),
    ]
    return document("perpmaker: comparison", body, drawn)


def _rows(head: Sequence[str], rows: Sequence[Row]) -> Markup:
    return table(head, [[row.name, *row.values] for row in rows])


def _names(reports: Sequence[RunReport]) -> list[str]:
    """Letters: identifiers of runs are too long for a column."""
    return [f"{chr(ord('A') + index % 26)}{index // 26 or ''}" for index in range(len(reports))]


def _identity(report: RunReport, name: str) -> str:
    run = report.run
    known: dict[str, Any] = {"run": run.run_id, "market data": report.market_name}
    return plain(known[name] if name in known else getattr(run, name.replace(" ", "_")))


def _figure(report: RunReport, name: str) -> str:
    return "unknown" if report.summary is None else plain(report.summary.get(name, "unknown"))


def _net(reports: Sequence[RunReport]) -> Row:
    return Row("net result", [_net_of(report) for report in reports])


def _net_of(report: RunReport) -> str:
    start, end = report.span.equity_start_quanta, report.span.equity_end_quanta
    if start is None or end is None:
        return "unknown"
    return f"{report.instrument.money(end - start):f} {report.instrument.quote}"


def _terms(reports: Sequence[RunReport]) -> list[Row]:
    if not any(report.attribution for report in reports):
        return []
    rows = [Row(label, [_term(report, name) for report in reports]) for name, label in LABELS.items()]
    return [row for row in rows if row.name != LABELS["takeover"] or row.differs]


def _term(report: RunReport, name: str) -> str:
    if report.attribution is None:
        return "no market data"
    return f"{amount(report.attribution.total, name, report.instrument):f}"


def _equity(reports: Sequence[RunReport], names: Sequence[str]) -> Chart:
    """Change of equity by hours since the start, so that runs of different days lie over each other."""
    traces: list[Figure] = []
    for index, (name, report) in enumerate(zip(names, reports, strict=True)):
        line = thinned(report.equity)
        if line:
            start_ns, first = line[0]
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": name,
                    "x": [round((ts_ns - start_ns) / _NS_PER_HOUR, 6) for ts_ns, _ in line],
                    "y": [float(f"{value - first:.8g}") for _, value in line],
                    "line": {"color": _COLOURS[index % len(_COLOURS)], "width": 1.8},
                }
            )
    quotes = ", ".join(sorted({report.instrument.quote for report in reports}))
    layout = {
        "xaxis": {"title": {"text": "hours since the start of each run"}},
        "yaxis": {"title": {"text": quotes}},
        "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
    }
    return Chart("equity", f"Change of equity, {quotes}", "As sampled by each run's journal.", traces, layout, 400)


def _bars(reports: Sequence[RunReport], names: Sequence[str]) -> Chart:
    splits = [report.attribution.total for report in reports if report.attribution is not None]
    terms = [term for term in LABELS if any(getattr(total, term) for total in splits)]
    traces: list[Figure] = []
    for index, (name, report) in enumerate(zip(names, reports, strict=True)):
        split = report.attribution
        if split is not None:
            instrument = report.instrument
            heights = [float(amount(split.total, term, instrument)) for term in terms]
            colour = _COLOURS[index % len(_COLOURS)]
            traces.append(
                {
                    "type": "bar",
                    "name": name,
                    "x": [LABELS[term] for term in terms],
                    "y": heights,
                    "marker": {"color": colour},
                }
            )
    quotes = ", ".join(sorted({report.instrument.quote for report in reports}))
    layout = {
        "barmode": "group",
        "xaxis": {"type": "category"},
        "yaxis": {"title": {"text": quotes}},
        "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
    }
    return Chart("attribution", f"Where the money came from, {quotes}", "", traces, layout, 400)
