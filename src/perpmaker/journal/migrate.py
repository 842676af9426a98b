"""Brings a database to the schema of this program.

Rules kept here:

1. A journal that is up to date costs one query: Alembic is imported only when there is something to do.
2. The check and the change are one transaction under a lock, so two programs may open a new journal at once.
3. A database that holds something else, or a journal of a newer program, is refused and left as it was.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, inspect, text

from perpmaker.domain.errors import JournalError
from perpmaker.journal.database import name_of, writing
from perpmaker.journal.schema import metadata

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0004"
"""The newest revision in `perpmaker/journal/migrations/versions`; a test holds the two together."""

_LOCK_KEY: Final = 0x7065_7270_6D6B_7231  # any number that no other program takes: "perpmkr1"


def ensure_schema(engine: Engine) -> None:
    """Create or upgrade the journal's tables where that is needed.

    Raises:
        JournalError: the database belongs to something else, or to a newer version of this program.
    """
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
        if is_sqlite:
            _refuse_foreign(connection)  # before the file is touched
    if is_sqlite:
        _switch_to_wal(engine)
    with writing(engine) as connection:
        if not is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        if _revision(connection) == HEAD:  # another program was faster
            return
        _refuse_foreign(connection)
        _upgrade(connection)


def alembic_config(connection: Connection) -> "Config":
    """Alembic's settings, with the migrations of this package and a connection that is already open."""
    from alembic.config import Config  # noqa: PLC0415  (rule 1)

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str | None:
    """The schema's revision; None for a database without one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _refuse_foreign(connection: Connection) -> None:
    """Raise unless the database is empty or a journal that this program can upgrade."""
    name = name_of(connection.engine.url)
    revision = _revision(connection)
    if revision is not None:
        if revision not in _known_revisions(connection):
            raise JournalError(
                f"the journal {name} has schema {revision}, this program knows up to {HEAD}: "
                "it was written by a newer version or by another program; upgrade perpmaker or name another journal"
            )
        return
    tables = set(inspect(connection).get_table_names())
    # A PostgreSQL database may be shared as long as no table of ours is taken; a SQLite file is one program's own.
    in_the_way = tables if connection.dialect.name == "sqlite" else tables & set(metadata.tables)
    if in_the_way:
        raise JournalError(
            f"the journal {name} is the database of something else (it holds the table {min(in_the_way)}); "
            "name another journal"
        )


def _known_revisions(connection: Connection) -> set[str]:
    from alembic.script import ScriptDirectory  # noqa: PLC0415  (rule 1)

    scripts = ScriptDirectory.from_config(alembic_config(connection))
    return {script.revision for script in scripts.walk_revisions()}


def _switch_to_wal(engine: Engine) -> None:
    """Readers and the writer do not wait for each other; kept in the file, so once is enough."""
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        raw.close()


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  (rule 1)

    command.upgrade(alembic_config(connection), "head")
