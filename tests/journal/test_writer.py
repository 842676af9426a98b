"""Recording a run: everything of ours, in order, in batches, and never silently lost."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from threading import Thread

import pytest
from sqlalchemy import Table, select, text

from perpmaker.domain.commands import Cancel, Halt, Notice, NoticeKind, Place
from perpmaker.domain.errors import JournalError
from perpmaker.domain.events import (
    BalanceCorrected,
    BookUpdated,
    CancelRejected,
    CloseRequested,
    EndReason,
    Event,
    Filled,
    FundingPaid,
    GapEnded,
    GapStarted,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    OutcomeUnknown,
    PositionCorrected,
    QuotingPaused,
    StopRequested,
    TimerFired,
    TradeSeen,
)
from perpmaker.domain.orders import CancelReason, OrderKind, RejectReason, Side
from perpmaker.domain.position import Position
from perpmaker.journal import readers, schema
from perpmaker.journal.batches import BatchWriter
from perpmaker.journal.bulk import in_statement_sizes
from perpmaker.journal.database import writing
from perpmaker.journal.records import KEPT, Reason
from perpmaker.journal.writer import Journal, RunStart
from perpmaker.runtime.statistics import RunStatistics
from perpmaker.runtime.summary import RunFacts, Summary, summarize

HUGE = 10**25 + 1


def rows(journal: Journal, table: Table) -> list[tuple[object, ...]]:
    with journal.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(table.c.run_no, table.c.seq))]


def summary_of(about: RunStart) -> Summary:
    facts = RunFacts(
        EndReason.DURATION, about.mode, about.exchange, about.symbol, about.seed, about.version, about.settings, []
    )
    return summarize(
        RunStatistics(about.instrument, 10, 0),
        equity_start_quanta=HUGE,
        mark_milliticks=0,
        max_drawdown_quanta=0,
        requests=0,
        end_ns=10,
        events=3,
        wall_s=0.1,
        run=facts,
    )


def test_commands_are_kept_with_all_that_they_say(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run:
        run.command(5, Place(1, Side.BUY, 9_900, 10, OrderKind.LIMIT, True, False, level=2))
        run.command(6, Place(2, Side.SELL, 0, 10, OrderKind.MARKET, False, True))
        run.command(7, Cancel(1))
        run.command(8, Halt(EndReason.DURATION))
    assert rows(journal, schema.commands) == [
        (1, 0, 5, "place", 1, "buy", 9_900, 10, "limit", True, False, None, 2),
        (1, 1, 6, "place", 2, "sell", 0, 10, "market", False, True, None, 0),
        (1, 2, 7, "cancel", 1, None, None, None, None, None, None, None, None),
        (1, 3, 8, "halt", None, None, None, None, None, None, None, "duration reached", None),
    ]


def test_what_became_of_orders_is_kept(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run:
        run.event(OrderAccepted(2, 1, 1))
        run.event(OrderRejected(3, 2, 2, RejectReason.POST_ONLY_WOULD_CROSS))
        run.event(OrderCanceled(4, 3, 1, 5, CancelReason.REQUESTED))
        run.event(CancelRejected(5, 4, 1))
        run.event(OutcomeUnknown(6, 3))
    assert rows(journal, schema.order_events) == [
        (1, 0, 2, 1, "accepted", 1, None, None),
        (1, 1, 3, 2, "rejected", 2, None, "post-only would cross"),
        (1, 2, 4, 3, "canceled", 1, 5, "requested"),
        (1, 3, 5, 4, "cancel_rejected", 1, None, None),
        (1, 4, 6, None, "outcome_unknown", 3, None, None),
    ]


def test_fills_funding_and_samples_keep_money_to_the_last_digit(journal: Journal, about: RunStart) -> None:
    position = Position(lots=-3, realized_quanta=-HUGE, fees_quanta=HUGE + 1, funding_quanta=2)
    with journal.begin_run(about) as run:
        run.event(Filled(2, 1, 7, 1, Side.SELL, 10_100, 3, True, -HUGE))
        run.event(FundingPaid(3, 3, -HUGE))
        run.sample(4, position, 10_100_500, HUGE)
        position.lots = 0  # the journal has the position as it was
    assert rows(journal, schema.fills) == [(1, 0, 2, 1, 7, 1, "sell", 10_100, 3, True, -HUGE)]
    assert rows(journal, schema.funding) == [(1, 1, 3, 3, -HUGE)]
    assert rows(journal, schema.samples) == [(1, 2, 4, -3, 10_100_500, HUGE, -HUGE, HUGE + 1, 2)]


def test_corrections_are_kept_of_position_and_of_balance(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run:
        run.event(PositionCorrected(2, 1, -7, 9_900_500))
        run.event(BalanceCorrected(3, 2, -HUGE))
    assert rows(journal, schema.corrections) == [
        (1, 0, 2, 1, "position", -7, 9_900_500, None),
        (1, 1, 3, 2, "balance", None, None, -HUGE),
    ]


def test_reasons_are_kept_whoever_gives_them(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run:
        run.reason(1, "skip", "at cap")
        run.command(2, Notice(NoticeKind.STOP_LOSS, 5, -HUGE, "mark 99.79"))
        run.event(GapStarted(3, 3))
        run.event(GapEnded(4, 4))
        run.event(StopRequested(5, EndReason.INTERRUPTED))
    assert rows(journal, schema.reasons) == [
        (1, 0, 1, "skip", "at cap", None, None),
        (1, 1, 2, "stop loss", "mark 99.79", 5, -HUGE),
        (1, 2, 3, "gap", "market data gap started", None, None),
        (1, 3, 4, "gap", "market data gap ended", None, None),
        (1, 4, 5, "stop requested", "interrupted", None, None),
    ]


def test_market_data_and_timers_are_not_kept(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run:
        for event in (BookUpdated(1, 1, 1, 1, 2, 1), TradeSeen(1, 1, 1, 1, Side.BUY), MarkUpdated(1, 1, 1)):
            run.event(event)
        run.event(TimerFired(1))
        run.flush()
        assert run.rows_written == 0


def test_every_event_is_either_kept_or_left_out_on_purpose() -> None:
    left_out = {BookUpdated, TradeSeen, MarkUpdated, TimerFired}
    told_as_control = {QuotingPaused, CloseRequested}  # with who wished it, and what became of it
    assert set(Event.__args__) - KEPT == left_out | told_as_control


def test_the_rows_of_a_run_are_in_one_order_across_tables(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run:
        run.event(Filled(8, 7, 1, 1, Side.BUY, 1, 1, True, 0))
        run.event(OrderAccepted(8, 7, 2))
        run.command(9, Cancel(2))
    found = {
        table.name: [row[1] for row in rows(journal, table)]
        for table in (schema.fills, schema.order_events, schema.commands)
    }
    assert found == {"fills": [0], "order_events": [1], "commands": [2]}


def test_a_run_is_described_from_its_start_and_its_end_is_added(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run:
        begun = readers.load_run(journal, "run-1")
        assert (begun.ended_at_ns, begun.end_reason, begun.summary) == (None, None, None)
        assert (begun.instrument, begun.settings, begun.seed) == (about.instrument, about.settings, 7)
        assert begun.command_line == about.command_line
        summary = summary_of(about)
        run.end(summary)
    ended = readers.load_run(journal, "run-1")
    assert ended.ended_at_ns is not None
    assert ended.ended_at_ns >= ended.started_at_ns
    assert ended.end_reason == "duration reached"
    assert json.dumps(ended.summary, indent=2) == summary.to_json()


def test_a_batch_is_written_in_time_even_when_it_is_small(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run:
        run.reason(1, "skip", "at cap")
        deadline = time.monotonic() + 20
        while run.rows_written == 0 and time.monotonic() < deadline:
            pass
        assert run.rows_written == 1


@pytest.mark.parametrize("number", [1, 999, 1_000, 25_007])
def test_no_record_is_lost_whatever_their_number(journal: Journal, about: RunStart, number: int) -> None:
    with journal.begin_run(about) as run:
        for order_id in range(number):
            run.event(OrderAccepted(order_id, order_id, order_id))
        run.flush()
        assert run.rows_written == number
    assert [row[5] for row in rows(journal, schema.order_events)] == list(range(number))


@pytest.mark.parametrize("number", [0, 1, 2, 7, 8, 2_047, 2_048, 9_999])
def test_statements_take_all_rows_in_their_order(number: int) -> None:
    numbers: list[tuple[int | str | bool | None, ...]] = [(n,) for n in range(number)]
    assert [row for part in in_statement_sizes(numbers) for row in part] == numbers


def test_a_full_buffer_makes_the_run_wait_and_the_journal_says_so(journal: Journal, about: RunStart) -> None:
    journal.begin_run(about).close()
    writer = BatchWriter(journal.engine, 1, capacity=10)
    producer = Thread(target=lambda: [writer.put(Reason(n, "skip", "at cap")) for n in range(100)])
    with writing(journal.engine) as other:  # somebody else writes to the table
        if journal.engine.dialect.name == "postgresql":
            other.execute(text("LOCK TABLE reasons IN EXCLUSIVE MODE"))
        producer.start()
        producer.join(0.3)
        assert producer.is_alive()
    producer.join()
    writer.close()
    found = rows(journal, schema.reasons)
    assert [row[2] for row in found if row[3] == "skip"] == list(range(100))
    assert writer.waits > 0
    assert writer.waited_s > 0
    assert any(row[3] == "journal" and "10 records were not written yet" in str(row[4]) for row in found)


def test_a_failed_write_is_raised_at_the_next_call_and_at_every_one_after(journal: Journal, about: RunStart) -> None:
    run = journal.begin_run(about)
    with writing(journal.engine) as other:
        other.execute(text("DROP TABLE fills"))
    run.event(Filled(1, 1, 1, 1, Side.BUY, 1, 1, True, 0))
    with pytest.raises(JournalError, match=r"failed:.*fills"):
        run.flush()
    with pytest.raises(JournalError, match=r"failed:.*fills"):
        run.reason(1, "skip", "at cap")
    with pytest.raises(JournalError, match=r"failed:.*fills"):
        run.close()


def test_a_failed_write_that_nobody_waited_for_is_raised_at_the_end(journal: Journal, about: RunStart) -> None:
    run = journal.begin_run(about)
    with writing(journal.engine) as other:
        other.execute(text("DROP TABLE fills"))
    run.event(Filled(1, 1, 1, 1, Side.BUY, 1, 1, True, 0))
    with pytest.raises(JournalError, match="fills"):
        run.end(summary_of(about))
    assert readers.load_run(journal, "run-1").ended_at_ns is None


def test_a_number_beyond_64_bits_where_none_can_be_is_an_error_not_a_loss(journal: Journal, about: RunStart) -> None:
    run = journal.begin_run(about)
    run.event(OrderAccepted(2**80, 0, 0))
    with pytest.raises(JournalError):
        run.close()


def test_the_first_error_is_not_hidden_by_the_journals(journal: Journal, about: RunStart) -> None:
    with writing(journal.engine) as other:
        other.execute(text("DROP TABLE reasons"))

    def failing_run() -> None:
        with journal.begin_run(about) as run:
            run.reason(1, "skip", "at cap")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing_run()


def test_a_closed_run_takes_nothing_more(journal: Journal, about: RunStart) -> None:
    run = journal.begin_run(about)
    run.close()
    run.close()
    with pytest.raises(JournalError, match="is closed: this run has ended"):
        run.reason(1, "skip", "at cap")


def test_two_runs_have_different_ids(journal: Journal, about: RunStart) -> None:
    journal.begin_run(about).close()
    with pytest.raises(JournalError, match="failed"):
        journal.begin_run(about)
    journal.begin_run(replace(about, run_id="run-2")).close()
    assert [run.run_id for run in readers.list_runs(journal)] == ["run-2", "run-1"]


def test_two_runs_may_write_at_once(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as one, journal.begin_run(replace(about, run_id="run-2")) as two:
        for number in range(3_000):
            one.event(OrderAccepted(number, number, number))
            two.event(OrderAccepted(number, number, number))
    assert len(rows(journal, schema.order_events)) == 6_000


KILLED = """
import sys
from decimal import Decimal
from perpmaker.domain.events import Filled
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import Side
from perpmaker.journal.writer import RunStart, open_journal

