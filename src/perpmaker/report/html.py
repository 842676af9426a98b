"""The report as one HTML file that needs nothing else: style, script, charts and data are inside, without any network.

plotly's basic bundle (lines and bars) is a quarter of its whole, so a day fits into 2 MB. The content policy of the
page forbids every connection.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from perpmaker import __version__
from perpmaker.report import provenance, sections
from perpmaker.report.charts import charts
from perpmaker.report.figures import Chart
from perpmaker.report.markup import Markup, joined, script_json, tag, text
from perpmaker.report.run_data import RunReport
from perpmaker.report.wording import utc

_POLICY: Final = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"


def page(report: RunReport) -> str:
    """The whole page of one run."""
    drawn = charts(report)
    run = report.run
    title = f"{run.symbol} on {run.exchange}, {run.mode}"
    times = f"{utc(report.span.start_ns)} to {utc(report.span.end_ns)} UTC"
    ended = run.end_reason or "has not ended"
    body = [
        heading(title, f"{times}; {ended}. Run {run.run_id}."),
        sections.warnings(report.warnings),
        sections.tiles(report),
        _over_time(drawn),
        _money(report, drawn),
        _execution(report, drawn),
        tag("h2", "Stops, takes and limits"),
        tag("div", sections.stops(report), class_="card"),
        tag("h2", "Market data"),
        tag("div", provenance.market_data(report), class_="card"),
        tag("h2", "Performance"),
        tag("div", sections.performance(report), class_="card narrow"),
        tag("h2", "Summary"),
        tag("div", sections.figures(report), sections.notices(report), class_="card narrow"),
        tag("h2", "Do it again"),
        tag("div", provenance.repeat(report), class_="card"),
    ]
    return document(f"perpmaker: {title}", body, drawn)


def document(title: str, body: Sequence[Markup], drawn: Sequence[Chart]) -> str:
    """A page around its content."""
    head = [
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{text(_POLICY)}">'),
        Markup('<link rel="icon" href="data:,">'),
        tag("title", title),
        Markup(f"<style>{_asset('report.css')}</style>"),
    ]
    foot = [
        tag("footer", f"Made by perpmaker {__version__}. Charts by plotly.js (MIT licence)."),
    ]
    scripts = [
        Markup(
            f'<script type="application/json" id="figures">{script_json([one.as_json() for one in drawn])}</script>'
        ),
        Markup(f"<script>{_asset('plotly-basic.min.js')}</script>"),
        Markup(f"<script>{_asset('report.js')}</script>"),
    ]
    content = tag("body", tag("main", *body, *foot), *scripts)
    return f'<!doctype html>\n<html lang="en">{tag("head", *head)}{content}</html>\n'


def heading(title: str, below: str) -> Markup:
    """The head of a page, with the switch between light and dark."""
    words = tag("div", tag("h1", title), tag("div", below, class_="muted"))
    return tag("header", words, tag("button", "Dark", id="theme", type="button"))


def chart_card(chart: Chart) -> Markup:
    """The place of one chart."""
    parts = [tag("h3", chart.title), *([tag("p", chart.caption, class_="caption")] if chart.caption else [])]
    place = tag("div", class_="plot", id=f"chart-{chart.name}", style=f"height:{chart.height}px")
    return tag("section", *parts, place, class_="card wide" if chart.wide else "card")


def _chosen(drawn: Sequence[Chart], *names: str) -> list[Markup]:
    return [chart_card(chart) for name in names for chart in drawn if chart.name == name]


def _over_time(drawn: Sequence[Chart]) -> Markup:
    return tag("div", *_chosen(drawn, "equity", "price", "position"), class_="charts")


def _money(report: RunReport, drawn: Sequence[Chart]) -> Markup:
    if report.attribution is None:
        return Markup()
    exact = sections.terms_table(report, report.attribution)
    by_level = tag(
        "details",
        tag("summary", "By side and level, in figures"),
        sections.level_terms_table(report, report.attribution),
    )
    return joined(
        [
            tag("h2", "Where the money came from"),
            tag(
                "div",
                *_chosen(drawn, "attribution"),
                tag("section", tag("h3", "The terms, exactly"), exact, by_level, class_="card wide"),
                *_chosen(drawn, "sides", "levels", "hours"),
                class_="charts",
            ),
        ]
    )


def _execution(report: RunReport, drawn: Sequence[Chart]) -> Markup:
    parts = _chosen(drawn, "markouts", "inventory")
    if report.curves:
        parts.append(
            tag("section", tag("h3", "Markouts in figures"), sections.markouts(report.curves), class_="card wide")
        )
    if report.levels:
        note = tag(
            "p",
            "Queues are those of the simulated exchange: lots ahead of an order when it came to rest, an estimate.",
            class_="caption",
        )
        parts.append(tag("section", tag("h3", "Orders by level"), note, sections.levels(report), class_="card wide"))
    return joined([tag("h2", "Execution"), tag("div", *parts, class_="charts")]) if parts else Markup()


def _asset(name: str) -> str:
    return files("perpmaker.report").joinpath("assets", name).read_text(encoding="utf-8")
