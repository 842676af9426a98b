"""Before a live run sends anything: dead runs are finished in their own books, and the position is taken over."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from perpmaker.domain.errors import JournalError, StillRunningError
from perpmaker.domain.events import Event, Filled, FundingPaid, PositionCorrected
from perpmaker.domain.orders import Side
from perpmaker.journal import live, readers
from perpmaker.journal.limits import day_profit, run_day_profit
from perpmaker.journal.recover_runs import HEARTBEAT_LIMIT_NS, Continuation, recover_runs
from perpmaker.journal.writer import Journal, RunStart
from perpmaker.runtime.live.daily_loss import utc_day
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import VenueFunding
from support.scripted_venue import FACTS, INSTRUMENT, TERMS, ScriptedVenue
from support.virtual_time import START_NS, run_virtual, virtual_clock

SECOND_NS = 1_000_000_000
LONG_AGO_NS = START_NS - 600 * SECOND_NS
TODAY = utc_day(START_NS)


@pytest.fixture
def about_live(about_live: RunStart) -> RunStart:
    return replace(about_live, started_at_ns=LONG_AGO_NS, account=FACTS.account, instrument=INSTRUMENT, host="here 0")


@pytest.fixture
def venue() -> ScriptedVenue:
    venue = ScriptedVenue()
    venue.now_ns = START_NS - 300 * SECOND_NS
    return venue


def died(journal: Journal, about: RunStart, events: Sequence[Event] = (), heartbeat_ns: int = LONG_AGO_NS) -> None:
    """A run that was told these events, and then its process was killed."""
    with journal.begin_run(about) as run:
        run.heartbeat(heartbeat_ns)
        for event in events:
            run.event(event)


def continued(journal: Journal, venue: ScriptedVenue, **changes: Any) -> Continuation:
    """The start of run "next", which is in the journal already."""

    async def start() -> Continuation:
        arguments = {"symbol": "SOL_USDC_PERP", "run_id": "next", "clock": virtual_clock(), **changes}
        return await recover_runs(journal, venue, arguments.pop("instrument", INSTRUMENT), **arguments)

    return run_virtual(start)


def opening(found: Continuation) -> tuple[int, int] | None:
    """Lots and price in milliticks that the new run takes over."""
    return None if found.opening is None else (found.opening.change_lots, found.opening.price_milliticks)


def own(venue: ScriptedVenue, order_id: int, *, side: Side = Side.BUY, price_ticks: int = 10_000) -> str:
    return venue.rest(order_id=order_id, side=side, price_ticks=price_ticks, lots=10, tag=7)


def test_the_first_run_of_an_account_continues_from_nothing(journal: Journal, venue: ScriptedVenue) -> None:
    found = continued(journal, venue)
    assert (found.opening, found.notes, found.recovered) == (None, (), {})


def test_what_a_dead_run_missed_is_booked_into_its_own_journal_and_it_ends(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    first = own(venue, 1)
    heard = venue.execute(first, 2, fee_quanta=5).fill
    missed = venue.execute(first, 3, fee_quanta=7).fill
    own(venue, 2)
    venue.payments = [VenueFunding("a", FundingPaid(venue.now_ns, venue.now_ns, -11))]
    died(journal, about_live, [heard])
    found = continued(journal, venue)
    run = readers.load_run(journal, "live-1")
    expected = venue.books
    expected.apply_funding(-11)
    assert live.books_of(journal, run) == expected
    assert list(readers.fills(journal, run)) == [heard, missed._replace(at_ns=START_NS)]
    assert run.end_reason == "its process died; recovered by run next"
    assert live.unfinished_runs(journal) == []
    assert venue.resting == {}
    assert found.notes == (
        "run live-1 died: cancelled 2 orders of it, booked 1 executions and 1 funding payments that it missed",
    )


def test_its_journal_then_holds_the_venues_own_fill_history(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    order = own(venue, 1)
    heard = [venue.execute(order, 1, fee_quanta=n).fill for n in range(4)]
    for n in range(5):
        venue.execute(order, 1, fee_quanta=n)
    died(journal, about_live, heard[:2])
    continued(journal, venue)
    booked = [fill._replace(at_ns=0) for fill in readers.fills(journal, readers.load_run(journal, "live-1"))]
    assert booked == [execution.fill._replace(at_ns=0) for execution in venue.executions]


def test_the_new_run_takes_over_the_position_at_the_entry_price_of_the_books(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    venue.execute(own(venue, 1, price_ticks=10_000), 10)
    venue.execute(own(venue, 2, price_ticks=10_001), 5)
    died(journal, about_live)
    found = continued(journal, venue)
    assert found.opening == PositionCorrected(START_NS, START_NS, 15, 10_000_333)
    assert found.position.lots == 15


def test_a_short_position_too(journal: Journal, venue: ScriptedVenue, about_live: RunStart) -> None:
    venue.execute(own(venue, 1, side=Side.SELL, price_ticks=10_000), 10)
    venue.execute(own(venue, 2, side=Side.SELL, price_ticks=10_001), 5)
    died(journal, about_live)
    assert opening(continued(journal, venue)) == (-15, 10_000_333)


def test_where_somebody_else_traded_the_venue_is_right(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    venue.execute(own(venue, 1), 10)
    venue.execute(venue.rest(side=Side.SELL, price_ticks=10_100, lots=4), 4)
    died(journal, about_live)
    found = continued(journal, venue)
    assert opening(found) == (6, 10_000_000)
    assert found.notes[0].endswith("; its executions explain a position of 0.10, the venue holds 0.06")
    assert live.books_of(journal, readers.load_run(journal, "live-1")).lots == 10  # what it did itself, no more


def test_a_position_that_a_run_left_at_its_end_is_continued_too(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    fill = venue.execute(own(venue, 1), 10).fill
    died(journal, about_live, [fill])
    live.end_dead_run(journal, readers.load_run(journal, "live-1"), "duration reached")
    found = continued(journal, venue)
    assert opening(found) == (10, 10_000_000)
    assert found.notes == ()


def test_a_position_without_an_entry_price_is_not_guessed(journal: Journal, venue: ScriptedVenue) -> None:
    venue.books.lots = 3
    with pytest.raises(VenueError, match=r"holds a position of 0\.03 SOL and gives 0\S* as its entry price"):
        continued(journal, venue)


def test_a_run_that_still_lives_is_left_alone_and_named(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    own(venue, 1)
    died(journal, replace(about_live, host="here 0123"), heartbeat_ns=START_NS - 2 * SECOND_NS)
    sentence = (
        r"run live-1 already trades SOL_USDC_PERP on this account \(process 4242 on here, alive 2 s ago\): "
        r"stop it, or wait 15 s after it died"
    )
    with pytest.raises(StillRunningError, match=sentence):
        continued(journal, venue)
    assert venue.calls == []
    assert len(live.unfinished_runs(journal)) == 1


def test_a_run_without_a_heartbeat_yet_lives_from_its_start(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    journal.begin_run(replace(about_live, started_at_ns=START_NS - SECOND_NS)).close()
    with pytest.raises(StillRunningError):
        continued(journal, venue)


def test_a_heartbeat_at_the_limit_is_that_of_a_dead_run(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    died(journal, about_live, heartbeat_ns=START_NS - HEARTBEAT_LIMIT_NS)
    assert set(continued(journal, venue).recovered) == {"live-1"}


def test_a_process_that_is_proven_dead_need_not_be_waited_for(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    died(journal, about_live, heartbeat_ns=START_NS)
    before = len(venue.called("open_orders"))
    found = continued(journal, venue, is_gone=lambda run: run.pid == 4_242)
    assert set(found.recovered) == {"live-1"}
    assert len(venue.called("open_orders")) == before + 2  # what it sent last may come late: looked at twice


def test_executions_are_looked_for_from_a_minute_before_the_run_and_funding_from_its_start(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    died(journal, about_live)
    continued(journal, venue)
    assert venue.called("fills") == [(LONG_AGO_NS - 60 * SECOND_NS,)]
    assert venue.called("funding") == [(LONG_AGO_NS,)]


def test_runs_of_other_symbols_and_accounts_and_the_new_run_itself_are_not_in_the_way(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    fresh = replace(about_live, started_at_ns=START_NS)
    for changed in ({"symbol": "BTC_USDC_PERP"}, {"account": "other"}, {"run_id": "next"}, {"mode": "paper"}):
        journal.begin_run(replace(fresh, **{"run_id": str(changed), **changed})).close()
    assert continued(journal, venue).recovered == {}


def test_every_dead_run_is_finished_and_funding_is_booked_once(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    venue.execute(own(venue, 1), 10)
    venue.payments = [VenueFunding("a", FundingPaid(venue.now_ns, venue.now_ns, -11))]
    died(journal, about_live)
    second = replace(about_live, run_id="live-2", tag=8, started_at_ns=LONG_AGO_NS + SECOND_NS)
    died(journal, second)  # it died while it recovered the first
    found = continued(journal, venue)
    assert list(found.recovered) == ["live-1", "live-2"]
    assert opening(found) == (10, 10_000_000)
    books = [live.books_of(journal, readers.load_run(journal, name)) for name in ("live-1", "live-2")]
    assert [(book.lots, book.funding_quanta) for book in books] == [(10, -11), (0, 0)]


@pytest.mark.parametrize("question", ["open_orders", "fills", "position", "funding"])
def test_interrupted_it_is_done_again_and_nothing_is_booked_twice(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart, question: str
) -> None:
    venue.execute(own(venue, 1), 4, fee_quanta=3)
    venue.payments = [VenueFunding("a", FundingPaid(venue.now_ns, venue.now_ns, -11))]
    died(journal, about_live)
    venue.fail(question, VenueError("no answer", Reaction.RETRY))
    with pytest.raises(VenueError, match="no answer"):
        continued(journal, venue)
    assert len(live.unfinished_runs(journal)) == 1
    continued(journal, venue)
    books = live.books_of(journal, readers.load_run(journal, "live-1"))
    assert (books.lots, books.fees_quanta, books.funding_quanta) == (4, 3, -11)


def test_killed_between_booking_and_end_it_is_done_again_and_nothing_is_booked_twice(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue.mark_milliticks = 9_990_000
    venue.execute(own(venue, 1), 4, fee_quanta=3)
    died(journal, about_live)
    with monkeypatch.context() as patch:
        patch.setattr(live, "end_dead_run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            continued(journal, venue)
    once = day_profit(journal, FACTS.account, TODAY, excluding_run_no=None)
    continued(journal, venue)
    books = live.books_of(journal, readers.load_run(journal, "live-1"))
    assert (books.lots, books.fees_quanta) == (4, 3)
    assert day_profit(journal, FACTS.account, TODAY, excluding_run_no=None) == once


def test_the_day_of_a_dead_run_counts_up_to_the_mark_at_which_it_is_handed_over(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    heard = venue.execute(own(venue, 1), 2).fill
    with journal.begin_run(about_live) as run:
        run.event(heard)
        books = live.books_of(journal, readers.load_run(journal, "live-1"))
        books.apply_fill(heard.side, heard.price_ticks, heard.lots, heard.fee_quanta)
        run.sample(heard.at_ns, books, 10_010_000, 10**20)
        run.daily_result(TODAY, INSTRUMENT.money(books.profit_quanta(10_010_000)))
    venue.execute("v1", 8, fee_quanta=6 * 10**12)
    venue.mark_milliticks = 9_900_000
    continued(journal, venue)
    expected = INSTRUMENT.money(venue.books.profit_quanta(9_900_000))
    run_record = readers.load_run(journal, "live-1")
    assert expected < 0
    assert run_day_profit(journal, run_record, TODAY) == expected
    sample = live.last_sample(journal, run_record)
    assert sample is not None
    assert (sample.position_lots, sample.mark_milliticks) == (10, 9_900_000)
    assert INSTRUMENT.money(sample.equity_quanta - 10**20) == expected - INSTRUMENT.money(
        books.profit_quanta(10_010_000)
    )


def test_without_any_price_the_day_stays_as_it_was(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    died(journal, about_live)
    continued(journal, venue)
    assert day_profit(journal, FACTS.account, TODAY, excluding_run_no=None) == Decimal(0)


def test_after_a_change_of_tick_or_lot_orders_are_cancelled_and_nothing_is_booked_in_other_units(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    venue.execute(own(venue, 1), 4)
    old = replace(INSTRUMENT, tick_size=Decimal("0.1"))
    died(journal, replace(about_live, instrument=old))
    found = continued(journal, venue, instrument=TERMS.instrument)
    assert venue.resting == {}
    assert list(readers.fills(journal, readers.load_run(journal, "live-1"))) == []
    assert found.notes == ("run live-1 died: what it missed is not booked, since tick or lot has changed",)
    assert opening(found) == (4, 10_000_000)


def test_a_live_run_without_a_tag_is_an_error(journal: Journal, venue: ScriptedVenue, about_live: RunStart) -> None:
    died(journal, replace(about_live, tag=None))
    with pytest.raises(JournalError, match="run live-1 has no tag"):
        continued(journal, venue)


def test_a_fill_that_was_told_twice_is_not_booked_a_third_time(
    journal: Journal, venue: ScriptedVenue, about_live: RunStart
) -> None:
    fill = venue.execute(own(venue, 1), 4).fill
    died(journal, about_live, [fill, fill])
    continued(journal, venue)
    run = readers.load_run(journal, "live-1")
    assert [each for each in readers.bookings(journal, run) if isinstance(each, Filled)] == [fill]
