"""Signatures, as Backpack wants them: ED25519 over the instruction, the sorted parameters, a time and a window.

Rules kept here:

1. A request is valid for `WINDOW_MS` from its time stamp on, by the venue's clock; it is stamped with that clock.
2. Parameters are signed in alphabetical order, in the very text that is sent; booleans are lower case.
3. The key is held here and nowhere else, and shows itself nowhere.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from perpmaker.domain.errors import CredentialsError
from perpmaker.venues.credentials import Credentials
from perpmaker.venues.venue_clock import VenueClock

WINDOW_MS: Final = 5_000

_WINDOW: Final = str(WINDOW_MS)


class Signer:
    """Signs requests with one key.

    Raises:
        CredentialsError: the keys are missing or not in base64.
    """

    def __init__(self, credentials: Credentials, clock: VenueClock) -> None:
        if credentials.api_key is None or credentials.secret is None:
            raise CredentialsError("Backpack needs an API key and its secret: see docs/live.md for where to put them")
        try:
            seed = base64.b64decode(credentials.secret.get_secret_value(), validate=True)
            self._key = Ed25519PrivateKey.from_private_bytes(seed)
        except ValueError:
            raise CredentialsError("the secret for Backpack is not a key: copy it again (32 bytes in base64)") from None
        self._public = credentials.api_key.get_secret_value()
        self._clock = clock

    def __repr__(self) -> str:
        return "Signer(hidden)"

    def headers(self, signed: str) -> dict[str, str]:
        """The headers of a request. ``signed``: instruction and parameters, see `signed_text`; not empty."""
        timestamp = str(self._clock.now_ns() // 1_000_000)
        return {
            "X-API-Key": self._public,
            "X-Signature": self._sign(f"{signed}&timestamp={timestamp}&window={_WINDOW}"),
            "X-Timestamp": timestamp,
            "X-Window": _WINDOW,
            "Content-Type": "application/json; charset=utf-8",
        }

    def subscription(self) -> list[str]:
        """What goes with a subscription to private streams."""
        timestamp = str(self._clock.now_ns() // 1_000_000)
        signature = self._sign(f"instruction=subscribe&timestamp={timestamp}&window={_WINDOW}")
        return [self._public, signature, timestamp, _WINDOW]

    def _sign(self, text: str) -> str:
        return base64.b64encode(self._key.sign(text.encode())).decode()


def signed_text(instruction: str, parameters: Mapping[str, Any]) -> str:
    """The part of the signed text that does not depend on the time. Parameters must be in alphabetical order."""
    return "&".join((f"instruction={instruction}", *(f"{name}={value}" for name, value in parameters.items())))
