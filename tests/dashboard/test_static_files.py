"""The page's own files: in memory, compressed, asked for again only where they may have changed."""

import asyncio
import gzip

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from starlette.exceptions import HTTPException

from perpmaker.dashboard.app import _refused
from perpmaker.dashboard.static_files import read_files, router

SCRIPT = "export const words = 'hello';\n" * 100


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "static"
    (inside / "lib").mkdir(parents=True)
    (inside / "index.html").write_text("<!doctype html><title>page</title>")
    (inside / "lib" / "app.js").write_text(SCRIPT)
    (inside / "dot.png").write_bytes(b"\x89PNG")
    (inside / "secret.py").write_text("password = 1")
    (inside / ".hidden").write_text("")
    (tmp_path / "outside.js").write_text("outside")
    return inside


@pytest.fixture
def get(folder):
    app = FastAPI()
    app.include_router(router(read_files(folder)))
    app.add_exception_handler(HTTPException, _refused)

    def ask(path: str, **headers: str) -> Response:
        async def body() -> Response:
            async with AsyncClient(transport=ASGITransport(app), base_url="http://here") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(body())

    return ask


def test_the_root_is_the_page(get):
    answer = get("/")
    assert answer.text == "<!doctype html><title>page</title>"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_a_module_is_served_as_a_script_and_compressed(get):
    answer = get("/static/lib/app.js", **{"Accept-Encoding": "gzip"})
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(SCRIPT) / 5
    assert answer.text == SCRIPT
    plain = get("/static/lib/app.js", **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "Accept-Encoding"


def test_what_is_compressed_already_or_too_small_is_sent_as_it_is(folder):
    files = read_files(folder)
    assert files["dot.png"].zipped is None
    assert files["index.html"].zipped is None
    assert gzip.decompress(files["lib/app.js"].zipped or b"").decode() == SCRIPT


def test_a_file_that_has_not_changed_is_not_sent_again(get):
    first = get("/static/lib/app.js")
    assert first.headers["cache-control"] == "no-cache"
    again = get("/static/lib/app.js", **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert get("/static/lib/app.js", **{"If-None-Match": '"other"'}).status_code == 200


def test_a_file_asked_for_by_its_content_may_be_kept(get):
    digest = get("/static/lib/app.js").headers["etag"].strip('"')
    assert "immutable" in get(f"/static/lib/app.js?v={digest[:8]}").headers["cache-control"]
    for other in ("", digest[:7], "00000000"):
        assert get(f"/static/lib/app.js?v={other}").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["secret.py", ".hidden", "lib", "", "nothing.js", "../outside.js", "/index.html"])
def test_nothing_else_is_served(get, path):
    answer = get(f"/static/{path}")
    assert answer.status_code == 404


def test_only_what_was_there_at_the_start_is_served(get, folder):
    (folder / "later.js").write_text("later")
    assert get("/static/later.js").status_code == 404
