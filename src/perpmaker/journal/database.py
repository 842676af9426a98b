"""The database under the journal: where it is, how it is opened, and what its errors become.

Rules kept here:

1. Whatever goes wrong below is raised as `JournalError`: one sentence that names the file or the server. A password
   never appears in it.
2. A SQLite journal is private to its user, and a file that is not a journal is not changed by trying to open it.
3. A transaction that will write takes SQLite's write lock at once, so two runs queue up instead of failing half-way.
"""

import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from platformdirs import user_data_path
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from perpmaker.domain.errors import JournalError

_BUSY_MS: Final = 10_000
_PRAGMAS: Final = (
    f"PRAGMA busy_timeout = {_BUSY_MS}",
    "PRAGMA foreign_keys = ON",
    # With WAL, a killed process loses nothing that was committed; a power cut can cost the last batches, no more.
    "PRAGMA synchronous = NORMAL",
)
_WRITES: Final = "perpmaker_writes"
_ADVICE: Final = "give a SQLite file, sqlite:///FILE or postgresql://USER@HOST/DATABASE"


def default_url() -> str:
    """The journal in the user's data folder, which is created, private, when it is missing.

    Raises:
        JournalError: the folder cannot be created.
    """
    folder = user_data_path("perpmaker", appauthor=False)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(f"the journal's folder {folder} cannot be created: {error.strerror}; {_ADVICE}") from error
    return f"sqlite:///{folder / 'journal.db'}"


def parse_url(text: str) -> URL:
    """A database URL, or the path of a SQLite file, as an URL that names its driver.

    Raises:
        JournalError: it is neither, or names a database other than SQLite and PostgreSQL, or SQLite in memory.
    """
    shown = _without_password(text)
    if "://" not in text:
        if not text.strip():
            raise JournalError(f"the journal has no name; {_ADVICE}")
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise JournalError(f"the journal {shown} is not a database URL; {_ADVICE}") from error
    backend = url.get_backend_name()
    if backend == "postgresql":
        if text.count("@") > 1:  # the part before the second would be taken for the host, and the driver would show it
            raise JournalError(f"the journal {shown} has more than one @; write %40 for an @ in a name or password")
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise JournalError(f"the journal {shown} asks for {backend}, which is not supported; {_ADVICE}")
    if not url.database or url.database == ":memory:":
        raise JournalError(f"the journal {shown} names no file, and one in memory would be lost; {_ADVICE}")
    return url.set(drivername="sqlite")


def name_of(url: URL) -> str:
    """What messages call the journal: the file, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return _without_password(url.render_as_string(hide_password=True))


def make_engine(url: URL) -> Engine:
    """An engine for the journal; connects to nothing yet.

    Raises:
        JournalError: a SQLite file that cannot be, or a PostgreSQL driver that is not installed.
    """
    if url.get_backend_name() == "sqlite":
        _prepare_file(Path(str(url.database)))
    try:
        engine = create_engine(url)
    except ModuleNotFoundError as error:
        raise JournalError(
            f"the journal {name_of(url)} needs the PostgreSQL driver: pip install 'perpmaker[postgres]'"
        ) from error
    except (SQLAlchemyError, TypeError, ValueError) as error:
        raise JournalError(f"the journal {name_of(url)} is not a database URL; {_ADVICE}") from error
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def translated_errors(engine: Engine) -> Generator[None]:
    """Raise what the database raises as `JournalError`."""
    try:
        yield
    except DBAPIError as error:
        raise JournalError(f"the journal {name_of(engine.url)} failed: {first_line(error.orig)}; {_ADVICE}") from error
    except (SQLAlchemyError, OSError, OverflowError) as error:
        raise JournalError(f"the journal {name_of(engine.url)} failed: {first_line(error)}; {_ADVICE}") from error


@contextmanager
def writing(engine: Engine) -> Generator[Connection]:
    """A transaction that writes: committed at the end, rolled back on any error."""
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        yield connection


def _prepare_file(path: Path) -> None:
    if path.is_dir():
        raise JournalError(f"the journal {path} is a folder; name a file in it")
    try:
        # Created here rather than by SQLite, so that it is private from its first byte; its -wal and -shm inherit that.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise JournalError(f"the journal {path} cannot be written: {why}; name a file that can") from error


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # sqlite3 stays out of transactions: `_begin_sqlite` opens them, also around DDL
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _without_password(url: str) -> str:
    in_front = re.sub(r"(://[^/@]*?):.*@", r"\1:***@", url)
    return re.sub(r"(?i)([?&]\w*password=)[^&]*", r"\1***", in_front)


def first_line(error: BaseException | None) -> str:
    """What an error says, without the query and the other lines that databases add."""
    return str(error).strip().partition("\n")[0].rstrip(".")
