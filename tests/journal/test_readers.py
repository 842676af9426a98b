"""Reading a journal back: what was booked in a run makes exactly the position that the run had."""

import random
from dataclasses import replace

import pytest

from perpmaker.domain.errors import UnknownNameError
from perpmaker.domain.events import BalanceCorrected, Filled, FundingPaid, PositionCorrected
from perpmaker.domain.orders import Side
from perpmaker.journal import readers
from perpmaker.journal.live import end_dead_run
from perpmaker.journal.writer import Journal, RunStart
from perpmaker.runtime.statistics import RunStatistics


@pytest.mark.parametrize("seed", range(3))
def test_what_was_booked_in_a_run_makes_its_position_exactly(journal: Journal, about: RunStart, seed: int) -> None:
    chance = random.Random(seed)
    own = RunStatistics(about.instrument, 10**9, 0)
    with journal.begin_run(about) as run:
        for number in range(3_000):
            kind = chance.random()
            event: readers.Booking
            if kind < 0.05:
                event = FundingPaid(number, number, chance.randrange(-(10**22), 10**22))
            elif kind < 0.1:
                change = chance.randrange(-(10**6), 10**6)
                event = PositionCorrected(number, number, change, chance.randrange(1, 10**9))
            elif kind < 0.12:
                event = BalanceCorrected(number, number, chance.randrange(-(10**22), 10**22))
            else:
                side = chance.choice(list(Side))
                price, lots = chance.randrange(1, 10**6), chance.randrange(1, 10**5)
                fee = chance.randrange(-(10**19), 10**20)
                event = Filled(number, number, number, number, side, price, lots, True, fee)
            own.on_event(event)
            run.event(event)
    recorded = readers.load_run(journal, about.run_id)
    assert readers.replay_position(readers.bookings(journal, recorded)) == own.position


def test_without_corrections_fills_and_funding_are_enough(journal: Journal, about: RunStart) -> None:
    with journal.begin_run(about) as run:
        run.event(Filled(1, 1, 1, 1, Side.BUY, 100, 5, True, 7))
        run.event(FundingPaid(2, 2, -3))
        run.event(Filled(3, 3, 2, 1, Side.SELL, 101, 5, True, 7))
    recorded = readers.load_run(journal, about.run_id)
    in_order = readers.replay_position(readers.bookings(journal, recorded))
    assert readers.replay_position(readers.fills(journal, recorded), readers.funding(journal, recorded)) == in_order


def test_bookings_come_back_in_the_order_in_which_they_were_told(journal: Journal, about: RunStart) -> None:
    fill = Filled(5, 4, 1, 1, Side.BUY, 9_900, 10, True, 0)
    told = [PositionCorrected(1, 1, 3, 9_000_500), fill, FundingPaid(6, 6, -1), BalanceCorrected(7, 7, 10**22)]
    with journal.begin_run(about) as run:
        for event in [*told, fill]:  # a venue may tell a fill twice
            run.event(event)
    assert list(readers.bookings(journal, readers.load_run(journal, about.run_id))) == told


def test_fills_come_back_as_they_were_told(journal: Journal, about: RunStart) -> None:
    told = [
        Filled(5, 4, 1, 1, Side.BUY, 9_900, 10, True, -(10**22)),
        Filled(6, 3, 2, 1, Side.SELL, 9_950, 1, False, 10**22),
    ]
    with journal.begin_run(about) as run:
        for fill in told:
            run.event(fill)
    back = list(readers.fills(journal, readers.load_run(journal, about.run_id)))
    assert back == told
    assert all(isinstance(fill.side, Side) and isinstance(fill.is_maker, bool) for fill in back)


def test_a_fill_told_twice_is_read_once(journal: Journal, about: RunStart) -> None:
    fill = Filled(5, 4, 1, 1, Side.BUY, 9_900, 10, True, 0)
    with journal.begin_run(about) as run:
        run.event(fill)
        run.event(fill)
    assert list(readers.fills(journal, readers.load_run(journal, about.run_id))) == [fill]


def test_a_new_journal_has_no_runs(journal: Journal) -> None:
    assert readers.list_runs(journal) == []


def test_an_unknown_run_is_one_clear_sentence(journal: Journal) -> None:
    with pytest.raises(UnknownNameError, match="has no run nothing; list the runs to see their ids"):
        readers.load_run(journal, "nothing")


def test_the_latest_run_is_the_last_that_a_market_maker_ran(journal: Journal, about: RunStart) -> None:
    for number, mode in enumerate(("simulation", "paper", "cancel", "close", "watchdog")):
        journal.begin_run(replace(about, run_id=f"{number}-{mode}", mode=mode)).close()
    refused = journal.begin_run(replace(about, run_id="5-live", mode="live"))
    refused.close()
    end_dead_run(journal, readers.load_run(journal, refused.run_id), readers.NOT_STARTED)
    assert readers.find_run(journal, "latest").run_id == "1-paper"
    assert readers.find_run(journal, "3").run_id == "3-close", "the others are found by name"


def test_a_run_that_is_not_there_or_not_the_only_one_is_said(journal: Journal, about: RunStart) -> None:
    with pytest.raises(UnknownNameError, match="has no run latest; no market maker has run yet"):
        readers.find_run(journal, "latest")
    for name in ("ab1", "ab2"):
        journal.begin_run(replace(about, run_id=name)).close()
    with pytest.raises(UnknownNameError, match=r"2 runs of the journal .* begin with ab"):
        readers.find_run(journal, "ab")
    with pytest.raises(UnknownNameError, match="has no run x; the latest is ab2"):
        readers.find_run(journal, "x")
