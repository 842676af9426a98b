"""What is sent, in how many requests, and how each answer is told. Every race has a test of its own."""

import pytest

from perpmaker.domain.events import (
    CancelRejected,
    EndReason,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    OutcomeUnknown,
)
from perpmaker.domain.orders import OrderStatus, RejectReason, Side
from perpmaker.runtime.live.executor import PATIENCE_S
from perpmaker.runtime.live.settings import LiveSettings
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Accepted, NotOpen, Refused, Unknown
from support.live_bench import Bench, facts, play


def methods(bench: Bench, *names: str) -> list[str]:
    """The calls of these methods, in order."""
    return [method for method, _ in bench.venue.calls if method in names]


# --- how many requests ---


def test_all_new_orders_of_a_decision_are_one_request():
    async def story(bench: Bench) -> None:
        await bench.start()
        (orders,) = bench.venue.called("place")
        assert len(orders) == 4

    play(story, max_orders=2)


def test_where_the_venue_has_no_batch_all_orders_leave_at_the_same_time():
    async def story(bench: Bench) -> None:
        bench.venue.take_time("place", before_s=0.5)
        await bench.start(settle_s=0.4)
        assert [len(orders) for orders in bench.venue.called("place")] == [1, 1, 1]
        await bench.wait(0.5)
        assert [len(orders) for orders in bench.venue.called("place")] == [1, 1, 1, 1]

    play(story, max_orders=2, venue=facts(can_place_batch=False))


def test_a_ladder_that_moves_costs_two_requests():
    async def story(bench: Bench) -> None:
        await bench.start()
        before = bench.run.requests
        await bench.move(50)
        assert bench.run.requests == before + 2
        assert methods(bench, "place", "cancel_all", "cancel") == ["place", "cancel_all", "place"]
        assert {order.price_ticks for order in bench.ours()} == {9_949, 10_151}

    play(story)


def test_nothing_is_sent_when_nothing_changed():
    async def story(bench: Bench) -> None:
        await bench.start()
        before = bench.run.requests
        await bench.wait(60)
        assert bench.run.requests == before

    play(story)


def test_where_the_account_is_shared_orders_are_cancelled_one_by_one_from_the_start():
    async def story(bench: Bench) -> None:
        await bench.start()
        await bench.move(50)
        assert not bench.venue.called("cancel_all")
        assert len(bench.venue.called("cancel")) == 2

    play(story, live=LiveSettings(has_account_alone=False))


@pytest.mark.parametrize("what", ["an open order", "an order that ended", "the stream down", "no such request"])
def test_everything_is_never_cancelled_where_that_could_hit_somebody_else(what):
    async def story(bench: Bench) -> None:
        await bench.start()
        if what == "an open order":
            bench.account.on_foreign_order("x", is_open=True)
        elif what == "an order that ended":
            bench.account.on_foreign_order("x", is_open=False)
        elif what == "the stream down":
            bench.account.on_account_stream(is_up=False)
        await bench.move(50)
        assert not bench.venue.called("cancel_all")
        assert len(bench.venue.called("cancel")) == 2

    play(story, venue=facts(can_cancel_all=what != "no such request"))


def test_everything_is_not_cancelled_between_the_return_of_the_stream_and_the_next_reconciliation():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.take_time("cancel", before_s=1)  # both orders are still there when the stream is back
        bench.venue.take_time("cancel", before_s=1)
        bench.account.on_account_stream(is_up=False)
        bench.venue.take_time("fills", before_s=3)
        bench.account.on_account_stream(is_up=True)
        bench.run.desk.venue.rest(side=Side.BUY, price_ticks=9_000, lots=1)  # somebody came while we were deaf
        await bench.end()
        assert not bench.venue.called("cancel_all")
        assert len(bench.venue.resting) == 1

    play(story)


def test_everything_is_not_cancelled_while_an_order_is_still_on_its_way():
    async def story(bench: Bench) -> None:
        bench.venue.take_time("place", before_s=0.5)
        await bench.start(settle_s=0.3)
        await bench.end()
        assert not bench.venue.called("cancel_all")

    play(story)


def test_everything_is_not_cancelled_where_some_quotes_stay():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.execute(bench.resting(Side.BUY).venue_id, 10)
        await bench.wait(0.1)  # a new bid, and the ask stays
        assert not bench.venue.called("cancel_all")

    play(story)


# --- a cancel of everything, and the quotes that follow it ---


def test_new_quotes_wait_for_the_cancel_of_everything():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.take_time("cancel_all", before_s=2)
        await bench.move(50)
        assert len(bench.venue.called("place")) == 1
        await bench.wait(2)
        assert len(bench.venue.called("place")) == 2
        assert len(bench.ours()) == 2

    play(story, max_position=1)


