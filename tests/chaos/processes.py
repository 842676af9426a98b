"""Real processes: the testnet in one, the bot in another, and what the testnet's control endpoint tells.

    with testnet_process(folder, "--speed", "4") as testnet:
        bot = start_bot(testnet, folder, "--spread", "3bp", ...)

Rules kept here:

1. Both are the program itself, from its command line.
2. Keys go to the bot by its environment, never by a flag.
3. Whatever happens, no process is left.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.schedule import PROFILE
from perpmaker.data.format import Provenance
from perpmaker.data.writer import RecordingWriter
from perpmaker.simulation.market_events import KIND_MASK, MORE
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import MarketProfile

_PROGRAM = [sys.executable, "-m", "perpmaker"]
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class TestnetProcess:
    """A testnet that listens."""

    process: "subprocess.Popen[str]"
    base_url: str
    ws_url: str
    key: str
    secret: str

    def control(self, path: str, body: Any = None) -> Any:
        """Ask the control endpoint, or command something with a body."""
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.base_url}/control/{path}", data=data, timeout=30) as answer:  # noqa: S310 - loopback
            text = answer.read()
        return json.loads(text) if text else None

    def books(self) -> dict[str, Any]:
        """The exchange's own books of the first account."""
        books: dict[str, Any] = self.control("books?account=1")
        return books

    @property
    def environment(self) -> dict[str, str]:
        """For a bot on the first account."""
        return {
            **os.environ,
            "PERPMAKER_BACKPACK_API_KEY": self.key,
            "PERPMAKER_BACKPACK_SECRET": self.secret,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }


@contextmanager
def testnet_process(folder: Path, *flags: str) -> Iterator[TestnetProcess]:
    """`perpmaker testnet`, until the end of the block."""
    log = folder / "testnet.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*_PROGRAM, "testnet", "--port", "0", *flags], stdout=output, stderr=output, text=True
        )
    try:
        yield _listening(process, log)
    finally:
        end(process)


testnet_process.__test__ = False  # type: ignore[attr-defined]  # no test, whatever its name says


def _listening(process: "subprocess.Popen[str]", log: Path) -> TestnetProcess:
    """Wait until it has printed everything that a client needs."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline_s:
        words = [line.split() for line in log.read_text().splitlines()]
        told = {line[0]: line[-1] for line in words if len(line) == 2}
        if {"REST", "websocket", "key", "secret"} <= told.keys():
            return TestnetProcess(process, told["REST"], told["websocket"], told["key"], told["secret"])
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"the testnet did not start: {log.read_text()[-2000:]}")


def start_bot(
    testnet: TestnetProcess, folder: Path, *flags: str, log: str = "bot.log", command: str = "run"
) -> "subprocess.Popen[str]":
    """`perpmaker run --exchange backpack --live ...` in a process of its own, with its journal in the folder."""
    words = [command]
    if command == "run":
        words += ["--exchange", "backpack", "--live", "--view", "none"]
    words += [
        *flags,
        "--base-url",
        testnet.base_url,
        "--ws-url",
        testnet.ws_url,
        "--journal",
        str(folder / "journal.db"),
    ]
    with (folder / log).open("a") as output:
        return subprocess.Popen(
            [*_PROGRAM, *words], stdout=output, stderr=output, text=True, env=testnet.environment, cwd=folder
        )


def end(process: "subprocess.Popen[str]") -> None:
    """Ask it to end; after a while, make it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(45)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def record_market(dest: Path, seed: int, seconds: float, profile: MarketProfile = PROFILE) -> Path:
    """A synthetic market as a recording, for `perpmaker testnet --feed`."""
    market = SyntheticMarket(profile, seed, duration_ns=int(seconds * 1e9))
    about = Provenance("perpmaker synthetic", 1, "chaos", {}, [], "every-change", "recorded", "synthetic")
    with RecordingWriter(dest, profile.instrument, about) as writer:
        for chunk in market.chunks():
            rows: list[tuple[int, int, int]] = []
            for ts_ns, kind, price, lots in zip(*(column.tolist() for column in chunk), strict=True):
                rows.append((kind & KIND_MASK, price, lots))
                if not kind & MORE:
                    writer.message(ts_ns, ts_ns, rows)
                    rows = []
    return dest
