"""Money is whole quanta: a fee, a notional and a rate are exact or refused, never rounded."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.money import (
    MILLITICKS_PER_TICK,
    QUANTA_PER_MILLITICK_LOT,
    QUANTA_PER_TICK_LOT,
    RATE_SCALE,
    fee_quanta,
    notional_quanta,
    rate_to_ppb,
)

prices = st.integers(1, 10**9)
sizes = st.integers(1, 10**9)


def test_a_tick_lot_holds_a_millitick_and_a_part_per_billion() -> None:
    assert QUANTA_PER_TICK_LOT == 10**12
    assert QUANTA_PER_MILLITICK_LOT * MILLITICKS_PER_TICK == QUANTA_PER_TICK_LOT
    assert RATE_SCALE == 10**9


def test_notional_of_one_tick_and_one_lot_is_the_unit() -> None:
    assert notional_quanta(1, 1) == QUANTA_PER_TICK_LOT
    assert notional_quanta(7, -3) == -21 * QUANTA_PER_TICK_LOT


@given(prices, sizes, st.integers(-(10**9), 10**9))
def test_a_fee_is_the_rate_times_the_notional_exactly(price: int, lots: int, rate_ppb: int) -> None:
    assert fee_quanta(price, lots, rate_ppb) == Fraction(rate_ppb, RATE_SCALE) * notional_quanta(price, lots)


def test_a_negative_rate_is_a_rebate() -> None:
    assert (
        fee_quanta(100, 2, rate_to_ppb(Decimal("-0.0001"))) == -fee_quanta(100, 2, rate_to_ppb(Decimal("0.0001"))) < 0
    )


@pytest.mark.parametrize(
    ("rate", "ppb"),
    [
        ("0", 0),
        ("0.0002", 200_000),
        ("-0.0001", -100_000),
        ("0.000000001", 1),
        ("1", 10**9),
        ("1E-9", 1),
        ("0.10", 10**8),
    ],
)
def test_a_rate_is_a_whole_number_of_parts_per_billion(rate: str, ppb: int) -> None:
    assert rate_to_ppb(Decimal(rate)) == ppb


@pytest.mark.parametrize("rate", ["0.0000000001", "0.0000000015", "-1E-10", "0.1234567891"])
def test_a_rate_finer_than_a_part_per_billion_is_refused(rate: str) -> None:
    with pytest.raises(ValueError, match=r"at most 9 decimals"):
        rate_to_ppb(Decimal(rate))


@pytest.mark.parametrize("rate", ["NaN", "Infinity", "-Infinity"])
def test_a_rate_that_is_not_finite_is_refused(rate: str) -> None:
    with pytest.raises(ValueError, match=r"rate"):
        rate_to_ppb(Decimal(rate))
