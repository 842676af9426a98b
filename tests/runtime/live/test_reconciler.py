"""The venue is the truth, and nothing is corrected on a suspicion."""

from decimal import Decimal

import pytest

from perpmaker.domain.events import BalanceCorrected, Filled, FundingPaid, MarkUpdated, PositionCorrected
from perpmaker.domain.orders import OrderStatus, Side
from perpmaker.venues.port import ClockReading, VenueFunding
from support.live_bench import DOWN, TAG, Bench, play

ROUND_S = 15.5  # until the next reconciliation has come and gone
LOOK_S = 2.3  # until the next after a doubt


# --- executions ---


def test_executions_that_the_stream_lost_are_booked():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.execute(bench.resting(Side.BUY).venue_id, 10, is_told=False)
        await bench.wait(ROUND_S)
        bench.check_agreement()
        assert bench.count("missed executions") == 1
        assert bench.count("position corrections") == 0

    play(story)


def test_the_stream_that_tells_them_later_is_not_believed_twice():
    async def story(bench: Bench) -> None:
        await bench.start()
        execution = bench.execute(bench.resting(Side.BUY).venue_id, 10, is_told=False)
        await bench.wait(ROUND_S)
        bench.account.on_own(execution.fill)
        bench.account.on_own(execution.fill)
        await bench.wait(ROUND_S)
        bench.check_agreement()
        assert bench.maker.position.lots == 10

    play(story)


def test_executions_that_the_stream_told_are_not_told_again_by_the_history():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.execute(bench.resting(Side.BUY).venue_id, 10)
        await bench.wait(3 * ROUND_S)
        assert len(bench.rig.told.of(Filled)) == 1

    play(story)


def test_executions_of_others_are_not_ours_and_show_that_there_are_others():
    async def story(bench: Bench) -> None:
        await bench.start()
        foreign = bench.venue.rest(side=Side.BUY, price_ticks=9_000, lots=5)
        bench.venue.execute(foreign, 5)
        bench.trade_elsewhere(-5)  # and sold again: the position says nothing
        await bench.wait(ROUND_S)
        assert not bench.rig.told.of(Filled)
        assert bench.run.desk.has_foreign_orders

    play(story)


def test_an_execution_of_somebody_else_moves_the_position_at_its_own_price_without_a_doubt():
    async def story(bench: Bench) -> None:
        await bench.start()
        foreign = bench.venue.rest(side=Side.BUY, price_ticks=9_000, lots=5)
        bench.venue.execute(foreign, 5)
        await bench.wait(ROUND_S)
        (told,) = bench.rig.told.of(PositionCorrected)
        assert (told.change_lots, told.price_milliticks) == (5, 9_000_000)
        assert bench.count("foreign executions") == 1
        assert bench.count("position corrections") == 0

    play(story)


def test_an_execution_of_somebody_else_that_the_history_shows_late_is_not_counted_twice():
    async def story(bench: Bench) -> None:
        await bench.start()
        foreign = bench.venue.rest(side=Side.BUY, price_ticks=9_000, lots=5)
        execution = bench.venue.execute(foreign, 5)
        bench.venue.executions.clear()
        await bench.wait(ROUND_S + LOOK_S)
        assert bench.maker.position.lots == 5
        bench.venue.executions.append(execution)
        await bench.wait(ROUND_S)
        assert [event.change_lots for event in bench.rig.told.of(PositionCorrected)] == [5]

    play(story)


def test_an_execution_of_somebody_else_moves_the_position_at_its_own_price():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.execute(bench.venue.rest(side=Side.SELL, price_ticks=10_700, lots=5), 5)
        await bench.wait(ROUND_S)
        (told,) = bench.rig.told.of(PositionCorrected)
        assert (told.change_lots, told.price_milliticks) == (-5, 10_700_000)
        assert bench.count("position corrections") == 0

    play(story)


