"""Backpack's errors as they go over the wire: an HTTP status, a code of ``ApiErrorCode`` and a sentence.

The document says which codes exist and which statuses a path answers with, but not which code belongs to which cause.
What is known of that from the exchange's help pages and from clients is kept: INVALID_CLIENT_REQUEST with status 400 is
the answer to a wrong signature, an expired request, too many decimals, an unknown market, and to the cancel of an order
that does not rest. The rest is what the names say.
"""

from enum import Enum

import msgspec


class ErrorCode(Enum):
    """The codes of ``ApiErrorCode`` that the testnet gives, with their HTTP status."""

    ACCOUNT_LIQUIDATING = ("ACCOUNT_LIQUIDATING", 400)
    FORBIDDEN = ("FORBIDDEN", 403)
    INSUFFICIENT_MARGIN = ("INSUFFICIENT_MARGIN", 400)
    INVALID_CLIENT_REQUEST = ("INVALID_CLIENT_REQUEST", 400)
    INVALID_MARKET = ("INVALID_MARKET", 400)
    INVALID_ORDER = ("INVALID_ORDER", 400)
    INVALID_PRICE = ("INVALID_PRICE", 400)
    INVALID_QUANTITY = ("INVALID_QUANTITY", 400)
    INVALID_RANGE = ("INVALID_RANGE", 400)
    MAINTENANCE = ("MAINTENANCE", 503)
    MAX_LEVERAGE_REACHED = ("MAX_LEVERAGE_REACHED", 400)
    NOT_IMPLEMENTED = ("NOT_IMPLEMENTED", 400)
    ORDER_LIMIT = ("ORDER_LIMIT", 400)
    RESOURCE_NOT_FOUND = ("RESOURCE_NOT_FOUND", 404)
    SERVER_ERROR = ("SERVER_ERROR", 500)
    TOO_MANY_REQUESTS = ("TOO_MANY_REQUESTS", 429)
    TRADING_PAUSED = ("TRADING_PAUSED", 400)
    UNAUTHORIZED = ("UNAUTHORIZED", 401)

    @property
    def word(self) -> str:
        return self.value[0]

    @property
    def status(self) -> int:
        return self.value[1]


class ApiError(Exception):
    """A refusal: what the client is told instead of what it asked for. ``status`` where a path has its own."""

    def __init__(self, code: ErrorCode, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = code.status if status is None else status

    @property
    def content(self) -> dict[str, str]:
        """The fields of ``ApiErrorResponse``."""
        return {"code": self.code.word, "message": self.message}

    @property
    def body(self) -> bytes:
        return msgspec.json.encode(self.content)
