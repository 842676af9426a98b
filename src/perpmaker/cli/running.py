"""Runs that are still there: which, and how they are asked to end.

Rules kept here:

1. A run is running while its heartbeat is young and its process is not known to be gone; a silent one whose process is
   still there hangs. Both are asked to end before anything is done in their place.
2. A signal is sent to a process of this machine only, and only if it is this program's: numbers are used again.
3. Nobody is waited for without bound.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from perpmaker.journal.live import unfinished_runs
from perpmaker.journal.processes import is_gone, this_host
from perpmaker.journal.readers import RunRecord, load_run
from perpmaker.journal.recover_runs import HEARTBEAT_LIMIT_NS
from perpmaker.journal.writer import Journal

PATIENCE_S: Final = 150.0
"""A clean end may take two minutes where the venue is slow."""

_STEP_S: Final = 0.25
_PROGRAM: Final = (b"perpmaker", b"run.py")


def age_s(run: RunRecord, now_ns: int) -> float:
    """Seconds since the last sign of life."""
    return max(0.0, (now_ns - run.last_alive_ns) / 10**9)


def is_running(run: RunRecord, now_ns: int) -> bool:
    """Whether it has not ended and may still act."""
    if run.ended_at_ns is not None or is_gone(run):
        return False
    return now_ns - run.last_alive_ns < HEARTBEAT_LIMIT_NS or _is_here(run)


async def ask_to_end(
    journal: Journal,
    account: str,
    symbol: str,
    now_ns: int,
    say: Callable[[str], None],
    *,
    patience_s: float = PATIENCE_S,
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    send: Callable[[int, int], None] = os.kill,
) -> list[RunRecord]:
    """End every running run of this account and market cleanly; returns those that are still there.

    Raises:
        JournalError: the journal cannot be read.
    """
    running = [run for run in unfinished_runs(journal, account, symbol) if is_running(run, now_ns)]
    asked: list[RunRecord] = []
    for run in running:
        if not _is_here(run):
            host = (run.host or "another machine").partition(" ")[0]
            say(f"run {run.run_id} is trading, process {run.pid} on {host}: end it there, it will go on from here")
            continue
        say(f"run {run.run_id} is trading: asking its process {run.pid} to end")
        try:
            send(run.pid or 0, signal.SIGTERM)
        except ProcessLookupError:
            continue
        except PermissionError:
            say(f"process {run.pid} belongs to somebody else: end it as that user")
            continue
        asked.append(run)
    waited_s = 0.0
    while waited_s < patience_s and any(not _has_ended(journal, run) for run in asked):
        await wait(_STEP_S)
        waited_s += _STEP_S
    left = [run for run in running if not _has_ended(journal, run)]
    for run in left:
        if run in asked:
            say(f"run {run.run_id} has not ended within {patience_s:g} s: `kill -9 {run.pid}`, then do this again")
    return left


def _has_ended(journal: Journal, run: RunRecord) -> bool:
    return load_run(journal, run.run_id).ended_at_ns is not None or is_gone(run)


def _is_here(run: RunRecord) -> bool:
    """Whether its process is on this machine, alive, and this program."""
    if run.pid is None or run.host != this_host() or is_gone(run):
        return False
    try:
        command = Path(f"/proc/{run.pid}/cmdline").read_bytes()
    except OSError:  # not Linux, or somebody else's process
        return True
    return any(name in command for name in _PROGRAM)
