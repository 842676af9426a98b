"""Limits that outlive a run: what an account has earned on a day, and stops that stay until a person clears them.

Rules kept here:

1. The result of a day is the sum over the runs of the account, each with its own last word. All of them settle in
   the account's quote currency.
2. A latch is set once, however often it is said, and stays until somebody clears it; then who and when is kept.
3. A latch without a symbol holds for the whole account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select, update

from perpmaker.journal import schema
from perpmaker.journal.database import translated_errors, writing
from perpmaker.journal.readers import RunRecord
from perpmaker.journal.writer import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Latch:
    """A stop that stays: no run of this account and symbol (None: any) starts while it is set.

    ``kind`` names the limit, ``text`` is the sentence that a person reads, ``run_id`` the run that met it.
    """

    account: str
    symbol: str | None
    kind: str
    text: str
    run_id: str | None
    set_at_ns: int


def day_profit(journal: Journal, account: str, utc_day: str, *, excluding_run_no: int | None) -> Decimal:
    """What the runs of an account have earned on a UTC day, in quote currency, exact; a loss is negative.

    Raises:
        JournalError: the journal cannot be read.
    """
    results = schema.daily_results.c
    query = select(results.profit).where(results.account == account, results.utc_day == utc_day)
    if excluding_run_no is not None:
        query = query.where(results.run_no != excluding_run_no)
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        return sum(connection.execute(query).scalars(), Decimal(0))  # not in SQL: SQLite would round


def run_day_profit(journal: Journal, run: RunRecord, utc_day: str) -> Decimal:
    """What one run has earned on a UTC day; 0 if it has said nothing of that day.

    Raises:
        JournalError: the journal cannot be read.
    """
    results = schema.daily_results.c
    query = select(results.profit).where(results.run_no == run.run_no, results.utc_day == utc_day)
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        return connection.execute(query).scalar() or Decimal(0)


def set_latch(journal: Journal, latch: Latch) -> None:
    """Set a latch; one that is set already stays as it is.

    Raises:
        JournalError: the journal cannot be written.
    """
    table = schema.latches.c
    with translated_errors(journal.engine), writing(journal.engine) as connection:
        same = [
            row for row in _active(connection, latch.account, table.kind == latch.kind) if row.symbol == latch.symbol
        ]
        if same:
            return
        values = {name: getattr(latch, name) for name in ("account", "symbol", "kind", "text", "run_id", "set_at_ns")}
        connection.execute(insert(schema.latches).values(values))


def active_latches(journal: Journal, account: str, symbol: str | None = None) -> list[Latch]:
    """What stops this account and symbol, the oldest first; without a symbol, what stops anything of the account.

    Raises:
        JournalError: the journal cannot be read.
    """
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        return [_latch(row) for row in _active(connection, account, *_of_symbol(symbol))]


def clear_latches(
    journal: Journal, account: str, symbol: str | None = None, *, cleared_at_ns: int, cleared_by: str
) -> list[Latch]:
    """Clear what `active_latches` finds; returns what was cleared.

    Raises:
        JournalError: the journal cannot be written.
    """
    table = schema.latches.c
    with translated_errors(journal.engine), writing(journal.engine) as connection:
        found = _active(connection, account, *_of_symbol(symbol))
        these = table.latch_no.in_([row.latch_no for row in found])
        values = {"cleared_at_ns": cleared_at_ns, "cleared_by": cleared_by}
        connection.execute(update(schema.latches).where(these).values(values))
    return [_latch(row) for row in found]


def _of_symbol(symbol: str | None) -> list[ColumnElement[bool]]:
    table = schema.latches.c
    return [] if symbol is None else [or_(table.symbol == symbol, table.symbol.is_(None))]


def _active(connection: Connection, account: str, *also: ColumnElement[bool]) -> Sequence[Row[Any]]:
    table = schema.latches.c
    query = select(schema.latches).where(table.account == account, table.cleared_at_ns.is_(None), *also)
    return connection.execute(query.order_by(table.latch_no)).all()


def _latch(row: Row[Any]) -> Latch:
    return Latch(
        account=row.account,
        symbol=row.symbol,
        kind=row.kind,
        text=row.text,
        run_id=row.run_id,
        set_at_ns=row.set_at_ns,
    )
