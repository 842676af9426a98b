"""What `perpmaker dashboard` does: put the page together, say where it is, serve it.

Rules kept here:

1. Addresses with tokens go to a terminal, or to a file that only this user can read: never into a log.
2. Beside a run it tells the run where it is, and ends `LINGER_S` after the run has, however that ended.
3. What it starts gets the journal's password by the environment, never as an argument.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, TextIO

import msgspec
from rich.console import Console

from perpmaker.cli.configuration.dashboard import load_dashboard
from perpmaker.cli.dashboard_flags import DashboardFlags
from perpmaker.cli.dashboard_places import Places, journal_words, show_places, state_folder
from perpmaker.cli.dashboard_program import make_program
from perpmaker.cli.request import NO_JOURNAL
from perpmaker.dashboard import runs, start, what_if
from perpmaker.dashboard.app import PARTS, Part
from perpmaker.dashboard.program import Program
from perpmaker.dashboard.security.users import User
from perpmaker.dashboard.serving import DashboardServer, serve
from perpmaker.dashboard.settings import DashboardSettings
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.journal.writer import open_journal
from perpmaker.venues.clock import SystemClock

LINGER_S: Final = 3.0
"""Long enough for every page to hear the last word, short enough for the next run to have the port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asked for."""

    flags: DashboardFlags
    journal: str | None
    config: Path | None
    can_start_live: bool
    is_beside_run: bool


def serve_page(asked: Asked, typed: Mapping[str, Any]) -> None:
    """Serve until a signal comes. ``typed`` are the options that go before the configuration file.

    Raises:
        UserError: the journal or the file cannot be used, or the page cannot be served there.
    """
    if asked.journal == NO_JOURNAL:
        raise InvalidSettingError("--journal none: a dashboard finds its runs in a journal; name one, or leave it out")
    users: tuple[User, ...] = ()
    if asked.config is not None:
        found = load_dashboard(asked.config, typed)
        asked, users = replace(asked, flags=found.flags), found.users
    asked.flags.check()
    state = state_folder()
    if asked.can_start_live:
        _warn("LIVE: whoever has the trader's address can start runs with real money from this page")
    settings = settings_of(asked, users, state)
    with open_journal(asked.journal) as journal:
        say = partial(_tell_run, sys.stdout) if asked.is_beside_run else partial(_tell_person, state=state)
        asyncio.run(
            serve(
                settings,
                journal,
                clock=SystemClock(),
                random=Random(),  # noqa: S311 - of waits
                on_ready=say,
                parts=parts_of(asked.journal, state),
            )
        )


def settings_of(asked: Asked, users: Sequence[User], state: Path) -> DashboardSettings:
    """The same, as the server takes it. Sessions outlive a restart where the port is the same."""
    flags = asked.flags
    return DashboardSettings(
        journal_url=asked.journal,
        host=flags.host,
        port=flags.port,
        names=flags.host_names,
        tls_cert=flags.tls_cert,
        tls_key=flags.tls_key,
        insecure_remote=flags.insecure_remote,
        can_start_live=asked.can_start_live,
        has_tokens=not users,
        users=tuple(users),
        sessions_file=state / f"dashboard-sessions-{flags.port}.json" if flags.port else None,
    )


def parts_of(journal: str | None, state: Path, program: Program | None = None) -> Sequence[Part]:
    """All of the page: what it is made of anyway, and what needs the command line."""
    words, environment = journal_words(journal)
    known = replace(program or make_program(), arguments=words, environment=environment)
    return (
        *PARTS,
        runs.router,
        partial(what_if.router, program=known),
        partial(start.router, program=known, state_folder=state),
    )


def _tell_person(server: DashboardServer, *, state: Path) -> None:
    places = _places(server)
    show_places(places, sys.stdout, state)
    if places.addresses:
        sys.stdout.write("Ctrl-C ends the dashboard; runs go on without it\n")
    sys.stdout.flush()


def _tell_run(out: TextIO, server: DashboardServer) -> None:
    """Rule 2."""
    out.write(msgspec.json.encode(_places(server)).decode() + "\n")
    out.flush()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), _on_run, loop, server.end)


def _on_run(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> None:
    """The run never writes: what can be read is that it is gone."""
    loop.remove_reader(sys.stdin.fileno())
    loop.call_later(LINGER_S, end)


def _places(server: DashboardServer) -> Places:
    return Places(url=server.url, port=server.port, addresses={r.value: a for r, a in server.addresses.items()})


def _warn(text: str) -> None:
    Console(stderr=True, highlight=False).print(text, style="bold white on red", soft_wrap=True)