def test_a_venue_whose_clock_is_behind_is_asked_in_its_own_time():
    async def story(bench: Bench) -> None:
        bench.venue.answer("clock", ClockReading(bench.clock.now_ns() - 600 * 10**9, *[bench.clock.now_ns()] * 2))
        await bench.start()
        await bench.wait(ROUND_S)
        (since_ns,) = bench.venue.called("fills")[-1]
        assert since_ns < bench.clock.now_ns() - 650 * 10**9

    play(story)


def test_after_failures_the_history_is_asked_from_the_last_answer_on():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.fail("fills", *[DOWN] * 22)
        bench.execute(bench.resting(Side.BUY).venue_id, 10, is_told=False)
        await bench.wait(120)
        bench.check_agreement()

    play(story)


# --- orders ---


def test_an_order_that_rests_though_we_think_it_dead_is_cancelled():
    async def story(bench: Bench) -> None:
        await bench.start()
        lost = bench.venue.rest(side=Side.SELL, price_ticks=10_500, lots=10, order_id=77, tag=TAG)
        await bench.wait(ROUND_S)
        assert lost not in bench.venue.resting
        assert bench.count("lost orders cancelled") == 1
        assert len(bench.ours()) == 2

    play(story)


def test_one_lost_order_that_cannot_be_cancelled_does_not_keep_the_others():
    async def story(bench: Bench) -> None:
        await bench.start()
        for order_id in (77, 78):
            bench.venue.rest(side=Side.SELL, price_ticks=10_500, lots=10, order_id=order_id, tag=TAG)
        bench.venue.fail("cancel_venue_order", DOWN)
        await bench.wait(ROUND_S)
        assert [order.order_id for order in bench.ours()][-1] == 77
        await bench.wait(LOOK_S)
        assert len(bench.ours()) == 2

    play(story)


def test_an_order_that_is_gone_is_searched_for_and_replaced():
    async def story(bench: Bench) -> None:
        await bench.start()
        bid = bench.resting(Side.BUY)
        bench.drop(bid, is_told=False)
        await bench.wait(ROUND_S + 5)
        assert bench.maker.orders.get(bid.order_id).status is OrderStatus.CANCELED
        assert bench.resting(Side.BUY).price_ticks == 9_900

    play(story)


def test_orders_of_others_and_of_other_runs_are_seen_and_left_alone():
    async def story(bench: Bench) -> None:
        bench.venue.rest(side=Side.BUY, price_ticks=9_000, lots=5)
        bench.venue.rest(side=Side.BUY, price_ticks=9_000, lots=5, order_id=3, tag=TAG + 1)
        await bench.start()
        await bench.wait(ROUND_S)
        assert bench.run.desk.has_foreign_orders
        await bench.end()
        assert len(bench.venue.resting) == 2

    play(story)


def test_an_order_that_ended_while_the_question_was_under_way_is_not_lost():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.take_time("open_orders", after_s=2)
        await bench.wait(14.5)
        bench.drop(bench.resting(Side.BUY))
        await bench.wait(3)
        assert bench.count("lost orders cancelled") == 0

    play(story)


# --- the position ---


def test_a_position_changed_by_somebody_else_is_corrected_after_two_equal_looks():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.trade_elsewhere(5)
        await bench.wait(ROUND_S)
        assert bench.maker.position.lots == 0
        await bench.wait(LOOK_S)
        assert bench.maker.position.lots == 5
        (told,) = bench.rig.told.of(PositionCorrected)
        assert told.price_milliticks == 10_000_000
        assert bench.run.desk.has_foreign_orders
        assert any("corrected by 0.05" in text for _, text in bench.notes)

    play(story)


def test_two_looks_that_differ_correct_nothing():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.trade_elsewhere(5)
        await bench.wait(ROUND_S)
        bench.trade_elsewhere(1)
        await bench.wait(LOOK_S)
        assert bench.maker.position.lots == 0
        await bench.wait(LOOK_S)
        assert bench.maker.position.lots == 6
        assert bench.count("position corrections") == 1

    play(story)


