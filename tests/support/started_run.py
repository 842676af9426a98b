"""Stands in for `perpmaker run` where the dashboard starts one: a run that is none, in a journal and on a link.

    python started_run.py MODE --journal=FILE ...

``run`` lives until SIGTERM; ``refuse`` says why not and ends; ``break`` ends without a word; ``wait`` begins nothing.
What it was started with stands in its log, as the first line of it.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import update

from perpmaker.journal import schema
from perpmaker.journal.database import writing
from perpmaker.journal.processes import this_host
from perpmaker.journal.writer import open_journal
from perpmaker.venues.clock import SystemClock
from support.dashboard_runs import FakeRun

SENTENCE = "--quantity 0.105: is not a whole number of lots"


async def live(journal_file: str) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    with open_journal(journal_file) as journal:
        async with FakeRun(journal, SystemClock()) as run:
            with writing(journal.engine) as connection:
                values = {"pid": os.getpid(), "host": this_host()}
                connection.execute(update(schema.runs).where(schema.runs.c.id == run.run_id).values(values))
            run.move()
            await ended.wait()
            await run.end()


def main(mode: str, words: list[str]) -> int:
    known = {name: value for name, value in os.environ.items() if name.startswith(("PERPMAKER_", "PG"))}
    print(json.dumps({"words": words, "environment": known, "session": os.getsid(0) == os.getpid()}), flush=True)
    if mode == "refuse":
        sys.stderr.write(f"a warning\nperpmaker: {SENTENCE}\n")
        return 2
    if mode == "break":
        return 3
    if mode == "wait":
        signal.pause()
    asyncio.run(live(next(word.removeprefix("--journal=") for word in words if word.startswith("--journal="))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
