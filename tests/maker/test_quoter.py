"""Decisions about the ladder: refresh, recentring, refusals, margin, threshold (rules 8, 10, 11 and 15)."""

import pytest

from perpmaker.domain.commands import Cancel, Place
from perpmaker.domain.events import BookUpdated, TimerFired
from perpmaker.domain.orders import CancelReason, OrderKind, OrderStatus, RejectReason, Side
from perpmaker.domain.reasons import NotResting
from perpmaker.maker.market_maker import Phase
from perpmaker.maker.quoter import POST_ONLY_RETRY_NS
from perpmaker.maker.settings import Recenter
from support.maker_bench import SECOND_NS, Bench, cancels, instrument, places

BUY, SELL = Side.BUY, Side.SELL


def maker(position: str | None = None, **settings: object) -> Bench:
    options = {"spread": "0.01", "quantity": "0.1", "max_orders": 2, "max_position": "5", "interval_s": "10"}
    bench = Bench(instrument(), **{**options, **settings})
    if position is not None:
        bench.hold(position, "100")
    bench.price("100")
    return bench


def test_quotes_are_post_only_limit_orders_of_the_quantity() -> None:
    sent = places(maker().sent)
    assert len(sent) == 4
    assert all(order.post_only and not order.reduce_only for order in sent)
    assert all((order.kind, order.lots) == (OrderKind.LIMIT, 10) for order in sent)
    assert [order.order_id for order in sent] == [1, 2, 3, 4]


def test_inner_levels_are_placed_first_and_of_each_the_bid_before_the_ask() -> None:
    assert [(order.side, order.level) for order in places(maker().sent)] == [(BUY, 1), (SELL, 1), (BUY, 2), (SELL, 2)]


def test_between_refreshes_a_price_move_sends_nothing() -> None:
    bench = maker()
    assert not bench.price("100.5") + bench.wait(9.9)


def test_a_refresh_of_an_unchanged_market_sends_nothing() -> None:
    bench = maker()
    assert not bench.refresh() + bench.refresh()


def test_a_refresh_follows_the_reference_price() -> None:
    bench = maker()
    bench.price("101")
    commands = bench.refresh()
    assert [type(command) for command in commands] == [Cancel] * 4 + [Place] * 4
    assert (bench.bids, bench.asks) == (["99.99", "98.98"], ["102.01", "103.02"])


def test_levels_that_the_new_ladder_shares_with_the_old_one_keep_their_place() -> None:
    bench = maker(spread="0.0001")  # one tick a level: bids 99.99 and 99.98
    kept = bench.order_at(BUY, "99.98")
    bench.price("99.99")
    commands = bench.refresh()
    assert (bench.bids, bench.order_at(BUY, "99.98")) == (["99.98", "99.97"], kept)
    assert kept not in cancels(commands)


def test_refreshes_fall_on_whole_intervals_from_the_start() -> None:
    bench = maker()
    assert bench.maker.wake().refresh_ns == 10 * SECOND_NS
    bench.now_ns = 13 * SECOND_NS
    bench.send(TimerFired(bench.now_ns, is_refresh=True))
    assert bench.maker.wake().refresh_ns == 20 * SECOND_NS
    bench.now_ns = 20 * SECOND_NS
    bench.send(TimerFired(bench.now_ns, is_refresh=True))
    assert bench.maker.wake().refresh_ns == 30 * SECOND_NS


def test_refreshes_that_were_passed_over_are_over_but_one_that_is_due_now_is_not() -> None:
    bench = maker()
    bench.now_ns = 20 * SECOND_NS
    bench.price("100.5")
    assert bench.maker.wake().refresh_ns == 20 * SECOND_NS
    bench.now_ns += 1
    bench.price("100.6")
    assert bench.maker.wake().refresh_ns == 30 * SECOND_NS


def test_a_timer_that_is_no_refresh_changes_nothing() -> None:
    bench = maker()
    bench.price("101")
    before = bench.maker.wake()
    assert not bench.wait(10)
    assert bench.maker.wake() == before
    assert bench.bids == ["99", "98"]


def test_recenter_fill_leaves_the_ladder_where_it_is_at_every_refresh() -> None:
    bench = maker(recenter=Recenter.FILL)
    for price in ("99.5", "100.7", "100.9"):
        bench.price(price)
        assert not bench.refresh()
    assert (bench.bids, bench.asks) == (["99", "98"], ["101", "102"])


def test_recenter_fill_moves_the_ladder_at_once_with_a_fill() -> None:
    bench = maker(recenter=Recenter.FILL)
    bench.price("99.5")
    bench.fill(BUY, "99")
    assert (bench.bids, bench.asks) == (["98.5", "97.51"], ["100.5", "101.49"])


