"""Same seed and settings: the same order list and summary, byte for byte, wherever and however it runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
OTHERS = [path for path in os.environ.get("PERPMAKER_PYTHONS", "").split(os.pathsep) if path]


def fingerprint(python: str, seconds: int, **environment: str) -> str:
    done = subprocess.run(
        [python, str(TESTS / "support" / "fingerprint.py"), str(seconds)],
        env={**os.environ, "PYTHONPATH": str(TESTS), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"fills": 0' not in done.stdout, "a run without fills proves little"
    return done.stdout


def test_in_two_processes_with_different_hash_seeds() -> None:
    first = fingerprint(sys.executable, 600, PYTHONHASHSEED="1")
    assert first == fingerprint(sys.executable, 600, PYTHONHASHSEED="2")


def test_with_the_compiler_on_and_off() -> None:
    assert fingerprint(sys.executable, 20) == fingerprint(sys.executable, 20, NUMBA_DISABLE_JIT="1")


@pytest.mark.skipif(not OTHERS, reason="no other Python is set up: PERPMAKER_PYTHONS names none")
@pytest.mark.parametrize("python", OTHERS)
def test_on_every_other_python_that_is_set_up(python: str) -> None:
    assert fingerprint(sys.executable, 600) == fingerprint(python, 600)
