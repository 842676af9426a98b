"""Shell completion: the shell asks the program, and it answers with commands, flags and values."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def completed(line: str) -> list[str]:
    """What the program answers to a shell whose user pressed Tab at the end of this line."""
    words = line.split(" ")
    environment = {
        **os.environ,
        "_PERPMAKER_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run([program()], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def program() -> str:
    return str(Path(sys.executable).with_name("perpmaker"))


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("perpmaker ru", ["run"]),
        ("perpmaker run --preset ", ["neutral", "balanced", "aggressive", "conservative"]),
        ("perpmaker backtest --preset con", ["conservative"]),
        ("perpmaker run --recenter ", ["interval", "fill"]),
        ("perpmaker run --spr", ["--spread"]),
    ],
)
def test_tab_completes(line: str, answer: list[str]) -> None:
    assert completed(line) == answer


def test_it_is_installed_into_the_users_shell(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(
        [program(), "--install-completion", "bash"], env=environment, capture_output=True, text=True, check=False
    )
    assert "bash completion installed" in done.stdout
    assert ".bash_completions/perpmaker.sh" in (tmp_path / ".bashrc").read_text()
