"""Whole steps and decimal strings: exact, or an error."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.venues.steps import Steps

STEPS = ["0.01", "0.001", "1", "0.5", "0.25", "10", "0.00000001", "5E-7", "1E+2"]


@given(step=st.sampled_from(STEPS), steps=st.integers(0, 10**12))
def test_what_goes_out_comes_back(step, steps):
    grid = Steps(Decimal(step), "price")
    assert grid.whole(grid.text(steps)) == steps
    assert Decimal(grid.text(steps)) == steps * Decimal(step)
    assert "E" not in grid.text(steps)


@pytest.mark.parametrize(
    ("step", "text", "steps"),
    [
        ("0.01", "18.7", 1870),
        ("0.01", "18.700000", 1870),
        ("0.01", "18", 1800),
        ("0.01", ".5", 50),
        ("0.01", "007.10", 710),
        ("0.5", "2.50", 5),
        ("10", "120", 12),
        ("10", "120.0", 12),
        ("0.0000001", "1E-7", 1),
        ("0.01", "1.5e1", 1500),
        ("0.01", "0", 0),
    ],
)
def test_numbers_as_venues_write_them(step, text, steps):
    assert Steps(Decimal(step), "price").whole(text) == steps


@pytest.mark.parametrize("text", ["18.705", "0.001", "1E-3"])
def test_what_is_not_on_the_grid_is_an_error(text):
    with pytest.raises(ValueError, match=f"the price {text} is not a multiple of 0.01"):
        Steps(Decimal("0.01"), "price").whole(text)


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1_0", " 1", "1 ", "1.2.3", "NaN", "Infinity", "0x1", "\u0661", "1,5"]
)
def test_what_is_no_number_is_an_error(text):
    with pytest.raises(ValueError, match="is not a"):
        Steps(Decimal("0.01"), "price").whole(text)


def test_a_position_may_be_negative():
    grid = Steps(Decimal("0.01"), "size")
    assert (grid.signed("-1.25"), grid.signed("1.25"), grid.signed("-0.00")) == (-125, 125, 0)