def test_a_fill_that_comes_between_question_and_answer_is_no_difference():
    async def story(bench: Bench) -> None:
        await bench.start()
        bid = bench.resting(Side.BUY)
        bench.venue.take_time("position", after_s=1)
        bench.venue.before("position", lambda: bench.execute(bid.venue_id, 10))
        await bench.wait(ROUND_S + 1)
        assert bench.count("position corrections") == 0
        bench.check_agreement()

    play(story)


def test_a_fill_that_neither_stream_nor_history_shows_yet_is_not_taken_for_somebody_elses():
    async def story(bench: Bench) -> None:
        await bench.start()
        execution = bench.execute(bench.resting(Side.BUY).venue_id, 10, is_told=False)
        bench.venue.executions.clear()
        await bench.wait(ROUND_S + 4 * LOOK_S)
        assert bench.count("position corrections") == 0
        assert bench.maker.orders.exposure_lots(Side.BUY) >= 10  # it counts all the while
        bench.venue.executions.append(execution)
        await bench.wait(2 * LOOK_S)
        assert bench.count("position corrections") == 0
        bench.check_agreement()

    play(story)


def test_a_part_that_neither_stream_nor_history_shows_yet_is_not_taken_for_somebody_elses():
    async def story(bench: Bench) -> None:
        await bench.start()
        execution = bench.execute(bench.resting(Side.BUY).venue_id, 4, is_told=False)
        bench.venue.executions.clear()
        await bench.wait(ROUND_S + 4 * LOOK_S)
        assert bench.count("position corrections") == 0
        bench.venue.executions.append(execution)
        await bench.wait(2 * LOOK_S)
        bench.check_agreement()

    play(story)


def test_what_stays_unexplained_is_corrected_in_the_end():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.execute(bench.resting(Side.BUY).venue_id, 4, is_told=False)
        bench.venue.executions.clear()  # for good
        await bench.wait(ROUND_S + 20 * LOOK_S)
        assert bench.count("position corrections") == 1
        assert bench.maker.position.lots == 4

    play(story)


def test_the_venue_that_tells_another_position_is_asked_why_soon():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.trade_elsewhere(5)
        bench.account.on_position(5, 0)
        await bench.wait(4)
        assert bench.maker.position.lots == 5

    play(story)


def test_a_position_told_just_before_its_fill_costs_no_question():
    async def story(bench: Bench) -> None:
        await bench.start()
        before = len(bench.venue.called("position"))
        bench.account.on_position(10, 0)
        await bench.wait(0.3)
        bench.execute(bench.resting(Side.BUY).venue_id, 10)
        await bench.wait(3)
        assert len(bench.venue.called("position")) == before

    play(story)


@pytest.mark.parametrize("lots", [5, -5])
def test_where_no_mark_was_ever_told_a_correction_is_booked_at_what_the_position_has_cost(lots):
    async def story(bench: Bench) -> None:
        bench.tell_mark = lambda: None
        bench.trade_elsewhere(lots)
        await bench.start(settle_s=4)
        bench.check_agreement()
        assert bench.maker.position.cost_quanta == bench.venue.books.cost_quanta
        bench.trade_elsewhere(-lots)
        await bench.wait(ROUND_S + LOOK_S)
        bench.check_agreement()

    play(story)


def test_a_mark_that_the_stream_has_not_told_for_long_comes_with_the_position():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.tell_mark = lambda: None
        bench.venue.mark_milliticks = 9_000_000
        await bench.wait(2 * ROUND_S)
        assert bench.rig.told.of(MarkUpdated)[-1].mark_milliticks == 9_000_000

    play(story)


# --- money ---


