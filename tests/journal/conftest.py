"""Journals on every database that there is: SQLite always, PostgreSQL where a server can be had.

A PostgreSQL server is taken from PERPMAKER_TEST_POSTGRES_URL (a database in which databases may be created), or a
private one is started from Debian's package, reachable over a socket in its own folder only.
"""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from perpmaker.domain.instrument import Instrument
from perpmaker.journal.writer import Journal, RunStart, open_journal

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server."""
    url = os.environ.get("PERPMAKER_TEST_POSTGRES_URL")
    if url:
        yield url
        return
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not binaries:
        pytest.skip("no PostgreSQL: neither PERPMAKER_TEST_POSTGRES_URL nor /usr/lib/postgresql is there")
    yield from _private_server(binaries[-1].parent)


def _private_server(binaries: Path) -> Iterator[str]:
    as_owner: list[str] = []
    # A short path of its own: a socket's path has at most 107 bytes, and the server's user must be able to reach it.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("no PostgreSQL: root cannot run it, and there is no user postgres")
        shutil.chown(folder, "postgres")
        as_owner = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        command = [*as_owner, str(binaries / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    try:
        run("initdb", "--username=postgres", "--auth=trust", "--no-sync")
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "start", "--wait", "--log", str(folder / "log"), "-o", settings)
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "--wait", "--mode=immediate")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    name = f"perpmaker_test_{os.getpid()}_{next(_NUMBERS)}"
    server = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database in which nothing is yet: each test runs on SQLite and on PostgreSQL."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path / 'journal.db'}"


@pytest.fixture
def journal(journal_url: str) -> Iterator[Journal]:
    with open_journal(journal_url) as opened:
        yield opened


@pytest.fixture
def about() -> RunStart:
    """What is known of a run when it starts."""
    return RunStart(
        version="0.1.0",
        exchange="sim",
        symbol="SOL_USDC_PERP",
        market_type="perp",
        mode="simulation",
        seed=7,
        command_line="perpmaker run --spread 0.01 --quantity 0.1",
        settings={"spread": "0.01", "quantity": "0.1"},
        instrument=Instrument("SOL_USDC_PERP", "SOL", "USDC", Decimal("0.01"), Decimal("0.01"), Decimal("0.05")),
        provenance={"feed": "synthetic"},
        run_id="run-1",
    )


@pytest.fixture
def about_live(about: RunStart) -> RunStart:
    """What is known of a live run when it starts."""
    return replace(
        about,
        exchange="backpack",
        mode="live",
        seed=None,
        run_id="live-1",
        started_at_ns=1_000,
        account="backpack:abc",
        tag=7,
        pid=4_242,
        host="here",
        endpoint="https://api.example",
    )
