"""The statistics of a run: what counts, once, and for how long."""

import random
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.commands import Cancel, Notice, NoticeKind, Place
from perpmaker.domain.events import (
    BookUpdated,
    Event,
    Filled,
    FundingPaid,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    TimerFired,
)
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import QUANTA_PER_TICK_LOT
from perpmaker.domain.orders import CancelReason, OrderKind, RejectReason, Side
from perpmaker.domain.position import Position
from perpmaker.runtime.statistics import REORDER_NS, RunStatistics

START = 1_700_000_000_000_000_000
INSTRUMENT = Instrument("SOL_USDC_PERP", "SOL", "USDC", Decimal("0.01"), Decimal("0.01"), Decimal("0.02"))  # min 2 lots


def statistics(cap: int = 100) -> RunStatistics:
    return RunStatistics(INSTRUMENT, cap, START)


def place(order_id: int, side: Side, lots: int = 10, kind: OrderKind = OrderKind.LIMIT) -> Place:
    return Place(order_id, side, 10_000, lots, kind, kind is OrderKind.LIMIT, False)


def accepted(order_id: int, ns: int) -> OrderAccepted:
    return OrderAccepted(START + ns, START + ns, order_id)


def canceled(order_id: int, ns: int, filled: int = 0) -> OrderCanceled:
    return OrderCanceled(START + ns, START + ns, order_id, filled, CancelReason.REQUESTED)


def filled(fill_id: int, order_id: int, side: Side, lots: int, ns: int, *, price: int = 10_000, fee: int = 0) -> Filled:
    return Filled(START + ns, START + ns, fill_id, order_id, side, price, lots, True, fee)


def resting(stats: RunStatistics, order_id: int, side: Side, ns: int, lots: int = 10) -> None:
    stats.on_command(place(order_id, side, lots))
    stats.on_event(accepted(order_id, ns))


def test_fills_are_counted_by_side_with_their_lots_and_value() -> None:
    stats = statistics()
    stats.on_event(filled(1, 1, Side.BUY, 3, 10, price=100, fee=7))
    stats.on_event(filled(2, 2, Side.SELL, 5, 20, price=102, fee=-2))
    assert (stats.fills, stats.buys, stats.sells) == (2, 1, 1)
    assert stats.volume_lots == 8
    assert stats.volume_quanta == (300 + 510) * QUANTA_PER_TICK_LOT
    assert stats.position.lots == -2
    assert stats.position.fees_quanta == 5
    assert stats.position.realized_quanta == 6 * QUANTA_PER_TICK_LOT


def test_a_fill_told_twice_counts_once() -> None:
    stats = statistics()
    for _ in range(2):
        stats.on_event(filled(1, 1, Side.BUY, 3, 10))
    assert (stats.fills, stats.position.lots) == (1, 3)


def test_the_largest_position_is_kept_whichever_way_it_lay() -> None:
    stats = statistics()
    stats.on_event(filled(1, 1, Side.SELL, 9, 10))
    stats.on_event(filled(2, 2, Side.BUY, 12, 20))
    assert stats.max_abs_position_lots == 9


def test_orders_are_counted() -> None:
    stats = statistics()
    for order_id in (1, 2, 3):
        stats.on_command(place(order_id, Side.BUY))
    stats.on_command(Cancel(1))
    stats.on_event(accepted(1, 5))
    stats.on_event(canceled(1, 9))
    stats.on_event(OrderRejected(START, START, 2, RejectReason.POST_ONLY_WOULD_CROSS))
    assert (stats.orders_placed, stats.orders_cancelled, stats.orders_rejected) == (3, 1, 1)


def test_the_end_of_an_order_told_twice_counts_once() -> None:
    stats = statistics()
    resting(stats, 1, Side.BUY, 0)
    stats.on_command(place(2, Side.BUY))
    for _ in range(2):
        stats.on_event(canceled(1, 9))
        stats.on_event(OrderRejected(START, START, 2, RejectReason.OTHER))
    assert (stats.orders_cancelled, stats.orders_rejected) == (1, 1)


def test_stops_and_takes_are_counted_apart_and_other_notices_not_at_all() -> None:
    stats = statistics()
    for kind in (NoticeKind.STOP_LOSS, NoticeKind.TAKE_PROFIT, NoticeKind.TAKE_PROFIT, NoticeKind.QUOTING):
        stats.on_command(Notice(kind, 0, 0, ""))
    assert (stats.stops, stats.takes) == (1, 2)


def test_market_data_and_timers_change_nothing() -> None:
    stats = statistics()
    stats.on_event(BookUpdated(START, START, 1, 1, 2, 1))
    stats.on_event(TimerFired(START))
    assert stats.position == Position()
    assert stats.two_sided_ns(START + 100) == 0


def test_funding_is_booked() -> None:
    stats = statistics()
    stats.on_event(FundingPaid(START, START, -42))
    assert stats.position.funding_quanta == -42


def test_two_sided_time_is_when_a_bid_and_an_ask_rest_together() -> None:
    stats = statistics()
    resting(stats, 1, Side.BUY, 10)
    resting(stats, 2, Side.SELL, 30)
    stats.on_event(canceled(1, 70))
    assert stats.two_sided_ns(START + 1_000) == 40


