"""Inventory skew: when it acts, to which side and how far (rules 3 to 5)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.quoting.skew import deviation_lots, skew_fraction

S = Fraction(1, 100)


def skew(deviation: int, *, threshold: int = 0, maximum: int = 500, strength: Fraction = Fraction(1)) -> Fraction:
    return skew_fraction(
        deviation, threshold_lots=threshold, max_position_lots=maximum, strength=strength, half_spread=S
    )


@pytest.mark.parametrize(
    ("position", "target", "deviation"),
    [(250, 0, 250), (-250, 0, -250), (250, 100, 150), (-250, 100, -150), (20, 100, -80), (-20, 100, 80), (100, 100, 0)],
)
def test_the_target_lies_on_the_side_that_the_market_gave(position: int, target: int, deviation: int) -> None:
    assert deviation_lots(position, target) == deviation


@given(st.integers(0, 10**6))
def test_a_flat_position_has_no_deviation_whatever_the_target(target: int) -> None:
    assert deviation_lots(0, target) == 0


def test_skew_acts_only_strictly_beyond_the_threshold() -> None:
    assert skew(200, threshold=200) == skew(-200, threshold=200) == 0
    assert skew(201, threshold=200) > 0 > skew(-201, threshold=200)


def test_no_deviation_is_no_skew_even_with_a_threshold_of_zero() -> None:
    assert skew(0, threshold=0) == 0


@given(st.integers(-(10**6), 10**6))
def test_without_strength_there_is_no_skew(deviation: int) -> None:
    assert skew(deviation, strength=Fraction(0)) == 0


def test_the_document_example_moves_half_a_percent() -> None:
    # P 100, s 1 %, M 5, x 2.5, k 0.5: the quotes move by 0.5
    assert skew(250, threshold=200, strength=Fraction(1, 2)) * 100 == Fraction(1, 2)


@given(st.integers(-2_000, 2_000), st.integers(0, 300), st.integers(1, 1_000), st.fractions(0, 1, max_denominator=100))
def test_delta_is_k_times_the_clamped_share_of_the_cap_times_two_half_spreads(
    deviation: int, threshold: int, maximum: int, strength: Fraction
) -> None:
    share = min(Fraction(1), max(Fraction(-1), Fraction(deviation, maximum)))
    expected = strength * share * 2 * S if abs(deviation) > threshold else 0
    assert skew(deviation, threshold=threshold, maximum=maximum, strength=strength) == expected


def test_beyond_the_cap_skew_grows_no_further() -> None:
    assert skew(501) == skew(500) == skew(5_000) == 2 * S
    assert skew(-501) == skew(-500) == -2 * S


@given(st.integers(0, 2_000), st.integers(0, 300))
def test_short_is_the_mirror_of_long(deviation: int, threshold: int) -> None:
    assert skew(-deviation, threshold=threshold) == -skew(deviation, threshold=threshold)
