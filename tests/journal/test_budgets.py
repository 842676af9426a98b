"""What a fleet has used of its budgets: the last word of each, for other processes."""

from decimal import Decimal
from fractions import Fraction

from perpmaker.journal.budgets import BudgetUse, budget_uses, write_budgets
from perpmaker.journal.writer import Journal
from perpmaker.risk.budgets import Step, Use


def use(name: str, used: Fraction | int) -> Use:
    return Use(name, Fraction(used), Fraction(100), Fraction(100), Fraction(120))


def test_only_the_last_word_of_each_fleet_is_kept(journal: Journal) -> None:
    write_budgets(journal, "one", [use("notional", 10), use("drawdown", 1)], Step.FREE, 1)
    write_budgets(journal, "other", [use("notional", 77)], Step.FREE, 2)
    write_budgets(journal, "one", [use("notional", 100), use("drawdown", Fraction(-1, 3))], Step.REDUCING, 3)
    assert budget_uses(journal, "one") == [
        BudgetUse("drawdown", Decimal("-0.333333"), Decimal(100), Step.REDUCING, 3),
        BudgetUse("notional", Decimal(100), Decimal(100), Step.REDUCING, 3),
    ]
    assert budget_uses(journal, "nobody") == []
