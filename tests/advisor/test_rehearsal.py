"""What is expected is what the run does: the rehearsal is a run, counted."""

from decimal import Decimal
from fractions import Fraction

import pytest

from perpmaker.advisor.case import Account
from perpmaker.advisor.observation import observe
from perpmaker.advisor.rehearsal import rehearse
from perpmaker.maker.settings import StrategySettings
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES

HOUR_NS = 3_600 * 10**9
D = Decimal

ACCOUNT = Account(
    maker_fee=D("0.0002"), taker_fee=D("0.0005"), balance=D(10_000), leverage=D(10), maintenance_margin=D(0)
)
NEAR = StrategySettings(
    spread=D("0.0005"),
    quantity=D("0.1"),
    max_orders=2,
    max_position=D(2),
    position_threshold=D("0.2"),
    inventory_skew=D("0.5"),
    interval_s=D(10),
    duration_s=D(60),
)


def market() -> SyntheticMarket:
    return SyntheticMarket(PROFILES["SOL_USDC_PERP"], 3, duration_ns=HOUR_NS)


def test_an_hour_is_rehearsed_whatever_duration_is_set() -> None:
    run = rehearse(market(), NEAR, ACCOUNT)
    assert run.hours == pytest.approx(1, abs=0.001)
    assert run.fills > 50
    assert sum(run.fills_of_level.values()) <= run.fills
    assert run.fills_of_level[1] > run.fills_of_level.get(2, 0)
    assert run.fees == pytest.approx(run.volume * 0.0002, rel=1e-9)
    assert run.uptime > 0.99
    assert run.edge_bp is not None
    assert run.adverse_bp is not None


def test_quotes_out_of_reach_have_no_edge_and_cost_nothing() -> None:
    run = rehearse(market(), StrategySettings(spread=D("0.05"), quantity=D("0.1")), ACCOUNT)
    assert (run.fills, run.fees, run.profit, run.edge_bp, run.adverse_bp) == (0, 0, 0, None, None)


def test_a_market_is_observed_as_its_recording_is_measured() -> None:
    seen = observe(market(), Fraction(NEAR.spread), "an hour")
    assert seen.hours == pytest.approx(1, abs=0.001)
    assert 0 < seen.spread < 0.001
    assert 0 < seen.volatility_s < 0.001
    assert seen.touches_per_hour is not None
    assert seen.funding_rate is not None
    assert seen.name == "an hour"
