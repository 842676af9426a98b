"""How requests are read and answers written: JSON through msgspec, errors as one sentence.

Rules kept here:

1. An error is ``{"error": "one sentence"}`` and never repeats what was sent, nor tells what is inside.
2. A body is decoded into a `msgspec.Struct` that says what it may be; anything else is refused.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MOST_BODY: Final = 16 * 1024
"""Bytes of a request's body. `perpmaker.dashboard.security.gate` holds it while the body comes in."""

_Body = TypeVar("_Body", bound=msgspec.Struct)


class Refused(HTTPException):
    """A request that is not carried out; becomes an answer with this status and sentence."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, sentence, headers)


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Anything that msgspec can encode, as JSON."""
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def error_answer(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """The one form of an error."""
    return json_answer({"error": sentence}, status, headers)


def json_body(kind: type[_Body]) -> Callable[[Request], Awaitable[_Body]]:
    """A dependency that reads the body of a request: ``wanted: Annotated[Login, Depends(json_body(Login))]``.

    Put it after the dependencies that check who asks, so that a stranger's body is not even read. Refuses with 400.
    """

    async def read(request: Request) -> _Body:
        body = await request.body()
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.ValidationError as error:
            raise Refused(400, f"the request does not fit at {_place(error)}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refused(400, "the request is no JSON") from None

    return read


def _place(error: msgspec.ValidationError) -> str:
    """Where it does not fit, without what stands there: ``$.settings[...]``."""
    _, found, place = str(error).rpartition(" - at ")
    return place.strip("`") if found else "$"
