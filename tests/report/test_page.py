"""The page: one file, no network, everything from outside escaped; and the same figures on the terminal."""

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.console import Console

from perpmaker.data.grades import BARS, EVERY_CHANGE
from perpmaker.report.attribution import HORIZON_NS, HOUR_NS, WHOLE, Attribution, Terms
from perpmaker.report.charts import charts
from perpmaker.report.charts_over_time import MOST_FILLS
from perpmaker.report.comparison import compare
from perpmaker.report.comparison import page as comparison_page
from perpmaker.report.html import page
from perpmaker.report.markup import Markup, script_json, tag, text
from perpmaker.report.provenance import REAL_FILLS
from perpmaker.report.run_data import RunReport
from perpmaker.report.series import drawdown, thinned, time_shares
from perpmaker.report.terminal import show

EVIL = "<script>alert('x')</script>&\"]]>--"


class Tags(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_needs_nothing_but_itself(report: RunReport) -> None:
    written = page(report)
    for name, attributes in Tags(written).found:
        assert "src" not in attributes
        assert attributes.get("href") in (None, "data:,")
        assert name not in ("iframe", "img", "object", "embed")
    assert "default-src &#x27;none&#x27;" in written
    assert len(written) < 5_000_000


def test_every_chart_has_a_place_a_title_and_units(report: RunReport) -> None:
    drawn = charts(report)
    names = [chart.name for chart in drawn]
    assert names == [
        "equity", "price", "position", "attribution", "sides", "levels", "hours", "markouts", "inventory",
    ]  # fmt: skip
    written = page(report)
    for chart in drawn:
        assert f'id="chart-{chart.name}"' in written
        assert re.search(r", (USDC|SOL|basis points|USDC per SOL)$", chart.title)


def test_every_figure_of_the_summary_stands_on_the_page_and_on_the_terminal_word_for_word(report: RunReport) -> None:
    file = io.StringIO()
    show(Console(file=file, width=120, highlight=False), report)
    written, printed = page(report), file.getvalue()
    assert report.summary is not None
    for name, value in report.summary.items():
        if name != "run":
            shown = "none" if value is None else str(value)
            assert re.search(rf'<td class="">{name}</td><td class="">{re.escape(shown)}</td>', written)
            assert re.search(rf"^{name}\s+{re.escape(shown)}\s*$", printed, re.MULTILINE)


def test_the_run_can_be_repeated_from_the_page_alone(report: RunReport) -> None:
    written, run = page(report), report.run
    for value in (
        text(run.command_line),
        run.version,
        run.run_id,
        str(run.seed),
        "synthetic market SOL_USDC_PERP, seed 3",
    ):
        assert value in written
    for name, value in run.settings.items():
        assert f'<td class="">{name}</td><td class="words">{text(value)}</td>' in written


def test_the_grade_of_the_data_its_bias_and_its_fill_rules_are_shown(report: RunReport) -> None:
    file = io.StringIO()
    show(Console(file=file, width=1_000, highlight=False), replace(report, grades=[BARS]))
    written, printed = page(replace(report, grades=[BARS])), file.getvalue()
    for shown in (BARS.title, BARS.bias):
        assert text(shown) in written
        assert shown in printed
    assert all(f"<li>{text(rule)}</li>" in written for rule in BARS.fill_rules)
    assert EVERY_CHANGE.bias in page(report)


def test_a_live_run_was_filled_by_its_exchange_so_no_fill_rules_are_claimed(report: RunReport) -> None:
    written = page(replace(report, run=replace(report.run, mode="live")))
    assert text(REAL_FILLS) in written
    assert EVERY_CHANGE.bias not in written


def test_a_page_stays_small_however_much_happened(report: RunReport) -> None:
    minute = 60 * 10**9
    equity = [(report.span.start_ns + at * minute, float(at * 7_919 % 10_007)) for at in range(500_000)]
    fills = list(report.fills) * 500
    assert len(page(replace(report, equity=equity, positions=equity, price=equity, executions=fills))) < 5_000_000


@pytest.mark.parametrize(("hours", "length", "bars"), [(240, "hour", 240), (241, "day", 11), (24 * 700, "week", 101)])
def test_a_long_run_is_shown_by_day_or_week_and_nothing_of_it_is_lost(
    report: RunReport, hours: int, length: str, bars: int
) -> None:
    starts = [at * HOUR_NS for at in range(hours)]
    cells = {(WHOLE, at_ns): Terms(spread=10**12, funding=-(10**11)) for at_ns in starts}
    long = replace(report, attribution=Attribution(HORIZON_NS, starts, cells))
    chart = next(chart for chart in charts(long) if chart.name == "hours")
    assert chart.title.startswith(f"By {length}, ")
    sums = next(trace["y"] for trace in chart.traces if trace["name"] == "Sum")
    assert len(sums) == bars
    assert sum(sums) == pytest.approx(float(report.instrument.money(hours * 9 * 10**11)))


def test_nothing_from_outside_becomes_markup(report: RunReport) -> None:
    settings = {**report.run.settings, EVIL: EVIL}
    run = replace(report.run, symbol=EVIL, command_line=EVIL, settings=settings, end_reason=EVIL, run_id=EVIL)
    instrument = replace(report.instrument, quote=EVIL, base=EVIL)
    hurt = replace(
        report, run=run, instrument=instrument, market_name=EVIL, warnings=[EVIL],
        reasons=[], stops=[stop._replace(text=EVIL, kind=EVIL) for stop in report.stops],
    )  # fmt: skip
    for written in (page(hurt), comparison_page([hurt, report])):
        assert EVIL not in written
        assert sum(name == "script" for name, _ in Tags(written).found) == 3
        figures = re.search(r'id="figures">(.*?)</script>', written, re.DOTALL)
        assert figures is not None
        assert EVIL in json.loads(figures.group(1))[0]["title"]


def test_markup_escapes_what_is_not_markup() -> None:
    assert tag("b", "<i>", Markup("<u></u>"), class_='a"b') == '<b class="a&quot;b">&lt;i&gt;<u></u></b>'
    assert "<" not in script_json({"a": "</script>"})


def test_two_runs_side_by_side_show_what_differs(report: RunReport) -> None:
    other = replace(report, run=replace(report.run, settings={**report.run.settings, "spread": "0.0005"}))
    found = compare([report, other])
    assert [(row.name, list(row.values)) for row in found.settings] == [("spread", ["0.0003", "0.0005"])]
    assert found.equal_settings == len(report.run.settings) - 1
    assert report.summary is not None
    figures = {row.name: row.values for row in found.figures}
    assert list(figures["equity_end"]) == [report.summary["equity_end"]] * 2
    assert 'id="chart-equity"' in comparison_page([report, other])


def test_a_thinned_line_keeps_its_ends_its_highest_and_its_lowest() -> None:
    line = [(at, float((at * 7_919) % 10_007)) for at in range(50_000)]
    thin = thinned(line, 1_000)
    assert len(thin) <= 1_000
    assert thin[0] == line[0]
    assert thin[-1] == line[-1]
    assert max(value for _, value in thin) == max(value for _, value in line)
    assert min(value for _, value in thin) == min(value for _, value in line)
    assert thin == sorted(thin)


def test_a_drawdown_counts_from_the_highest_point_before() -> None:
    assert [value for _, value in drawdown([(0, 1.0), (1, 3.0), (2, 2.0), (3, 4.0), (4, 0.0)])] == [0, 0, -1, 0, -4]


def test_shares_of_time_are_those_of_the_steps() -> None:
    assert time_shares([(0, 0.0), (10, 2.0), (30, 0.0)], 40) == {0.0: 0.5, 2.0: 0.5}


def test_very_many_fills_are_thinned_and_the_caption_says_so(report: RunReport) -> None:
    many = list(report.fills) * (MOST_FILLS // len(report.fills) + 1)
    price = next(chart for chart in charts(replace(report, executions=many)) if chart.name == "price")
    assert sum(len(trace["x"]) for trace in price.traces if trace["mode"] == "markers") == MOST_FILLS
    assert f"{MOST_FILLS:,} of {len(many):,} fills are drawn" in price.caption
