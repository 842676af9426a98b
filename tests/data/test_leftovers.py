"""What a killed import leaves, the next one removes; an import that is at work is left alone."""

import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.data.leftovers import held, hidden_beside, remove_abandoned
from perpmaker.data.reader import Recording

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no locks on folders")

OPTIONS = ImportOptions(symbol="SOLUSDT", tick_size=Decimal("0.01"), lot_size=Decimal("0.1"))
KILLED = """
import os, signal, sys
from decimal import Decimal
from pathlib import Path
from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.data.row_table import RowTable

def die(self):
    os.kill(os.getpid(), signal.SIGKILL)

RowTable.take = die  # when the first rows are about to be written
options = ImportOptions(symbol="SOLUSDT", tick_size=Decimal("0.01"), lot_size=Decimal("0.1"))
import_recording("trades", [Path(sys.argv[1])], Path(sys.argv[2]), options)
"""


def source_in(folder: Path) -> Path:
    file = folder / "x.csv"
    file.write_text("ts_ms,side,price,amount\n1767571200000,buy,100.01,0.3\n")
    return file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_import_that_was_killed_is_simply_run_again(tmp_path: Path):
    source, dest = source_in(tmp_path), tmp_path / "r"
    killed = subprocess.run([sys.executable, "-c", KILLED, source, dest], check=False, env=dict(os.environ))
    assert killed.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 2, "the folder that it was writing to"
    import_recording("trades", [source], dest, OPTIONS)
    assert names(tmp_path) == ["r", "x.csv"]
    assert Recording.open(dest).info.rows_by_kind["buy_trade"] == 1


def test_an_import_at_work_is_left_alone(tmp_path: Path):
    dest = tmp_path / "r"
    busy, abandoned = hidden_beside(dest), hidden_beside(dest)
    other = tmp_path / ".r.partial-old"
    for folder in (busy, abandoned, other):
        folder.mkdir()
    with held(busy) as is_held:
        assert is_held
        remove_abandoned(dest)
        assert names(tmp_path) == sorted([busy.name, other.name])
    remove_abandoned(dest)
    assert names(tmp_path) == [other.name]
