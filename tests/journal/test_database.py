"""Where a journal may be, and the one sentence that says why it may not."""

import os
import stat
from pathlib import Path

import pytest

from perpmaker.domain.errors import JournalError
from perpmaker.journal import database
from perpmaker.journal.database import default_url, parse_url
from perpmaker.journal.writer import RunStart, open_journal


def test_a_path_is_a_sqlite_file(tmp_path: Path) -> None:
    with open_journal(str(tmp_path / "journal.db")) as journal:
        assert journal.engine.dialect.name == "sqlite"
        assert journal.name == str(tmp_path / "journal.db")


def test_a_sqlite_journal_is_private_and_its_readers_do_not_wait(tmp_path: Path, about: RunStart) -> None:
    path = tmp_path / "journal.db"
    before = os.umask(0)
    try:
        with open_journal(str(path)) as journal, journal.begin_run(about) as run:
            run.flush()
            modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
            with journal.engine.connect() as connection:
                pragmas = [
                    connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                    for name in ("journal_mode", "busy_timeout", "foreign_keys")
                ]
    finally:
        os.umask(before)
    assert modes == {0o600}
    assert pragmas == ["wal", 10_000, 1]


def test_the_default_is_a_private_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "share" / "perpmaker"
    monkeypatch.setattr(database, "user_data_path", lambda *_args, **_kwargs: folder)
    assert default_url() == f"sqlite:///{folder / 'journal.db'}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    open_journal().close()
    assert (folder / "journal.db").is_file()


def test_a_default_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(database, "user_data_path", lambda *_args, **_kwargs: tmp_path / "file" / "perpmaker")
    with pytest.raises(JournalError, match=r"the journal's folder .*/file/perpmaker cannot be created"):
        default_url()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "is a folder"),
        ("missing/journal.db", "cannot be written: No such file or directory"),
        ("file/journal.db", "cannot be written: Not a directory"),
        ("text.db", "failed: file is not a database"),
    ],
)
def test_a_path_that_cannot_be_a_journal_is_named(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "text.db").write_text("not a database, but long enough to be taken for one\n" * 20)
    path = str(tmp_path / name) if name else str(tmp_path)
    for url in (path, f"sqlite:///{path}"):
        with pytest.raises(JournalError, match=sentence) as caught:
            open_journal(url)
        assert path.rstrip("/") in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch(mode=0o400)
    with pytest.raises(JournalError, match=rf"{path} cannot be written: Permission denied"):
        open_journal(str(path))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "the journal has no name"),
        ("  ", "the journal has no name"),
        ("mysql://u@h/d", "asks for mysql, which is not supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://u@h:port/d", "is not a database URL"),
        ("://", "is not a database URL"),
        ("bad\0path", "cannot be written"),
    ],
)
def test_a_bad_url_is_one_clear_sentence(url: str, sentence: str) -> None:
    with pytest.raises(JournalError, match=sentence) as caught:
        open_journal(url)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:s3cret@127.0.0.1:1/journal",
        "postgresql://user:s3cret@127.0.0.1:port/journal",
        "postgresql://user:s3c@s3cret@127.0.0.1:1/journal",
        "postgresql://127.0.0.1:1/journal?user=me&password=s3cret",
        "postgresql://127.0.0.1:1/journal?sslpassword=s3cret&user=me",
        "mysql://user:s3cret@127.0.0.1/journal",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    with pytest.raises(JournalError) as caught:
        open_journal(url)
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_postgresql_is_reached_through_the_driver_that_is_installed_with_us() -> None:
    for name in ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"):
        assert parse_url(name).drivername == "postgresql+psycopg"
