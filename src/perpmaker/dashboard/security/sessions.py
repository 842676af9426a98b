"""Who is logged in: sessions behind a cookie, and the one-time tokens with which a page changes something.

Rules kept here:

1. A cookie is 256 random bits, and is known here by its SHA-256 only.
2. A session ends when it was not used for `IDLE_NS`, after `LONGEST_NS` in any case, and when its user logs out.
3. A person has `MOST_EACH` sessions at most; one more ends the one that was not used for longest. Only who has logged
   in gets one, so no stranger can end anybody's.
4. A one-time token belongs to one session, is good once, for `TOKEN_NS`, and `MOST_TOKENS` of them are kept.
5. What must outlive a restart of the dashboard is handed to a `Shelf`: digests, never a cookie. One-time tokens do not.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from perpmaker.dashboard.security.tokens import MOST_TOKEN, NewSecret, digest
from perpmaker.dashboard.security.users import Role
from perpmaker.venues.clock import Clock

_HOUR_NS: Final = 3_600 * 10**9

IDLE_NS: Final = 12 * _HOUR_NS
LONGEST_NS: Final = 7 * 24 * _HOUR_NS
MOST_EACH: Final = 16
TOKEN_NS: Final = 600 * 10**9
MOST_TOKENS: Final = 32


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """Somebody who is logged in. ``key`` is the digest of his cookie; ``name`` is who he is for the journal."""

    key: str
    name: str
    role: Role
    started_at_ns: int
    used_at_ns: int
    tokens: OrderedDict[str, int] = field(default_factory=OrderedDict, repr=False)
    """Digests of one-time tokens, the oldest first, each with the time at which it ends."""


class Shelf(Protocol):
    """Keeps sessions while no dashboard runs."""

    def load(self) -> list[Session]: ...

    def save(self, sessions: Iterable[Session]) -> None: ...


class Sessions:
    """All who are logged in."""

    def __init__(self, clock: Clock, make_secret: NewSecret, shelf: Shelf | None = None) -> None:
        self._clock = clock
        self._make_secret = make_secret
        self._shelf = shelf
        self._sessions: dict[str, Session] = {}
        for session in [] if shelf is None else shelf.load():
            if not self._has_ended(session):
                self._sessions[session.key] = session

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, name: str, role: Role) -> str:
        """Log somebody in. Returns his cookie."""
        cookie = self._make_secret()
        now_ns = self._clock.now_ns()
        self._drop_ended()
        own = sorted((each for each in self._sessions.values() if each.name == name), key=lambda each: each.used_at_ns)
        for oldest in own[: max(0, len(own) - MOST_EACH + 1)]:
            del self._sessions[oldest.key]
        key = digest(cookie)
        self._sessions[key] = Session(key=key, name=name, role=role, started_at_ns=now_ns, used_at_ns=now_ns)
        self._save()
        return cookie

    def find(self, cookie: str) -> Session | None:
        """Whose cookie this is, if he is logged in; he counts as active now."""
        session = self._sessions.get(digest(cookie)) if len(cookie) <= MOST_TOKEN else None
        return session if session is not None and self.is_open(session) else None

    def is_open(self, session: Session) -> bool:
        """Whether he is still logged in. Asked by whatever he keeps open; he counts as active now."""
        if self._sessions.get(session.key) is not session or self._has_ended(session):
            return False
        session.used_at_ns = self._clock.now_ns()
        return True

    def close(self, session: Session) -> None:
        """Log him out here; his other sessions stay."""
        self._sessions.pop(session.key, None)
        self._save()

    def new_token(self, session: Session) -> str:
        """A one-time token for a change. The oldest one gives way when there are too many."""
        token = self._make_secret()
        session.tokens[digest(token)] = self._clock.now_ns() + TOKEN_NS
        while len(session.tokens) > MOST_TOKENS:
            session.tokens.popitem(last=False)
        return token

    def use_token(self, session: Session, token: str) -> bool:
        """Whether this one-time token is good. It is not any more afterwards."""
        ends_at_ns = session.tokens.pop(digest(token), None) if len(token) <= MOST_TOKEN else None
        return ends_at_ns is not None and self._clock.now_ns() < ends_at_ns

    def _has_ended(self, session: Session) -> bool:
        now_ns = self._clock.now_ns()
        return now_ns - session.used_at_ns >= IDLE_NS or now_ns - session.started_at_ns >= LONGEST_NS

    def _drop_ended(self) -> None:
        for key in [key for key, session in self._sessions.items() if self._has_ended(session)]:
            del self._sessions[key]

    def _save(self) -> None:
        if self._shelf is not None:
            self._shelf.save(self._sessions.values())
