"""Numbers of a source become whole steps exactly, or are refused in a sentence that says what to do."""

from decimal import Decimal

import numpy as np
import pytest

from perpmaker.data.scaling import MOST_STEPS, ExactScale, OffGridError, finite, funding_rate, mark_milliticks, snap
from support.recordings import INSTRUMENT

TICK = Decimal("0.01")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("100.005", "100.005 is not a multiple of the tick size 0.01: give another --tick-size"),
        ("x", "'x' is not a usable number: correct it"),
        ("NaN", "'NaN' is not a usable number: correct it"),
        ("-1", "-1 is beyond any real price or size: correct it"),
        ("1e400", "1e400 is beyond any real price or size: correct it"),
    ],
)
def test_a_text_that_cannot_be(text: str, sentence: str) -> None:
    with pytest.raises(OffGridError, match=sentence):
        ExactScale(TICK, "tick size", lowest=0)[text]


def test_a_text_is_scaled_exactly() -> None:
    scale = ExactScale(Decimal("0.00000001"), "lot size", lowest=0)
    assert scale["12345678.12345678"] == 1_234_567_812_345_678
    assert finite("0.1") * 3 == Decimal("0.3")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (0.015, "0.015 is not a multiple of the lot size 0.01: give another --lot-size"),
        (float("nan"), "nan is not a usable number"),
        (float("-inf"), "-inf is not a usable number"),
        (1e300, "1e.300 is beyond any real price or size"),
    ],
)
def test_a_float_that_cannot_be(value: float, sentence: str) -> None:
    with pytest.raises(OffGridError, match=sentence) as refused:
        snap(np.array([0.01, value, 0.02]), TICK, "lot size")
    assert refused.value.args[1] == 1


def test_a_mark_lies_between_ticks_and_within_what_a_recording_can_hold() -> None:
    most = MOST_STEPS * INSTRUMENT.tick_size / 1000
    assert mark_milliticks(Decimal("100.0123"), INSTRUMENT) == 1_000_123
    assert mark_milliticks(most, INSTRUMENT) == MOST_STEPS
    for price in (Decimal(0), Decimal(-5), most + INSTRUMENT.tick_size, Decimal("1e4000")):
        with pytest.raises(OffGridError, match=r"a mark price of .* is impossible"):
            mark_milliticks(price, INSTRUMENT)


def test_a_rate_is_a_fraction() -> None:
    assert funding_rate(Decimal("-0.999")) == Decimal("-0.999")
    with pytest.raises(OffGridError, match="a funding rate of 1 is 100 % or more: rates are fractions"):
        funding_rate(Decimal(1))
