"""What a trader may set: each refusal names the flag and the value; what is ignored, clamped and rounded."""

from decimal import Decimal
from fractions import Fraction

import pytest

from perpmaker.domain.errors import InvalidSettingError, UnknownNameError
from perpmaker.domain.money import QUANTA_PER_TICK_LOT
from perpmaker.maker.presets import PRESETS, preset
from perpmaker.maker.settings import AfterStop, StrategySettings, StrategyTerms, margin_rate_ppb
from support.maker_bench import instrument


def settings(**changes: object) -> StrategySettings:
    wanted = {"spread": "0.01", "quantity": "0.1", **changes}
    return StrategySettings(
        **{name: Decimal(value) if isinstance(value, str) else value for name, value in wanted.items()}
    )


def terms(*, lot: str = "0.01", minimum: str = "0.01", **changes: object) -> StrategyTerms:
    return StrategyTerms.of(settings(**changes), instrument(lot=lot, minimum=minimum), Decimal(1_000), Decimal(10))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("spread", "0", r"--spread 0: must be above 0"),
        ("spread", "-0.01", r"--spread -0\.01: must be above 0"),
        ("quantity", "0", r"--quantity 0: must be above 0"),
        ("quantity", "-1", r"--quantity -1: must be above 0"),
        ("max_orders", 0, r"--max-orders 0: must be at least 1"),
        ("max_orders", -3, r"--max-orders -3: must be at least 1"),
        ("max_orders", 51, r"--max-orders 51: can be at most 50"),
        ("max_position", "0", r"--max-position 0: must be above 0"),
        ("max_position", "-5", r"--max-position -5: must be above 0"),
        ("position_threshold", "-0.1", r"--position-threshold -0\.1: cannot be negative"),
        ("take_profit", "-5", r"--take-profit -5: cannot be negative"),
        ("max_drawdown", "-5", r"--max-drawdown -5: cannot be negative"),
        ("max_drift", "-0.1", r"--max-drift -0\.1: cannot be negative"),
        ("duration_s", "-1", r"--duration -1: cannot be negative"),
        ("duration_s", "316224001", r"--duration 316224001: is too long"),
        ("interval_s", "0", r"--interval 0: must be at least 0\.001 seconds"),
        ("interval_s", "-10", r"--interval -10: must be at least 0\.001 seconds"),
        ("interval_s", "316224001", r"--interval 316224001: is too long"),
        ("target_position", "1.1", r"--target-position 1\.1: is above max_position 1"),
        ("target_position", "-1.1", r"--target-position 1\.1: is above max_position 1"),
        ("spread", "0.34", r"--spread 0\.34: puts the lowest of 3 bids at or below zero"),
    ],
)
def test_a_value_that_cannot_work_is_refused_with_its_flag_and_its_value(
    name: str, value: object, message: str
) -> None:
    with pytest.raises(InvalidSettingError, match=rf"^{message}"):
        settings(**{name: value})


DECIMALS = [
    "spread", "quantity", "target_position", "max_position", "position_threshold", "inventory_skew", "stop_loss",
    "take_profit", "max_drawdown", "max_drift", "duration_s", "interval_s",
]  # fmt: skip


@pytest.mark.parametrize("name", DECIMALS)
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_a_value_that_is_not_a_finite_number_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidSettingError, match=rf"^--{name.replace('_', '-')} {value}: must be a finite number"):
        settings(**{name: value})


def test_the_lowest_values_that_can_work_are_accepted() -> None:
    settings(
        spread="0.000001", quantity="0.000001", max_orders=1, position_threshold="0", take_profit="0",
        max_drawdown="0", max_drift="0", duration_s="0", interval_s="0.001", target_position="1", max_position="1",
    )  # fmt: skip
    settings(max_orders=50, duration_s="316224000", interval_s="316224000", spread="0.0001")


def test_the_reach_of_the_lowest_bid_counts_the_skew_twice() -> None:
    settings(spread="0.2", max_orders=2, inventory_skew="1")
    with pytest.raises(InvalidSettingError, match=r"lowest of 2 bids"):
        settings(spread="0.25", max_orders=2, inventory_skew="1")


def test_the_defaults_are_those_of_the_documentation() -> None:
    plain = settings()
    assert (plain.max_orders, plain.target_position, plain.max_position) == (3, 0, 1)
    assert (plain.position_threshold, plain.inventory_skew) == (Decimal("0.1"), 0)
    assert (plain.stop_loss, plain.take_profit, plain.max_drawdown, plain.max_drift) == (0, 0, 0, 0)
    assert (plain.duration_s, plain.interval_s, plain.after_stop) == (3600, 60, AfterStop.REQUOTE)


