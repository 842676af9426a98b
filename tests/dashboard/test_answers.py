"""How a body is read: into what it may be, or refused in one sentence that repeats nothing of it."""

import asyncio

import msgspec
import pytest

from perpmaker.dashboard.answers import Refused, json_body


class Wanted(msgspec.Struct):
    name: str
    settings: dict[str, int] = {}


class Body:
    """A request of which only the body matters."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def body(self) -> bytes:
        return self._content


def read(content: bytes) -> Wanted:
    return asyncio.run(json_body(Wanted)(Body(content)))  # type: ignore[arg-type]


def test_a_body_that_fits_is_what_it_says():
    assert read(b'{"name": "x", "settings": {"a": 1}}') == Wanted("x", {"a": 1})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"name": 7}', "the request does not fit at $.name"),
        (b'{"name": "x", "settings": {"secret": "y"}}', "the request does not fit at $.settings[...]"),
        (b'{"secret": 1}', "the request does not fit at $"),
        (b'["secret"]', "the request does not fit at $"),
        (b"secret", "the request is no JSON"),
        (b"", "the request is no JSON"),
        (b'{"name": "\xff"}', "the request is no JSON"),
        (b'{"name": "x", "more": ' + b"[" * 16_000, "the request is no JSON"),
        (b'{"name": "x", "more": ' + b'{"a":' * 3_000, "the request is no JSON"),
    ],
)
def test_anything_else_is_one_sentence(content, sentence):
    with pytest.raises(Refused) as refused:
        read(content)
    assert (refused.value.status_code, refused.value.detail) == (400, sentence)
