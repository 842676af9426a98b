"""Where a dashboard is, and how that is told; which words name its journal to other processes.

Rules kept here:

1. An address with a token goes to a terminal, or to a file that only this user can read: never into a log.
2. A journal's password is no argument of a process: everybody on the machine can read those.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TextIO

from msgspec import Struct
from platformdirs import user_state_path
from sqlalchemy import URL

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.journal.database import parse_url

_ROLES: Final = {"trader": "looks, steers and starts runs", "viewer": "only looks"}


class Places(Struct, frozen=True):
    """``addresses`` have the token, by role; empty where users log in by name and password at ``url``."""

    url: str
    port: int
    addresses: Mapping[str, str]


def show_places(places: Places, out: TextIO, folder: Path) -> None:
    """Say it to a person: on a terminal in full, elsewhere by the name of a file in this folder."""
    if not places.addresses:
        out.write(f"dashboard: {places.url} (log in by name and password)\n")
        return
    lines = [f"  {role}: {address}  ({_ROLES[role]})\n" for role, address in places.addresses.items()]
    if out.isatty():
        out.write(f"dashboard: {places.url}\n{''.join(lines)}")
        return
    file = folder / f"dashboard-addresses-{places.port}.txt"
    _write_private(file, "".join(lines))
    out.write(f"dashboard: {places.url}; the addresses to open are in {file}, which only you can read\n")


def journal_words(url: str | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """Arguments and environment by which another process finds the same journal.

    Raises:
        JournalError: this is no journal.
    """
    if url is None:
        return (), {}
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return (f"--journal={url}",), {}
    in_query = parsed.query.get("password")
    password = parsed.password or (in_query if isinstance(in_query, str) else None)
    plain = URL.create(
        "postgresql", parsed.username, None, parsed.host, parsed.port, parsed.database, parsed.query
    ).difference_update_query(["password"])
    words = (f"--journal={plain.render_as_string(hide_password=False)}",)
    return words, {} if password is None else {"PGPASSWORD": str(password)}


def state_folder() -> Path:
    """The folder of this user for what must outlive a process; made where it is missing.

    Raises:
        InvalidSettingError: it cannot be made.
    """
    folder = user_state_path("perpmaker", appauthor=False)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidSettingError(
            f"the folder {folder} cannot be made: {error.strerror}; name another place in XDG_STATE_HOME"
        ) from None
    return folder


def _write_private(file: Path, text: str) -> None:
    """Raises `InvalidSettingError` where it cannot be written."""
    try:
        file.unlink(missing_ok=True)  # whoever has it open, or made it a link, gets nothing of the new one
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise InvalidSettingError(
            f"the addresses of the dashboard cannot be written to {file}: {error.strerror}"
        ) from None
