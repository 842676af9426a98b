"""The first schema of the journal.

A migration is history: it states its tables itself, whatever `perpmaker.journal.schema` becomes later.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_EXACT = sa.Text().with_variant(sa.Numeric(), "postgresql")


def upgrade() -> None:
    _create_runs()
    _create_what_was_sent_and_answered()
    _create_money()


def downgrade() -> None:
    for name in ("reasons", "samples", "funding", "fills", "order_events", "commands", "runs"):
        op.drop_table(name)


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_no", sa.Integer, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("started_at_ns", sa.BigInteger, nullable=False),
        sa.Column("ended_at_ns", sa.BigInteger),
        sa.Column("end_reason", sa.Text),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("market_type", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger),
        sa.Column("command_line", sa.Text, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("instrument", sa.JSON, nullable=False),
        sa.Column("provenance", sa.JSON, nullable=False),
        sa.Column("summary", sa.JSON),
        sa.PrimaryKeyConstraint("run_no", name="pk_runs"),
        sa.UniqueConstraint("id", name="uq_runs_id"),
    )


def _create_what_was_sent_and_answered() -> None:
    _create_run_table(
        "commands",
        sa.Column("ts_ns", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("order_id", sa.BigInteger),
        sa.Column("side", sa.Text),
        sa.Column("price_ticks", sa.BigInteger),
        sa.Column("lots", sa.BigInteger),
        sa.Column("order_kind", sa.Text),
        sa.Column("post_only", sa.Boolean),
        sa.Column("reduce_only", sa.Boolean),
        sa.Column("reason", sa.Text),
    )
    _create_run_table(
        "order_events",
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("venue_ns", sa.BigInteger),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("filled_lots", sa.BigInteger),
        sa.Column("reason", sa.Text),
    )
    _create_run_table(
        "reasons",
        sa.Column("ts_ns", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("position_lots", sa.BigInteger),
        sa.Column("unrealized_quanta", _EXACT),
    )


def _create_money() -> None:
    _create_run_table(
        "fills",
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("venue_ns", sa.BigInteger, nullable=False),
        sa.Column("fill_id", sa.BigInteger, nullable=False),
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("price_ticks", sa.BigInteger, nullable=False),
        sa.Column("lots", sa.BigInteger, nullable=False),
        sa.Column("is_maker", sa.Boolean, nullable=False),
        sa.Column("fee_quanta", _EXACT, nullable=False),
    )
    _create_run_table(
        "funding",
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("venue_ns", sa.BigInteger, nullable=False),
        sa.Column("amount_quanta", _EXACT, nullable=False),
    )
    _create_run_table(
        "samples",
        sa.Column("ts_ns", sa.BigInteger, nullable=False),
        sa.Column("position_lots", sa.BigInteger, nullable=False),
        sa.Column("mark_milliticks", sa.BigInteger, nullable=False),
        sa.Column("equity_quanta", _EXACT, nullable=False),
        sa.Column("realized_quanta", _EXACT, nullable=False),
        sa.Column("fees_quanta", _EXACT, nullable=False),
        sa.Column("funding_quanta", _EXACT, nullable=False),
    )


def _create_run_table(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("run_no", sa.Integer, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("run_no", "seq", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["run_no"], ["runs.run_no"], name=f"fk_{name}_run_no"),
        sqlite_with_rowid=False,
    )
