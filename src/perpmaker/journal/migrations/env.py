"""Run by Alembic: migrates over the connection that `perpmaker.journal.migrate` has opened, in its transaction."""

from alembic import context

from perpmaker.journal.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite can, and `perpmaker.journal.database` opens its transactions itself
)
with context.begin_transaction():
    context.run_migrations()