@pytest.mark.parametrize("name", ["stop_loss", "target_position"])
def test_the_sign_typed_is_ignored_for_the_stop_and_the_target(name: str) -> None:
    assert getattr(settings(**{name: "-0.5"}), name) == getattr(settings(**{name: "0.5"}), name) == Decimal("0.5")


@pytest.mark.parametrize(("typed", "used"), [("-0.1", "0"), ("0", "0"), ("0.3", "0.3"), ("1", "1"), ("1.5", "1")])
def test_skew_is_clamped_to_0_to_1(typed: str, used: str) -> None:
    assert settings(inventory_skew=typed).inventory_skew == Decimal(used)


def test_a_quantity_below_the_minimum_is_refused_at_the_start() -> None:
    with pytest.raises(InvalidSettingError, match=r"^--quantity 0\.1: is below SOL_USDC_PERP's minimum order of 0\.2"):
        terms(lot="0.1", minimum="0.2")


def test_a_quantity_off_the_lot_is_refused_with_the_two_that_would_do() -> None:
    with pytest.raises(InvalidSettingError, match=r"^--quantity 0\.15: is not .* lots of 0\.1: use 0\.1 or 0\.2$"):
        terms(lot="0.1", minimum="0.1", quantity="0.15")


def test_a_cap_below_the_minimum_is_refused() -> None:
    with pytest.raises(InvalidSettingError, match=r"^--max-position 0\.05: is below .* nothing could be quoted"):
        terms(minimum="0.1", max_position="0.05")


@pytest.mark.parametrize("leverage", ["0", "0.99", "-5", "NaN", "Infinity"])
def test_a_leverage_below_1_is_refused(leverage: str) -> None:
    with pytest.raises(InvalidSettingError, match=rf"^--leverage {leverage}: must be a finite number of at least 1"):
        margin_rate_ppb(Decimal(leverage))


def test_the_margin_rate_is_one_over_the_leverage_rounded_up() -> None:
    assert margin_rate_ppb(Decimal(1)) == 10**9
    assert margin_rate_ppb(Decimal(10)) == 10**8
    assert margin_rate_ppb(Decimal(3)) == 333_333_334
    assert margin_rate_ppb(Decimal("2.5")) == 400_000_000


def test_the_terms_are_the_settings_in_ticks_lots_and_quanta() -> None:
    made = terms(
        quantity="0.25", max_orders=2, target_position="1.5", max_position="5", position_threshold="2",
        inventory_skew="0.5", stop_loss="-1", take_profit="5", max_drawdown="7", interval_s="0.5", duration_s="90",
        max_drift="0.02", after_stop=AfterStop.HALT,
    )  # fmt: skip
    cent = QUANTA_PER_TICK_LOT * 100  # 0.01 of quote currency at tick 0.01 and lot 0.01
    assert (made.order_lots, made.levels, made.target_lots) == (25, 2, 150)
    assert (made.max_position_lots, made.threshold_lots, made.min_lots) == (500, 200, 1)
    assert (made.half_spread, made.skew_strength, made.max_drift) == (
        Fraction(1, 100), Fraction(1, 2), Fraction(1, 50),
    )  # fmt: skip
    assert made.limits.stop_loss_quanta == 100 * cent
    assert (made.limits.take_profit_quanta, made.limits.max_drawdown_quanta) == (500 * cent, 700 * cent)
    assert (made.interval_ns, made.duration_ns, made.balance_quanta) == (500_000_000, 90 * 10**9, 100_000 * cent)
    assert made.halts_after_stop


def test_a_limit_of_zero_is_off() -> None:
    limits = terms().limits
    assert (limits.stop_loss_quanta, limits.take_profit_quanta, limits.max_drawdown_quanta) == (None, None, None)


def test_rounding_never_enlarges_a_risk() -> None:
    made = terms(lot="0.1", minimum="0.1", max_position="0.99", target_position="0.59", position_threshold="0.39")
    assert (made.max_position_lots, made.target_lots, made.threshold_lots) == (9, 5, 3)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_traded(name: str) -> None:
    StrategySettings(**preset(name))


def test_an_unknown_preset_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UnknownNameError, match=r"^--preset calm: .* neutral, balanced, aggressive, conservative"):
        preset("calm")
