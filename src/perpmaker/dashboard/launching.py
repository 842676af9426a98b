"""Starts a run from the page: `perpmaker run` as a process of its own, which outlives the dashboard.

Rules kept here:

1. A program and a list of arguments, never a shell. What is secret goes by the environment, which only this user can
   read, and keys of exchanges go to live runs only.
2. The run is nobody's child but in name: it has a session of its own, so no Ctrl-C meant for the dashboard reaches it,
   and nothing here ever ends it. (asyncio would kill its child processes at the end; so they are not asyncio's.)
3. A start has come to something when the run stands in the journal and listens, or has ended: then its own sentence is
   told. `PATIENCE_S` are waited for that, and not knowing is said as such.
4. `MOST_AT_ONCE` of them run at the same time, and the logs of `LOGS_KEPT` are kept.
"""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from sqlalchemy import select

from perpmaker.dashboard.answers import Refused
from perpmaker.dashboard.deps import Deps
from perpmaker.dashboard.program import Planned, Program
from perpmaker.domain.moments import moment_text
from perpmaker.journal import schema
from perpmaker.journal.database import translated_errors
from perpmaker.journal.processes import this_host
from perpmaker.journal.writer import Journal
from perpmaker.venues.credentials import CREDENTIAL_NAMES

PATIENCE_S: Final = 30.0
MOST_AT_ONCE: Final = 8
LOGS_KEPT: Final = 50

_LOOK_S: Final = 0.1
_REAP_S: Final = 1.0
_SENTENCE: Final = "perpmaker: "
_TAIL_BYTES: Final = 16_384
_COMMAND: Final = (sys.executable, "-m", "perpmaker", "run")
_KEYS: Final = tuple(f"_{name.upper()}" for name in CREDENTIAL_NAMES)


@dataclass(frozen=True, slots=True)
class Started:
    """A run that has begun; ``text`` says so, ``log`` is where it tells what it does."""

    run_id: str
    text: str
    log: Path


class Launcher:
    """Starts runs beside those that are there.

    Args:
        deps: journal, clock, links.
        program: what is added to every run.
        folder: of the logs; made when it is needed.
        command: of a run; for tests.
    """

    def __init__(self, deps: Deps, program: Program, folder: Path, command: Sequence[str] = _COMMAND) -> None:
        self._deps = deps
        self._program = program
        self._folder = folder
        self._command = command
        self._processes: list[subprocess.Popen[bytes]] = []
        self._reaping: set[asyncio.Task[None]] = set()
        self._one_by_one = asyncio.Lock()

    async def launch(self, planned: Planned, *, is_live: bool, who: str) -> Started:
        """Start it, and wait until it has begun.

        Refuses with 409 where too many run, with 400 and the program's own sentence where it ended at once, with 504
        where it is not known what became of it.
        """
        async with self._one_by_one:
            self._processes = [process for process in self._processes if process.poll() is None]
            if len(self._processes) >= MOST_AT_ONCE:
                raise Refused(409, f"{MOST_AT_ONCE} runs were started from here and go on; end one of them first")
            log = await self._deps.in_thread(self._new_log, planned.symbol)
            words = [*self._command, *planned.arguments, *self._program.arguments, "--view=lines"]
            head = f"# {moment_text(self._deps.clock.now_ns())}: started from the dashboard by {who}\n"
            process = await self._deps.in_thread(_spawn, words, self._environment(is_live=is_live), log, head)
            self._processes.append(process)
        reaping = asyncio.get_running_loop().create_task(_reap(process), name=f"reap-{process.pid}")
        self._reaping.add(reaping)
        reaping.add_done_callback(self._reaping.discard)
        return await self._begun(process, log)

    async def _begun(self, process: "subprocess.Popen[bytes]", log: Path) -> Started:
        """Rule 3."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + PATIENCE_S
        since_ns = self._deps.clock.now_ns() - int(PATIENCE_S * 10**9)
        run_id: str | None = None
        while loop.time() < until_s:
            code = process.poll()
            if code is not None:
                raise Refused(400, await self._deps.in_thread(_last_words, log, code))
            run_id = run_id or await self._deps.in_thread(_run_of, self._deps.journal, process.pid, since_ns)
            if run_id is not None:
                await self._deps.links.scan()
                link = self._deps.links.find(run_id)
                if link is not None and link.state.view is not None:
                    return Started(run_id, f"run {run_id} has begun", log)
            await asyncio.sleep(_LOOK_S)
        if run_id is not None:
            return Started(run_id, f"run {run_id} has begun and does not show itself yet; its log is {log}", log)
        raise Refused(
            504,
            f"process {process.pid} was started and has not begun to trade within {PATIENCE_S:g} s; it may still. "
            f"Its log is {log}",
        )

    def _environment(self, *, is_live: bool) -> dict[str, str]:
        """Rule 1."""
        own = {**os.environ, **self._program.environment}
        return own if is_live else {name: value for name, value in own.items() if not _is_key(name)}

    def _new_log(self, symbol: str) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        logs = sorted(self._folder.glob("*.log"))
        for old in logs[: max(0, len(logs) - LOGS_KEPT + 1)]:
            old.unlink(missing_ok=True)
        market = re.sub(r"[^A-Za-z0-9_-]+", "-", symbol)[:40]
        return self._folder / f"{self._deps.clock.now_ns()}-{market}.log"


def _spawn(words: Sequence[str], environment: Mapping[str, str], log: Path, head: str) -> "subprocess.Popen[bytes]":
    with _private(log) as out:
        out.write(head.encode())
        out.flush()
        return subprocess.Popen(  # noqa: S603 - a list of arguments, each read by its flag's parser before
            list(words), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=dict(environment),
            start_new_session=True, close_fds=True,
        )  # fmt: skip


def _private(path: Path) -> IO[bytes]:
    """A new file that only this user can read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600), "ab")


async def _reap(process: "subprocess.Popen[bytes]") -> None:
    """Take note of its end soon: who is dead and not taken note of looks alive to others."""
    while process.poll() is None:  # noqa: ASYNC110 - rule 2: nothing tells of it but asking
        await asyncio.sleep(_REAP_S)


def _is_key(name: str) -> bool:
    return name.startswith("PERPMAKER_") and name.endswith(_KEYS)


def _run_of(journal: Journal, pid: int, since_ns: int) -> str | None:
    """The unfinished run of this process of this machine, if it has begun one; numbers of processes are used again."""
    columns = schema.runs.c
    is_its = (columns.pid == pid, columns.host == this_host(), columns.started_at_ns >= since_ns)
    query = select(columns.id).where(*is_its, columns.ended_at_ns.is_(None))
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        return connection.execute(query.order_by(columns.run_no.desc()).limit(1)).scalar_one_or_none()


def _last_words(log: Path, code: int) -> str:
    """Why it ended: its own sentence, as it stands on its standard error."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    said = [line.removeprefix(_SENTENCE) for line in lines if line.startswith(_SENTENCE)]
    return said[-1] if said else f"the run ended at once with exit code {code}; its log is {log}"
