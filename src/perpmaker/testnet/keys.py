"""Keys of the testnet's accounts: ED25519 pairs that follow from the seed, so that a restart has the same ones.

They open nothing but a testnet. Even so the secret half shows in no repr: only `secret` gives it, for printing once.
"""

import base64
import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

_PURPOSE: Final = "perpmaker testnet account"


class AccountKeys:
    """A pair of keys. Both halves are base64 of 32 bytes, as the exchange gives them out."""

    def __init__(self, seed: int, name: str) -> None:
        digest = hashlib.sha256(f"{_PURPOSE} {seed} {name}".encode()).digest()
        self._private = Ed25519PrivateKey.from_private_bytes(digest)
        self._verifier = self._private.public_key()
        self.public: Final = base64.b64encode(self._verifier.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    def __repr__(self) -> str:
        return f"AccountKeys({self.public})"

    @property
    def secret(self) -> str:
        """The private seed, base64."""
        raw = self._private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return base64.b64encode(raw).decode()

    def sign(self, message: bytes) -> str:
        """A signature, base64."""
        return base64.b64encode(self._private.sign(message)).decode()

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is that of this pair."""
        try:
            self._verifier.verify(signature, message)
        except InvalidSignature:
            return False
        return True
