"""Many rows into one table, as fast as each database takes them.

Rules kept here:

1. SQLite takes many rows in one statement. A statement per row would hand Python's lock back and forth once per row,
   and a run at full speed, which wants that lock too, would slow the journal down to a fraction.
2. PostgreSQL takes them by COPY: statements of many parameters cost its driver several times as much.
3. Names come from the schema alone; values are never part of the SQL.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain, islice
from typing import Any, Final

from sqlalchemy import Connection, Table

from perpmaker.journal.records import Row

_STATEMENT_ROWS: Final = (2048, 512, 128, 32, 8, 2, 1)
"""How many rows one SQLite statement takes: few sizes, so that the statements are known already, and the largest with
fewer parameters (13 columns a row at most) than the 32,766 that SQLite allows."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, each with a value for every column of the table in the order of its columns.

    Raises:
        sqlalchemy.exc.DBAPIError: SQLite refuses them.
        psycopg.Error: PostgreSQL refuses them.
    """
    if connection.dialect.name == "postgresql":
        _copy(connection, table, rows)
        return
    for part in in_statement_sizes(rows):
        connection.exec_driver_sql(_insert_statement(table, len(part)), tuple(chain.from_iterable(part)))


def in_statement_sizes(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows in their order, in parts of the sizes that statements have."""
    rest = iter(rows)
    left = len(rows)
    for size in _STATEMENT_ROWS:
        while left >= size:
            yield list(islice(rest, size))
            left -= size


def _copy(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    cursor: Any = connection.connection.cursor()  # psycopg's own: SQLAlchemy's view of it has no COPY
    try:
        with cursor.copy(f"COPY {table.name} ({_column_names(table)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    finally:
        cursor.close()


@cache
def _insert_statement(table: Table, rows: int) -> str:
    """An INSERT by position: SQLAlchemy's own would name every parameter, which costs more than the database does."""
    row = "(" + ", ".join("?" * len(table.columns)) + ")"
    return f"INSERT INTO {table.name} ({_column_names(table)}) VALUES {', '.join([row] * rows)}"  # noqa: S608  (rule 3)


def _column_names(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)
