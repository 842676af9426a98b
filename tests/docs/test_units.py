"""The units for a service manager are what systemd understands, and what docs/operations.md says of them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from docs.documents import ROOT, arguments, flags, page, section
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.journal.recover_runs import HEARTBEAT_LIMIT_NS
from perpmaker.runtime.live.settings import LiveSettings

UNITS = sorted((ROOT / "ops").glob("*.service"))
SECTION = section(page("docs/operations.md"), "As a service")
INSTALLED = "/opt/perpmaker/.venv/bin/perpmaker"


def setting(unit: Path, name: str) -> str:
    found = re.findall(rf"^{name}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == 1, f"{unit.name}: {name}"
    return str(found[0])


def command_line(unit: Path) -> list[str]:
    line = setting(unit, "ExecStart")
    assert line.startswith(f"{INSTALLED} ")
    return arguments(line.replace(INSTALLED, "perpmaker"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_systemd_has_nothing_to_say_against_them(tmp_path: Path) -> None:
    anything = shutil.which("true")
    assert anything is not None
    for unit in UNITS:  # the program is not installed where they expect it
        (tmp_path / unit.name).write_text(unit.read_text(encoding="utf-8").replace(INSTALLED, anything))
    command = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit.name) for unit in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_it_starts_a_command_that_exists(unit: Path) -> None:
    given = command_line(unit)
    assert {word for word in given if word.startswith("--")} <= set(flags(given[:1]))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_it_is_named_in_the_runbook(unit: Path) -> None:
    assert f"`ops/{unit.name}`" in SECTION
    assert f"ops/{unit.name}" in SECTION.split("```", 2)[1]


def test_a_run_is_started_again_after_a_crash_and_never_after_a_limit() -> None:
    unit = ROOT / "ops" / "perpmaker.service"
    never = {int(code) for code in setting(unit, "RestartPreventExitStatus").split()}
    planned = {ExitCode.DURATION, ExitCode.TERMINATED, ExitCode.INTERRUPTED}
    assert setting(unit, "Restart") == "on-failure"
    assert never == {int(code) for code in ExitCode} - planned - {ExitCode.FAILED, ExitCode.RESCUED}
    assert setting(unit, "SuccessExitStatus") == "130 143"


def test_the_times_fit_those_of_the_program() -> None:
    unit = ROOT / "ops" / "perpmaker.service"
    assert int(setting(unit, "TimeoutStopSec")) * 10**9 > LiveSettings().end_patience_ns
    assert int(setting(unit, "RestartSec")) * 10**9 > HEARTBEAT_LIMIT_NS, "before that a start is refused, code 2"


def test_the_watchdog_watches_every_run_and_is_started_again_whatever_it_says() -> None:
    unit = ROOT / "ops" / "perpmaker-watchdog.service"
    assert not {"--run", "--latest", "--symbol"} & set(command_line(unit))
    assert setting(unit, "Restart") == "always"
