"""Keys for tests: real pairs that open nothing."""

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from perpmaker.venues.credentials import Credentials


def pair(number: int = 1) -> tuple[str, str]:
    """API key and secret as Backpack gives them: base64 of the public key and of the seed."""
    seed = bytes([number]) + bytes(range(200, 231))
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return base64.b64encode(public).decode(), base64.b64encode(seed).decode()


def credentials(**values: str) -> Credentials:
    return Credentials(**{name: SecretStr(value) for name, value in values.items()})
