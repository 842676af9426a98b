"""The end: nothing of ours rests, or the run says what it could not find out."""

from decimal import Decimal
from itertools import pairwise

import pytest

from perpmaker.domain.events import EndReason, FundingPaid, OrderAccepted
from perpmaker.domain.orders import Side
from perpmaker.runtime.live.settings import LiveSettings
from perpmaker.venues.port import Unknown, VenueFunding
from support.live_bench import DOWN, REVOKED, TAG, Bench, facts, play

PATIENCE_S = 20
IMPATIENT = LiveSettings(end_patience_ns=PATIENCE_S * 10**9)


def test_orders_that_appear_after_the_maker_is_done_are_cancelled():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.rest(side=Side.BUY, price_ticks=9_000, lots=1, order_id=99, tag=TAG)
        outcome = await bench.end()
        assert outcome.orders_left == 0
        assert not bench.ours()

    play(story)


def test_a_payment_of_the_last_moment_is_in_the_books():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.payments.append(VenueFunding("1", FundingPaid(0, bench.clock.now_ns(), -7)))
        assert (await bench.end()).orders_left == 0
        assert bench.maker.position.funding_quanta == -7

    play(story)


def test_one_that_cannot_be_cancelled_does_not_keep_the_others():
    async def story(bench: Bench) -> None:
        await bench.start()
        for order_id in (98, 99):
            bench.venue.rest(side=Side.BUY, price_ticks=9_000, lots=1, order_id=order_id, tag=TAG)
        bench.venue.fail("cancel_venue_order", *[DOWN])
        outcome = await bench.end()
        assert outcome.orders_left == 0
        assert not bench.ours()

    play(story)


def test_orders_of_others_and_of_other_runs_are_left_alone():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.account.on_foreign_order("x", is_open=True)
        bench.venue.rest(side=Side.BUY, price_ticks=9_000, lots=1)
        bench.venue.rest(side=Side.BUY, price_ticks=9_000, lots=1, order_id=1, tag=TAG + 1)
        assert (await bench.end()).orders_left == 0
        assert len(bench.venue.resting) == 2

    play(story)


def test_a_request_that_may_still_take_effect_is_waited_out():
    async def story(bench: Bench) -> None:
        bench.venue.answer("place", [Unknown(1, "lost"), Unknown(2, "lost")])
        bench.venue.fail("order", *[DOWN] * 100)  # and nobody can say
        await bench.start(settle_s=0.5)
        ending = bench.clock.now_ns()
        bench.run.request_stop(EndReason.INTERRUPTED)
        await bench.wait(PATIENCE_S + 2)  # the maker has given up, and nothing rests
        assert not bench.task.done()
        bench.venue.rest(side=Side.BUY, price_ticks=9_900, lots=10, order_id=1, tag=TAG)
        outcome = await bench.task
        assert outcome.orders_left == 0
        assert not bench.ours()
        assert bench.clock.now_ns() - ending < (PATIENCE_S + 10) * 10**9

    play(story, live=IMPATIENT)


def test_executions_that_were_never_told_are_booked_before_the_run_lets_go():
    async def story(bench: Bench) -> None:
        await bench.start()
        bid = bench.resting(Side.BUY)
        bench.venue.before("cancel_all", lambda: bench.execute(bid.venue_id, 10, is_told=False))
        await bench.end()
        bench.check_agreement()
        assert bench.maker.position.lots == 10

    play(story)


def test_executions_from_a_long_outage_before_the_end_are_booked():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.execute(bench.resting(Side.BUY).venue_id, 10, is_told=False)
        bench.venue.fail("fills", *[DOWN] * 60)
        await bench.wait(100)  # far longer than the overlap
        bench.venue._script["fills"].clear()
        await bench.end()
        bench.check_agreement()

    play(story)


@pytest.mark.parametrize("error", [DOWN, REVOKED])
def test_a_dead_venue_ends_the_run_in_bounded_time_and_nobody_claims_to_know(error):
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.break_down(error)
        bench.venue.answer("cancel", *[Unknown(1, "down")] * 1_000)
        before = bench.clock.now_ns()
        outcome = await bench.end()
        assert outcome.orders_left is None
        assert bench.run.orders_left is None
        assert bench.clock.now_ns() - before <= (2 * PATIENCE_S + 10) * 10**9
        bench.venue.resting.clear()

    play(story, live=IMPATIENT)