def test_a_decision_in_between_waits_too_for_its_quotes_would_be_hit():
    async def story(bench: Bench) -> None:
        await bench.start()
        bid = bench.resting(Side.BUY)
        bench.venue.take_time("cancel_all", before_s=2)
        await bench.move(50)
        bench.execute(bid.venue_id, 10)  # a fill while the cancel is on its way: another decision
        await bench.wait(1)
        assert len(bench.venue.called("place")) == 1
        await bench.wait(2)
        assert len(bench.ours(Side.BUY)) == 1
        assert len(bench.ours(Side.SELL)) == 1
        bench.check_agreement()

    play(story, max_position=1)


def test_quotes_that_the_maker_takes_back_meanwhile_are_never_sent():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.take_time("cancel_all", before_s=2)
        await bench.move(50)
        bench.account.on_account_stream(is_up=False)  # quotes are pulled
        await bench.wait(3)
        assert len(bench.venue.called("place")) == 1
        assert not bench.ours()
        assert not bench.maker.orders

    play(story, max_position=1)


@pytest.mark.parametrize("answer", ["fails", "hangs", "is not confirmed"])
def test_a_cancel_of_everything_without_success_is_followed_up_order_by_order(answer):
    async def story(bench: Bench) -> None:
        await bench.start()
        if answer == "fails":
            bench.venue.fail("cancel_all", VenueError("bad gateway", Reaction.UNKNOWN))
        elif answer == "hangs":
            bench.venue.take_time("cancel_all", before_s=100)
        else:
            bench.venue.answer("cancel_all", False)
        await bench.move(50)
        await bench.wait(PATIENCE_S + 2)
        assert {order.price_ticks for order in bench.ours()} == {9_949, 10_151}
        assert all(order.status is OrderStatus.LIVE for order in bench.maker.orders)

    play(story, max_position=1)


def test_a_cancel_of_everything_that_missed_an_order_is_noticed_and_repeated_for_that_order():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.answer("cancel_all", True)  # it says so, and both rest
        await bench.move(50)
        await bench.wait(3)
        assert {order.price_ticks for order in bench.ours()} == {9_949, 10_151}

    play(story, max_position=1)


# --- answers to orders ---


def test_an_acceptance_after_the_fill_changes_nothing():
    async def story(bench: Bench) -> None:
        bench.venue.take_time("place", after_s=0.5)
        await bench.start(settle_s=0.4)
        bid = bench.resting(Side.BUY)
        bench.execute(bid.venue_id, 10)
        await bench.wait(1)
        assert bench.maker.orders.get(bid.order_id).status is OrderStatus.FILLED
        assert bid.order_id not in bench.run.desk.resting
        bench.check_agreement()

    play(story)


def test_an_acceptance_after_the_end_changes_nothing():
    async def story(bench: Bench) -> None:
        bench.venue.take_time("place", after_s=0.5)
        await bench.start(settle_s=0.4)
        bid = bench.resting(Side.BUY)
        bench.drop(bid)
        await bench.wait(1)
        assert bench.maker.orders.get(bid.order_id).status is OrderStatus.CANCELED
        assert bid.order_id not in bench.run.desk.resting

    play(story)


def test_a_batch_of_which_some_are_refused_is_told_order_by_order():
    async def story(bench: Bench) -> None:
        bench.venue.answer(
            "place",
            [
                Accepted(1, 1),
                Refused(2, RejectReason.INSUFFICIENT_MARGIN, "no money"),
                Refused(3, RejectReason.POST_ONLY_WOULD_CROSS, "crosses"),
                Unknown(4, "no answer"),
            ],
        )
        bench.venue.rest(side=Side.BUY, price_ticks=9_900, lots=10, order_id=1, tag=7)
        await bench.start(settle_s=0.2)
        assert [event.order_id for event in bench.rig.told.of(OrderAccepted)] == [1]
        assert [event.order_id for event in bench.rig.told.of(OrderRejected)] == [2, 3]
        assert [event.order_id for event in bench.rig.told.of(OutcomeUnknown)] == [4]
        assert bench.count("refused: insufficient margin") == 1

    play(story, max_orders=2)


def test_an_order_that_the_answer_does_not_mention_has_no_known_outcome():
    async def story(bench: Bench) -> None:
        bench.venue.answer("place", [Accepted(1, 1)])
        await bench.start(settle_s=0.3)
        assert [event.order_id for event in bench.rig.told.of(OutcomeUnknown)] == [2]

    play(story, is_ended=False)


def test_a_request_that_hangs_has_no_answer_after_a_while_and_counts_as_live():
    async def story(bench: Bench) -> None:
        bench.venue.take_time("place", after_s=1_000)  # it arrived
        await bench.start(settle_s=PATIENCE_S + 0.15)
        assert all(order.status is OrderStatus.UNKNOWN for order in bench.maker.orders)
        await bench.wait(1)
        assert all(order.status is OrderStatus.LIVE for order in bench.maker.orders)
        assert len(bench.venue.called("place")) == 1

    play(story)


# --- answers to cancels ---


