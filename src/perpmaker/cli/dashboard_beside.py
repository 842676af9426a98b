"""`run --dashboard`: the dashboard beside a run, as a process of its own.

Rules kept here:

1. Nothing that the dashboard does, or fails to do, disturbs the run: it gets a pipe that the run never writes to, and
   signals of the terminal do not reach it. Only where it cannot be served at all the run does not start.
2. It learns from the pipe that the run is gone, however it went, and ends soon after that.
"""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, TextIO

import msgspec

from perpmaker.cli.dashboard_places import Places, journal_words, show_places
from perpmaker.cli.request import Watching
from perpmaker.domain.errors import InvalidSettingError

PATIENCE_S: Final = 30.0

_COMMAND: Final = (sys.executable, "-m", "perpmaker", "dashboard", "--beside-run")
_SENTENCE: Final = "perpmaker: "
_TAIL_BYTES: Final = 8_192


@contextmanager
def dashboard_beside(
    watching: Watching, journal: str | None, folder: Path, out: TextIO | None = None
) -> Iterator["subprocess.Popen[bytes] | None"]:
    """Serve the page of the runs of this journal for as long as this lasts; None where nobody asked for it.

    Args:
        watching: what was asked for.
        journal: of the run.
        folder: for the dashboard's log, and for its addresses where there is no terminal.
        out: where the addresses are told; the standard error, where none is given.

    Raises:
        UserError: it cannot be served; the sentence is its own.
    """
    if watching.dashboard_port is None:
        yield None
        return
    process = _start(watching, journal, folder / "dashboard.log")
    try:
        show_places(_places(process, folder / "dashboard.log"), out or sys.stderr, folder)
        yield process
    finally:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _start(watching: Watching, journal: str | None, log: Path) -> "subprocess.Popen[bytes]":
    words, environment = journal_words(journal)
    config = [] if watching.dashboard_config is None else [f"--config={watching.dashboard_config}"]
    with _private(log) as told:
        return subprocess.Popen(  # noqa: S603 - our own program
            [*_COMMAND, f"--port={watching.dashboard_port}", *config, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told, env={**os.environ, **environment},
            start_new_session=True, close_fds=True,
        )  # fmt: skip


def _places(process: "subprocess.Popen[bytes]", log: Path) -> Places:
    """What it says first. Raises `InvalidSettingError` with its own sentence where it says nothing."""
    assert process.stdout is not None
    told = b""
    while not told.endswith(b"\n"):
        is_readable, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
        piece = os.read(process.stdout.fileno(), 4_096) if is_readable else b""
        if not piece:
            process.kill()
            process.wait()
            raise InvalidSettingError(f"--dashboard: {_last_words(log)}")
        told += piece
    return msgspec.json.decode(told, type=Places)


def _last_words(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    said = [line.removeprefix(_SENTENCE) for line in lines if line.startswith(_SENTENCE)]
    return said[-1] if said else f"it could not be served within {PATIENCE_S:g} s; its log is {log}"


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
