"""Sessions that outlive a restart of the dashboard: a file that only this user can read, with digests of cookies.

Rules kept here:

1. A cookie is not in the file, and cannot be had from it.
2. The file is 0600, replaced as a whole, never followed if it is a link.
3. A user who is not in the configuration any more, or has another role there, is not logged in any more.
4. A file that cannot be read or written costs a new login, nothing else. Who deletes it, logs everybody out at the
   next start.
"""

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from perpmaker.dashboard.security.sessions import Session
from perpmaker.dashboard.security.users import Role, Users
from perpmaker.venues.clock import Clock

MOST_BYTES: Final = 1 << 20

_log = logging.getLogger(__name__)


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    name: str
    role: Role
    started_at_ns: int
    is_user: bool


class SessionsFile:
    """A `perpmaker.dashboard.security.sessions.Shelf`."""

    def __init__(self, path: Path, users: Users, clock: Clock) -> None:
        self._path = path
        self._users = users
        self._clock = clock

    def load(self) -> list[Session]:
        """The sessions that are still good; they count as active now."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(descriptor, "rb") as file:
                kept = msgspec.json.decode(file.read(MOST_BYTES), type=list[_Kept])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("%s: sessions cannot be read (%s); everybody must log in again", self._path, error)
            return []
        now_ns = self._clock.now_ns()
        return [
            Session(key=each.key, name=each.name, role=each.role, started_at_ns=each.started_at_ns, used_at_ns=now_ns)
            for each in kept
            if not each.is_user or self._users.role_of(each.name) is each.role
        ]

    def save(self, sessions: Iterable[Session]) -> None:
        """Replace what is kept."""
        kept = [
            _Kept(
                key=session.key,
                name=session.name,
                role=session.role,
                started_at_ns=session.started_at_ns,
                is_user=self._users.role_of(session.name) is not None,
            )
            for session in sessions
        ]
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(kept))
            new.replace(self._path)
        except OSError as error:
            _log.warning("%s: sessions cannot be kept (%s); after a restart everybody must log in", self._path, error)
