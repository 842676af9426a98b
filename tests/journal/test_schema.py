"""The tables: models and migrations agree, and only a journal is taken for one."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from perpmaker.domain.errors import JournalError
from perpmaker.domain.events import Filled
from perpmaker.domain.orders import Side
from perpmaker.journal import migrate, readers, schema
from perpmaker.journal.database import make_engine, parse_url, writing
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


FIRST_RUN = {
    "run_no": 3,
    "id": "old",
    "started_at_ns": 1,
    "ended_at_ns": 2,
    "end_reason": "duration reached",
    "version": "0.1.0",
    "exchange": "sim",
    "symbol": "X",
    "market_type": "perp",
    "mode": "simulation",
    "seed": 7,
    "command_line": "perpmaker run",
    "settings": '{"spread": "0.01"}',
    "instrument": '{"symbol": "X", "base": "X", "quote": "Y", "tick_size": "1", "lot_size": "1", "min_quantity": "1"}',
    "provenance": "{}",
    "summary": '{"fills": 1}',
}


def write_version_1(url: str) -> None:
    """A journal as version 0.1 wrote it: one run with one fill and one funding payment."""
    engine = make_engine(parse_url(url))
    with writing(engine) as connection:
        command.upgrade(migrate.alembic_config(connection), "0001")
        columns, values = ", ".join(FIRST_RUN), ", ".join(f":{name}" for name in FIRST_RUN)
        connection.execute(text(f"INSERT INTO runs ({columns}) VALUES ({values})"), FIRST_RUN)  # noqa: S608
        connection.execute(
            text("INSERT INTO fills VALUES (3, 0, 5, 4, 1, 1, 'buy', 100, 2, true, '10000000000000000000007')")
        )
        connection.execute(text("INSERT INTO funding VALUES (3, 1, 6, 6, -9)"))
        placed = "3, 2, 3, 'place', 1, 'buy', 100, 2, 'limit', true, false, NULL"
        connection.execute(text(f"INSERT INTO commands VALUES ({placed})"))  # noqa: S608
    engine.dispose()


def test_a_journal_of_version_1_is_upgraded_without_loss(journal_url: str) -> None:
    write_version_1(journal_url)
    with open_journal(journal_url) as journal:
        run = readers.load_run(journal, "old")
        assert (run.run_no, run.end_reason, run.settings) == (3, "duration reached", {"spread": "0.01"})
        assert (run.summary, run.account, run.heartbeat_ns) == ({"fills": 1}, None, None)
        books = readers.replay_position(readers.bookings(journal, run))
        assert (books.lots, books.fees_quanta, books.funding_quanta) == (2, 10**22 + 7, -9)
        assert list(readers.fills(journal, run)) == [Filled(5, 4, 1, 1, Side.BUY, 100, 2, True, 10**22 + 7)]
        with journal.engine.connect() as connection:
            levels = connection.execute(select(schema.commands.c.order_id, schema.commands.c.level)).all()
            assert levels == [(1, None)], "not kept then, so not known now"
            assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []


def test_a_migration_can_be_taken_back(journal_url: str) -> None:
    write_version_1(journal_url)
    with open_journal(journal_url) as journal, writing(journal.engine) as connection:
        command.downgrade(migrate.alembic_config(connection), "0001")
    with open_journal(journal_url) as journal:  # and done again
        assert readers.load_run(journal, "old").seed == 7


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
    with pytest.raises(JournalError, match=rf"has schema 9999, this program knows up to {migrate.HEAD}: .*newer"):
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


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_of_any_length_is_written_and_read_exactly(value: Decimal) -> None:
    exact = schema.ExactDecimal()
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
