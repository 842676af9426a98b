"""Somebody who types what a document shows: in a home of its own, with recordings, and a testnet as the only exchange.

Rules kept here:

1. A command is executed as it stands. Only what would take real time is cut short, and only what reaches an exchange is
   pointed at the testnet.
2. `PATH` stands for a recording, four hexadecimal digits for a run: those that are there are put in their place.
3. A command that this program does not have must be known here by name, or it fails: nothing is passed over silently.
"""

import contextlib
import re
import shlex
import shutil
from pathlib import Path

import pytest

from docs.documents import ROOT
from docs.served_testnet import Served
from docs.shell_blocks import Shown
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.main import _run
from perpmaker.journal.readers import list_runs
from perpmaker.journal.writer import open_journal
from support.recordings import record
from support.runs import synthetic

BEGIN_S = 1_767_605_400
"""When the synthetic market begins."""

BASE = (
    "run --exchange backpack --live --spread 2bp --quantity 0.1 --max-position 1 --interval 1 --max-loss 5 "
    "--duration 3 --view none --record live"
)
ELSEWHERE = {"make", "curl", ".", "unset", "python examples", "sh examples"}
"""Not of this program: who executes them is said in `test_commands`."""


WATCHED = {"--dashboard", "--metrics-port", "--alerts", "--real-time"}
"""With any of these a simulation is played in real time."""


class Typist:
    """Types into one terminal after another: each page gets a new home, made after the same pattern."""

    def __init__(self, pattern: Path, served: Served, patch: pytest.MonkeyPatch) -> None:
        self._pattern = pattern
        self._served = served
        self._patch = patch
        self._named: list[str] = []

    def settle(self) -> None:
        """Fill the pattern: a recording, and the journal of one simulation and one live run."""
        self._enter(self._pattern)
        shutil.copytree(ROOT / "examples", self._pattern / "examples")
        record(self._pattern / "PATH", synthetic(), to_ns=(BEGIN_S + 60) * 10**9)
        simulated = "run --spread 3bp --quantity 0.1 --duration 60 --view none"
        for line in (simulated, shlex.join([*shlex.split(BASE), *self._served.addresses])):
            assert _run(shlex.split(line)) == 0

    def go_home(self, home: Path) -> None:
        """Begin a page: nothing that another page did is there."""
        shutil.copytree(self._pattern, home)
        self._enter(home)

    def type(self, shown: Shown) -> int:
        """Execute a command, and return its exit code."""
        text, _, file = shown.text.partition(" > ")
        given = self._of_this_program(shlex.split(text))
        if given is None:
            return ExitCode.DURATION
        with contextlib.ExitStack() as stack:
            if file:
                stack.enter_context(contextlib.redirect_stdout(stack.enter_context(Path(file).open("w"))))
            code = _run(given)
        return ExitCode.DURATION if code == ExitCode.FEED_EXHAUSTED and "--feed" in given else code

    def _enter(self, home: Path) -> None:
        self._named = []
        self._patch.chdir(home)
        self._patch.setenv("XDG_DATA_HOME", str(home))
        self._patch.setenv("XDG_STATE_HOME", str(home))

    def _of_this_program(self, words: list[str]) -> list[str] | None:
        """The arguments that the program gets, made fit for a test; None where there is nothing to do here."""
        if words[0] in ELSEWHERE or " ".join(words[:2]).partition("/")[0] in ELSEWHERE:
            return None
        if words[:2] == ["python", "run.py"]:
            words = ["perpmaker", "run", *words[2:]]
        assert words[0] == "perpmaker", f"{words[0]} is not of this program: say `sh no-run: WHY`"
        given, name = words[1:], words[1]
        if name in {"report", "compare", "fidelity"}:
            given = [self._run_named(word) for word in given]
        if name == "testnet":
            return None  # it is served already
        wired = name in {"run", "record"} and not {"sim", "--config"} & set(given) and "--exchange" in given
        if wired or name == "doctor":
            given += self._served.addresses
        is_watched = name == "run" and bool(WATCHED & set(given))
        if wired or is_watched or name == "record":
            given += ["--duration", "2"]
        elif name == "run" and "--config" not in given:
            given += ["--speed", "max"]
        return given

    def _run_named(self, word: str) -> str:
        """The id of a run that is there, for a name that a document made up; each name its own run."""
        if not re.fullmatch(r"[0-9a-f]{4}", word):
            return word
        if word not in self._named:
            self._named.append(word)
        with contextlib.closing(open_journal()) as journal:
            runs = [run.run_id for run in list_runs(journal)]
        return runs[self._named.index(word)]
