"""How much a fleet has used of its budgets: a row for each, overwritten as it goes on, for whoever asks from outside.

Rule kept here: amounts are to the millionth of the quote currency. They are for people to read; what decides is exact,
and lives in the process of the fleet.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from perpmaker.journal import schema
from perpmaker.journal.database import translated_errors, writing
from perpmaker.journal.writer import Journal
from perpmaker.risk.budgets import Step, Use

_PLACES: Final = Decimal("0.000001")


class BudgetUse(NamedTuple):
    """One budget as a fleet has last told it. ``step`` is that of the whole fleet."""

    name: str
    used: Decimal
    allowed: Decimal
    step: Step
    at_ns: int


def write_budgets(journal: Journal, fleet: str, found: Sequence[Use], step: Step, at_ns: int) -> None:
    """Overwrite what the journal has of this fleet.

    Raises:
        JournalError: the journal cannot be written.
    """
    insert = postgresql.insert if journal.engine.dialect.name == "postgresql" else sqlite.insert
    with translated_errors(journal.engine), writing(journal.engine) as connection:
        for use in found:
            values = {"used": _amount(use.used), "allowed": _amount(use.limit), "step": step.name, "at_ns": at_ns}
            row = insert(schema.budget_uses).values(fleet=fleet, name=use.name, **values)
            connection.execute(row.on_conflict_do_update(index_elements=("fleet", "name"), set_=values))


def budget_uses(journal: Journal, fleet: str) -> list[BudgetUse]:
    """What a fleet has last told, in the order of its names.

    Raises:
        JournalError: the journal cannot be read.
    """
    table = schema.budget_uses.c
    query = select(schema.budget_uses).where(table.fleet == fleet).order_by(table.name)
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        return [
            BudgetUse(row.name, row.used, row.allowed, Step[row.step], row.at_ns)
            for row in connection.execute(query).all()
        ]


def _amount(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(_PLACES)
