"""Query parameters, read strictly.

Rules kept here:

1. A parameter that cannot be read is refused with the name of it, never replaced by a default.
2. Parameters that a path does not know are ignored, as the real exchange does.
"""

from collections.abc import Collection, Sequence

from perpmaker.domain.orders import Side
from perpmaker.testnet.api_errors import ApiError, ErrorCode

SIDES = {"Bid": Side.BUY, "Ask": Side.SELL}
SIDE_WORDS = {side: word for word, side in SIDES.items()}

_MAX_INTEGER = 2**63 - 1


class Query:
    """The parameters of one request, in their order."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._pairs = pairs

    def text(self, name: str) -> str | None:
        """The first value of this name."""
        return next((value for key, value in self._pairs if key == name), None)

    def texts(self, name: str) -> list[str]:
        """All values of this name."""
        return [value for key, value in self._pairs if key == name]

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise _invalid(name, "it is required")
        return value

    def integer(self, name: str, least: int = 0, most: int = _MAX_INTEGER) -> int | None:
        """A whole number within its bounds; None when it is not given."""
        value = self.text(name)
        if value is None:
            return None
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and least <= int(value) <= most):
            raise _invalid(name, f"a whole number from {least} to {most} is expected")
        return int(value)

    def word(self, name: str, allowed: Collection[str]) -> str | None:
        """One of some words; None when it is not given."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise _invalid(name, "Expect a valid enumeration value.")
        return value

    def flag(self, name: str) -> bool | None:
        value = self.word(name, ("true", "false"))
        return None if value is None else value == "true"

    def page(self, most: int = 1_000) -> tuple[int, int]:
        """``limit`` (100 unless given) and ``offset``."""
        limit = self.integer("limit", 1, most)
        return (100 if limit is None else limit), self.integer("offset") or 0


def _invalid(name: str, why: str) -> ApiError:
    return ApiError(ErrorCode.INVALID_CLIENT_REQUEST, f"failed to parse parameter `{name}`: {why}")
