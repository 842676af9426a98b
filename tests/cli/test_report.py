"""`perpmaker report` and `perpmaker compare` as a user meets them."""

from pathlib import Path

import pytest

from perpmaker.cli.main import _run
from perpmaker.journal.readers import list_runs
from perpmaker.journal.writer import open_journal

RUN = "--quantity 0.1 --max-position 1 --interval 5 --duration 300 --view none"


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two runs."""
    file = str(tmp_path_factory.mktemp("journal") / "journal.db")
    for spread in ("3bp", "4bp"):
        assert _run(["run", *RUN.split(), "--spread", spread, "--journal", file]) == 0
    return file


def names(journal: str) -> list[str]:
    with open_journal(journal) as opened:
        return [run.run_id for run in list_runs(opened)]


def test_a_run_is_named_by_its_id_its_beginning_or_as_the_latest(
    journal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    newest, oldest = names(journal)
    for name in (newest, newest[:13], "latest"):
        assert _run(["report", name, "--journal", journal]) == 0
        out = capsys.readouterr().out
        assert newest in out
        assert oldest not in out
    assert "where the money came from" in out
    assert "sum, exactly" in out


def test_the_page_is_written_where_it_was_asked_for(journal: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    assert _run(["report", "latest", "--journal", journal, "--html", str(file)]) == 0
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["report", "nonsense"], "has no run nonsense; the latest is "),
        (["report", "latest", "--html", "/nowhere/report.html"], "--html /nowhere/report.html"),
        (["report", "latest", "--data", "/nowhere"], "no such recording"),
        (["compare", "latest"], "two runs at least"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], sentence: str, journal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run([*arguments, "--journal", journal]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_runs_are_put_side_by_side(journal: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "comparison.html"
    assert _run(["compare", *names(journal), "--journal", journal, "--html", str(file)]) == 0
    out = capsys.readouterr().out
    assert "settings that differ" in out
    assert "0.0003" in out
    assert "0.0004" in out
    assert file.exists()