@pytest.mark.parametrize(("price", "moves"), [("102", False), ("102.01", True), ("98", False), ("97.99", True)])
def test_recenter_fill_with_max_drift_moves_only_beyond_it(price: str, moves: bool) -> None:
    bench = maker(recenter=Recenter.FILL, max_drift="0.02", max_orders=1, spread="0.05")
    bench.price(price)
    assert bool(bench.refresh()) == moves
    assert (bench.bids == ["95"]) == (not moves)


def test_a_position_beyond_the_threshold_changes_nothing_without_skew() -> None:
    bench = maker("4", position_threshold="2", inventory_skew="0")
    assert (bench.bids, bench.asks) == (["99", "98"], ["101", "102"])
    assert bench.maker.phase is Phase.QUOTING
    assert not any(order.reduce_only for order in places(bench.sent))


def test_a_fill_that_triggers_the_skew_moves_the_ladder_at_once() -> None:
    bench = maker("2", position_threshold="2", inventory_skew="0.5")
    assert bench.bids == ["99", "98"]
    bench.fill(BUY, "99")
    assert (bench.bids, bench.asks) == (["98.58", "97.58"], ["100.58", "101.58"])  # d 2.1, delta 0.42
    assert bench.maker.quoter.skew * 10_000 == 42


def test_at_the_cap_only_the_reducing_side_is_quoted() -> None:
    bench = maker("-5")
    assert (bench.bids, bench.asks) == (["99", "98"], [])
    assert bench.maker.quoter.not_resting[SELL, 1] is NotResting.AT_CAP


def test_a_replacement_waits_for_the_cancel_where_both_would_break_the_cap() -> None:
    bench = maker("4.8", acknowledges=False)  # room for two bids and no more
    for order in list(bench.maker.orders):
        bench.accept(order.order_id)
    old_bids = [order.order_id for order in bench.maker.orders if order.side is BUY]
    bench.price("100.5")
    commands = bench.refresh()
    assert set(old_bids) <= set(cancels(commands))
    assert [order.side for order in places(commands)] == [SELL, SELL]
    assert bench.maker.quoter.not_resting[BUY, 1] is NotResting.AWAITING_CANCEL
    assert bench.maker.wake().on_order
    placed = [order for order_id in old_bids for order in places(bench.canceled(order_id))]
    assert [order.side for order in placed] == [BUY, BUY]
    assert not bench.maker.wake().on_order


# --- refusals ---


def test_a_post_only_refusal_is_tried_again_after_its_wait_and_not_before() -> None:
    bench = maker(acknowledges=False)
    assert not bench.reject(1, RejectReason.POST_ONLY_WOULD_CROSS)
    assert bench.maker.quoter.not_resting[BUY, 1] is NotResting.POST_ONLY_WOULD_CROSS
    assert bench.maker.wake().until_ns == POST_ONLY_RETRY_NS
    bench.now_ns = POST_ONLY_RETRY_NS - 1
    assert not bench.price("100")
    bench.now_ns = POST_ONLY_RETRY_NS
    assert [(order.side, order.price_ticks) for order in places(bench.wait(0))] == [(BUY, 9_900)]


def test_a_level_refused_as_post_only_stays_out_when_a_fill_requotes_the_others() -> None:
    bench = maker(acknowledges=False)
    bench.reject(1, RejectReason.POST_ONLY_WOULD_CROSS)
    bench.now_ns = 1
    placed = places(bench.execute(bench.order_at(SELL, "101"), SELL, 10_100, 10))
    assert (SELL, 10_100) in [(order.side, order.price_ticks) for order in placed]
    assert BUY not in [order.side for order in placed]


