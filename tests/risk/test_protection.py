"""Stop loss, take profit and drawdown: when they act, and the marks between which they cannot (rules 9 and 17)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.commands import ANY_PRICE
from perpmaker.domain.money import QUANTA_PER_TICK_LOT
from perpmaker.domain.orders import Side
from perpmaker.domain.position import Position
from perpmaker.risk.protection import EVERY_MARK, Limits, Protection, Trigger

TL = QUANTA_PER_TICK_LOT


def protection(*, stop: int | None = None, take: int | None = None, drawdown: int | None = None) -> Protection:
    return Protection(Limits(stop, take, drawdown, None))


def holding(lots: int, price: int = 100, fee: int = 0) -> Position:
    position = Position()
    if lots:
        position.apply_fill(Side.BUY if lots > 0 else Side.SELL, price, abs(lots), fee)
    return position


@pytest.mark.parametrize(("lots", "before", "at"), [(5, 98_001, 98_000), (-5, 101_999, 102_000)])
def test_the_stop_acts_when_the_loss_reaches_its_limit(lots: int, before: int, at: int) -> None:
    watch = protection(stop=10 * TL)
    assert watch.check(holding(lots), before) is None
    assert watch.check(holding(lots), at) is Trigger.STOP_LOSS


@pytest.mark.parametrize(("lots", "before", "at"), [(5, 101_999, 102_000), (-5, 98_001, 98_000)])
def test_the_take_acts_when_the_profit_reaches_its_limit(lots: int, before: int, at: int) -> None:
    watch = protection(take=10 * TL)
    assert watch.check(holding(lots), before) is None
    assert watch.check(holding(lots), at) is Trigger.TAKE_PROFIT


def test_stop_and_take_look_at_the_open_position_alone_not_at_what_was_realized_before() -> None:
    position = holding(5)
    position.realized_quanta = -(10**9) * TL
    assert protection(stop=10 * TL, take=10 * TL).check(position, 100_000) is None


def test_a_flat_position_is_neither_stopped_nor_taken() -> None:
    assert protection(stop=1, take=1).check(holding(0), 1) is None


@pytest.mark.parametrize("mark", [1, 10**9])
def test_a_limit_that_is_off_never_acts(mark: int) -> None:
    assert protection().check(holding(5), mark) is None


def test_drawdown_counts_from_the_highest_equity_of_the_run_not_from_its_start() -> None:
    watch = protection(drawdown=10 * TL)
    assert watch.check(holding(5), 104_000) is None  # +20
    assert watch.check(holding(5), 102_001) is None
    assert watch.check(holding(5), 102_000) is Trigger.MAX_DRAWDOWN  # still +10 in profit


def test_before_any_profit_drawdown_counts_from_the_starting_balance() -> None:
    watch = protection(drawdown=10 * TL)
    assert watch.check(holding(5), 98_001) is None
    assert watch.check(holding(5), 98_000) is Trigger.MAX_DRAWDOWN


def test_drawdown_counts_fees_funding_and_realized_losses() -> None:
    watch = protection(drawdown=10 * TL)
    position = holding(5, fee=4 * TL)
    position.apply_funding(-3 * TL)
    position.realized_quanta = -2 * TL
    assert watch.check(position, 100_000) is None
    assert watch.check(position, 99_800) is Trigger.MAX_DRAWDOWN


def test_a_drawdown_once_reached_stays_reached() -> None:
    watch = protection(drawdown=10 * TL)
    watch.check(holding(5), 98_000)
    assert watch.check(holding(5), 120_000) is Trigger.MAX_DRAWDOWN
    assert watch.check(holding(0), 120_000) is Trigger.MAX_DRAWDOWN


def test_a_drawdown_goes_before_the_stop_that_came_with_it() -> None:
    assert protection(stop=10 * TL, drawdown=10 * TL).check(holding(5), 98_000) is Trigger.MAX_DRAWDOWN


def test_where_nothing_can_act_the_band_is_every_mark() -> None:
    assert protection().band(holding(5)) == EVERY_MARK == (-ANY_PRICE, ANY_PRICE)
    assert protection(stop=1, take=1, drawdown=1).band(holding(0)) == EVERY_MARK


def test_a_limit_on_one_side_leaves_the_other_end_of_the_band_open() -> None:
    assert protection(stop=10 * TL).band(holding(5)) == (98_001, ANY_PRICE)
    assert protection(stop=10 * TL).band(holding(-5)) == (-ANY_PRICE, 101_999)
    assert protection(take=10 * TL).band(holding(5)) == (-ANY_PRICE, 101_999)
    assert protection(take=10 * TL).band(holding(-5)) == (98_001, ANY_PRICE)


limits_ = st.one_of(st.none(), st.integers(1, 10**15))
fills = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(90, 110), st.integers(1, 30), st.integers(-(10**11), 10**11)),
    min_size=1,
    max_size=6,
)


def answer(limits: Limits, history: list[tuple[Position, int]], position: Position, mark: int) -> tuple:
    """What a fresh watch with the same past says at this mark, and the peak it then knows."""
    watch = Protection(limits)
    for held, seen in history:
        watch.check(held, seen)
    return watch.check(position, mark), watch._peak_quanta


@given(limits_, limits_, limits_, fills, st.lists(st.integers(90_000, 110_000), max_size=4), st.data())
def test_the_band_is_exactly_where_check_finds_nothing_to_do_and_nothing_to_learn(
    stop: int | None, take: int | None, drawdown: int | None, trades: list, marks: list[int], data: st.DataObject
) -> None:
    limits = Limits(stop, take, drawdown, None)
    position = Position()
    for fill in trades:
        position.apply_fill(*fill)
    history = [(position, mark) for mark in marks]
    watch = Protection(limits)
    said = [watch.check(position, mark) for mark in marks]
    if Trigger.MAX_DRAWDOWN in said:
        return  # latched: the run is on its way out, and no mark matters any more
    peak = watch._peak_quanta
    band = watch.band(position)
    for end, outside in ((band.low, band.low - 1), (band.high, band.high + 1)):
        if abs(end) == ANY_PRICE:
            continue
        trigger, new_peak = answer(limits, history, position, outside)
        learns = drawdown is not None and new_peak > peak
        assert trigger is not None or learns, f"nothing happens at {outside}, outside {band}"
    low, high = max(band.low, 80_000), min(band.high, 120_000)
    if low <= high:
        for mark in (low, data.draw(st.integers(low, high)), high):
            trigger, new_peak = answer(limits, history, position, mark)
            assert trigger is None
            assert drawdown is None or not position.lots or new_peak == peak