@pytest.mark.parametrize("amount", ["-2000", "500"])
def test_a_balance_that_changed_is_corrected_after_two_equal_looks(amount):
    async def story(bench: Bench) -> None:
        await bench.start()
        state = bench.venue.account_state
        changed = {name: getattr(state, name) for name in state.__slots__} | {
            "balance": state.balance + Decimal(amount)
        }
        bench.venue.account_state = type(state)(**changed)
        await bench.wait(ROUND_S)
        assert not bench.rig.told.of(BalanceCorrected)
        await bench.wait(LOOK_S)
        (told,) = bench.rig.told.of(BalanceCorrected)
        assert bench.venue.terms.instrument.money(told.change_quanta) == Decimal(amount)
        await bench.wait(ROUND_S)
        assert len(bench.rig.told.of(BalanceCorrected)) == 1

    play(story)


def test_fees_and_profit_of_ours_are_no_change_of_the_balance():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.execute(bench.resting(Side.BUY).venue_id, 10)
        await bench.wait(1)
        bench.execute(bench.ours(Side.SELL)[0].venue_id, 10)
        await bench.wait(2 * ROUND_S)
        assert not bench.rig.told.of(BalanceCorrected)
        bench.check_agreement()

    play(story)


def test_what_our_other_markets_settle_is_no_change_of_the_balance():
    async def story(bench: Bench) -> None:
        await bench.start()
        state = bench.venue.account_state
        earned = bench.venue.terms.instrument.money_to_quanta(Decimal(500))
        bench.rig.run.desk.settled_elsewhere = lambda: earned
        changed = {name: getattr(state, name) for name in state.__slots__} | {"balance": state.balance + 500}
        bench.venue.account_state = type(state)(**changed)
        await bench.wait(3 * ROUND_S)
        assert not bench.rig.told.of(BalanceCorrected)

    play(story)


def test_payments_are_asked_for_rarely_unless_the_balance_is_doubted():
    async def story(bench: Bench) -> None:
        await bench.start()
        await bench.wait(3 * ROUND_S)
        assert len(bench.venue.called("funding")) == 1
        bench.venue.payments.append(VenueFunding("1", FundingPaid(0, bench.clock.now_ns(), -(10**18))))
        bench.venue.books.apply_funding(-(10**18))
        await bench.wait(ROUND_S + LOOK_S)
        assert bench.maker.position.funding_quanta == -(10**18)
        assert not bench.rig.told.of(BalanceCorrected)

    play(story)


def test_funding_is_booked_once_whoever_tells_it_first_and_however_often():
    async def story(bench: Bench) -> None:
        await bench.start()

        def payment(amount: int) -> FundingPaid:
            return FundingPaid(bench.clock.now_ns(), bench.clock.now_ns(), amount)

        first, second = payment(-5), payment(-7)
        bench.account.on_own(first)
        bench.account.on_own(first)
        bench.venue.payments += [VenueFunding("1", first), VenueFunding("2", second)]
        await bench.wait(2 * ROUND_S)
        bench.account.on_own(second)
        await bench.wait(2 * ROUND_S)
        assert bench.maker.position.funding_quanta == -12

    play(story)


# --- questions that fail ---


@pytest.mark.parametrize("question", ["fills", "open_orders", "position", "account"])
def test_a_question_that_fails_corrects_nothing_and_is_asked_again_soon(question):
    async def story(bench: Bench) -> None:
        await bench.start()
        position, ours = bench.maker.position.lots, bench.ours()
        bench.venue.fail(question, *[DOWN] * 10)
        await bench.wait(ROUND_S + 5 * LOOK_S)
        assert bench.maker.position.lots == position
        assert bench.ours() == ours
        assert bench.count("failed: reconciling") >= 5
        assert not bench.rig.told.of(PositionCorrected)
        assert not bench.rig.told.of(BalanceCorrected)

    play(story)


def test_a_question_that_hangs_does_not_stop_the_next_round():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.take_time("open_orders", before_s=10_000)
        bench.execute(bench.resting(Side.BUY).venue_id, 10, is_told=False)
        before = bench.count("reconciliations")
        await bench.wait(40)
        assert bench.count("reconciliations") > before
        bench.check_agreement()

    play(story)
