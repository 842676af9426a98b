"""A run that is started from the page: its words, what it is given, how it begins, and that nothing here ends it."""

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli.dashboard_program import make_program
from perpmaker.dashboard import launching
from perpmaker.dashboard.answers import Refused
from perpmaker.dashboard.launching import Launcher, Started
from perpmaker.dashboard.program import Planned, Wanted
from perpmaker.journal.readers import load_run
from support.dashboard_rig import Rig, dashboard_rig
from support.started_run import SENTENCE

SCRIPT = Path(__file__).resolve().parents[1] / "support" / "started_run.py"
LONGEST_S = 30.0


class Bench:
    """A dashboard that starts runs that are none, and ends them after the test."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self.rig = rig
        self.folder = folder
        self.planned: Planned = make_program().plan(Wanted(exchange="sim", preset="neutral"))
        words = (f"--journal={rig.journal.engine.url.database}",)
        self.program = replace(make_program(), arguments=words, environment={"PGPASSWORD": "of the journal"})

    def launcher(self, mode: str) -> Launcher:
        command = (sys.executable, str(SCRIPT), mode)
        return Launcher(self.rig.server.deps, self.program, self.folder / "logs", command)

    async def launch(self, mode: str = "run", *, is_live: bool = False, who: str = "ana") -> Started:
        return await self.launcher(mode).launch(self.planned, is_live=is_live, who=who)

    def logs(self) -> list[Path]:
        return sorted((self.folder / "logs").glob("*.log"))

    def told(self) -> dict[str, Any]:
        """What the newest one was started with."""
        lines = self.logs()[-1].read_text(encoding="utf-8").splitlines()
        found: dict[str, Any] = json.loads(lines[1])
        return found

    def pids(self) -> list[int]:
        return [pid for file in Path("/proc").glob("[0-9]*/cmdline") if (pid := _pid_of(file, self.rig)) is not None]


def _pid_of(file: Path, rig: Rig) -> int | None:
    try:
        words = file.read_bytes()
    except OSError:
        return None
    is_ours = str(SCRIPT).encode() in words and str(rig.journal.engine.url.database).encode() in words
    return int(file.parent.name) if is_ours else None


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    async with dashboard_rig() as rig:
        made = Bench(rig, folder)
        try:
            yield made
        finally:
            for pid in made.pids():
                os.kill(pid, signal.SIGKILL)


def scenario(folder: Path, play: Callable[[Bench], Awaitable[None]]) -> None:
    async def body() -> None:
        async with asyncio.timeout(2 * LONGEST_S), bench(folder) as made:
            await play(made)

    asyncio.run(body())


def test_it_begins_and_can_be_looked_at_when_its_start_is_told(tmp_path: Path) -> None:
    async def play(made: Bench) -> None:
        started = await made.launch()
        assert started.text == f"run {started.run_id} has begun"
        link = made.rig.server.deps.links.find(started.run_id)
        assert link is not None
        assert link.state.view is not None
        assert load_run(made.rig.journal, started.run_id).pid in made.pids()

    scenario(tmp_path, play)


def test_it_is_a_list_of_words_with_the_journal_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERPMAKER_BACKPACK_SECRET", "of the exchange")

    async def play(made: Bench) -> None:
        await made.launch()
        told = made.told()
        assert told["words"][:3] == ["--exchange=sim", "--symbol=SOL_USDC_PERP", "--preset=neutral"]
        assert "--real-time" in told["words"], "a simulation that can be looked at"
        assert told["words"][-2:] == [*made.program.arguments, "--view=lines"]
        assert told["environment"]["PGPASSWORD"] == "of the journal"
        assert "of the" not in " ".join(told["words"])
        assert "PERPMAKER_BACKPACK_SECRET" not in told["environment"], "only a live run needs keys"
        assert "PERPMAKER_RUNTIME_DIR" in told["environment"], "or its link would be elsewhere"

    scenario(tmp_path, play)


def test_a_live_run_gets_the_keys_by_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERPMAKER_BACKPACK_SECRET", "of the exchange")

    async def play(made: Bench) -> None:
        await made.launch(is_live=True)
        assert made.told()["environment"]["PERPMAKER_BACKPACK_SECRET"] == "of the exchange"  # noqa: S105 - none

    scenario(tmp_path, play)


def test_its_log_is_private_and_says_who_started_it(tmp_path: Path) -> None:
    async def play(made: Bench) -> None:
        started = await made.launch(who="trader (token)")
        assert started.log == made.logs()[-1]
        assert stat.S_IMODE(started.log.stat().st_mode) == 0o600
        assert stat.S_IMODE(started.log.parent.stat().st_mode) == 0o700
        head = started.log.read_text(encoding="utf-8").splitlines()[0]
        assert head.endswith("started from the dashboard by trader (token)")

    scenario(tmp_path, play)


def test_it_outlives_the_dashboard_and_hears_no_signal_of_its_terminal(tmp_path: Path) -> None:
    async def play() -> None:
        async with asyncio.timeout(2 * LONGEST_S):
            async with bench(tmp_path) as made:
                started = await made.launch()
                pid = load_run(made.rig.journal, started.run_id).pid
                assert pid is not None
                assert made.told()["session"], "its own session: no Ctrl-C of the dashboard's terminal"
                await made.rig.server.__aexit__(None, None, None)
                os.kill(pid, 0)  # raises where it is gone
                os.kill(pid, signal.SIGTERM)
                await _gone(pid)

    asyncio.run(play())


async def _gone(pid: int) -> None:
    """Until the process is gone, and was taken note of."""
    while Path(f"/proc/{pid}").exists():  # noqa: ASYNC110, ASYNC240 - another process tells nothing
        await asyncio.sleep(0.05)


def test_one_that_has_ended_is_not_left_as_a_shadow(tmp_path: Path) -> None:
    async def play(made: Bench) -> None:
        started = await made.launch()
        pid = load_run(made.rig.journal, started.run_id).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await _gone(pid)  # a process that nobody took note of would stay

    scenario(tmp_path, play)


def test_one_that_is_refused_tells_its_own_sentence(tmp_path: Path) -> None:
    async def play(made: Bench) -> None:
        with pytest.raises(Refused) as refused:
            await made.launch("refuse")
        assert (refused.value.status_code, refused.value.detail) == (400, SENTENCE)

    scenario(tmp_path, play)


def test_one_that_ends_without_a_word_tells_its_exit_code_and_its_log(tmp_path: Path) -> None:
    async def play(made: Bench) -> None:
        with pytest.raises(Refused) as refused:
            await made.launch("break")
        assert refused.value.detail == f"the run ended at once with exit code 3; its log is {made.logs()[-1]}"

    scenario(tmp_path, play)


def test_one_that_does_not_begin_in_time_is_not_said_to_have_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "PATIENCE_S", 0.5)

    async def play(made: Bench) -> None:
        with pytest.raises(Refused) as refused:
            await made.launch("wait")
        assert refused.value.status_code == 504
        assert "it may still" in refused.value.detail

    scenario(tmp_path, play)


def test_too_many_at_once_are_refused_and_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "MOST_AT_ONCE", 1)

    async def play(made: Bench) -> None:
        launcher = made.launcher("run")
        first = await launcher.launch(made.planned, is_live=False, who="ana")
        with pytest.raises(Refused) as refused:
            await launcher.launch(made.planned, is_live=False, who="ana")
        assert refused.value.status_code == 409
        assert len(made.pids()) == 1
        pid = load_run(made.rig.journal, first.run_id).pid or 0
        os.kill(pid, signal.SIGTERM)
        await _gone(pid)
        await launcher.launch(made.planned, is_live=False, who="ana")

    scenario(tmp_path, play)


def test_old_logs_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "LOGS_KEPT", 2)

    async def play(made: Bench) -> None:
        for _ in range(3):
            with pytest.raises(Refused):
                await made.launch("refuse")
        assert len(made.logs()) == 2

    scenario(tmp_path, play)


def test_a_symbol_makes_no_path(tmp_path: Path) -> None:
    async def play(made: Bench) -> None:
        made.planned = replace(made.planned, symbol="../../BTC/USDT:USDT")
        with pytest.raises(Refused):
            await made.launch("refuse")
        assert made.logs()[-1].name.endswith("--BTC-USDT-USDT.log")

    scenario(tmp_path, play)
