"""The dashboard as one application: what it is made of, and in which order a request passes through it.

    StrictHeaders -> Gate -> routers: session, stream, control, runs, what_if, start, static_files

Rules kept here:

1. Whatever answers, the headers are strict and errors are one sentence (`perpmaker.dashboard.answers`).
2. There are no pages about the interface (docs, schema): a stranger learns nothing.
3. What is opened here is closed when the server ends.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from perpmaker.dashboard import control, session, static_files, stream
from perpmaker.dashboard.answers import error_answer
from perpmaker.dashboard.deps import Deps
from perpmaker.dashboard.registry import Links, runs_with_links
from perpmaker.dashboard.run_link import Opening
from perpmaker.dashboard.security.attempts import Attempts
from perpmaker.dashboard.security.gate import Gate
from perpmaker.dashboard.security.headers import StrictHeaders
from perpmaker.dashboard.security.hosts import Hosts
from perpmaker.dashboard.security.kept_sessions import SessionsFile
from perpmaker.dashboard.security.sessions import Sessions
from perpmaker.dashboard.security.tokens import AccessTokens, NewSecret, new_secret
from perpmaker.dashboard.security.users import Users
from perpmaker.dashboard.settings import DashboardSettings
from perpmaker.domain.errors import JournalError, UserError
from perpmaker.journal.writer import Journal
from perpmaker.monitor.link_client import Link
from perpmaker.venues.clock import Clock
from perpmaker.venues.redaction import redact

Part = Callable[[Deps], APIRouter]

PARTS: Final[Sequence[Part]] = (session.router, stream.router, control.router)


def make_deps(
    settings: DashboardSettings,
    journal: Journal,
    tokens: AccessTokens,
    clock: Clock,
    random: Random,
    *,
    make_secret: NewSecret = new_secret,
    open_link: Opening = Link.open,
) -> Deps:
    """What the parts share. ``make_secret`` and ``open_link`` are for tests."""
    users = Users(settings.users)
    shelf = None if settings.sessions_file is None else SessionsFile(settings.sessions_file, users, clock)
    return Deps(
        settings=settings,
        journal=journal,
        clock=clock,
        random=random,
        links=Links(lambda: runs_with_links(journal), random, open_link),
        tokens=tokens,
        users=users,
        sessions=Sessions(clock, make_secret, shelf),
        attempts=Attempts(clock),
    )


def create_app(deps: Deps, parts: Sequence[Part] = PARTS) -> FastAPI:
    """The application; its lifespan looks for runs, and ends what ``deps`` holds but the journal."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        deps.links.start()
        try:
            yield
        finally:
            await deps.links.close()
            deps.close()

    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan, redirect_slashes=False, debug=False
    )
    app.state.deps = deps
    for part in parts:
        app.include_router(part(deps))
    app.include_router(static_files.router(static_files.read_files()))
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _misshapen)
    app.add_exception_handler(UserError, _told)
    app.add_middleware(Gate, hosts=Hosts(deps.settings))
    app.add_middleware(StrictHeaders)  # added last, so outermost
    return app


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return error_answer(error.status_code, error.detail, error.headers)


async def _misshapen(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return error_answer(400, "the request does not fit what is asked for here")


async def _told(_: Request, error: Exception) -> Response:
    """The program's own sentence, as a command would print it."""
    return error_answer(503 if isinstance(error, JournalError) else 400, redact(str(error)))