def test_a_cancel_is_told_with_what_had_executed():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.account.on_foreign_order("x", is_open=True)
        bid = bench.resting(Side.BUY)
        bench.execute(bid.venue_id, 4, is_told=False)
        await bench.move(50)
        told = [event for event in bench.rig.told.of(OrderCanceled) if event.order_id == bid.order_id]
        assert told[0].filled_lots == 4
        assert bench.maker.orders.exposure_lots(Side.BUY) == 14  # the new bid, and the executions that are on their way
        bench.account.on_own(bench.venue.executions[0].fill)
        assert bench.maker.orders.exposure_lots(Side.BUY) == 10
        bench.check_agreement()

    play(story, max_position=1)


def test_a_cancel_that_came_too_late_finds_the_executions():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.account.on_foreign_order("x", is_open=True)
        bid = bench.resting(Side.BUY)
        bench.execute(bid.venue_id, 10, is_told=False)  # the news is lost
        await bench.move(50)
        assert bench.rig.told.of(CancelRejected)
        await bench.wait(1)
        assert bench.maker.orders.get(bid.order_id).status is OrderStatus.FILLED
        bench.check_agreement()

    play(story, max_position=1)


@pytest.mark.parametrize("arrived", [True, False])
def test_a_cancel_without_an_answer_is_looked_up_and_sent_again_only_if_it_did_not_arrive(arrived):
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.account.on_foreign_order("x", is_open=True)
        bid = bench.resting(Side.BUY)
        bench.venue.answer("cancel", Unknown(bid.order_id, "bad gateway"))
        if arrived:
            bench.venue.before("order", lambda: bench.venue.end(bid.venue_id))
        await bench.move(50)
        await bench.wait(2)
        assert bench.resting(Side.BUY).price_ticks == 9_949
        cancels = [order_id for (order_id,) in bench.venue.called("cancel")]
        assert cancels.count(bid.order_id) == (1 if arrived else 2)

    play(story, max_position=1)


def test_quotes_whose_cancel_was_lost_while_nothing_is_known_are_cancelled_again_at_once():
    async def story(bench: Bench) -> None:
        await bench.start()
        bid, ask = bench.resting(Side.BUY), bench.resting(Side.SELL)
        bench.venue.answer("cancel", Unknown(bid.order_id, "lost"), Unknown(ask.order_id, "lost"))
        bench.account.on_account_stream(is_up=False)
        await bench.wait(1)
        assert not bench.ours()

    play(story, interval_s=60)


@pytest.mark.parametrize("answer", [NotOpen(1), Unknown(1, "lost")])
def test_a_cancel_that_overtakes_its_order_never_leaves_it_behind(answer):
    async def story(bench: Bench) -> None:
        bench.venue.answer("cancel", answer)
        bench.venue.take_time("place", before_s=0.5)
        await bench.start(settle_s=0.2)
        bench.account.on_account_stream(is_up=False)
        await bench.wait(4)
        assert not bench.ours()

    play(story)


# --- the rate limit, and what closes the position ---


def test_quotes_stop_at_the_reserve_and_cancels_do_not():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.account.on_foreign_order("x", is_open=True)
        bench.run.desk.bucket.drain(bench.clock.now_ns())
        await bench.move(50)
        assert not bench.ours()
        refused = [event for event in bench.rig.told.of(OrderRejected) if event.reason is RejectReason.RATE_LIMITED]
        assert len(refused) == 2
        assert bench.run.checks.refusals["rate"] == 2

    play(story, max_position=1, venue=facts(requests_per_minute=60))


def test_where_orders_go_one_by_one_as_many_are_sent_as_the_limit_allows():
    async def story(bench: Bench) -> None:
        await bench.start(settle_s=0.3)
        assert 1 <= len(bench.ours()) < 12

    play(story, max_orders=6, max_position=1, venue=facts(requests_per_minute=60, can_place_batch=False))


def test_the_venue_that_says_too_often_is_believed():
    async def story(bench: Bench) -> None:
        bench.venue.answer(
            "place", [Refused(1, RejectReason.RATE_LIMITED, ""), Refused(2, RejectReason.RATE_LIMITED, "")]
        )
        await bench.start()
        assert bench.run.desk.bucket.headroom(bench.clock.now_ns()) < 0.1
        await bench.wait(30)
        assert len(bench.ours()) == 2

    play(story)


def test_a_closing_order_that_is_larger_than_the_venue_takes_is_sent_in_pieces():
    async def story(bench: Bench) -> None:
        bench.venue.books.lots = 25
        bench.venue.books.cost_quanta = 25 * 10_000 * 10**12
        await bench.start(settle_s=4)
        bench.run.checks._max_lots = 10
        task = bench.task
        bench.run.request_stop(EndReason.MAX_LOSS)
        for _ in range(60):
            await bench.wait(0.1)
            for order in bench.ours(Side.SELL):
                if order.reduce_only:
                    bench.execute(order.venue_id, order.lots)
        assert bench.venue.books.lots == 0
        assert (await task).orders_left == 0
        assert [orders[0].lots for orders in bench.venue.called("place") if orders[0].reduce_only] == [10, 10, 5]

    play(story, max_position=1)
