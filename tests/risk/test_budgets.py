"""Budgets over several markets: no sequence of fills leads beyond them, and reaching one always reduces."""

import random
from decimal import Decimal
from fractions import Fraction

import pytest

from perpmaker.domain.orders import Side
from perpmaker.risk.budgets import Account, BudgetLimits, Exposure, Step, room, uses, verdict

F = Fraction
ACCOUNT = Account(equity=F(1000), peak_equity=F(1000), day_profit=F(0))
LIMITS = BudgetLimits(max_notional=Decimal(500), max_margin_share=Decimal("0.4"))
RATE = F(1, 10)


def market(position: int = 0, bids: int = 0, asks: int = 0, rate: Fraction = RATE) -> Exposure:
    return Exposure(F(position), F(bids), F(asks), rate)


def step(limits: BudgetLimits, account: Account, before: Step = Step.FREE, **markets: Exposure) -> Step:
    return verdict(uses(limits, account, markets), before).step


def test_without_budgets_nothing_limits_and_nothing_is_used() -> None:
    assert room(BudgetLimits(), ACCOUNT, {"a": market()}, "a", Side.BUY) is None
    assert uses(BudgetLimits(), ACCOUNT, {"a": market(10**9)}) == []


def test_what_could_fill_elsewhere_counts_on_its_worse_side() -> None:
    markets = {"a": market(), "b": market(position=100, bids=50, asks=300)}
    assert room(LIMITS, ACCOUNT, markets, "a", Side.BUY) == 500 - 200


def test_what_rests_here_on_the_same_side_counts_and_the_other_side_does_not() -> None:
    markets = {"a": market(position=100, bids=50, asks=10)}
    assert room(LIMITS, ACCOUNT, markets, "a", Side.BUY) == 350
    assert room(LIMITS, ACCOUNT, markets, "a", Side.SELL) == 590


def test_what_only_reduces_is_always_allowed() -> None:
    full = {"a": market(position=-200, bids=50), "b": market(position=900)}
    assert room(LIMITS, ACCOUNT, full, "a", Side.BUY) == 150
    assert room(LIMITS, ACCOUNT, full, "a", Side.SELL) == 0


def test_margin_weighs_each_market_by_its_own_rate() -> None:
    limits = BudgetLimits(max_margin_share=Decimal("0.1"))  # 100 of 1000
    markets = {"a": market(rate=F(1, 5)), "b": market(position=400)}
    assert room(limits, ACCOUNT, markets, "a", Side.BUY) == (100 - 40) / F(1, 5)


def test_an_account_without_equity_may_only_reduce() -> None:
    broke = ACCOUNT._replace(equity=F(-5))
    limits = BudgetLimits(max_margin_share=Decimal("0.1"))
    assert room(limits, broke, {"a": market(position=10)}, "a", Side.BUY) == 0
    assert room(limits, broke, {"a": market(position=10)}, "a", Side.SELL) == 10


@pytest.mark.parametrize(
    ("held", "expected"), [(499, Step.FREE), (500, Step.REDUCING), (599, Step.REDUCING), (600, Step.HALT)]
)
def test_notional_reduces_when_used_up_and_halts_a_fifth_beyond(held: int, expected: Step) -> None:
    limits = BudgetLimits(max_notional=Decimal(500))
    assert step(limits, ACCOUNT, a=market(held - 100), b=market(-100)) is expected


@pytest.mark.parametrize(("lost", "expected"), [(79, Step.FREE), (80, Step.REDUCING), (100, Step.HALT)])
def test_a_loss_reduces_at_four_fifths_of_its_limit_and_halts_at_it(lost: int, expected: Step) -> None:
    fallen = Account(equity=F(1000 - lost), peak_equity=F(1000), day_profit=F(-lost))
    assert step(BudgetLimits(max_drawdown=Decimal(100)), fallen, a=market()) is expected
    assert step(BudgetLimits(max_daily_loss=Decimal(100)), fallen, a=market()) is expected


def test_reducing_ends_only_well_below_where_it_began() -> None:
    limits = BudgetLimits(max_notional=Decimal(500))
    assert step(limits, ACCOUNT, Step.REDUCING, a=market(450)) is Step.REDUCING
    assert step(limits, ACCOUNT, Step.REDUCING, a=market(449)) is Step.FREE


def test_a_halt_stays() -> None:
    assert step(LIMITS, ACCOUNT, Step.HALT, a=market()) is Step.HALT


def test_the_strictest_budget_is_named() -> None:
    fallen = Account(equity=F(910), peak_equity=F(1000), day_profit=F(-90))
    limits = BudgetLimits(max_drawdown=Decimal(90), max_daily_loss=Decimal(100))
    found = verdict(uses(limits, fallen, {}), Step.FREE)
    assert found.step is Step.HALT
    assert found.budget is not None
    assert found.budget.name == "drawdown"


@pytest.mark.parametrize("seed", range(50))
def test_no_sequence_of_fills_leads_beyond_a_budget(seed: int) -> None:
    """Orders are sent wherever there is room, and fill, die or wait at random; prices stand still."""
    rng = random.Random(seed)
    names = ("a", "b", "c")
    rates = {name: F(rng.choice([1, 2, 5]), 20) for name in names}
    positions = dict.fromkeys(names, 0)
    resting: list[tuple[str, Side, int]] = []

    def exposures() -> dict[str, Exposure]:
        def sum_of(name: str, side: Side) -> Fraction:
            return F(sum(value for market_, side_, value in resting if (market_, side_) == (name, side)))

        return {n: Exposure(F(positions[n]), sum_of(n, Side.BUY), sum_of(n, Side.SELL), rates[n]) for n in names}

    for _ in range(400):
        name, side = rng.choice(names), rng.choice([Side.BUY, Side.SELL])
        free = room(LIMITS, ACCOUNT, exposures(), name, side)
        assert free is not None
        value = rng.randrange(1, 120)
        if value <= free:
            resting.append((name, side, value))
        if resting and rng.random() < 0.6:
            market_, side_, value = resting.pop(rng.randrange(len(resting)))
            if rng.random() < 0.7:
                positions[market_] += side_ * value
        held = {n: abs(F(positions[n])) for n in names}
        assert sum(held.values()) <= 500
        assert sum(held[n] * rates[n] for n in names) <= 400
        if all(uses_.used < uses_.limit for uses_ in uses(LIMITS, ACCOUNT, exposures())):
            continue
        assert step(LIMITS, ACCOUNT, **exposures()) is Step.REDUCING