def test_a_venue_that_hangs_ends_the_run_in_bounded_time():
    async def story(bench: Bench) -> None:
        await bench.start()
        for method in ("cancel", "cancel_all", "open_orders", "order", "fills", "position"):
            for _ in range(100):
                bench.venue.take_time(method, before_s=100_000)
        before = bench.clock.now_ns()
        outcome = await bench.end()
        assert outcome.orders_left is None
        assert bench.clock.now_ns() - before <= (2 * PATIENCE_S + 20) * 10**9
        bench.venue.resting.clear()

    play(story, live=IMPATIENT)


def test_what_cannot_be_cancelled_is_counted():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.answer("cancel", *[Unknown(1, "no")] * 1_000)
        bench.venue.answer("cancel_all", *[False] * 1_000)
        bench.venue.always["cancel_venue_order"] = DOWN
        outcome = await bench.end()
        assert outcome.orders_left == 2
        bench.venue.resting.clear()

    play(story, live=IMPATIENT)


def test_a_venue_that_comes_back_in_time_is_cleaned_up():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.break_down()
        bench.venue.answer("cancel", *[Unknown(1, "down")] * 10)
        bench.run.request_stop(EndReason.INTERRUPTED)
        await bench.wait(PATIENCE_S + 5)
        bench.venue.always.clear()
        outcome = await bench.task
        assert outcome.orders_left == 0
        assert not bench.ours()

    play(story, live=IMPATIENT)


def test_where_requests_do_not_expire_a_while_is_waited_all_the_same():
    async def story(bench: Bench) -> None:
        bench.venue.answer("place", [Unknown(1, "lost"), Unknown(2, "lost")])
        await bench.start(settle_s=0.2)
        bench.run.request_stop(EndReason.INTERRUPTED)
        await bench.wait(PATIENCE_S + 5)
        bench.venue.rest(side=Side.BUY, price_ticks=9_900, lots=10, order_id=1, tag=TAG)
        assert (await bench.task).orders_left == 0
        assert not bench.ours()

    play(story, live=IMPATIENT, max_position=Decimal("0.1"), venue=facts(request_life_ns=None))


def test_nothing_was_sent_so_nothing_is_asked():
    async def story(bench: Bench) -> None:
        bench.is_silent = True
        await bench.start()
        before = len(bench.venue.called("open_orders"))
        assert (await bench.end()).orders_left == 0
        assert len(bench.venue.called("open_orders")) == before

    play(story)


def test_the_heart_beats_until_the_very_end():
    beats: list[int] = []

    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.break_down()
        bench.venue.answer("cancel", *[Unknown(1, "down")] * 1_000)
        await bench.end()
        assert bench.clock.now_ns() - beats[-1] < 10**9
        bench.venue.resting.clear()

    play(story, live=IMPATIENT, more=lambda _: {"heartbeat": beats.append})
    assert all(later - earlier < 10**9 for earlier, later in pairwise(beats))


def test_news_while_the_last_orders_are_looked_for_are_booked_and_nothing_is_sent():
    async def story(bench: Bench) -> None:
        await bench.start()
        bid = bench.resting(Side.BUY)
        bench.venue.always["open_orders"] = DOWN
        bench.venue.take_time("cancel_all", after_s=1)
        bench.venue.answer("cancel", Unknown(1, "lost"))
        bench.run._fail(RuntimeError("something broke"))
        await bench.wait(1)
        sent = len(bench.venue.calls)
        bench.execute(bid.venue_id, 10)
        bench.account.on_own(OrderAccepted(bench.clock.now_ns(), 1, bid.order_id))
        bench.tell_book()
        await bench.wait(0.2)
        assert not [name for name, _ in bench.venue.calls[sent:] if name in ("place", "cancel", "cancel_all")]
        bench.check_agreement()
        bench.venue.always.clear()
        with pytest.raises(RuntimeError, match="something broke"):
            await bench.task
        assert bench.run.orders_left == 0
        assert not bench.ours()

    play(story)
