"""Signatures: who sends a request, and whether the account's key has signed just this.

The signed string, as the document says: ``instruction=<instruction>``, the parameters of query or body ordered by name
as ``&name=value``, then ``&timestamp=<ms>&window=<ms>``. Booleans are written in lower case. In a batch the parameters
of each order have the instruction before them. Without a window header 5000 counts, and is signed.

Rules kept here:

1. A request is refused when a header is missing or no number, the window is above 60000, the time stamp is older than
   the window or more than `AHEAD_MS` ahead of our clock, the key is unknown, or the signature is another.
2. Clients differ in one thing that the document leaves open: whether values are percent-encoded in the signed string
   (ccxt does, as in a query string; bpx-py does not). Either is taken.
3. Nothing of a signature is kept or shown.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol
from urllib.parse import quote

from perpmaker.testnet.account import Account
from perpmaker.testnet.api_errors import ApiError, ErrorCode

DEFAULT_WINDOW_MS: Final = 5_000
MAX_WINDOW_MS: Final = 60_000
AHEAD_MS: Final = 1_000
"""How far a time stamp may be ahead of our clock; the document does not say."""

Parameters = Iterable[tuple[str, object]]


class KeyHolder(Protocol):
    """Who knows the accounts."""

    def account_by_key(self, public_key: str) -> Account | None: ...


class Credential:
    """The four values of a signed request, still unverified."""

    def __init__(self, key: str | None, signature: str | None, timestamp: str | None, window: str | None) -> None:
        """Raises `ApiError` when one is missing or not what it should be."""
        if not key or not signature or not timestamp:
            raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Missing signature headers")
        self.key: Final = key
        self.timestamp_ms: Final = _integer(timestamp, "timestamp")
        self.window_ms: Final = DEFAULT_WINDOW_MS if window is None else _integer(window, "window")
        try:
            self.signature: Final = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Invalid signature") from None
        if not 0 < self.window_ms <= MAX_WINDOW_MS:
            raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, f"Invalid window: 1 to {MAX_WINDOW_MS} ms")

    @property
    def suffix(self) -> str:
        return f"timestamp={self.timestamp_ms}&window={self.window_ms}"

    def check_time(self, now_ns: int) -> None:
        """Raises `ApiError` when the request came too late or from the future."""
        age_ms = now_ns // 1_000_000 - self.timestamp_ms
        if age_ms > self.window_ms or age_ms < -AHEAD_MS:
            raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Request has expired")


def from_headers(headers: Mapping[str, str]) -> Credential:
    """The credential of a REST request. Raises `ApiError`."""
    lower = {name.lower(): value for name, value in headers.items()}
    return Credential(lower.get("x-api-key"), lower.get("x-signature"), lower.get("x-timestamp"), lower.get("x-window"))


def verify(
    holder: KeyHolder, credential: Credential, instruction: str, groups: Sequence[Parameters], now_ns: int
) -> Account:
    """The account that has signed this.

    Args:
        holder: who knows the accounts.
        credential: what came with the request.
        instruction: the instruction of the path.
        groups: the parameters; several groups for a batch of orders.
        now_ns: when the request came in, by the testnet's clock.

    Raises:
        ApiError: nobody has, or not in time.
    """
    account = holder.account_by_key(credential.key)
    if account is None:
        raise ApiError(ErrorCode.UNAUTHORIZED, "Unknown API key")
    credential.check_time(now_ns)
    plain = _message(instruction, groups, credential, encode=False)
    if account.keys.has_signed(plain, credential.signature):
        return account
    encoded = _message(instruction, groups, credential, encode=True)
    if encoded != plain and account.keys.has_signed(encoded, credential.signature):
        return account
    raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Invalid signature")


def verify_subscription(holder: KeyHolder, signature: Sequence[str | int] | None, now_ns: int) -> Account:
    """The account that has signed a subscription to private streams.

    ``signature`` is ``[key, signature, timestamp, window]`` of the SUBSCRIBE frame. Raises `ApiError`.
    """
    if signature is None or len(signature) != 4:
        raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Missing signature")
    return verify(holder, Credential(*(str(value) for value in signature)), "subscribe", [()], now_ns)


def signed_text(value: object) -> str:
    """A value as it stands in the signed string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _message(instruction: str, groups: Sequence[Parameters], credential: Credential, *, encode: bool) -> bytes:
    parts = []
    for group in groups:
        parts.append(f"instruction={instruction}")
        for name, value in sorted(group, key=lambda pair: pair[0]):
            text = signed_text(value)
            parts.append(f"{name}={quote(text, safe='') if encode else text}")
    parts.append(credential.suffix)
    return "&".join(parts).encode()


def _integer(text: str, what: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, f"Invalid {what}")
    return int(text)
