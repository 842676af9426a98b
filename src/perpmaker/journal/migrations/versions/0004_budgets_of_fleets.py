"""How much a fleet has used of each of its budgets, as it stands.

A migration is history: it states its columns itself, whatever `perpmaker.journal.schema` becomes later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_EXACT = sa.Text().with_variant(sa.Numeric(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "budget_uses",
        sa.Column("fleet", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("used", _EXACT, nullable=False),
        sa.Column("allowed", _EXACT, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("fleet", "name", name="pk_budget_uses"),
    )


def downgrade() -> None:
    op.drop_table("budget_uses")
