"""docs/budgets.md is true: budgets, steps, exit codes and their order."""

import re

from docs.documents import page, rows, section
from perpmaker.cli.exit_codes import EXIT_CODES
from perpmaker.cli.fleet import WORST_FIRST
from perpmaker.cli.fleet_reload import LOOK_S
from perpmaker.domain.events import EndReason
from perpmaker.domain.reasons import NotResting
from perpmaker.risk.budgets import BEYOND, DAILY_LOSS, DRAWDOWN, MARGIN, NEARLY, NOTIONAL, RELIEF

PAGE = page("docs/budgets.md")


def test_every_budget_is_explained_by_its_name() -> None:
    assert [row[0] for row in rows(section(PAGE, "What counts"))] == [NOTIONAL, MARGIN, DRAWDOWN, DAILY_LOSS]


def test_the_steps_are_at_the_shares_that_are_stated() -> None:
    steps = section(PAGE, "What happens")
    assert "80 %" in steps
    assert NEARLY * 100 == 80
    assert "120 %" in steps
    assert BEYOND * 100 == 120
    assert "below 90 %" in steps
    assert RELIEF * 100 == 90
    assert f"`{NotResting.BUDGET.value}`" in steps


def test_the_exit_codes_of_the_budgets_are_those_of_the_code() -> None:
    steps = section(PAGE, "What happens")
    size, loss = (row for row in rows(steps) if row[0].startswith(("notional", "drawdown")))
    assert int(size[3]) == EXIT_CODES[EndReason.BUDGET]
    assert int(loss[3]) == EXIT_CODES[EndReason.BUDGET_LOSS]


def test_the_order_of_the_worst_is_the_real_one() -> None:
    stated = re.search(r"in this order: ([\d, ]+)", PAGE)
    assert stated is not None
    assert [int(code) for code in stated[1].split(", ")] == [int(code) for code in WORST_FIRST]


def test_the_file_is_looked_at_every_second() -> None:
    assert LOOK_S == 1.0
    assert "looked at every second" in PAGE
