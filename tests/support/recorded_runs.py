"""A journal with two simulations that are over, for tests that read some; made once in a test session."""

import atexit
import shutil
import sqlite3
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from perpmaker.cli.main import _run
from perpmaker.journal.writer import Journal

SPREADS = ("1bp", "2bp")
"""Of the runs, in the order in which they were made."""


@cache
def recorded() -> Path:
    """The journal; it is not to be written to."""
    folder = Path(mkdtemp(prefix="pm"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "recorded.db"
    for spread in SPREADS:
        words = [
            "run",
            "--spread",
            spread,
            "--quantity",
            "0.1",
            "--duration",
            "120",
            "--interval",
            "1",
            "--view",
            "none",
        ]
        assert _run([*words, "--journal", str(file)]) == 0
    return file


def copy_into(journal: Journal) -> None:
    """The same runs in another journal."""
    with sqlite3.connect(recorded()) as source, sqlite3.connect(str(journal.engine.url.database)) as target:
        source.backup(target)
