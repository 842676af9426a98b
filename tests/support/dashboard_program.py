"""`perpmaker dashboard` as a process, with places of its own: started, killed, started again on the same port."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_PATIENCE_S = 60.0


class DashboardProgram:
    """A dashboard over a journal in ``folder``; the runs that it starts end with this, too.

    Attributes:
        url: where it is served.
        journal: of its runs.
    """

    def __init__(self, folder: Path, runtime: Path) -> None:
        self.journal = folder / "journal.db"
        self._folder = folder
        self._environment = {
            **os.environ,
            "PERPMAKER_RUNTIME_DIR": str(runtime),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_DATA_HOME": str(folder / "data"),
        }
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._addresses = folder / "state" / "perpmaker" / f"dashboard-addresses-{self.port}.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        for found in self._runs():
            os.kill(found, signal.SIGKILL)

    def start(self) -> None:
        """Wait until it listens."""
        command = [
            sys.executable,
            "-m",
            "perpmaker",
            "dashboard",
            "--journal",
            str(self.journal),
            "--port",
            str(self.port),
        ]
        with (self._folder / "dashboard.out").open("ab") as out:
            self._process = subprocess.Popen(
                command, env=self._environment, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            assert self._process.poll() is None, (self._folder / "dashboard.out").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0 and self._addresses.exists():
                    return
            time.sleep(0.1)
        raise AssertionError((self._folder / "dashboard.out").read_text())

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def address(self, role: str) -> str:
        """With the token of a role, as it was told to this user alone."""
        found = re.search(rf"{role}: (\S+)", self._addresses.read_text())
        assert found is not None
        return found[1]

    def _runs(self) -> list[int]:
        """Processes of runs on this journal: they are nobody's children."""
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._is_run(entry)]

    def _is_run(self, entry: Path) -> bool:
        try:
            return str(self.journal).encode() in (entry / "cmdline").read_bytes()
        except OSError:
            return False
