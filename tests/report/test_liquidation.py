"""A run that the exchange liquidated: its fills belong to no order of ours, and the parts still add up exactly."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from perpmaker.domain.events import LIQUIDATION_ORDER_ID, EndReason
from perpmaker.journal.observer import JournalObserver
from perpmaker.journal.readers import list_runs
from perpmaker.journal.writer import RunStart, open_journal
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategyTerms
from perpmaker.report.html import page
from perpmaker.report.market_source import MarketSource
from perpmaker.report.rows import RunRows, read_rows
from perpmaker.report.run_data import RunReport, build_report
from perpmaker.runtime.replay import Replay
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.runtime.summary import RunFacts, summarize
from perpmaker.simulation import market_events as me
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.terms import ExchangeTerms
from support.recordings import INSTRUMENT, Row, Rows
from support.returning_flow import MID_TICKS, START_NS
from support.runs import strategy

S = 10**9
SETTINGS = strategy(
    spread="0.0002", quantity="0.01", max_position="1", interval_s="5", inventory_skew="0", duration_s="0"
)


def falling() -> Rows:
    """The price falls by 3 bp a second: every bid is filled, and none of it comes back."""
    return Rows(list(_falling()))


def _falling() -> Iterator[Row]:
    for second in range(600):
        at_ns, mid = START_NS + second * S, MID_TICKS - 300 * second
        yield at_ns, me.CLEAR_BIDS | me.MORE, 0, 0
        yield at_ns, me.CLEAR_ASKS | me.MORE, 2 * MID_TICKS, 0
        yield at_ns, me.BID | me.MORE, mid - 5, 10_000
        yield at_ns, me.ASK, mid + 5, 10_000


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> RunRows:
    """What a journal has of it."""
    feed, terms = falling(), StrategyTerms.of(SETTINGS, INSTRUMENT, Decimal(10_000), Decimal(10))
    account = ExchangeTerms(
        200_000, 500_000, terms.balance_quanta, Decimal(10),
        maintenance_margin_ppb=50_000_000, liquidation_fee_ppb=10_000_000,
    )  # fmt: skip
    exchange = SimulatedExchange(feed, account)
    maker = MarketMaker(terms, exchange.now_ns)
    statistics = RunStatistics(INSTRUMENT, terms.max_position_lots, exchange.now_ns)
    settings = {"spread": "0.0002"}
    about = RunStart(
        version="1", exchange="sim", symbol=INSTRUMENT.symbol, market_type="perp", mode="simulation", seed=None,
        command_line="", settings=settings, instrument=INSTRUMENT, provenance={},
    )  # fmt: skip
    with open_journal(str(tmp_path_factory.mktemp("journal") / "j.db")) as journal:
        with journal.begin_run(about) as run:
            outcome = Replay(maker, exchange, [statistics, JournalObserver(run, maker)]).run()
            assert outcome.reason is EndReason.LIQUIDATED
            facts = RunFacts(outcome.reason, "simulation", "sim", INSTRUMENT.symbol, None, "1", settings, [])
            run.end(
                summarize(
                    statistics, equity_start_quanta=terms.balance_quanta,
                    mark_milliticks=exchange.mark_milliticks or 0, max_drawdown_quanta=exchange.max_drawdown_quanta,
                    requests=0, end_ns=exchange.now_ns, events=1, wall_s=1.0, run=facts,
                )
            )  # fmt: skip
        return read_rows(journal, list_runs(journal)[0])


@pytest.fixture(scope="module")
def report(rows: RunRows) -> RunReport:
    return build_report(rows, MarketSource("a fall", falling()))


def test_the_parts_sum_to_the_change_of_equity_exactly(report: RunReport) -> None:
    assert report.summary is not None
    assert report.attribution is not None
    gained = Decimal(report.summary["equity_end"]) - Decimal(report.summary["equity_start"])
    assert report.instrument.money(report.attribution.total.total) == gained < 0


def test_its_fills_take_and_are_of_no_level_and_its_fee_is_among_the_taker_fees(
    rows: RunRows, report: RunReport
) -> None:
    forced = [fill for fill in rows.fills if fill.order_id == LIQUIDATION_ORDER_ID]
    assert forced
    assert {(fill.level, fill.is_maker) for fill in report.fills if fill.signed_lots < 0} >= {(0, False)}
    assert report.attribution is not None
    assert report.attribution.total.taker_fees == -sum(fill.fee_quanta for fill in rows.fills if not fill.is_maker)


def test_it_is_listed_with_the_stops(report: RunReport) -> None:
    assert [stop.kind for stop in report.stops] == ["liquidated"]
    assert "the exchange closed" in page(report)
