"""Silence, lost streams, clocks, and when the venue is compared with."""

from decimal import Decimal

import pytest

from perpmaker.domain.events import GapEnded, GapStarted
from perpmaker.domain.orders import Side
from perpmaker.runtime.live.settings import LiveSettings
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import ClockReading, VenuePosition
from support.live_bench import DOWN, REVOKED, Bench, play

MAX_AGE_S = 5


def confirm(bench: Bench) -> None:
    """The whole book, asked for, is what we have."""
    now_ns = bench.clock.now_ns()
    bench.market.on_market(None, (), now_ns, now_ns)


# --- silence ---


def test_a_silent_book_is_looked_up_before_anything_is_done():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.is_silent = True
        await bench.wait(1.3)
        assert not bench.venue.called("resnapshot")
        await bench.wait(2)
        assert len(bench.venue.called("resnapshot")) == 1
        assert not bench.venue.called("restart")
        assert len(bench.ours()) == 2

    play(story)


def test_a_quiet_market_whose_book_is_right_is_quoted_on():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.is_silent = True
        bench.venue.before("resnapshot", *[lambda: confirm(bench)] * 100)
        await bench.wait(60)
        assert len(bench.ours()) == 2
        assert not bench.venue.called("restart")
        assert 15 <= len(bench.venue.called("resnapshot")) <= 30

    play(story)


def test_a_stale_book_pulls_the_quotes_and_opens_the_streams_anew_with_pauses():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.is_silent = True
        await bench.wait(MAX_AGE_S + 0.5)
        assert not bench.ours()
        assert len(bench.venue.called("restart")) == 1
        await bench.wait(20)
        assert len(bench.venue.called("restart")) == 5
        assert len([note for note in bench.notes if note == ("not quoting", "book stale")]) == 1

    play(story)


def test_marks_and_trades_are_no_sign_of_life_of_the_book():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.tell_book = lambda: None  # and the mark goes on
        await bench.wait(MAX_AGE_S + 0.5)
        assert not bench.ours()

    play(story)


def test_a_book_that_comes_back_is_quoted_at_once():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.is_silent = True
        await bench.wait(MAX_AGE_S + 3)
        bench.is_silent = False
        await bench.wait(1.1)
        assert len(bench.ours()) == 2

    play(story, interval_s=60)


@pytest.mark.parametrize("how", ["fails", "hangs"])
def test_looking_up_in_vain_is_counted_and_the_limit_stands(how):
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.is_silent = True
        if how == "fails":
            bench.venue.fail("resnapshot", *[DOWN] * 10)
        else:
            bench.venue.take_time("resnapshot", before_s=1_000)
        await bench.wait(14)
        assert not bench.ours()
        assert bench.count("failed: looking the book up") >= 1

    play(story)


def test_max_book_age_is_what_was_set():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.is_silent = True
        await bench.wait(15)
        assert len(bench.ours()) == 2
        await bench.wait(6)
        assert not bench.ours()

    play(story, live=LiveSettings(max_book_age_ns=20 * 10**9))


# --- gaps of the market data ---


def test_a_gap_pulls_the_quotes_and_the_book_from_before_it_is_never_quoted_on():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.is_silent = True
        now_ns = bench.clock.now_ns()
        bench.market.on_market(GapStarted(now_ns, now_ns), (), now_ns, now_ns)
        await bench.wait(0.1)
        assert not bench.ours()
        sent = len(bench.venue.called("place"))
        now_ns = bench.clock.now_ns()
        bench.market.on_market(GapEnded(now_ns, now_ns), (), now_ns, now_ns)
        await bench.wait(0.1)
        assert len(bench.venue.called("place")) == sent
        bench.bid, bench.ask = 8_999, 9_001
        bench.tell_book()
        await bench.wait(0.1)
        assert {order.price_ticks for order in bench.ours()} == {8_910, 9_090}

    play(story, interval_s=60)


# --- the private stream ---


def test_without_the_private_stream_nothing_is_quoted_until_a_reconciliation_has_succeeded():
    async def story(bench: Bench) -> None:
        await bench.start()
        execution = bench.execute(bench.resting(Side.BUY).venue_id, 10, is_told=False)
        bench.account.on_account_stream(is_up=False)
        await bench.wait(20)
        assert not bench.ours()
        bench.venue.fail("position", DOWN, DOWN)
        bench.account.on_account_stream(is_up=True)
        await bench.wait(3)
        assert not bench.ours()
        await bench.wait(4)
        assert bench.ours()
        assert execution.fill in bench.rig.told.events
        bench.check_agreement()

    play(story)


