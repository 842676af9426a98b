"""Live runs: whose they are and whether they live, what was corrected, limits that latch, results by day.

A migration is history: it states its tables itself, whatever `perpmaker.journal.schema` becomes later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_EXACT = sa.Text().with_variant(sa.Numeric(), "postgresql")
_NEW_IN_RUNS = {
    "account": sa.Text,
    "tag": sa.Integer,
    "pid": sa.Integer,
    "host": sa.Text,
    "endpoint": sa.Text,
    "heartbeat_ns": sa.BigInteger,
}


def upgrade() -> None:
    for name, kind in _NEW_IN_RUNS.items():
        op.add_column("runs", sa.Column(name, kind))
    _create_corrections()
    _create_what_outlives_a_run()


def downgrade() -> None:
    for name in ("daily_results", "latches", "corrections"):
        op.drop_table(name)
    for name in reversed(_NEW_IN_RUNS):
        op.drop_column("runs", name)


def _create_corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("run_no", sa.Integer, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("venue_ns", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("change_lots", sa.BigInteger),
        sa.Column("price_milliticks", sa.BigInteger),
        sa.Column("change_quanta", _EXACT),
        sa.PrimaryKeyConstraint("run_no", "seq", name="pk_corrections"),
        sa.ForeignKeyConstraint(["run_no"], ["runs.run_no"], name="fk_corrections_run_no"),
        sqlite_with_rowid=False,
    )


def _create_what_outlives_a_run() -> None:
    op.create_table(
        "latches",
        sa.Column("latch_no", sa.Integer, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("set_at_ns", sa.BigInteger, nullable=False),
        sa.Column("cleared_at_ns", sa.BigInteger),
        sa.Column("cleared_by", sa.Text),
        sa.PrimaryKeyConstraint("latch_no", name="pk_latches"),
    )
    op.create_table(
        "daily_results",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("utc_day", sa.Text, nullable=False),
        sa.Column("run_no", sa.Integer, nullable=False),
        sa.Column("profit", _EXACT, nullable=False),
        sa.PrimaryKeyConstraint("account", "utc_day", "run_no", name="pk_daily_results"),
        sa.ForeignKeyConstraint(["run_no"], ["runs.run_no"], name="fk_daily_results_run_no"),
    )
