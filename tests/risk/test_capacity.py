"""What may rest: the hard cap and the margin, level by level (rules 7 and 11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.money import QUANTA_PER_TICK_LOT
from perpmaker.domain.orders import Side
from perpmaker.domain.position import Position
from perpmaker.domain.reasons import NotResting
from perpmaker.risk.capacity import ApprovedSide, approve, caps, margin_mark_band
from perpmaker.risk.protection import MarkBand

TENTH = 100_000_000  # a margin rate of 10 %, in parts per billion


def fit(room: int, *, size: int = 10, levels: int = 3, minimum: int = 4, is_margin: bool = False) -> ApprovedSide:
    return approve(size, levels, room, minimum, is_margin=is_margin)


def test_with_room_for_all_every_level_has_its_full_size() -> None:
    assert fit(30) == fit(31) == ((10, 10, 10), (None, None, None))


def test_a_level_that_fits_in_part_is_shrunk_to_what_fits() -> None:
    assert fit(29) == ((10, 10, 9), (None, None, None))
    assert fit(24) == ((10, 10, 4), (None, None, None))


def test_a_level_of_which_less_than_the_minimum_fits_is_left_out() -> None:
    assert fit(23) == ((10, 10, 0), (None, None, NotResting.BELOW_MINIMUM))


def test_levels_are_left_out_outermost_first() -> None:
    assert fit(10) == ((10, 0, 0), (None, NotResting.AT_CAP, NotResting.AT_CAP))
    assert fit(3) == ((0, 0, 0), (NotResting.BELOW_MINIMUM, NotResting.AT_CAP, NotResting.AT_CAP))


@pytest.mark.parametrize("room", [0, -1, -100])
def test_without_room_nothing_rests_and_the_reason_is_the_cap(room: int) -> None:
    assert fit(room) == ((0, 0, 0), (NotResting.AT_CAP,) * 3)


def test_where_margin_sets_the_cap_the_reason_says_so() -> None:
    assert fit(10, is_margin=True).refusals == (None, NotResting.NO_MARGIN, NotResting.NO_MARGIN)
    assert fit(13, is_margin=True).refusals[1] is NotResting.BELOW_MINIMUM


@given(st.integers(1, 50), st.integers(1, 6), st.integers(-50, 400), st.integers(1, 50), st.booleans())
def test_approved_sizes_fill_the_room_innermost_first_and_never_exceed_it(
    size: int, levels: int, room: int, minimum: int, is_margin: bool
) -> None:
    size = max(size, minimum)  # a smaller quantity is refused at the start
    side = approve(size, levels, room, minimum, is_margin=is_margin)
    assert len(side.lots) == len(side.refusals) == levels
    left = max(0, room)
    for lots, refusal in zip(side.lots, side.refusals, strict=True):
        fits = min(size, left)
        assert lots == (fits if fits >= minimum else 0)
        assert (refusal is None) == (lots > 0)
        left = left - lots if lots else 0


def test_the_cap_is_the_traders_while_equity_carries_it() -> None:
    # 10 lots at 100 ticks and 10 % need 100 tick-lots of equity
    assert caps(10, 100 * QUANTA_PER_TICK_LOT, 100_000, TENTH) == (10, False)


def test_the_cap_is_what_the_equity_carries_when_that_is_less() -> None:
    assert caps(10, 100 * QUANTA_PER_TICK_LOT - 1, 100_000, TENTH) == (9, True)


@pytest.mark.parametrize("equity", [0, -1, -(10**30)])
def test_without_equity_nothing_can_be_carried_and_the_cap_is_never_negative(equity: int) -> None:
    assert caps(10, equity, 100_000, TENTH) == (0, True)


@given(st.integers(1, 10**6), st.integers(0, 10**24), st.integers(1, 10**9), st.integers(1, 10**9))
def test_the_margin_of_the_cap_never_exceeds_the_equity_and_one_lot_more_would(
    maximum: int, equity: int, mark: int, rate: int
) -> None:
    cap = caps(maximum, equity, mark, rate)
    assert cap.lots * mark * rate <= equity
    assert cap.is_margin == (cap.lots < maximum)
    assert not cap.is_margin or (cap.lots + 1) * mark * rate > equity


positions = st.tuples(st.sampled_from(Side), st.integers(0, 500), st.integers(1, 10**5), st.integers(-(10**17), 10**17))


@given(
    positions,
    st.integers(1, 500),
    st.integers(-(10**4), 10**7).map(lambda tick_lots: tick_lots * QUANTA_PER_TICK_LOT + 12_345),
    st.sampled_from([10**9, 500_000_000, TENTH, 33_333_334, 10_000_000]),
    st.lists(st.integers(1, 2 * 10**8), min_size=1, max_size=10),
)
def test_margin_limits_the_ladder_exactly_outside_the_margin_band(
    traded: tuple[Side, int, int, int], maximum: int, balance: int, rate: int, marks: list[int]
) -> None:
    position = Position()
    side, lots, price, fee = traded
    if lots:
        position.apply_fill(side, price, lots, fee)
    band = margin_mark_band(maximum, position, balance, rate)
    near_the_ends = [end + step for end in band for step in (-1, 0, 1)]
    for mark in [*marks, *(near for near in near_the_ends if 1 <= near <= 10**12)]:
        is_margin = caps(maximum, balance + position.profit_quanta(mark), mark, rate).is_margin
        assert is_margin == (not band.low <= mark <= band.high), f"mark {mark}, band {band}"


def test_equity_that_grows_as_fast_as_its_margin_is_enough_at_every_mark_or_at_none() -> None:
    position = Position()
    position.apply_fill(Side.BUY, 100, 10, 0)  # at a rate of 1, ten lots held against a cap of ten
    paid = 1_000 * QUANTA_PER_TICK_LOT
    enough = margin_mark_band(10, position, paid, 10**9)
    assert enough.low <= 1 < 10**15 <= enough.high
    short = margin_mark_band(10, position, paid - 1, 10**9)
    assert isinstance(short, MarkBand)
    assert short.low > short.high
