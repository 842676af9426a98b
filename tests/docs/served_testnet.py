"""A testnet in a process of its own, for the command lines of the documents that need an exchange."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Served:
    """Where it is, the keys of its account, and what it printed."""

    base_url: str
    ws_url: str
    keys: dict[str, str]
    printed: list[str]

    @property
    def addresses(self) -> list[str]:
        return ["--base-url", self.base_url, "--ws-url", self.ws_url]


@contextmanager
def served_testnet(folder: Path) -> Iterator[Served]:
    """Start it on any free port, read what it prints until it is ready, end it with the block."""
    server = subprocess.Popen(
        [sys.executable, "-m", "perpmaker", "testnet", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        cwd=folder,
    )
    try:
        assert server.stdout is not None
        printed: list[str] = []
        for line in server.stdout:
            printed.append(line.rstrip("\n"))
            if line.startswith("Ctrl-C"):
                break
        told = dict(line.split(maxsplit=1) for line in printed if line.startswith(("REST", "websocket")))
        exported = (line.split(maxsplit=1)[1] for line in printed if line.startswith("  export "))
        keys = dict(text.split("=", 1) for text in exported)
        yield Served(told["REST"], told["websocket"], keys, printed)
    finally:
        server.terminate()
        server.communicate()
