"""Logging in and out, and the one-time tokens for changes.

Rules kept here:

1. A right token always gets in, whatever else is tried at the same time: it cannot be guessed, and who runs this
   machine must not be kept out by a flood. Everything else is an attempt (`perpmaker.dashboard.security.attempts`).
2. A refusal does not say what was wrong.
3. The cookie is out of reach of scripts, and sent with requests of our own page only.
"""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from perpmaker import __version__
from perpmaker.dashboard.answers import Refused, json_answer, json_body
from perpmaker.dashboard.deps import Deps, OneTime, Viewer
from perpmaker.dashboard.security.sessions import LONGEST_NS
from perpmaker.dashboard.security.users import Role

_S: Final = 10**9


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """A token, or a name and a password."""

    token: str | None = None
    name: str | None = None
    password: str | None = None


def router(deps: Deps) -> APIRouter:
    """``/api/login``, ``/api/logout``, ``/api/session``, ``/api/csrf``."""
    routes = APIRouter()

    @routes.post("/api/login")
    async def login(request: Request, given: Annotated[Login, Depends(json_body(Login))]) -> Response:
        name, role = await _who(deps, "" if request.client is None else request.client.host, given)
        answer = json_answer(_about(deps, name, role))
        answer.set_cookie(
            deps.cookie_of(request),
            deps.sessions.open(name, role),
            max_age=LONGEST_NS // _S,
            path="/",
            secure=deps.settings.is_tls,
            httponly=True,
            samesite="strict",
        )
        return answer

    @routes.post("/api/logout", dependencies=[OneTime])
    async def logout(request: Request, session: Viewer) -> Response:
        deps.sessions.close(session)
        answer = json_answer({})
        answer.delete_cookie(
            deps.cookie_of(request), path="/", secure=deps.settings.is_tls, httponly=True, samesite="strict"
        )
        return answer

    @routes.get("/api/session")
    async def session(session: Viewer) -> Response:
        return json_answer(_about(deps, session.name, session.role))

    @routes.get("/api/csrf")
    async def csrf(session: Viewer) -> Response:
        return json_answer({"csrf": deps.sessions.new_token(session)})

    return routes


async def _who(deps: Deps, address: str, given: Login) -> tuple[str, Role]:
    """Name and role of who logs in; refuses with 401, or with 429 while he must wait."""
    if given.token is not None:
        role = deps.tokens.role_of(given.token)
        if role is not None:
            deps.attempts.clear(address)
            return f"{role.value} (token)", role
    wait_ns = deps.attempts.wait_ns(address)
    if wait_ns > 0:
        wait_s = -(-wait_ns // _S)
        sentence = f"too many attempts to log in; wait {wait_s} s, then try again"
        raise Refused(429, sentence, {"Retry-After": str(wait_s)})
    deps.attempts.begin(address)
    if given.token is None and given.name is not None and given.password is not None:
        user = await deps.users.check(given.name, given.password)
        if user is not None:
            deps.attempts.succeed(address)
            return user.name, user.role
    raise Refused(401, "that is not right; nobody was logged in")


def _about(deps: Deps, name: str, role: Role) -> dict[str, str | bool]:
    return {
        "name": name,
        "role": role.value,
        "can_start_live": deps.settings.can_start_live,
        "version": __version__,
        "journal": deps.journal.name,
    }
