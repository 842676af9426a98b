"""Keys show nowhere: not on the command line, not in what a live run prints, logs and records, not when it fails."""

import ast
import base64
import io
import logging
import os
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.main import _run, app
from perpmaker.cli.request import View
from perpmaker.domain.commands import Place
from perpmaker.journal.writer import open_journal
from perpmaker.testnet.faults import Fault, FaultKind
from perpmaker.testnet.server import TestnetServer
from perpmaker.venues.backpack.venue import BackpackVenue
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import PlaceResult
from perpmaker.venues.redaction import install_redaction, remove_redaction
from support.keys import pair
from support.live_sessions import SYMBOL, credentials_of, live_session, running_testnet
from support.virtual_time import run_virtual, virtual_clock

SOURCES = Path(__file__).resolve().parents[2] / "src" / "perpmaker"


def every_form(secret: str) -> list[str]:
    """Ways in which a key of Backpack could be written; 12 characters of it are already too many."""
    plain = base64.b64decode(secret)
    return [
        secret[:12],
        plain.hex()[:16],
        repr(plain)[2:20],
        base64.b64encode(secret.encode()).decode()[:20],
        urllib.parse.quote(secret, safe="")[:14],
    ]


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """All that any library logs, at its most talkative."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield out
    root.removeHandler(handler)
    root.setLevel(level)
    remove_redaction()


class Blabbing(BackpackVenue):
    """A venue whose errors tell the keys, as a careless library's would."""

    secret = ""

    async def place(self, orders: Any) -> list[PlaceResult]:
        if orders and isinstance(orders[0], Place) and orders[0].order_id > 4:
            raise RuntimeError(f"cannot sign with {self.secret}")
        return await super().place(orders)


class BlabbingAtOnce(Blabbing):
    async def position(self) -> Any:
        raise VenueError(f"the seed {self.secret} was not accepted: see it", Reaction.RETRY)


VENUES = {"a crash that tells the keys": Blabbing, "an answer that tells the keys": BlabbingAtOnce}


def traded(
    tmp_path: Path,
    prepare: Callable[[TestnetServer], None] = lambda _: None,
    venue_class: type[BackpackVenue] = BackpackVenue,
) -> tuple[ExitCode, tuple[str, str], bytes]:
    """A live run with journal and summary: its exit code, its keys, all bytes that it has written."""
    summary, database = tmp_path / "summary.json", tmp_path / "journal.db"

    async def play() -> tuple[ExitCode, tuple[str, str]]:
        clock = virtual_clock()
        async with running_testnet(clock) as server:
            account = server.testnet.accounts["1"]
            keys = (account.keys.public, account.keys.secret)
            install_redaction(credentials_of(account))
            prepare(server)
            venue = venue_class(SYMBOL, credentials_of(account), clock, base_url=server.base_url, ws_url=server.ws_url)
            if isinstance(venue, Blabbing):
                venue.secret = keys[1]
            try:
                with open_journal(str(database)) as journal:
                    session = live_session(server, clock, journal, venue=venue, view=View.LINES, summary=summary)
                    return await session.play(), keys
            finally:
                await venue.close()

    code, keys = run_virtual(play)
    written = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    return code, keys, written


@pytest.mark.parametrize("case", ["all is well", "wrong answers", "keys that are refused", *VENUES])
def test_a_live_run_shows_its_keys_nowhere(
    case: str, tmp_path: Path, everything_logged: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(server: TestnetServer) -> None:
        server.testnet.set_permission("1", can_trade=False)

    def garble(server: TestnetServer) -> None:
        server.faults.begin(Fault(FaultKind.SERVER_ERROR, 500, 0.3))
        server.faults.begin(Fault(FaultKind.CUT_ANSWER, 0, 0.3))

    prepare = {"wrong answers": garble, "keys that are refused": refuse}.get(case, lambda _: None)
    code, keys, written = traded(tmp_path, prepare, VENUES.get(case, BackpackVenue))
    captured = capsys.readouterr()
    shown = captured.out + captured.err + everything_logged.getvalue() + written.decode("utf-8", "replace")
    assert (code == ExitCode.DURATION) == (case in ("all is well", "wrong answers"))
    assert ("***" in shown) == (case in VENUES), "where a key was told, its place is seen"
    for key in keys:
        for form in every_form(key):
            assert form not in shown, form


def test_no_flag_of_any_command_takes_a_secret() -> None:
    program = typer.main.get_command(app)
    names = set()
    stack: list[Any] = [program]
    while stack:
        command = stack.pop()
        stack += getattr(command, "commands", {}).values()
        names |= {option for parameter in command.params for option in parameter.opts}
    assert "--exchange" in names
    words = ("key", "secret", "passw", "token", "private", "wallet", "credential", "mnemonic", "seed-phrase")
    found = {name for name in names if any(word in name.lower() for word in words)}
    assert found == {"--tls-key"}, "which names a file"


def test_a_secret_given_as_a_flag_all_the_same_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    _, secret = pair()
    assert _run(["run", "--secret", secret]) == 2
    assert secret not in capsys.readouterr().err
    assert _run(["run", f"--secret={secret}"]) == 2
    assert secret not in capsys.readouterr().err


STARTS_PROCESSES = {
    "runtime/parallel.py",
    "cli/compiling.py",
    "cli/dashboard_beside.py",
    "dashboard/launching.py",
    "dashboard/reports.py",
}
"""Simulations on several processors, a C compiler and reports get paths and settings, and read no key. A dashboard and
the runs that it starts get the environment of who started them, and no secret as an argument.
"""


def test_no_other_process_is_ever_started() -> None:
    """What is never passed on is seen in no process list."""
    forbidden = {"subprocess", "multiprocessing", "pty"}
    for path in SOURCES.rglob("*.py"):
        if path.relative_to(SOURCES).as_posix() in STARTS_PROCESSES:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not {name.name.split(".")[0] for name in node.names} & forbidden, path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in forbidden, path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
                assert not node.attr.startswith(("exec", "spawn", "system", "popen", "posix_spawn")), path


def test_a_process_that_crashes_shows_its_keys_neither_in_its_traceback_nor_in_the_process_list(tmp_path: Path) -> None:
    public, secret = pair()
    program = (
        "import sys; from pathlib import Path\n"
        "from perpmaker.venues.credentials import load_credentials\n"
        "from perpmaker.venues.redaction import install_redaction\n"
        "found = load_credentials('backpack'); install_redaction(found)\n"
        "print(Path('/proc/self/cmdline').read_bytes() if sys.platform == 'linux' else '', found)\n"
        "raise RuntimeError('bad seed ' + found.secret.get_secret_value())\n"
    )
    environment = {**os.environ, "PERPMAKER_BACKPACK_API_KEY": public, "PERPMAKER_BACKPACK_SECRET": secret}
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
    )
    assert ended.returncode == 1
    assert "RuntimeError: bad seed ***" in ended.stderr
    assert not [form for key in (public, secret) for form in every_form(key) if form in ended.stdout + ended.stderr]
