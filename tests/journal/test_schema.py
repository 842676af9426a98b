"""The tables: models and migrations agree, and only a journal is taken for one."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from perpmaker.domain.errors import JournalError
from perpmaker.journal import migrate, schema
from perpmaker.journal.writer import Journal, open_journal


def test_models_and_migrations_agree(journal: Journal) -> None:
    with journal.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []


def test_the_program_knows_the_newest_revision(journal: Journal) -> None:
    with journal.engine.connect() as connection:
        scripts = ScriptDirectory.from_config(migrate.alembic_config(connection))
        assert scripts.get_current_head() == migrate.HEAD
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [migrate.HEAD]


def test_opening_an_existing_journal_does_not_import_alembic(journal_url: str) -> None:
    open_journal(journal_url).close()
    code = (
        "import sys; from perpmaker.journal.writer import open_journal; "
        "open_journal(sys.argv[1]).close(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, journal_url], check=False).returncode == 0


def test_many_may_open_a_new_journal_at_once(journal_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for journal in pool.map(open_journal, [journal_url] * 4):
            journal.close()


def test_a_newer_journal_is_refused_and_left_alone(journal_url: str) -> None:
    with open_journal(journal_url) as journal, journal.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(JournalError, match=r"has schema 9999, this program knows up to 0001: .*newer version"):
        open_journal(journal_url)


def test_a_foreign_sqlite_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE photos (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(JournalError, match=rf"{path} is the database of something else \(it holds the table photos\)"):
        open_journal(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_a_shared_postgresql_database_is_taken_unless_a_name_is_taken(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE photos (name TEXT)"))
    open_journal(postgres_url).close()
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(JournalError, match="is the database of something else"):
        open_journal(postgres_url)
    engine.dispose()


@given(st.integers())
def test_an_integer_of_any_size_is_written_and_read_exactly(value: int) -> None:
    exact = schema.ExactInteger()
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        bound = exact.process_bind_param(value, dialect)
        assert exact.process_result_value(bound, dialect) == value


def test_money_beyond_64_bits_comes_back_to_the_last_digit(journal: Journal) -> None:
    amount = -(10**45) - 7
    run = dict.fromkeys(("id", "version", "exchange", "symbol", "market_type", "mode", "command_line"), "")
    nothing: dict[str, str] = {}
    described = {"settings": nothing, "instrument": nothing, "provenance": nothing}
    with journal.engine.begin() as connection:
        connection.execute(insert(schema.runs).values(run_no=1, started_at_ns=0, **run, **described))
        connection.execute(insert(schema.funding).values(run_no=1, seq=0, at_ns=0, venue_ns=0, amount_quanta=amount))
        assert connection.execute(select(schema.funding.c.amount_quanta)).scalar_one() == amount
