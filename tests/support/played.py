"""A command that has run on the simulated exchange, and what it left behind: two of them can be compared."""

import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

from sqlalchemy import select

from perpmaker.cli.main import _run
from perpmaker.journal import schema
from perpmaker.journal.readers import RunRecord, list_runs
from perpmaker.journal.writer import open_journal

BUSY = shlex.split(
    "--spread 3bp --quantity 0.1 --max-position 1 --inventory-skew 0.5 --position-threshold 0 --interval 5"
)


class Told:
    """What a command left behind: its summary, its order list, its run."""

    def __init__(self, folder: Path, command: str, *flags: str) -> None:
        self.database, summary = str(folder / f"{command}.db"), folder / f"{command}.json"
        self.code = _run([command, *BUSY, *flags, "--summary", str(summary), "--journal", self.database])
        self.summary: dict[str, Any] = json.loads(summary.read_text())
        with open_journal(self.database) as journal:
            self.run: RunRecord = list_runs(journal)[0]
            table = schema.commands
            wanted = [column for column in table.columns if column.name != "run_no"]
            query = select(*wanted).where(table.c.run_no == self.run.run_no).order_by(table.c.seq)
            with journal.engine.connect() as connection:
                rows = [tuple(row) for row in connection.execute(query)]
        assert rows
        self.orders = hashlib.sha256(repr(rows).encode()).hexdigest()

    @property
    def figures(self) -> dict[str, Any]:
        return {name: value for name, value in self.summary.items() if name not in ("wall_s", "events_per_s", "run")}