def test_a_second_bid_bridges_the_end_of_the_first() -> None:
    stats = statistics()
    resting(stats, 1, Side.BUY, 0)
    resting(stats, 2, Side.SELL, 0)
    resting(stats, 3, Side.BUY, 40)
    stats.on_event(canceled(1, 50))
    assert stats.two_sided_ns(START + 100) == 100


def test_a_partly_filled_quote_still_rests_and_its_last_fill_ends_it() -> None:
    stats = statistics()
    resting(stats, 1, Side.BUY, 0, lots=10)
    resting(stats, 2, Side.SELL, 0)
    stats.on_event(filled(1, 1, Side.BUY, 4, 20))
    stats.on_event(filled(2, 1, Side.BUY, 6, 60))
    assert stats.two_sided_ns(START + 100) == 60


def test_an_order_in_flight_does_not_rest() -> None:
    stats = statistics()
    stats.on_command(place(1, Side.BUY))
    resting(stats, 2, Side.SELL, 0)
    assert stats.two_sided_ns(START + 100) == 0


def test_market_and_immediate_orders_never_rest() -> None:
    stats = statistics()
    resting(stats, 1, Side.SELL, 0)
    for order_id, kind in ((2, OrderKind.MARKET), (3, OrderKind.IOC)):
        stats.on_command(place(order_id, Side.BUY, kind=kind))
        stats.on_event(accepted(order_id, 0))
        stats.on_event(canceled(order_id, 50))
    assert stats.two_sided_ns(START + 100) == 0
    assert stats.orders_cancelled == 2


def test_a_fill_told_before_the_acceptance_ends_the_same_interval() -> None:
    stats = statistics()
    resting(stats, 2, Side.SELL, 0)
    stats.on_command(place(1, Side.BUY, lots=10))
    stats.on_event(filled(1, 1, Side.BUY, 10, 60))
    stats.on_event(accepted(1, 20))
    assert stats.two_sided_ns(START + 100) == 40


def test_what_happened_after_the_end_is_outside_the_run() -> None:
    stats = statistics()
    resting(stats, 1, Side.BUY, 0)
    resting(stats, 2, Side.SELL, 0)
    stats.on_event(filled(1, 1, Side.BUY, 100, 500))
    assert stats.two_sided_ns(START + 100) == 100
    assert stats.at_cap_ns(START + 100) == 0


def test_asking_for_a_duration_changes_nothing() -> None:
    stats = statistics()
    resting(stats, 1, Side.BUY, 0)
    resting(stats, 2, Side.SELL, 0)
    assert [stats.two_sided_ns(START + ns) for ns in (50, 100, 50)] == [50, 100, 50]


def test_at_cap_is_when_not_even_the_minimum_size_fits() -> None:
    stats = statistics(cap=10)
    stats.on_event(filled(1, 1, Side.SELL, 8, 10))  # 8 + minimum 2 = 10: still fits
    stats.on_event(filled(2, 2, Side.SELL, 1, 30))  # 9 + 2 > 10
    stats.on_event(filled(3, 3, Side.BUY, 5, 70))
    assert stats.at_cap_ns(START + 100) == 40


def test_a_step_of_the_driver_counts_its_events_and_its_commands() -> None:
    stats = statistics()
    stats.on_step(START, [filled(1, 1, Side.BUY, 3, 10)], [place(2, Side.SELL), Notice(NoticeKind.STOP_LOSS, 3, 0, "")])
    assert (stats.fills, stats.orders_placed, stats.stops) == (1, 1, 1)


LIVES = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(0, 400), st.integers(0, 200), st.booleans()), min_size=1, max_size=12
)


@given(lives=LIVES, seed=st.integers(0, 2**32))
def test_durations_do_not_depend_on_the_order_in_which_news_arrives(
    lives: list[tuple[Side, int, int, bool]], seed: int
) -> None:
    news: list[Event] = []
    stats = statistics(cap=25)
    for order_id, (side, begin, length, is_filled) in enumerate(lives):
        stats.on_command(place(order_id, side, lots=10))
        news.append(accepted(order_id, begin))
        end = begin + length
        news.append(filled(order_id, order_id, side, 10, end) if is_filled else canceled(order_id, end))
    random.Random(seed).shuffle(news)
    for event in news:
        stats.on_event(event)

    two_sided = at_cap = 0
    for ns in range(500):
        alive = {side for side, begin, length, _ in lives if begin <= ns < begin + length}
        held = sum(10 * side for side, begin, length, is_filled in lives if is_filled and begin + length <= ns)
        two_sided += len(alive) == 2
        at_cap += abs(held) + INSTRUMENT.min_lots > 25
    assert stats.two_sided_ns(START + 500) == two_sided
    assert stats.at_cap_ns(START + 500) == at_cap


def test_a_long_run_remembers_only_what_can_still_change() -> None:
    stats = statistics()
    step = REORDER_NS // 10
    resting(stats, 0, Side.SELL, 0)
    for number in range(1, 1_000):
        resting(stats, number, Side.BUY, number * step)
        stats.on_event(canceled(number, number * step + step // 2))
    assert stats.two_sided_ns(START + 1_000 * step) == 999 * (step // 2)
    assert len(stats._orders) == 1
    assert len(stats._timeline.waiting) < 50