@pytest.mark.parametrize("reason", RejectReason)
def test_no_refusal_becomes_a_loop_in_a_minute_of_refusing_everything(reason: RejectReason) -> None:
    bench = maker(acknowledges=False)
    refused = 0
    for step in range(1_200):  # every 50 ms
        for order in list(bench.maker.orders):
            bench.reject(order.order_id, reason)
            refused += 1
        bench.now_ns = step * SECOND_NS // 20
        bench.send(TimerFired(bench.now_ns, is_refresh=bench.maker.wake().refresh_ns <= bench.now_ns))
        bench.price("100")
    a_minute_of_waits = 60 * SECOND_NS // POST_ONLY_RETRY_NS
    refreshes = 6
    tries = a_minute_of_waits + refreshes if reason is RejectReason.POST_ONLY_WOULD_CROSS else refreshes
    assert 4 * refreshes <= refused <= 4 * (tries + 1)
    assert bench.maker.phase is Phase.QUOTING


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (RejectReason.INSUFFICIENT_MARGIN, NotResting.NO_MARGIN),
        (RejectReason.BELOW_MINIMUM, NotResting.BELOW_MINIMUM),
        (RejectReason.OTHER, NotResting.REFUSED_BY_VENUE),
        (RejectReason.RATE_LIMITED, NotResting.REFUSED_BY_VENUE),
    ],
)
def test_a_refused_level_is_left_alone_until_the_next_refresh_and_the_run_goes_on(
    reason: RejectReason, shown: NotResting
) -> None:
    bench = maker(acknowledges=False)
    bench.reject(bench.order_at(BUY, "98"), reason)
    assert bench.maker.quoter.not_resting[BUY, 2] is shown
    bench.now_ns = 1
    requoted = places(bench.execute(bench.order_at(SELL, "101"), SELL, 10_100, 10))
    assert 9_800 not in [order.price_ticks for order in requoted]
    assert bench.maker.quoter.not_resting[BUY, 2] is shown
    assert [(order.side, order.price_ticks) for order in places(bench.refresh())] == [(BUY, 9_800)]


def test_a_refusal_of_one_level_leaves_the_others_resting() -> None:
    bench = maker(acknowledges=False)
    bench.reject(1, RejectReason.INSUFFICIENT_MARGIN)
    assert (bench.bids, bench.asks) == (["98"], ["101", "102"])


# --- margin ---


def test_what_margin_cannot_carry_is_left_out_outermost_first_with_the_reason() -> None:
    bench = maker(balance="1", max_orders=1)  # leverage 10: 0.1 lots of 100 need 1 each side
    assert (bench.bids, bench.asks) == (["99"], ["101"])
    bench = maker(balance="1")
    assert (bench.bids, bench.asks) == (["99"], ["101"])
    assert bench.maker.quoter.not_resting[BUY, 2] is NotResting.NO_MARGIN
    assert bench.maker.phase is Phase.QUOTING


def test_a_mark_at_which_margin_runs_short_makes_the_next_refresh_count() -> None:
    bench = maker("-1", balance="60", max_position="5")  # the cap needs 50 at 100, and 75 at 150
    band = bench.maker.wake()
    assert band.reference_low <= 10_000_000 <= band.reference_high
    bench.mark("150")
    assert bench.maker.quoter.must_refresh
    assert bench.maker.wake().reference_low > bench.maker.wake().reference_high


def test_margin_that_comes_back_brings_the_level_back_at_the_next_refresh() -> None:
    bench = maker("0.1", balance="1.5", max_position="0.5")
    assert bench.bids == ["0.05@99"]
    bench.mark("108")  # equity 2.3 carries 0.21
    bench.refresh()
    assert bench.bids == ["99", "0.01@98"]


# --- what the venue does on its own ---


def test_an_order_that_the_venue_cancelled_is_replaced_at_the_next_refresh() -> None:
    bench = maker()
    assert not bench.canceled(1, reason=CancelReason.VENUE)
    assert [order.price_ticks for order in places(bench.refresh())] == [9_900]


def test_an_order_of_unknown_outcome_stays_exposure_until_resolved_and_is_cancelled_at_the_next_refresh() -> None:
    bench = maker("4.8", acknowledges=False)  # room for exactly the two bids
    assert not bench.unanswered(1)
    assert bench.maker.orders.exposure_lots(BUY) == 20
    commands = bench.refresh()
    assert cancels(commands) == [1]
    assert not places(commands), "its capacity is not free before the venue has told"
    assert bench.maker.orders.exposure_lots(BUY) == 20
    assert [order.price_ticks for order in places(bench.canceled(1))] == [9_900]


def test_an_unknown_order_that_turns_out_to_rest_keeps_its_place() -> None:
    bench = maker(acknowledges=False)
    bench.unanswered(1)
    bench.accept(1)
    assert not bench.refresh()
    assert next(order.status for order in bench.maker.orders) is OrderStatus.LIVE


def test_a_price_that_would_take_is_quoted_one_tick_behind_the_opposite_best() -> None:
    bench = maker(recenter=Recenter.FILL, spread="0.001")  # 99.9, 99.8 / 100.1, 100.2
    bench.send(BookUpdated(0, 0, 9_980, 10, 9_981, 10))
    bench.refresh()
    assert bench.bids == ["99.8", "99.8"]
    assert bench.maker.wake().reference_low > bench.maker.wake().reference_high, "a clamped ladder is always refreshed"
