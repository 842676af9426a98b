"""Configuration files for tests: written from a text, read at once."""

from pathlib import Path
from typing import Any

from perpmaker.cli.configuration.loading import load_config
from perpmaker.cli.configuration.settings import Config

MINIMAL = """
[markets.sol]
spread = "5bp"
quantity = 0.1
"""


def write(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    """A file that nobody else can read, if not said otherwise."""
    file = folder / "perpmaker.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    file.chmod(mode)
    return file


def config(folder: Path, text: str, **typed: Any) -> Config:
    """The file as it is understood, beside flags that were typed."""
    return load_config(write(folder, text), typed)
