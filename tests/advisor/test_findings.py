"""Every check: settings that cause its finding, and settings just short of it."""

from decimal import Decimal
from typing import Any

import pytest

from advisor.cases import case, observed, rehearsed
from perpmaker.advisor.finding import Harm
from perpmaker.advisor.findings import CHECKS, findings, is_refused_by_strict
from perpmaker.maker.settings import Recenter
from perpmaker.quoting.skew import SkewMode

D = Decimal
QUIET = observed()

CAUSED_AND_NOT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # 1.99 bp a side against 2 bp of maker fee
    "spread below fees": ({"spread": D("0.000199")}, {"spread": D("0.0002")}),
    # 5 SOL and a level 1 at 0.2 USDC: a loss of 1 USDC
    "stop inside ladder": ({"stop_loss": D("0.99")}, {"stop_loss": D(1)}),
    # 5 SOL at 100 USDC, 2 bp in and 5 bp out: 0.35 USDC
    "take below fees": ({"take_profit": D("0.34")}, {"take_profit": D("0.35")}),
    "threshold beyond cap": ({"position_threshold": D(5)}, {"position_threshold": D("4.99")}),
    # 50 USDC of balance and 500 USDC of position, 5 % maintenance: liquidated 4.76 % away, 23.8 USDC
    "liquidation before the stop": (
        {"account": {"balance": D(50)}, "stop_loss": D("23.81")},
        {"account": {"balance": D(50)}, "stop_loss": D("23.80")},
    ),
    # 40 x 5 / (500 v)**2 seconds to either limit, nine times that to the stop: an hour at v = 0.001414
    "stop in noise": ({"seen": observed(volatility_s=0.001415)}, {"seen": observed(volatility_s=0.001414)}),
    # in 10 s the price moves sqrt(10) times as far as in one; level 1 is 20 bp away
    "interval too long": ({"seen": observed(volatility_s=0.00064)}, {"seen": observed(volatility_s=0.00063)}),
    "printed mode does not return": ({"skew_mode": SkewMode.PRINTED}, {"skew_mode": SkewMode.SHIFT}),
    "skew is off": ({"inventory_skew": D(0)}, {"inventory_skew": D("0.01")}),
    "target without skew": (
        {"target_position": D(1), "inventory_skew": D(0)},
        {"target_position": D(1), "inventory_skew": D("0.01")},
    ),
    "no limit to the loss": ({"stop_loss": D(0)}, {"stop_loss": D(0), "max_drawdown": D(50)}),
    "out of reach": (
        {"seen": QUIET, "run": rehearsed(fills_of_level={1: 9})},
        {"seen": QUIET, "run": rehearsed(fills_of_level={1: 9, 2: 1})},
    ),
    # a tick is 1 bp here
    "levels on one tick": ({"spread": D("0.000099")}, {"spread": D("0.0001")}),
    # 5 SOL at 100 USDC with leverage 10 need 50 USDC
    "margin below cap": ({"account": {"balance": D("49.99")}}, {"account": {"balance": D(50)}}),
    # a side of the ladder is 0.2 SOL
    "threshold acts late": ({"position_threshold": D("1.01")}, {"position_threshold": D(1)}),
    "ladder beyond cap": (
        {"max_position": D("0.19"), "position_threshold": D("0.1")},
        {"max_position": D("0.2"), "position_threshold": D("0.1")},
    ),
    "inside the market's spread": ({"seen": observed(spread=0.0041)}, {"seen": observed(spread=0.004)}),
}


def keys(**changes: Any) -> set[str]:
    return {finding.key for finding in findings(case(**changes))}


def test_healthy_settings_on_a_quiet_market_find_nothing_but_where_liquidation_is() -> None:
    assert keys(seen=QUIET, run=rehearsed()) == set()


@pytest.mark.parametrize("key", CAUSED_AND_NOT)
def test_a_finding_is_caused(key: str) -> None:
    caused, _ = CAUSED_AND_NOT[key]
    assert key in keys(**caused)


@pytest.mark.parametrize("key", CAUSED_AND_NOT)
def test_just_short_of_its_cause_there_is_no_such_finding(key: str) -> None:
    _, short = CAUSED_AND_NOT[key]
    assert key not in keys(**short)


def test_every_check_stands_in_the_table_above() -> None:
    assert len(CAUSED_AND_NOT) == len(CHECKS)


def test_every_finding_says_what_why_and_what_would_be_better() -> None:
    for caused, _ in CAUSED_AND_NOT.values():
        for finding in findings(case(**caused)):
            assert finding.what
            assert finding.why
            assert finding.better or finding.harm is Harm.NOTE
            assert finding.setting.startswith("--")


def test_the_most_harmful_comes_first() -> None:
    harms = [finding.harm for finding in findings(case(inventory_skew=D(0), stop_loss=D("0.5"), max_orders=50))]
    assert harms == sorted(harms, reverse=True)
    assert len(set(harms)) > 1


def test_strict_refuses_what_is_harmful_and_nothing_else() -> None:
    assert is_refused_by_strict(findings(case(stop_loss=D("0.5"))))
    assert not is_refused_by_strict(findings(case(inventory_skew=D(0))))


def test_the_documents_own_command_stops_a_full_position_at_a_fifth_of_its_level_1() -> None:
    found = findings(
        case(spread=D("0.01"), stop_loss=D(-1), take_profit=D(5), position_threshold=D(2), inventory_skew=D(0))
    )
    stop = next(finding for finding in found if finding.key == "stop inside ladder")
    assert "a move of 0.2 USDC, 20 % of the distance to level 1" in stop.what
    assert "skew is off" in {finding.key for finding in found}


def test_without_a_rehearsal_a_random_walk_says_whether_quotes_that_follow_are_ever_reached() -> None:
    # level 1 is 20 bp away; a walk passes that once an hour where it moves 6.26 bp in 10 s
    assert "out of reach" in keys(seen=observed(volatility_s=0.000197))
    assert "out of reach" not in keys(seen=observed(volatility_s=0.000199))
    assert "out of reach" not in keys(seen=observed(volatility_s=0.000197), recenter=Recenter.FILL)
    found = next(f for f in findings(case(seen=observed(volatility_s=0.000197))) if f.key == "out of reach")
    assert found.what.startswith("level 1 is reached about 0.9")


def test_quotes_that_follow_the_price_and_never_fill_are_told_to_wait_where_they_are() -> None:
    far = {"seen": QUIET, "run": rehearsed(fills_of_level={})}
    follows = next(f for f in findings(case(**far)) if f.key == "out of reach")
    waits = next(f for f in findings(case(**far, recenter=Recenter.FILL)) if f.key == "out of reach")
    assert "--recenter fill" in follows.better
    assert "--recenter fill" not in waits.better
