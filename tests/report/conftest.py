"""One simulated run, recorded in a journal, for every test that only reads it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from perpmaker.cli.main import _run
from perpmaker.journal.readers import list_runs
from perpmaker.journal.writer import Journal, open_journal
from perpmaker.report.run_data import RunReport, read_report

FLAGS = (
    "--spread 3bp --quantity 0.1 --max-orders 3 --max-position 1 --inventory-skew 0.5 --position-threshold 0 "
    "--interval 5 --stop-loss 0.06 --duration 1500 --seed 3 --view none"
)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a journal that holds one run of 25 minutes."""
    file = tmp_path_factory.mktemp("journal") / "journal.db"
    assert _run(["run", *FLAGS.split(), "--journal", str(file)]) == 0
    return file


@pytest.fixture(scope="session")
def journal(recorded: Path) -> Iterator[Journal]:
    with open_journal(str(recorded)) as opened:
        yield opened


@pytest.fixture(scope="session")
def report(journal: Journal) -> RunReport:
    return read_report(journal, list_runs(journal)[0])
