"""The position by the average-cost method: what it earned is exact, whatever the fills and their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.money import QUANTA_PER_TICK_LOT, notional_quanta
from perpmaker.domain.orders import Side
from perpmaker.domain.position import Position

TICK_LOT = QUANTA_PER_TICK_LOT

fills = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(1, 1_000_000), st.integers(1, 10_000), st.integers(-(10**15), 10**15)),
    max_size=40,
)
marks = st.integers(1, 10**9)


def traded(*fills: tuple[Side, int, int]) -> Position:
    position = Position()
    for side, price, lots in fills:
        position.apply_fill(side, price, lots, 0)
    return position


@given(fills, st.lists(st.integers(-(10**15), 10**15), max_size=5), marks)
def test_profit_is_the_cash_that_moved_plus_the_value_of_what_is_held(
    trades: list[tuple[Side, int, int, int]], funding: list[int], mark: int
) -> None:
    position = Position()
    cash = 0
    held = 0
    for side, price, lots, fee in trades:
        position.apply_fill(side, price, lots, fee)
        cash -= side * notional_quanta(price, lots) + fee
        held += side * lots
    for amount in funding:
        position.apply_funding(amount)
        cash += amount
    value = mark * held * (TICK_LOT // 1000)
    assert position.lots == held
    assert position.profit_quanta(mark) == cash + value
    earned = position.realized_quanta + position.unrealized_quanta(mark)
    assert earned - position.fees_quanta + position.funding_quanta == cash + value


@given(fills, marks, st.randoms(use_true_random=False))
def test_the_order_of_fills_moves_profit_between_realized_and_unrealized_only(trades: list, mark: int, random) -> None:
    shuffled = list(trades)
    random.shuffle(shuffled)
    first, second = Position(), Position()
    for fill in trades:
        first.apply_fill(*fill)
    for fill in shuffled:
        second.apply_fill(*fill)
    assert first.profit_quanta(mark) == second.profit_quanta(mark)
    assert (first.lots, first.fees_quanta) == (second.lots, second.fees_quanta)


@given(fills)
def test_a_flat_position_has_no_cost_and_no_unrealized_profit(trades: list) -> None:
    position = Position()
    for fill in trades:
        position.apply_fill(*fill)
    if position.lots:
        position.apply_fill(Side.SELL if position.lots > 0 else Side.BUY, 77, abs(position.lots), 0)
    assert (position.lots, position.cost_quanta) == (0, 0)
    assert position.unrealized_quanta(123_456) == 0


@given(fills)
def test_what_fills_say_they_realized_adds_up_to_realized(trades: list) -> None:
    position = Position()
    assert sum(position.apply_fill(*fill) for fill in trades) == position.realized_quanta


def test_adding_to_a_position_realizes_nothing_and_averages_the_entry() -> None:
    position = traded((Side.BUY, 100, 1), (Side.BUY, 110, 3))
    assert (position.lots, position.realized_quanta) == (4, 0)
    assert position.cost_quanta == 430 * TICK_LOT
    assert position.unrealized_quanta(107_500) == 0


def test_reducing_a_long_realizes_price_minus_average_entry_and_keeps_the_average() -> None:
    position = traded((Side.BUY, 100, 2), (Side.BUY, 110, 2), (Side.SELL, 108, 1))
    assert position.realized_quanta == 3 * TICK_LOT
    assert (position.lots, position.cost_quanta) == (3, 315 * TICK_LOT)


def test_reducing_a_short_is_the_mirror() -> None:
    position = traded((Side.SELL, 100, 2), (Side.SELL, 110, 2), (Side.BUY, 102, 1))
    assert position.realized_quanta == 3 * TICK_LOT
    assert (position.lots, position.cost_quanta) == (-3, -315 * TICK_LOT)


def test_a_fill_through_zero_closes_the_old_position_and_opens_the_new_one_at_its_price() -> None:
    position = traded((Side.BUY, 100, 2), (Side.SELL, 103, 5))
    assert position.realized_quanta == 6 * TICK_LOT
    assert (position.lots, position.cost_quanta) == (-3, -309 * TICK_LOT)
    assert position.apply_fill(Side.BUY, 101, 4, 0) == 6 * TICK_LOT
    assert (position.lots, position.cost_quanta) == (1, 101 * TICK_LOT)


def test_the_unrealized_profit_of_a_short_grows_as_the_mark_falls() -> None:
    position = traded((Side.SELL, 100, 5))
    assert position.unrealized_quanta(98_500) == 15 * TICK_LOT // 2
    assert position.unrealized_quanta(101_000) == -5 * TICK_LOT


def test_a_fee_lowers_profit_and_a_rebate_raises_it() -> None:
    position = Position()
    position.apply_fill(Side.BUY, 100, 1, 7)
    position.apply_fill(Side.SELL, 100, 1, -2)
    assert (position.fees_quanta, position.profit_quanta(100_000)) == (5, -5)


def test_funding_received_raises_profit_and_funding_paid_lowers_it() -> None:
    position = Position()
    position.apply_funding(9)
    position.apply_funding(-4)
    assert (position.funding_quanta, position.profit_quanta(1)) == (5, 5)


@pytest.mark.parametrize(
    ("lots", "cost", "side", "released"),
    [(2, 3, Side.SELL, 2), (3, 4, Side.SELL, 1), (3, 5, Side.SELL, 2), (-2, -3, Side.BUY, -1)],
)
def test_the_cost_share_of_a_reduction_rounds_half_up_and_the_rest_stays(
    lots: int, cost: int, side: Side, released: int
) -> None:
    position = Position(lots=lots, cost_quanta=cost)
    realized = position.apply_fill(side, 0, 1, 0)
    assert (realized, position.cost_quanta) == (-released, cost - released)
