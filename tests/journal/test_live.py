"""What a new process learns of the runs before it, and how a dead run gets its end."""

from dataclasses import replace

import pytest

from perpmaker.domain.commands import Cancel
from perpmaker.domain.errors import JournalError
from perpmaker.domain.events import Filled, FundingPaid, OrderAccepted, PositionCorrected
from perpmaker.domain.orders import Side
from perpmaker.domain.position import Position
from perpmaker.journal import live, readers
from perpmaker.journal.records import Sample
from perpmaker.journal.writer import Journal, RunStart

ACCOUNT, SYMBOL = "backpack:abc", "SOL_USDC_PERP"


def fill(number: int, side: Side = Side.BUY, lots: int = 10) -> Filled:
    return Filled(number, number, number, number, side, 9_900, lots, True, 5)


def begun(journal: Journal, about: RunStart, **changes: object) -> readers.RunRecord:
    """A run that began and whose process died at once."""
    changed = replace(about, **changes)  # type: ignore[arg-type]
    journal.begin_run(changed).close()
    return readers.load_run(journal, changed.run_id)


def test_a_live_run_says_whose_it_is_and_where_its_process_is(journal: Journal, about_live: RunStart) -> None:
    run = begun(journal, about_live)
    assert (run.account, run.tag, run.pid, run.host, run.endpoint) == (ACCOUNT, 7, 4_242, "here", "https://api.example")
    assert (run.started_at_ns, run.heartbeat_ns, run.last_alive_ns) == (1_000, None, 1_000)


def test_a_simulated_run_belongs_to_nobody(journal: Journal, about: RunStart) -> None:
    run = begun(journal, about)
    assert (run.account, run.tag, run.pid, run.host, run.endpoint, run.heartbeat_ns) == (None,) * 6


def test_the_unfinished_are_the_live_runs_without_an_end_the_oldest_first(
    journal: Journal, about: RunStart, about_live: RunStart
) -> None:
    begun(journal, about)  # simulated, killed
    begun(journal, about_live, mode="paper", run_id="paper")
    begun(journal, about_live, run_id="first")
    live.end_dead_run(journal, begun(journal, about_live, run_id="ended"), "it was over")
    begun(journal, about_live, run_id="other account", account="backpack:def")
    begun(journal, about_live, run_id="other symbol", symbol="BTC_USDC_PERP")
    begun(journal, about_live, run_id="second")
    assert [run.run_id for run in live.unfinished_runs(journal, ACCOUNT, SYMBOL)] == ["first", "second"]
    everybody = ["first", "other account", "other symbol", "second"]
    assert [run.run_id for run in live.unfinished_runs(journal)] == everybody


def test_the_latest_live_run_may_have_ended(journal: Journal, about: RunStart, about_live: RunStart) -> None:
    assert live.latest_live_run(journal, ACCOUNT, SYMBOL) is None
    begun(journal, about_live, run_id="first")
    live.end_dead_run(journal, begun(journal, about_live, run_id="second"), "it was over")
    begun(journal, about)
    found = live.latest_live_run(journal, ACCOUNT, SYMBOL)
    assert found is not None
    assert (found.run_id, found.end_reason) == ("second", "it was over")
    other = live.latest_live_run(journal, ACCOUNT, SYMBOL, excluding_run_id="second")
    assert other is not None
    assert other.run_id == "first"


def test_a_tag_is_recent_while_its_run_may_have_orders(journal: Journal, about_live: RunStart) -> None:
    begun(journal, about_live, run_id="unfinished", tag=1, started_at_ns=1)
    live.end_dead_run(journal, begun(journal, about_live, run_id="old", tag=2, started_at_ns=2), "over")
    with journal.begin_run(replace(about_live, run_id="lived on", tag=3, started_at_ns=3)) as run:
        run.heartbeat(1_000)
    live.end_dead_run(journal, readers.load_run(journal, "lived on"), "over")
    live.end_dead_run(journal, begun(journal, about_live, run_id="new", tag=4, started_at_ns=999), "over")
    begun(journal, about_live, run_id="foreign", tag=5, account="backpack:def")
    assert live.recent_tags(journal, ACCOUNT, 999) == {1, 3, 4}
    assert live.recent_tags(journal, ACCOUNT, 1_001) == {1}


def test_a_dead_run_is_continued_where_its_rows_stopped(journal: Journal, about_live: RunStart) -> None:
    with journal.begin_run(about_live) as run:
        run.event(PositionCorrected(1, 1, 5, 9_000_000))
        run.event(fill(1))
        run.command(2, Cancel(1))
    dead = readers.load_run(journal, "live-1")
    with live.reopen(journal, dead) as run:
        run.event(FundingPaid(3, 3, -9))
        run.event(fill(2, Side.SELL, 15))
    told = [PositionCorrected(1, 1, 5, 9_000_000), fill(1), FundingPaid(3, 3, -9), fill(2, Side.SELL, 15)]
    assert list(readers.bookings(journal, dead)) == told
    expected = Position()
    expected.apply_correction(5, 9_000_000)
    expected.apply_fill(Side.BUY, 9_900, 10, 5)
    expected.apply_funding(-9)
    expected.apply_fill(Side.SELL, 9_900, 15, 5)
    assert live.books_of(journal, dead) == expected
    assert expected.lots == 0
    assert live.known_fill_ids(journal, dead) == {1, 2}


def test_a_run_that_died_before_its_first_row_can_be_continued(journal: Journal, about_live: RunStart) -> None:
    dead = begun(journal, about_live)
    assert live.last_event_ns(journal, dead) is None
    assert live.last_sample(journal, dead) is None
    with live.reopen(journal, dead) as run:
        run.event(fill(1))
    assert live.known_fill_ids(journal, dead) == {1}


def test_two_that_continue_a_run_at_once_cannot_both_book(journal: Journal, about_live: RunStart) -> None:
    dead = begun(journal, about_live)
    one, two = live.reopen(journal, dead), live.reopen(journal, dead)
    one.event(fill(1))
    one.close()
    two.event(fill(1))
    with pytest.raises(JournalError, match="failed"):
        two.close()


def test_a_dead_run_ends_when_it_last_lived(journal: Journal, about_live: RunStart) -> None:
    with journal.begin_run(about_live) as run:
        run.heartbeat(5_000)
        run.event(OrderAccepted(7_000, 6_000, 1))
    dead = readers.load_run(journal, "live-1")
    assert live.last_event_ns(journal, dead) == 7_000
    live.end_dead_run(journal, dead, "its process died")
    ended = readers.load_run(journal, "live-1")
    assert (ended.ended_at_ns, ended.end_reason, ended.summary) == (7_000, "its process died", None)


def test_an_end_is_given_once(journal: Journal, about_live: RunStart) -> None:
    dead = begun(journal, about_live)
    live.end_dead_run(journal, dead, "first")
    live.end_dead_run(journal, dead, "second")
    assert readers.load_run(journal, "live-1").end_reason == "first"
    with pytest.raises(JournalError, match="run live-1 has ended: nothing can be added to it"):
        live.reopen(journal, dead)


def test_the_last_sample_is_the_newest(journal: Journal, about_live: RunStart) -> None:
    with journal.begin_run(about_live) as run:
        run.sample(1, Position(), 9_900_000, 0)
        run.sample(2, Position(lots=3), 9_901_000, 10**22)
    assert live.last_sample(journal, readers.load_run(journal, "live-1")) == Sample(2, 3, 9_901_000, 10**22, 0, 0, 0)
