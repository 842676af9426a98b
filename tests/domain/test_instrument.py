"""The one crossing between a venue's decimals and our integers: what rounds, which way, and what is exact."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import QUANTA_PER_TICK_LOT, notional_quanta
from perpmaker.domain.orders import Side

STEPS = [Decimal(step) for step in ("0.00001", "0.001", "0.01", "0.05", "0.25", "1", "2.5", "10")]

steps = st.sampled_from(STEPS)
amounts = st.decimals(min_value=0, max_value=1_000_000, places=7)


def market(
    tick: str | Decimal = "0.01", lot: str | Decimal = "0.01", minimum: str | Decimal | None = None
) -> Instrument:
    return Instrument(
        "SOL_USDC_PERP", "SOL", "USDC", Decimal(tick), Decimal(lot), Decimal(lot if minimum is None else minimum)
    )


@given(amounts, steps)
def test_a_bid_rounds_down_to_the_tick_by_less_than_one_tick(price: Decimal, tick: Decimal) -> None:
    rounded = market(tick=tick).price_to_ticks(price, Side.BUY) * Fraction(tick)
    assert 0 <= Fraction(price) - rounded < Fraction(tick)


@given(amounts, steps)
def test_an_ask_rounds_up_to_the_tick_by_less_than_one_tick(price: Decimal, tick: Decimal) -> None:
    rounded = market(tick=tick).price_to_ticks(price, Side.SELL) * Fraction(tick)
    assert 0 <= rounded - Fraction(price) < Fraction(tick)


@given(amounts, steps)
def test_a_size_rounds_down_to_the_lot_by_less_than_one_lot(quantity: Decimal, lot: Decimal) -> None:
    rounded = market(lot=lot).quantity_to_lots(quantity) * Fraction(lot)
    assert 0 <= Fraction(quantity) - rounded < Fraction(lot)


@given(st.integers(0, 10**12), steps)
def test_a_price_on_the_tick_survives_the_round_trip_on_both_sides(ticks: int, tick: Decimal) -> None:
    instrument = market(tick=tick)
    price = instrument.price(ticks)
    assert Fraction(price) == ticks * Fraction(tick)
    assert instrument.price_to_ticks(price, Side.BUY) == instrument.price_to_ticks(price, Side.SELL) == ticks


@given(st.integers(0, 10**12), steps)
def test_a_size_on_the_lot_survives_the_round_trip(lots: int, lot: Decimal) -> None:
    instrument = market(lot=lot)
    assert Fraction(instrument.quantity(lots)) == lots * Fraction(lot)
    assert instrument.quantity_to_lots(instrument.quantity(lots)) == lots


@given(st.integers(0, 10**12), steps)
def test_a_mark_price_survives_the_round_trip_through_milliticks(milliticks: int, tick: Decimal) -> None:
    instrument = market(tick=tick)
    assert instrument.price_to_milliticks(instrument.price_from_milliticks(milliticks)) == milliticks


def test_a_mark_price_finer_than_a_millitick_goes_to_the_nearest_one() -> None:
    instrument = market(tick="0.01")
    assert instrument.price_to_milliticks(Decimal("1.0000149")) == 100_001
    assert instrument.price_to_milliticks(Decimal("1.0000151")) == 100_002


@given(st.integers(-(10**30), 10**30), steps, steps)
def test_money_goes_out_exactly_and_comes_back_to_the_same_quantum(quanta: int, tick: Decimal, lot: Decimal) -> None:
    instrument = market(tick, lot)
    money = instrument.money(quanta)
    assert Fraction(money) == quanta * Fraction(tick) * Fraction(lot) / QUANTA_PER_TICK_LOT
    assert instrument.money_to_quanta(money) == quanta


@given(st.integers(1, 10**9), st.integers(1, 10**9), steps, steps)
def test_a_notional_is_price_times_size_to_the_last_digit(ticks: int, lots: int, tick: Decimal, lot: Decimal) -> None:
    instrument = market(tick, lot)
    assert Fraction(instrument.money(notional_quanta(ticks, lots))) == ticks * Fraction(tick) * lots * Fraction(lot)


def test_money_shows_cents_and_no_idle_zeros_beyond_them() -> None:
    instrument = market()
    assert str(instrument.money(instrument.money_to_quanta(Decimal(5)))) == "5.00"
    assert str(instrument.money(instrument.money_to_quanta(Decimal(1200)))) == "1200.00"
    assert str(instrument.money(instrument.money_to_quanta(Decimal("-0.1")))) == "-0.10"
    assert str(instrument.money(instrument.money_to_quanta(Decimal("0.12500")))) == "0.125"
    assert str(instrument.money(0)) == "0.00"


def test_the_minimum_is_told_in_lots() -> None:
    assert market(lot="0.01", minimum="0.05").min_lots == 5


@pytest.mark.parametrize("name", ["tick_size", "lot_size", "min_quantity"])
@pytest.mark.parametrize("value", ["0", "-0.01", "NaN", "Infinity"])
def test_a_step_that_is_not_a_positive_number_is_refused_by_name(name: str, value: str) -> None:
    sizes = {"tick_size": Decimal(1), "lot_size": Decimal(1), "min_quantity": Decimal(1), name: Decimal(value)}
    with pytest.raises(ValueError, match=rf"SOL_USDC_PERP: {name} must be a positive number, got {value}"):
        Instrument("SOL_USDC_PERP", "SOL", "USDC", **sizes)


def test_a_minimum_off_the_lot_is_refused() -> None:
    with pytest.raises(ValueError, match=r"min_quantity 0\.15 is not a multiple of the lot 0\.1"):
        market(lot="0.1", minimum="0.15")
