"""Fixtures shared by the whole suite, which runs the sources as they are unless it is told otherwise."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("PERPMAKER_COMPILED", "0")  # before anything imports the package
if "PERPMAKER_RUNTIME_DIR" not in os.environ:  # links of runs are not left among the user's own
    os.environ["PERPMAKER_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="perpmaker-")
    atexit.register(shutil.rmtree, os.environ["PERPMAKER_RUNTIME_DIR"], ignore_errors=True)

settings.register_profile("perpmaker", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("perpmaker")


@pytest.fixture(scope="session")
def recordings_dir() -> Path:
    """The real market recordings, which are never part of the project."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real recordings are not here: {folder}")
    return folder
