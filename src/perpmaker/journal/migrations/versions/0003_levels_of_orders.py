"""The level of the ladder that an order was placed for. NULL in what was written before: it was not kept.

A migration is history: it states its columns itself, whatever `perpmaker.journal.schema` becomes later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("commands", sa.Column("level", sa.Integer))


def downgrade() -> None:
    op.drop_column("commands", "level")
