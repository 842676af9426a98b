"""Who a person is and what he may do: roles, users of the configuration, and their passwords.

Rules kept here:

1. A password is known by its argon2 hash only, and is checked in a thread of its own, one at a time: a check takes a
   lot of memory on purpose.
2. An unknown name takes as long as a wrong password, so that nobody learns which names there are.
3. Checking never says why it failed.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

MOST_PASSWORD: Final = 1_000
"""Characters; more is no password, and is not hashed."""

_HASHER: Final = PasswordHasher()


class Role(StrEnum):
    """What somebody may do: a trader all of it, a viewer only look."""

    TRADER = "trader"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody named in the configuration; ``password_hash`` is what `hash_password` made."""

    name: str
    role: Role
    password_hash: str = field(repr=False)


def hash_password(password: str) -> str:
    """What belongs in the configuration in place of the password.

    Raises:
        ValueError: it is empty, or longer than `MOST_PASSWORD`.
    """
    if not 0 < len(password) <= MOST_PASSWORD:
        raise ValueError(f"a password has 1 to {MOST_PASSWORD} characters, this one has {len(password)}")
    return _HASHER.hash(password)


def is_hash(text: str) -> bool:
    """Whether this is a hash that a password can be checked against."""
    try:
        _HASHER.check_needs_rehash(text)
    except InvalidHashError:
        return False
    return True


class Users:
    """The users of the configuration."""

    def __init__(self, users: Sequence[User]) -> None:
        self._users = {user.name: user for user in users}
        self._decoy = _HASHER.hash("nobody") if users else ""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="passwords")

    def role_of(self, name: str) -> Role | None:
        """The role of a user; None for a name that is not in the configuration."""
        user = self._users.get(name)
        return None if user is None else user.role

    async def check(self, name: str, password: str) -> User | None:
        """The user, if this is his password."""
        user = self._users.get(name)
        expected = self._decoy if user is None else user.password_hash
        fits = await asyncio.get_running_loop().run_in_executor(self._thread, _fits, expected, password)
        return user if fits else None

    def close(self) -> None:
        """End the thread; who waits for a check waits in vain."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _fits(expected: str, password: str) -> bool:
    if len(password) > MOST_PASSWORD:
        return False
    try:
        return _HASHER.verify(expected, password)
    except (Argon2Error, InvalidHashError, UnicodeError):  # half a surrogate pair is in no password
        return False
