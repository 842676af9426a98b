"""What the journal keeps of a run as it stands: one row that is overwritten, not a row each time.

Rules kept here:

1. Only the newest value counts, so one that was not written yet is replaced, and a batch writes each once.
2. A run that belongs to no account has no result of a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from perpmaker.journal import schema


@dataclass(frozen=True, slots=True)
class Current:
    """The last sign of life, ns (None: no news), and the profit of each UTC day that has news, in quote currency."""

    heartbeat_ns: int | None = None
    profits: Mapping[str, Decimal] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.heartbeat_ns is not None or bool(self.profits)

    def with_newer(self, newer: Self) -> Self:
        """These values, replaced where there are newer ones."""
        heartbeat_ns = self.heartbeat_ns if newer.heartbeat_ns is None else newer.heartbeat_ns
        return type(self)(heartbeat_ns, {**self.profits, **newer.profits})


def write_current(connection: Connection, run_no: int, current: Current) -> None:
    """Overwrite what the journal has of this run.

    Raises:
        sqlalchemy.exc.DBAPIError: the database refuses it.
    """
    if current.heartbeat_ns is not None:
        heartbeat = update(schema.runs).where(schema.runs.c.run_no == run_no)
        connection.execute(heartbeat.values(heartbeat_ns=current.heartbeat_ns))
    if not current.profits:
        return
    account = connection.execute(select(schema.runs.c.account).where(schema.runs.c.run_no == run_no)).scalar_one()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for utc_day, profit in current.profits.items():
        row = insert(schema.daily_results).values(account=account, utc_day=utc_day, run_no=run_no, profit=profit)
        key = ("account", "utc_day", "run_no")
        connection.execute(row.on_conflict_do_update(index_elements=key, set_={"profit": profit}))
