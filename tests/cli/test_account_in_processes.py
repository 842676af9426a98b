"""The commands around a live run as a trader uses them: each a process of its own, against a testnet in another one."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from perpmaker.cli.main import _run
from perpmaker.runtime.live import preflight
from perpmaker.venues.redaction import remove_redaction

STRATEGY = [
    "--spread", "1%", "--quantity", "0.1", "--max-orders", "2", "--max-position", "1", "--interval", "1",
    "--duration", "0", "--stop-loss", "50", "--max-daily-loss", "80",
]  # fmt: skip
"""So far away that this market does not get there: what rests is exact. Executions are the business of tests/chaos."""

ACCOUNTS = 4
FINE_S = 60
"""Longer than anything here takes: a bound for what hangs, not a wait."""


@dataclass
class Desk:
    """A testnet, and a trader's terminal with keys, a working directory and a journal of its own."""

    base_url: str
    ws_url: str
    environment: dict[str, str]
    folder: Path

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "perpmaker", *arguments, "--journal", str(self.folder / "journal.db")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=self.folder,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """A command to its end: exit code, what it said, what it complained of."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=FINE_S)
        return process.returncode, out, err

    @property
    def wires(self) -> list[str]:
        return ["--exchange", "backpack", "--base-url", self.base_url, "--ws-url", self.ws_url]

    def trading(self) -> "subprocess.Popen[str]":
        """A live run, all of whose orders rest."""
        process = self.start("run", "--live", *self.wires, *STRATEGY, "--view", "lines")
        assert process.stdout is not None
        for line in process.stdout:
            if "event=quoting" in line:
                break
        for _ in range(20):
            if "4 of our runs, 0 of somebody else" in self.run("status")[1]:
                return process
        raise AssertionError(process.communicate(timeout=FINE_S))


@dataclass
class Served:
    """A testnet in its own process: its addresses, and the keys of accounts that no test has used yet."""

    base_url: str
    ws_url: str
    keys: list[dict[str, str]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = subprocess.Popen(
        [sys.executable, "-m", "perpmaker", "testnet", "--port", "0", "--accounts", str(ACCOUNTS)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        cwd=tmp_path_factory.mktemp("testnet"),
    )
    assert server.stdout is not None
    told: dict[str, str] = {}
    keys: list[dict[str, str]] = []
    while len(keys) < ACCOUNTS or len(keys[-1]) < 2:
        words = server.stdout.readline().split()
        if words[:1] in (["REST"], ["websocket"]):
            told[words[0]] = words[1]
        if words[:1] == ["export"]:
            name, _, value = words[1].partition("=")
            if name.endswith("API_KEY"):
                keys.append({})
            keys[-1][name] = value
    try:
        yield Served(told["REST"], told["websocket"], keys)
    finally:
        server.terminate()
        server.communicate(timeout=FINE_S)


@pytest.fixture
def desk(served: Served, tmp_path: Path) -> Desk:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PERPMAKER_")}
    environment = {**plain, "PYTHONUNBUFFERED": "1", "COLUMNS": "200", **served.keys.pop()}
    return Desk(served.base_url, served.ws_url, environment, tmp_path)


def test_doctor_status_cancel_and_close_around_a_run_that_trades(desk: Desk) -> None:
    code, out, err = desk.run("doctor", "--live", *desk.wires, *STRATEGY)
    assert (code, err) == (0, ""), out + err
    assert out.count("status=ok") == 14, out

    trading = desk.trading()
    code, out, err = desk.run("status")
    assert (code, err) == (0, ""), err
    assert out.startswith("running")
    assert "(limit 80)" in out
    assert "4 of our runs, 0 of somebody else" in out, out

    code, out, err = desk.run("doctor", "--live", *desk.wires)
    assert code == 2, "two runs must not trade one account's market"
    assert "of a run of ours that is trading here now" in out

    code, out, err = desk.run("cancel")
    assert (code, err) == (0, ""), out + err
    assert f"asking its process {trading.pid} to end" in out
    assert "none is left, by the venue's own count" in out
    run_out, run_err = trading.communicate(timeout=FINE_S)
    assert trading.returncode == 143, run_out + run_err

    code, out, err = desk.run("close")
    assert code == 2
    assert "must be agreed to here: say --yes" in err
    code, out, err = desk.run("close", "--yes")
    assert (code, err) == (0, ""), out + err
    code, out, err = desk.run("status")
    assert "ended" in out
    assert "position   flat" in out


def test_a_killed_run_is_told_and_cleaned_up_after(desk: Desk) -> None:
    trading = desk.trading()
    trading.kill()
    trading.communicate(timeout=FINE_S)
    _, out, err = desk.run("status")
    assert out.startswith("died"), out + err
    assert "4 of our runs" in out
    code, out, err = desk.run("cancel")
    assert (code, err) == (0, ""), out + err
    assert "cancelled 4 orders of ours; none is left" in out
    assert "died: cancelled 0 orders of it" in out
    code, out, err = desk.run("status")
    assert "0 of our runs" in out


def test_the_watchdog_outlives_the_run_that_it_watches(desk: Desk) -> None:
    trading = desk.trading()
    watchdog = desk.start("watchdog", "--latest", "--timeout", "5s", "--close")
    assert watchdog.stdout is not None
    while "watching run" not in watchdog.stdout.readline():
        pass
    trading.send_signal(signal.SIGKILL)
    trading.communicate(timeout=FINE_S)
    out, err = watchdog.communicate(timeout=FINE_S)
    assert (watchdog.returncode, err) == (18, ""), out + err
    assert "cleaning up after the run" in out
    assert "cancelled 4 orders of ours; none is left" in out
    _, out, err = desk.run("status")
    assert "0 of our runs" in out, out + err
    assert "position   flat" in out


CASES = [
    "no keys", "half a key", "keys the wrong way round", "a symbol that is not there", "a host that does not answer",
    "an exchange that is not there",
]  # fmt: skip


def wrong(served: Served, keys: dict[str, str], case: str) -> tuple[list[str], dict[str, str], str]:
    """Flags, environment, and what the sentence says."""
    wires = ["--exchange", "backpack", "--base-url", served.base_url, "--ws-url", served.ws_url]
    key, secret = keys.values()
    nothing = dict.fromkeys(keys, "")
    half = {**keys, "PERPMAKER_BACKPACK_SECRET": secret[:20]}
    swapped = dict(zip(keys, (secret, key), strict=True))
    return {
        "no keys": (wires, nothing, "are missing: set"),
        "half a key": (wires, half, "32 bytes in base64"),
        "keys the wrong way round": (wires, swapped, "are the wrong way round"),
        "a symbol that is not there": ([*wires, "--symbol", "DOGE_USDC_PERP"], keys, "no such market"),
        "a host that does not answer": ([*wires, "--base-url", "http://127.0.0.1:9"], keys, "cannot be reached"),
        "an exchange that is not there": (["--exchange", "nyse", "--symbol", "X"], keys, "no such exchange"),
    }[case]


@pytest.mark.parametrize("command", ["run", "cancel", "close"])
@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(
    case: str,
    command: str,
    served: Served,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags, environment, expected = wrong(served, served.keys[0], case)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preflight, "RETRY_S", 0.0)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    more = {"run": ["--live", *STRATEGY, "--view", "none"], "close": ["--yes"]}.get(command, [])
    try:
        assert _run([command, *flags, *more, "--journal", str(tmp_path / "journal.db")]) == 2
    finally:
        remove_redaction()
    err = capsys.readouterr().err
    assert expected in err
    assert err.startswith("perpmaker: ")
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
