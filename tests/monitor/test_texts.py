"""Amounts as text are what their decimals say."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.monitor.texts import decimal_text, steps_text, ticks_text


@given(st.integers(-(10**12), 10**12), st.integers(1, 9_999), st.integers(-12, 3))
def test_steps_are_written_as_their_decimal_is(count: int, digits: int, exponent: int) -> None:
    step = Decimal((0, tuple(map(int, str(digits))), exponent))
    assert steps_text(step)(count) == f"{count * step:f}"


@pytest.mark.parametrize(("milliticks", "text"), [(0, "0.000"), (-1_500, "-1.500"), (12_345, "12.345")])
def test_milliticks_are_written_as_ticks(milliticks: int, text: str) -> None:
    assert ticks_text(milliticks) == text


@given(st.decimals(0, 1, places=6))
def test_a_share_is_written_as_the_decimal_that_it_was(share: Decimal) -> None:
    assert Decimal(decimal_text(Fraction(share))) == share
