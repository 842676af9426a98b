"""The tables of the journal.

Core tables rather than ORM classes: the journal is an append-only log, written in large batches and read in whole
columns; there is nothing for a session to track, and an object per row would cost more than the row.

Rules kept here:

1. Every row of a run has a ``seq``, unique in the run across all tables: put together by ``seq``, the tables tell the
   run in the order in which it happened. The pair (run_no, seq) is the primary key, and rows lie in that order.
2. Rows point to their run by the small number ``run_no``; ``runs.id`` is the name that people and files use.
3. Units are those of the domain and stand in the column names. Times are integer nanoseconds since the Unix epoch.
4. Money is exact: see `ExactInteger` and `ExactDecimal`.
5. What is known of a run as it stands (its heartbeat, its result of the day, the budgets of its fleet) is one row that
   is overwritten; everything else is only ever added.
"""

from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine


class ExactInteger(TypeDecorator[int]):
    """An integer of any size.

    Quanta outgrow 64 bits (1,000 USDC of SOL are 10**19). PostgreSQL's numeric holds them exactly; SQLite has nothing
    between a 64-bit integer and a rounded float, so there they are decimal text.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | Decimal | None:
        if value is None:
            return None
        return Decimal(value) if dialect.name == "postgresql" else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002  (SQLAlchemy's signature)
        return None if value is None else int(value)


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal of any length: numeric in PostgreSQL, decimal text in SQLite, as `ExactInteger` is."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | Decimal | None:
        return value if value is None or dialect.name == "postgresql" else f"{value:f}"

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002  (as above)
        return None if value is None else Decimal(value)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


def _run_table(name: str, *columns: Column[Any]) -> Table:
    """A table of records of a run, kept in the order of (run_no, seq)."""
    return Table(
        name,
        metadata,
        Column("run_no", Integer, ForeignKey("runs.run_no"), primary_key=True, autoincrement=False),
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        *columns,
        sqlite_with_rowid=False,  # the primary key is the table: half the space, and appends stay appends
    )


runs: Final = Table(
    "runs",
    metadata,
    Column("run_no", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("started_at_ns", BigInteger, nullable=False),
    Column("ended_at_ns", BigInteger),
    Column("end_reason", Text),
    Column("version", Text, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("market_type", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("seed", BigInteger),
    Column("command_line", Text, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("instrument", JSON, nullable=False),
    Column("provenance", JSON, nullable=False),
    Column("summary", JSON(none_as_null=True)),
    Column("account", Text),
    Column("tag", Integer),
    Column("pid", Integer),
    Column("host", Text),
    Column("endpoint", Text),
    Column("heartbeat_ns", BigInteger),
)

commands: Final = _run_table(
    "commands",
    Column("ts_ns", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("order_id", BigInteger),
    Column("side", Text),
    Column("price_ticks", BigInteger),
    Column("lots", BigInteger),
    Column("order_kind", Text),
    Column("post_only", Boolean),
    Column("reduce_only", Boolean),
    Column("reason", Text),
    Column("level", Integer),
)

order_events: Final = _run_table(
    "order_events",
    Column("at_ns", BigInteger, nullable=False),
    Column("venue_ns", BigInteger),
    Column("kind", Text, nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("filled_lots", BigInteger),
    Column("reason", Text),
)

fills: Final = _run_table(
    "fills",
    Column("at_ns", BigInteger, nullable=False),
    Column("venue_ns", BigInteger, nullable=False),
    Column("fill_id", BigInteger, nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("side", Text, nullable=False),
    Column("price_ticks", BigInteger, nullable=False),
    Column("lots", BigInteger, nullable=False),
    Column("is_maker", Boolean, nullable=False),
    Column("fee_quanta", ExactInteger, nullable=False),
)

funding: Final = _run_table(
    "funding",
    Column("at_ns", BigInteger, nullable=False),
    Column("venue_ns", BigInteger, nullable=False),
    Column("amount_quanta", ExactInteger, nullable=False),
)

corrections: Final = _run_table(
    "corrections",
    Column("at_ns", BigInteger, nullable=False),
    Column("venue_ns", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("change_lots", BigInteger),
    Column("price_milliticks", BigInteger),
    Column("change_quanta", ExactInteger),
)

samples: Final = _run_table(
    "samples",
    Column("ts_ns", BigInteger, nullable=False),
    Column("position_lots", BigInteger, nullable=False),
    Column("mark_milliticks", BigInteger, nullable=False),
    Column("equity_quanta", ExactInteger, nullable=False),
    Column("realized_quanta", ExactInteger, nullable=False),
    Column("fees_quanta", ExactInteger, nullable=False),
    Column("funding_quanta", ExactInteger, nullable=False),
)

reasons: Final = _run_table(
    "reasons",
    Column("ts_ns", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("position_lots", BigInteger),
    Column("unrealized_quanta", ExactInteger),
)

latches: Final = Table(
    "latches",
    metadata,
    Column("latch_no", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("symbol", Text),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("run_id", Text),
    Column("set_at_ns", BigInteger, nullable=False),
    Column("cleared_at_ns", BigInteger),
    Column("cleared_by", Text),
)

daily_results: Final = Table(
    "daily_results",
    metadata,
    Column("account", Text, primary_key=True),
    Column("utc_day", Text, primary_key=True),
    Column("run_no", Integer, ForeignKey("runs.run_no"), primary_key=True, autoincrement=False),
    Column("profit", ExactDecimal, nullable=False),
)

budget_uses: Final = Table(
    "budget_uses",
    metadata,
    Column("fleet", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("used", ExactDecimal, nullable=False),
    Column("allowed", ExactDecimal, nullable=False),
    Column("step", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
)

RUN_TABLES: Final = tuple(table for table in metadata.sorted_tables if "seq" in table.columns)
"""The tables whose rows share the ``seq`` of their run."""
