"""The page's own files, held in memory.

Rules kept here:

1. What is served is what was in the folder when the dashboard started: an address is looked up in a table, never made
   into a path, so there is no way out of the folder.
2. Kinds of files that a page is not made of are not served.
3. Every file has an ETag of its content. Asked for with ``?v=`` and the beginning of that (8 characters or more) it
   may be kept for a year; otherwise it is asked for again, and answered "not modified" while it is the same.
4. Text is sent compressed to who takes that; compressed once, at the start.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from perpmaker.dashboard.answers import Refused

FOLDER: Final = Path(__file__).parent / "static"

_KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
_PACKED: Final = frozenset({".png", ".ico", ".woff2"})
"""Compressed already."""

_SHORTEST_VERSION: Final = 8
_FOR_A_YEAR: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent; ``zipped`` is None where that would save nothing."""

    kind: str
    digest: str
    plain: bytes
    zipped: bytes | None

    def answer(self, request: Request) -> Response:
        """The file, or that it has not changed."""
        version = request.query_params.get("v", "")
        is_versioned = len(version) >= _SHORTEST_VERSION and self.digest.startswith(version)
        headers = {
            "ETag": f'"{self.digest}"',
            "Cache-Control": _FOR_A_YEAR if is_versioned else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if f'"{self.digest}"' in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = self.plain
        if self.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            body = self.zipped
            headers["Content-Encoding"] = "gzip"
        return Response(body, headers=headers, media_type=self.kind)


def read_files(folder: Path = FOLDER) -> dict[str, StaticFile]:
    """Every file of the page, by its path below the folder, with slashes."""
    return {
        path.relative_to(folder).as_posix(): _read(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in _KINDS and path.is_file()
    }


def router(files: dict[str, StaticFile]) -> APIRouter:
    """``/`` is the page, ``/static/...`` what it loads."""
    routes = APIRouter()

    @routes.api_route("/", methods=["GET", "HEAD"])
    async def page(request: Request) -> Response:
        return _find(files, "index.html").answer(request)

    @routes.api_route("/static/{path:path}", methods=["GET", "HEAD"])
    async def static(path: str, request: Request) -> Response:
        return _find(files, path).answer(request)

    return routes


def _find(files: dict[str, StaticFile], path: str) -> StaticFile:
    file = files.get(path)
    if file is None:
        raise Refused(404, "there is no such file")
    return file


def _read(path: Path) -> StaticFile:
    plain = path.read_bytes()
    zipped = None if path.suffix in _PACKED else gzip.compress(plain, 9, mtime=0)
    is_smaller = zipped is not None and len(zipped) < len(plain)
    return StaticFile(
        _KINDS[path.suffix], hashlib.sha256(plain).hexdigest()[:32], plain, zipped if is_smaller else None
    )