step = Decimal("0.01")
about = RunStart(
    version="", exchange="sim", symbol="X", market_type="perp", mode="simulation", seed=None, command_line="",
    settings={}, instrument=Instrument("X", "X", "Y", step, step, step), provenance={}, run_id="killed",
)
run = open_journal(sys.argv[1]).begin_run(about)
for number in range(2_500):
    run.event(Filled(number, number, number, number, Side.BUY, 100, 1, True, 10**20))
run.flush()
for number in range(2_500, 2_600):
    run.event(Filled(number, number, number, number, Side.BUY, 100, 1, True, 10**20))
print("committed", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_leaves_every_batch_that_it_had_written(journal: Journal, journal_url: str) -> None:
    command = [sys.executable, "-c", KILLED, journal_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "committed\n"
        process.kill()
    run = readers.load_run(journal, "killed")
    assert run.ended_at_ns is None
    fills = list(readers.fills(journal, run))
    assert len(fills) >= 2_500
    assert [fill.fill_id for fill in fills] == list(range(len(fills)))
    journal.begin_run(replace(_about_of(run), run_id="next")).close()  # and the journal goes on


def _about_of(run: readers.RunRecord) -> RunStart:
    return RunStart(
        version=run.version,
        exchange=run.exchange,
        symbol=run.symbol,
        market_type=run.market_type,
        mode=run.mode,
        seed=run.seed,
        command_line=run.command_line,
        settings=run.settings,
        instrument=run.instrument,
        provenance={},
    )
