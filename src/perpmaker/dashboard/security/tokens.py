"""The two tokens that a dashboard prints when it starts: whoever has one is the trader, or the viewer.

Rules kept here:

1. A token is 256 random bits, and is known here by its SHA-256 only. What was printed cannot be had again.
2. Comparing takes as long for a token that is nearly right as for any other.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Final, Self

from perpmaker.dashboard.security.users import Role

NewSecret = Callable[[], str]
"""Makes a text that nobody can guess."""

MOST_TOKEN: Final = 200
"""Characters; more is no token, and is not looked at."""


def new_secret() -> str:
    """256 random bits, as 43 characters that need no quoting in an address or a cookie."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a secret: its SHA-256, in hex."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class AccessTokens:
    """Knows the digest of the token of each role."""

    def __init__(self, digests: Mapping[Role, str]) -> None:
        self._digests = dict(digests)

    @classmethod
    def make(cls, make_secret: NewSecret = new_secret) -> tuple[Self, dict[Role, str]]:
        """New tokens, and their texts: for whoever prints them, once."""
        texts = {role: make_secret() for role in Role}
        return cls({role: digest(text) for role, text in texts.items()}), texts

    def role_of(self, token: str) -> Role | None:
        """The role that this token gives; None where it gives none."""
        if len(token) > MOST_TOKEN:
            return None
        given = digest(token)
        fitting = [role for role, kept in self._digests.items() if hmac.compare_digest(given, kept)]
        return fitting[0] if fitting else None