def test_a_reconciliation_that_began_before_the_loss_says_nothing():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.take_time("account", before_s=3)
        bench.venue.take_time("account", before_s=2)
        await bench.wait(14.5)  # a round is under way: executions and position were asked
        bench.execute(bench.resting(Side.BUY).venue_id, 10, is_told=False)
        bench.account.on_account_stream(is_up=False)
        bench.account.on_account_stream(is_up=True)
        sent = len(bench.venue.called("place"))
        await bench.wait(4)  # the old round has ended, the new one has not
        assert len(bench.venue.called("place")) == sent
        await bench.wait(3)
        assert bench.ours()
        bench.check_agreement()

    play(story)


def test_at_the_start_a_position_that_nobody_told_us_of_is_found_before_the_first_quote():
    async def story(bench: Bench) -> None:
        bench.trade_elsewhere(30)  # the whole cap
        await bench.start(settle_s=1)
        assert not bench.venue.called("place")
        await bench.wait(2)
        assert bench.maker.position.lots == 30
        assert not bench.ours(Side.BUY)
        assert bench.ours(Side.SELL)

    play(story)


@pytest.mark.parametrize("question", ["fills", "open_orders", "position", "funding"])
def test_nothing_is_quoted_before_the_first_answers(question):
    async def story(bench: Bench) -> None:
        bench.venue.fail(question, *[DOWN] * 3)
        await bench.start(settle_s=5)
        assert not bench.venue.called("place")
        await bench.wait(3)
        assert bench.ours()

    play(story)


# --- when the venue is compared with ---


def test_a_doubt_in_the_middle_of_a_round_asks_for_another():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.take_time("account", before_s=3)
        await bench.wait(15)  # in the last question of a round
        bench.trade_elsewhere(5)
        bench.account.on_position(5, 0)
        await bench.wait(7)
        assert bench.maker.position.lots == 5

    play(story)


def test_executions_that_an_ended_order_owes_are_asked_for_soon():
    async def story(bench: Bench) -> None:
        await bench.start()
        bid = bench.resting(Side.BUY)
        bench.execute(bid.venue_id, 4, is_told=False)
        bench.drop(bench.resting(Side.BUY))  # its end is told, with what it had executed, and the executions are not
        assert bench.maker.position.lots == 0
        await bench.wait(1.5)
        assert bench.maker.position.lots == 4
        bench.check_agreement()

    play(story)


def test_after_a_loss_a_fill_in_the_middle_of_the_round_does_not_keep_it_from_quoting():
    async def story(bench: Bench) -> None:
        await bench.start()
        bid = bench.resting(Side.BUY)
        bench.venue.take_time("cancel", before_s=8)
        bench.account.on_account_stream(is_up=False)
        bench.account.on_account_stream(is_up=True)
        bench.venue.before("position", lambda: bench.execute(bid.venue_id, 4))
        bench.venue.take_time("position", after_s=0.1)
        bench.venue.answer("position", VenuePosition(9, Decimal(100), None))  # and another that is not told yet
        await bench.wait(5)
        assert bench.ours(Side.SELL)

    play(story)


def test_rounds_come_at_their_interval_and_never_two_at_a_time():
    async def story(bench: Bench) -> None:
        await bench.start()
        before = bench.count("reconciliations")
        await bench.wait(60)
        assert bench.count("reconciliations") - before in (3, 4)
        names = [name for name, _ in bench.venue.calls if name in ("fills", "account")]
        assert names[1:] == ["fills", "account"] * (len(names) // 2)  # the first was asked before the run

    play(story)


# --- the clock, the heartbeat ---


def test_the_clock_is_measured_at_the_start_and_a_failure_keeps_the_last_measurement():
    async def story(bench: Bench) -> None:
        bench.venue.answer("clock", ClockReading(bench.clock.now_ns() + 10**9, *[bench.clock.now_ns()] * 2))
        await bench.start()
        assert bench.run.supervisor.clock_offset_ns == 10**9
        bench.venue.fail("clock", *[DOWN] * 3)
        await bench.wait(62)
        assert bench.run.supervisor.clock_offset_ns == 10**9
        assert bench.count("failed: asking for the time") >= 1
        await bench.wait(8)
        assert bench.run.supervisor.clock_offset_ns == 0

    play(story)


def test_a_clock_that_hangs_does_not_keep_the_account_from_being_looked_at():
    async def story(bench: Bench) -> None:
        bench.venue.take_time("clock", before_s=10_000)
        await bench.start(settle_s=12)
        assert bench.ours()

    play(story)


def test_where_only_a_person_can_help_the_run_ends():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.fail("position", REVOKED)
        outcome = await bench.task
        assert outcome.reason.value == "the venue needs a person"
        assert outcome.orders_left == 0
        assert any("revoked" in text for _, text in bench.notes)

    play(story)


def test_a_venue_that_was_asked_too_often_gets_a_rest():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.fail("fills", VenueError("too often", Reaction.RETRY, "TOO_MANY_REQUESTS"))
        await bench.wait(14.2)
        assert bench.run.desk.bucket.headroom(bench.clock.now_ns()) < 0.1

    play(story)
