"""A report of a recorded run: its figures are the summary's, its terms sum exactly, and it says what it cannot know."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.cli.main import _run
from perpmaker.data.grades import BARS
from perpmaker.domain.errors import RecordingError, UnknownNameError
from perpmaker.domain.events import Filled
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import Side
from perpmaker.journal.readers import list_runs
from perpmaker.journal.writer import Journal, open_journal
from perpmaker.report.attribution import Terms
from perpmaker.report.charts import charts
from perpmaker.report.html import page
from perpmaker.report.market_source import MarketSource, open_market
from perpmaker.report.rows import Placed, read_rows
from perpmaker.report.run_data import RunReport, build_report, build_reports, read_report
from perpmaker.simulation.market_events import MarketChunk, MarketFeed
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES

NOTHING = MarketSource("not recorded", None)


class Counted:
    """A feed that counts how often it is played."""

    def __init__(self, feed: MarketFeed) -> None:
        self._feed = feed
        self.played = 0

    @property
    def instrument(self) -> Instrument:
        return self._feed.instrument

    def chunks(self) -> Iterator[MarketChunk]:
        self.played += 1
        return self._feed.chunks()


def test_the_terms_sum_to_the_change_of_equity_in_the_summary_exactly(report: RunReport) -> None:
    assert report.summary is not None
    assert report.attribution is not None
    gained = Decimal(report.summary["equity_end"]) - Decimal(report.summary["equity_start"])
    assert report.instrument.money(report.attribution.total.total) == gained
    assert report.span.unexplained_quanta == 0


def test_fees_and_funding_are_those_of_the_summary(report: RunReport) -> None:
    assert report.summary is not None
    assert report.attribution is not None
    total, money = report.attribution.total, report.instrument.money
    assert money(-total.maker_fees - total.taker_fees) == Decimal(report.summary["fees"])
    assert money(total.funding) == Decimal(report.summary["funding"])


def test_what_is_counted_is_what_the_summary_counted(report: RunReport) -> None:
    assert report.summary is not None
    assert len(report.fills) == report.summary["fills"] > 50
    assert sum(fill.side is Side.BUY for fill in report.fills) == report.summary["buys"]
    stops = [stop for stop in report.stops if stop.kind == "stop loss"]
    assert len(stops) == report.summary["stops"] > 0
    assert sum(row.filled_lots for row in report.levels) == sum(
        abs(fill.signed_lots) for fill in report.fills if fill.is_maker
    )
    assert float(report.positions[-1][1]) == float(report.summary["position"])


def test_the_mark_at_the_end_is_the_markets_own(report: RunReport) -> None:
    assert report.path is not None
    assert report.span.end_mark_milliticks == report.path.mark(report.span.end_ns)


def test_nothing_warns_of_a_run_in_order(report: RunReport) -> None:
    assert list(report.warnings) == []


def test_the_market_of_another_seed_is_recognized(journal: Journal) -> None:
    rows = read_rows(journal, list_runs(journal)[0])
    other = MarketSource("another", SyntheticMarket(PROFILES["SOL_USDC_PERP"], 99))
    found = build_report(rows, other)
    assert any("not what the run traded on" in warning for warning in found.warnings)
    assert found.attribution is not None
    assert found.attribution.total != Terms()


def test_without_market_data_the_report_says_what_is_missing_and_shows_the_rest(journal: Journal) -> None:
    found = build_report(read_rows(journal, list_runs(journal)[0]), NOTHING)
    assert found.attribution is None
    assert found.curves == []
    assert any("No market data: not recorded" in warning for warning in found.warnings)
    assert [chart.name for chart in charts(found)] == ["equity", "position", "inventory"]
    assert "No market data" in page(found)


def test_a_run_without_a_summary_is_told_by_its_journal(journal: Journal, report: RunReport) -> None:
    run = replace(list_runs(journal)[0], summary=None, ended_at_ns=None, end_reason=None)
    found = build_report(read_rows(journal, run), open_market(run))
    assert any("no summary" in warning for warning in found.warnings)
    assert found.span.equity_start_quanta == report.span.equity_start_quanta
    assert found.attribution is not None
    end, start = found.span.equity_end_quanta, found.span.equity_start_quanta
    assert end is not None
    assert start is not None
    assert found.attribution.total.total == end - start
    assert "This run has no summary" in page(found)


def test_a_journal_that_does_not_explain_the_result_is_not_split(journal: Journal) -> None:
    rows = read_rows(journal, list_runs(journal)[0])
    index, fill = next((index, one) for index, one in enumerate(rows.bookings) if isinstance(one, Filled))
    rows.bookings[index] = fill._replace(fee_quanta=fill.fee_quanta + 1)
    found = build_report(rows, open_market(rows.run))
    assert found.span.unexplained_quanta == 1
    assert found.attribution is None
    assert any("does not explain" in warning for warning in found.warnings)


def test_runs_of_one_market_share_one_pass_and_each_report_is_as_it_is_alone(tmp_path: Path) -> None:
    file = str(tmp_path / "two.db")
    flags = "--quantity 0.1 --max-position 1 --interval 5 --view none --journal"
    for spread, duration in (("3bp", "900"), ("4bp", "300")):
        assert _run(["run", *flags.split(), file, "--spread", spread, "--duration", duration]) == 0
    feed = Counted(SyntheticMarket(PROFILES["SOL_USDC_PERP"], 1))
    source = MarketSource("the market", feed)
    with open_journal(file) as journal:
        known = [(read_rows(journal, run), source) for run in list_runs(journal)]
    alone = [build_report(rows, source) for rows, _ in known]
    played_alone = feed.played
    together = build_reports(known)
    assert feed.played - played_alone == played_alone // 2
    assert [page(report) for report in together] == [page(report) for report in alone]
    assert together[0].levels != together[1].levels


def test_levels_of_a_journal_that_did_not_keep_them_are_guessed_and_the_report_says_so(
    journal: Journal, report: RunReport
) -> None:
    rows = read_rows(journal, list_runs(journal)[0])
    old = replace(rows, story=[one._replace(level=None) if isinstance(one, Placed) else one for one in rows.story])
    found = build_report(old, open_market(old.run))
    assert any("levels are inferred" in warning for warning in found.warnings)
    assert sum(found.orders[number].level != order.level for number, order in report.orders.items()) < 0.02 * len(
        report.orders
    )


def test_on_bars_the_report_says_what_a_mid_is_there(journal: Journal) -> None:
    rows = read_rows(journal, list_runs(journal)[0])
    source = open_market(rows.run)
    assert any("On bars the mid" in one for one in build_report(rows, replace(source, grades=[BARS])).warnings)


def test_a_recording_that_is_not_there_is_refused_only_where_it_was_asked_for(journal: Journal, tmp_path: Path) -> None:
    run = list_runs(journal)[0]
    with pytest.raises(UnknownNameError, match="no such recording"):
        open_market(run, tmp_path / "nowhere")
    with pytest.raises(RecordingError):
        open_market(run, tmp_path)
    lost = replace(run, provenance={"feed": str(tmp_path / "nowhere")}, seed=None)
    source = open_market(lost)
    assert source.feed is None
    assert "cannot be used" in source.name


def test_a_live_run_is_looked_at_through_its_recording(journal: Journal) -> None:
    run = replace(list_runs(journal)[0], mode="live", provenance={"market": "x"}, settings={"record": "None"})
    assert open_market(run).feed is None
    assert "--record" in open_market(run).name


def test_a_run_in_which_nothing_traded_has_a_report(tmp_path: Path) -> None:
    file = str(tmp_path / "quiet.db")
    flags = "--spread 1% --quantity 0.1 --duration 60 --view none --journal"
    assert _run(["run", *flags.split(), file]) == 0
    with open_journal(file) as journal:
        found = read_report(journal, list_runs(journal)[0])
    assert found.attribution is not None
    assert found.attribution.total == Terms()
    assert any("Only 0 fills" in warning for warning in found.warnings)
    assert page(found).startswith("<!doctype html>")
