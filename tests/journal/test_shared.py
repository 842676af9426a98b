"""Several processes on one journal: a run that writes, a watchdog and a status that read, another run that starts."""

import subprocess
import sys
from decimal import Decimal

import pytest

from perpmaker.domain.errors import JournalError
from perpmaker.domain.events import Filled
from perpmaker.domain.orders import Side
from perpmaker.journal import batches, live, readers
from perpmaker.journal.limits import day_profit
from perpmaker.journal.writer import Journal, RunStart

RUN = """
import sys
from decimal import Decimal
from perpmaker.domain.events import Filled
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import Side
from perpmaker.journal.writer import RunStart, open_journal

step = Decimal("0.01")
about = RunStart(
    version="", exchange="x", symbol="X", market_type="perp", mode="live", seed=None, command_line="", settings={},
    instrument=Instrument("X", "X", "Y", step, step, step), provenance={}, run_id=sys.argv[2], account="a", tag=1,
)
with open_journal(sys.argv[1]) as journal, journal.begin_run(about) as run:
    for number in range(1, 201):
        run.event(Filled(number, number, number, number, Side.BUY, 100, 1, True, 1))
        run.heartbeat(number)
        run.daily_result("2026-11-24", Decimal(number))
        run.flush()
"""

LISTENING = """
import sys
import time
from perpmaker.journal.live import unfinished_runs
from perpmaker.journal.writer import open_journal

with open_journal(sys.argv[1]) as journal:
    print("open", flush=True)
    give_up = time.monotonic() + 60
    while not any(run.heartbeat_ns == 77 for run in unfinished_runs(journal)):
        assert time.monotonic() < give_up
print("heard")
"""


def test_a_run_alone_is_heard_in_another_process_without_being_flushed(
    journal: Journal, journal_url: str, about_live: RunStart
) -> None:
    command = [sys.executable, "-c", LISTENING, journal_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watchdog, journal.begin_run(about_live) as run:
        assert watchdog.stdout is not None
        assert watchdog.stdout.readline() == "open\n"
        run.heartbeat(76)
        run.heartbeat(77)
        assert watchdog.stdout.readline() == "heard\n"
        assert run.rows_written == 0  # a sign of life is no row


def test_two_runs_and_a_reader_share_a_journal(journal: Journal, journal_url: str) -> None:
    commands = [[sys.executable, "-c", RUN, journal_url, name] for name in ("one", "two")]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    while any(run.poll() is None for run in runs):
        for record in live.unfinished_runs(journal):  # what was committed together is seen together
            before, position = record.heartbeat_ns or 0, live.books_of(journal, record)
            assert position.lots >= before
            assert position.fees_quanta == position.lots
    assert [run.communicate()[1] for run in runs] == ["", ""]
    for record in live.unfinished_runs(journal):
        assert (record.heartbeat_ns, live.books_of(journal, record).lots) == (200, 200)
    assert day_profit(journal, "a", "2026-11-24", excluding_run_no=None) == 400


def test_a_batch_overwrites_once_however_often_life_is_shown(
    journal: Journal, about_live: RunStart, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    write = batches.write_current
    monkeypatch.setattr(batches, "write_current", lambda *given: (written.append(given[2]), write(*given)))
    with journal.begin_run(about_live) as run:
        run.flush()
        for number in range(1_000):
            run.heartbeat(number)
            run.daily_result("2026-11-24", Decimal(number))
        run.event(Filled(1, 1, 1, 1, Side.BUY, 100, 1, True, 1))
        run.flush()
    assert len(written) <= 3  # one for all of them, but where the thread's second came in between
    assert (written[-1].heartbeat_ns, written[-1].profits) == (999, {"2026-11-24": Decimal(999)})
    assert readers.load_run(journal, "live-1").heartbeat_ns == 999


def test_a_closed_run_takes_no_sign_of_life(journal: Journal, about_live: RunStart) -> None:
    run = journal.begin_run(about_live)
    run.close()
    with pytest.raises(JournalError, match="is closed: this run has ended"):
        run.heartbeat(1)
