"""Whether the process of a run is still there: gone only on proof."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from perpmaker.journal import processes, readers
from perpmaker.journal.processes import is_gone, this_host
from perpmaker.journal.writer import Journal, RunStart


def run_of(journal: Journal, about: RunStart, pid: int | None, host: str | None) -> readers.RunRecord:
    journal.begin_run(replace(about, pid=pid, host=host)).close()
    return readers.load_run(journal, about.run_id)


@pytest.fixture
def dead_pid() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_process_that_ended_here_is_gone(journal: Journal, about_live: RunStart, dead_pid: int) -> None:
    if " " not in this_host():
        pytest.skip("this system does not tell its boot and space of process ids")
    assert is_gone(run_of(journal, about_live, dead_pid, this_host()))


def test_a_process_that_is_there_is_not_gone(journal: Journal, about_live: RunStart) -> None:
    assert not is_gone(run_of(journal, about_live, os.getpid(), this_host()))


@pytest.mark.parametrize("host", [None, "elsewhere", "elsewhere 0123456789ab"])
def test_of_another_host_nothing_is_known(
    journal: Journal, about_live: RunStart, dead_pid: int, host: str | None
) -> None:
    assert not is_gone(run_of(journal, about_live, dead_pid, host))


def test_where_the_system_does_not_tell_the_name_of_the_machine_proves_nothing(
    journal: Journal, about_live: RunStart, dead_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "this_host", lambda: "here")
    assert not is_gone(run_of(journal, about_live, dead_pid, "here"))


def test_a_run_without_a_process_is_not_gone(journal: Journal, about_live: RunStart) -> None:
    assert not is_gone(run_of(journal, about_live, None, this_host()))
