"""The terms of a run, from its journal, and as flags."""

from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest

from perpmaker.cli.session import settings_by_name
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.events import Filled
from perpmaker.domain.money import RATE_SCALE, fee_quanta
from perpmaker.domain.orders import Side
from perpmaker.maker.settings import AfterStop, Recenter, StrategySettings
from perpmaker.quoting.skew import SkewMode
from perpmaker.report.rows import RunRows
from perpmaker.research.fidelity_terms import Assumed, account_of, assumed_of, flags_of, strategy_of, typed
from perpmaker.simulation.terms import QueueModel
from research.test_fidelity_orders import run
from support.live_sessions import SIMULATION


def test_a_strategy_comes_back_from_the_journal_as_it_went_in() -> None:
    settings = StrategySettings(
        spread=Decimal("0.0003"), quantity=Decimal("0.1"), max_orders=7, skew_mode=SkewMode.PRINTED, close_on_exit=True,
        after_stop=AfterStop.HALT, recenter=Recenter.FILL, stop_loss=Decimal("1.50"),
    )  # fmt: skip
    assert strategy_of(settings_by_name(settings)) == settings
    assert all(field.name in settings_by_name(settings) for field in fields(settings))


@pytest.mark.parametrize("wrong", [{"max_orders": "many"}, {"skew_mode": "sideways"}, {"spread": "wide"}])
def test_a_setting_that_cannot_be_read_is_named(wrong: dict[str, str]) -> None:
    (name,) = wrong
    with pytest.raises(InvalidSettingError, match=name):
        strategy_of({"spread": "0.01", "quantity": "1", **wrong})


def test_a_strategy_without_its_size_cannot_be_replayed() -> None:
    with pytest.raises(InvalidSettingError, match="no spread or no quantity"):
        strategy_of({"spread": "0.01"})


def test_a_paper_run_assumes_its_own_terms_and_no_feed_latency() -> None:
    paper = run(settings=settings_by_name(SIMULATION))
    assert assumed_of(paper, {}) == Assumed(10_000_000, 0, QueueModel.RISK_AVERSE, 3.0)
    given: dict[str, Any] = {"order_latency_ns": 0, "queue_model": QueueModel.POWER, "queue_exponent": 1.5}
    assert assumed_of(paper, given) == Assumed(0, 0, QueueModel.POWER, 1.5)
    account = account_of(RunRows(paper, [], [], [], []))
    assert (account.balance, account.leverage) == (Decimal(10_000), Decimal(10))
    assert (account.maker_fee_ppb, account.taker_fee_ppb) == (200_000, 500_000)


def test_a_live_run_assumes_the_defaults_and_its_fees_are_those_that_it_paid() -> None:
    live = run(mode="live", summary={"equity_start": "1234.5"})
    assert assumed_of(live, {}) == Assumed(10_000_000, 10_000_000, QueueModel.RISK_AVERSE, 3.0)
    fills: list[Any] = [
        Filled(
            1,
            1,
            number,
            number,
            Side.BUY,
            100,
            7,
            number % 3 > 0,
            fee_quanta(100, 7, -50_000 if number % 3 else 450_000),
        )
        for number in range(1, 10)
    ]
    account = account_of(RunRows(live, [], fills, [], []))
    assert (account.maker_fee_ppb, account.taker_fee_ppb) == (-50_000, 450_000)
    assert (account.balance, account.leverage) == (Decimal("1234.5"), Decimal(RATE_SCALE))


def test_terms_are_typed_as_the_command_line_takes_them() -> None:
    power = Assumed(23_417_293, 250_000, QueueModel.POWER, 2.1)
    assert flags_of(power) == "--order-latency 23.4ms --feed-latency 250us --queue-model power --queue-exponent 2.1"
    assert flags_of(Assumed(0, 0, QueueModel.RISK_AVERSE)) == (
        "--order-latency 0 --feed-latency 0 --queue-model risk-averse"
    )
    assert [typed(ns) for ns in (80_000_000, 1_500_000_000, 7, 999_999)] == ["80ms", "1.5s", "7ns", "1000us"]


def test_a_latency_that_is_not_constant_must_be_said() -> None:
    drawn = run(settings={"order_latency_ns": "lognormal:10ms:0.5"})
    with pytest.raises(InvalidSettingError, match="--order-latency"):
        assumed_of(drawn, {})
    assert assumed_of(drawn, {"order_latency_ns": 5}).order_latency_ns == 5
