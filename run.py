"""Runs `perpmaker run` with the flags given: `python run.py --exchange sim --symbol SOL_USDC_PERP ...`.

Started by a Python without the packages, it goes on in .venv, which `make setup` makes.
"""

import os
import sys
from pathlib import Path

_VENV_PYTHON = Path(__file__).resolve().parent / ".venv" / "bin" / "python"


def _start() -> None:
    try:
        from perpmaker.cli.main import main  # noqa: PLC0415 - whether it is there is the question
    except ImportError:
        if not _VENV_PYTHON.exists() or Path(sys.prefix) == _VENV_PYTHON.parents[1]:
            sys.exit("perpmaker's packages are not installed: run `make setup` in this folder first")
        os.execv(_VENV_PYTHON, [str(_VENV_PYTHON), *sys.argv])  # noqa: S606 - our own interpreter, no shell
    main(["run", *sys.argv[1:]])


if __name__ == "__main__":
    _start()
