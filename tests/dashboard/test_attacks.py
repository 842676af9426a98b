"""What somebody may try against the dashboard, over real sockets: refused or bounded, and good clients still served."""

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from perpmaker.dashboard import connections, start, stream
from perpmaker.dashboard.answers import MOST_BODY
from perpmaker.dashboard.app import PARTS
from perpmaker.dashboard.security import attempts, sessions
from perpmaker.dashboard.security.headers import CONTENT_POLICY
from perpmaker.dashboard.security.users import Role, User, hash_password
from support.dashboard_rig import Client, Rig, dashboard_rig, receive
from support.virtual_time import run_virtual

SCRIPT = "<script>alert(1)</script>"
MANY = 1_000
PASSWORD = "correct horse battery staple"  # noqa: S105 - of a test
ANN = (User(name="ann", role=Role.TRADER, password_hash=hash_password(PASSWORD)),)


def scenario(play: Callable[[Rig], Awaitable[None]], **settings) -> None:
    """Play against a dashboard in virtual time."""

    async def body() -> None:
        async with dashboard_rig(**settings) as rig:
            await play(rig)

    run_virtual(body)


async def status_of_stream(client: Client, run_id: str, query: str = "", **more) -> int:
    """What a websocket is answered with: 101 when it is let in."""
    try:
        async with client.stream(run_id, query, **more):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def how_it_closes(watching: ClientConnection) -> int | None:
    """The code with which the dashboard closes a websocket."""
    try:
        while True:
            await watching.recv()
    except ConnectionClosed as closed:
        return None if closed.rcvd is None else closed.rcvd.code


class _Nothing:
    """Stands where something would be that must not even be asked."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was asked for")


NOTHING: Any = _Nothing()


# Who asks


READING = ["/api/session", "/api/csrf"]


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("cookie", [None, "", "made-up", "x" * 5_000])
def test_without_a_session_nothing_is_told(path, cookie):
    async def play(rig: Rig) -> None:
        client = await rig.client()
        headers = {} if cookie is None else {"Cookie": f"perpmaker_session_{rig.server.port}={cookie}"}
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.json() == {"error": "log in first"}

    scenario(play)


def test_without_a_session_no_websocket_is_opened():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        assert await status_of_stream(await rig.client(), run.run_id) == 403

    scenario(play)


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "made-up"},
        {"token": ""},
        {"token": "x" * 10_000},
        {"token": "\ud800"},
        {"name": "ann", "password": "made-up"},
        {"name": "nobody", "password": PASSWORD},
        {"name": "ann", "password": "x" * 10_000},
        {"name": "ann"},
        {"password": PASSWORD},
        {"token": "made-up", "name": "ann", "password": PASSWORD},
        {},
    ],
)
def test_a_wrong_token_or_password_is_refused_with_one_and_the_same_sentence(wrong):
    async def play(rig: Rig) -> None:
        client = await rig.client()
        answer = await client.post("/api/login", json.dumps(wrong).encode(), csrf="")
        assert answer.status_code in (400, 401)
        if answer.status_code == 401:
            assert answer.json() == {"error": "that is not right; nobody was logged in"}
        assert not client.http.cookies

    scenario(play, users=ANN)


def test_a_session_ends_by_itself_and_its_websocket_with_it(monkeypatch):
    monkeypatch.setattr(sessions, "LONGEST_NS", 60 * 10**9)

    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        client = await rig.log_in()
        async with client.stream(run.run_id) as watching:
            await receive(watching)
            await asyncio.sleep(90)
            assert await how_it_closes(watching) == 1008
        assert (await client.get("/api/session")).status_code == 401
        assert await status_of_stream(client, run.run_id) == 403

    scenario(play)


def test_after_logging_out_the_cookie_is_worth_nothing_and_open_websockets_end():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        client = await rig.log_in()
        kept = dict(client.http.cookies)
        async with client.stream(run.run_id) as watching:
            await receive(watching)
            assert (await client.post("/api/logout")).status_code == 200
            assert not client.http.cookies
            assert await asyncio.wait_for(how_it_closes(watching), stream.CHECK_S + 1) == 1008
        client.http.cookies.update(kept)
        assert (await client.get("/api/session")).status_code == 401

    scenario(play)


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites():
    async def play(rig: Rig) -> None:
        client = await rig.client()
        answer = await client.post("/api/login", {"token": rig.token(Role.TRADER)}, csrf="")
        name, _, attributes = answer.headers["set-cookie"].partition("=")
        assert name == f"perpmaker_session_{rig.server.port}"
        stated = {each.strip().lower() for each in attributes.split(";")[1:]}
        assert {"httponly", "samesite=strict", "path=/"} <= stated
        assert not any(each.startswith("domain") for each in stated)

    scenario(play)


# Who may change


def test_a_viewer_can_steer_nothing():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        viewer = await rig.log_in(Role.VIEWER)
        for action in ("pause", "resume", "close", "stop", "settings"):
            answer = await viewer.post(f"/api/runs/{run.run_id}/control", {"action": action})
            assert answer.status_code == 403
            assert answer.json() == {"error": "only a trader may do this"}
        assert run.asked == []

    scenario(play)


def test_a_viewer_can_start_nothing(tmp_path):
    async def play(rig: Rig) -> None:
        viewer = await rig.log_in(Role.VIEWER)
        for is_live in (False, True):
            wish = {"exchange": "sim", "symbol": "SOL_USDC_PERP", "is_live": is_live, "confirm": "SOL_USDC_PERP"}
            answer = await viewer.post("/api/start", wish)
            assert (answer.status_code, answer.json()) == (403, {"error": "only a trader may do this"})

    starting = partial(start.router, program=NOTHING, state_folder=tmp_path, launcher=NOTHING)
    scenario(play, parts=(*PARTS, starting), can_start_live=True)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:1", "null", "", "https://127.0.0.1:{port}"]
)
def test_a_change_from_another_origin_is_refused_and_uses_up_no_token(origin):
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        trader = await rig.log_in()
        path, token = f"/api/runs/{run.run_id}/control", await trader.csrf()
        forged = origin.format(port=rig.server.port)
        answer = await trader.post(path, {"action": "stop"}, csrf=token, Origin=forged)
        assert answer.status_code == 403
        assert run.asked == []
        assert (await trader.post(path, {"action": "pause"}, csrf=token)).status_code == 200

    scenario(play)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_a_change_that_the_browser_says_came_from_elsewhere_is_refused(site):
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        trader = await rig.log_in()
        answer = await trader.post(f"/api/runs/{run.run_id}/control", {"action": "stop"}, **{"Sec-Fetch-Site": site})
        assert answer.status_code == 403
        assert run.asked == []

    scenario(play)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_not_even_reading_is_answered_to_a_page_of_another_site(site):
    async def play(rig: Rig) -> None:
        trader = await rig.log_in()
        for path in READING:
            assert (await trader.get(path, headers={"Sec-Fetch-Site": site})).status_code == 403

    scenario(play)


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost.evil.example", "null", None])
def test_a_websocket_from_another_origin_is_not_opened(origin):
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        trader = await rig.log_in()
        assert await status_of_stream(trader, run.run_id, origin=origin) == 403
        assert await status_of_stream(trader, run.run_id) == 101

    scenario(play)


def test_a_one_time_token_is_good_once():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        trader = await rig.log_in()
        path, token = f"/api/runs/{run.run_id}/control", await trader.csrf()
        assert (await trader.post(path, {"action": "pause"}, csrf=token)).status_code == 200
        again = await trader.post(path, {"action": "pause"}, csrf=token)
        assert again.status_code == 403
        assert "one-time token" in again.json()["error"]
        assert len(run.asked) == 1

    scenario(play)


def test_a_one_time_token_is_good_for_its_own_session_only_and_not_for_ever():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        path = f"/api/runs/{run.run_id}/control"
        one, other = await rig.log_in(), await rig.log_in()
        of_another = await other.csrf()
        assert (await one.post(path, {"action": "pause"}, csrf=of_another)).status_code == 403
        late = await one.csrf()
        await asyncio.sleep(sessions.TOKEN_NS / 1e9 + 1)
        assert (await one.post(path, {"action": "pause"}, csrf=late)).status_code == 403
        for made_up in ("", "made-up", "x" * 5_000):
            assert (await one.post(path, {"action": "pause"}, csrf=made_up, **{"X-None": "1"})).status_code == 403
        assert run.asked == []

    scenario(play)


# What is sent


def test_a_script_in_a_name_or_a_setting_is_data_on_its_way_to_the_page():
    async def play(rig: Rig) -> None:
        run = await rig.start_run(symbol=SCRIPT, settings={"spread": SCRIPT})
        trader = await rig.log_in()
        async with trader.stream(run.run_id) as watching:
            hello = await receive(watching)
            assert hello["view"]["about"]["symbol"] == SCRIPT
            wish = {"action": "settings", "settings": {"quantity": SCRIPT}}
            answer = await trader.post(f"/api/runs/{run.run_id}/control", wish)
            assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == CONTENT_POLICY
        assert run.asked[0].settings == {"quantity": SCRIPT}

    scenario(play)


def test_an_address_with_a_script_is_never_repeated():
    async def play(rig: Rig) -> None:
        trader = await rig.log_in()
        for path in (f"/{SCRIPT}", f"/api/{SCRIPT}", f"/api/runs/{SCRIPT}/stream", f"/static/{SCRIPT}"):
            answer = await trader.get(path)
            assert answer.status_code == 404
            assert SCRIPT not in answer.text
        answer = await trader.post("/api/runs/any/control", {"action": SCRIPT})
        assert answer.json() == {"error": "the request does not fit at $.action"}
        assert SCRIPT not in answer.text

    scenario(play)


def test_a_body_that_is_too_large_as_declared_is_refused_before_it_is_read():
    async def play(rig: Rig) -> None:
        trader = await rig.log_in()
        head = f"Origin: {rig.server.url}\r\nContent-Type: application/json\r\nContent-Length: {MOST_BODY + 1}"
        answer = await ask_raw(rig, f"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n\r\n", own_host=True)
        assert answer.startswith(b"HTTP/1.1 413")
        assert (await trader.get("/api/session")).status_code == 200

    scenario(play)


def test_a_body_that_is_too_large_in_chunks_is_refused_while_it_comes_in():
    async def play(rig: Rig) -> None:
        head = f"Origin: {rig.server.url}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked"
        chunk = f"{4_096:x}\r\n{'[' * 4_096}\r\n"
        enough = chunk * (MOST_BODY // 4_096 + 1)  # the last chunk, which would be empty, never comes
        request = f"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n\r\n{enough}"
        answer = await ask_raw(rig, request, own_host=True)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in answer.lower()

    scenario(play)


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_change_that_is_no_json_by_its_type_is_refused(kind):
    async def play(rig: Rig) -> None:
        client = await rig.client()
        token = msgspec.json.encode({"token": rig.token(Role.TRADER)})
        answer = await client.post("/api/login", token, csrf="", **{"Content-Type": kind})
        assert answer.status_code == 415
        assert not client.http.cookies

    scenario(play)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MOST_BODY,
        b'{"a":' * (MOST_BODY // 5),
        b"",
        b"\xff\xfe",
        b'{"token": "\xff"}',
        b"null",
        b'{"token": 1e999}',
        b'{"token": ["x"]}',
        b'{"token": "x", "is_trader": true}',
        b'{"token": "x"} more',
    ],
)
def test_a_body_that_is_deep_broken_or_of_another_shape_is_one_sentence(body):
    async def play(rig: Rig) -> None:
        answer = await (await rig.client()).post("/api/login", body, csrf="")
        assert answer.status_code == 400
        assert list(answer.json()) == ["error"]
        assert "Traceback" not in answer.text

    scenario(play)


def test_settings_of_a_wish_are_bounded():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        trader = await rig.log_in()
        for settings in ({"x" * 65: "1"}, {"spread": "x" * 257}, {f"s{number}": "1" for number in range(65)}):
            wish = {"action": "settings", "settings": settings}
            assert (await trader.post(f"/api/runs/{run.run_id}/control", wish)).status_code == 400
        assert run.asked == []

    scenario(play)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd",
        "/static//etc/passwd",
        "/static/..\\app.py",
        "/static/%00",
        "/static/",
        "/static",
        "//etc/passwd",
    ],
)
def test_there_is_no_way_out_of_the_folder_of_the_page(path):
    async def play(rig: Rig) -> None:
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        answer = await ask_raw(rig, request, own_host=True)
        assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))

    scenario(play)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8321", "", "a b", "[::1", "@"]
)
def test_a_host_that_is_not_ours_is_not_answered(host):
    async def play(rig: Rig) -> None:
        trader = await rig.log_in()
        for path in ("/", "/api/session", "/static/app.js"):
            answer = await trader.get(path, headers={"Host": host})
            assert answer.status_code == 421
        answer = await trader.post("/api/logout", Host=host or "-", Origin=f"http://{host}")
        assert answer.status_code in (400, 421)
        assert (await trader.get("/api/session")).status_code == 200

    scenario(play)


def test_a_websocket_by_a_name_that_was_pointed_here_is_not_opened():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        trader = await rig.log_in()
        rebound = f"evil.example:{rig.server.port}"
        head = opening(trader, run.run_id, host=rebound, origin=f"http://{rebound}")
        assert (await ask_raw(rig, head)).startswith(b"HTTP/1.1 403")

    scenario(play)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "MADEUP"])
def test_other_methods_do_not_exist(method):
    async def play(rig: Rig) -> None:
        trader = await rig.log_in()
        answer = await trader.http.request(method, "/api/session")
        assert answer.status_code in (400, 405)

    scenario(play)


def test_nobody_is_told_what_the_dashboard_is_made_of():
    async def play(rig: Rig) -> None:
        client = await rig.client()
        for path in ("/docs", "/redoc", "/openapi.json"):
            assert (await client.get(path)).status_code == 404
        answer = await client.get("/api/session")
        assert "server" not in answer.headers

    scenario(play)


# How often


def test_a_flood_of_logins_is_slowed_down_and_the_right_token_still_gets_in():
    async def play(rig: Rig) -> None:
        client = await rig.client()
        guesses = [await client.post("/api/login", {"token": f"guess {number}"}, csrf="") for number in range(50)]
        told = [answer.status_code for answer in guesses]
        assert told[: attempts.FREE] == [401] * attempts.FREE
        assert set(told[attempts.FREE :]) == {429}
        assert int(guesses[-1].headers["retry-after"]) >= 1
        assert (await client.post("/api/login", {"token": rig.token(Role.VIEWER)}, csrf="")).status_code == 200

    scenario(play)


def test_a_right_password_has_to_wait_as_well_while_it_is_being_guessed_at():
    async def play(rig: Rig) -> None:
        client = await rig.client()
        right = {"name": "ann", "password": PASSWORD}
        wrong = [client.post("/api/login", {"name": "ann", "password": str(each)}, csrf="") for each in range(20)]
        told = [answer.status_code for answer in await asyncio.gather(*wrong)]
        assert sorted(set(told)) == [401, 429]
        assert told.count(401) == attempts.FREE  # in parallel gains nothing
        assert (await client.post("/api/login", right, csrf="")).status_code == 429
        await asyncio.sleep(2)
        answer = await client.post("/api/login", right, csrf="")
        assert answer.json()["name"] == "ann"

    scenario(play, users=ANN)


def test_pages_of_a_session_are_bounded():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        trader = await rig.log_in()
        async with AsyncExitStack() as stack:
            for _ in range(stream.MOST_EACH):
                await stack.enter_async_context(trader.stream(run.run_id))
            assert await status_of_stream(trader, run.run_id) == 429
            assert await status_of_stream(await rig.log_in(Role.VIEWER), run.run_id) == 101
        assert await status_of_stream(trader, run.run_id) == 101

    scenario(play)


def test_a_page_that_talks_without_end_is_let_go():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        trader = await rig.log_in()
        async with trader.stream(run.run_id) as talking:
            for _ in range(stream.MOST_SAID):
                await talking.send("x" * 100)
            assert await how_it_closes(talking) == 1008
        async with trader.stream(run.run_id) as shouting:
            await shouting.send("x" * 100_000)
            assert await how_it_closes(shouting) == 1009

    scenario(play)


# Slowly


async def ask_raw(rig: Rig, request: str, *, own_host: bool = False) -> bytes:
    """Send these very bytes and read until the end, or what came when nothing more comes for a minute."""
    if own_host:
        request = request.replace("Host: 127.0.0.1", f"Host: 127.0.0.1:{rig.server.port}")
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.server.port)
    writer.write(request.encode())
    try:
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


def opening(client: Client, run_id: str, *, host: str = "", origin: str = "") -> str:
    """The request for a websocket, as bytes on the wire; host and origin are the dashboard's own unless given."""
    cookie = "; ".join(f"{name}={value}" for name, value in client.http.cookies.items())
    lines = [
        f"GET /api/runs/{run_id}/stream HTTP/1.1",
        f"Host: {host or client.server.url.removeprefix('http://')}",
        f"Origin: {origin or client.server.url}",
        f"Cookie: {cookie}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OUFCQ0RFRg==",
    ]
    return "\r\n".join([*lines, "", ""])


def open_connections(rig: Rig) -> int:
    assert rig.server._server is not None
    return len(rig.server._server.server_state.connections)


SLOW = {
    "says nothing": b"",
    "says half a head": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ",
    "says half a body": b"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{",
}


@pytest.mark.parametrize("beginning", SLOW.values(), ids=SLOW)
def test_a_thousand_slow_connections_are_bounded_and_a_good_client_is_served_all_the_time(beginning):
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        trader = await rig.log_in()
        async with trader.stream(run.run_id) as watching:
            await receive(watching)
            slow = [await open_slowly(rig, beginning) for _ in range(MANY)]
            for _ in range(20):
                assert open_connections(rig) <= connections.MOST
                assert (await trader.get("/api/session")).status_code == 200
                run.step()
                assert (await receive(watching))["type"] == "news"
                await trickle(slow)
                await asyncio.sleep(1)
            assert open_connections(rig) <= 3  # the page, and at most two of the good client
            for _, writer in slow:
                writer.close()

    scenario(play)


async def open_slowly(rig: Rig, beginning: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.server.port)
    if beginning:
        writer.write(beginning)
    await asyncio.sleep(0)
    return reader, writer


async def trickle(slow: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    """A byte more on each of them that is still open."""
    for _, writer in slow:
        if not writer.is_closing():
            writer.write(b"x")


def test_a_connection_that_has_asked_once_has_no_more_time_for_its_next_question():
    async def play(rig: Rig) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.server.port)
        writer.write(f"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1:{rig.server.port}\r\n\r\n".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 404")
        began_s = asyncio.get_running_loop().time()
        while not reader.at_eof() and not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(1)
            with suppress(TimeoutError, ConnectionError):
                await asyncio.wait_for(reader.read(), 0.1)
        assert asyncio.get_running_loop().time() - began_s <= connections.REQUEST_S + 3
        writer.close()

    scenario(play)


def test_connections_that_are_idle_after_an_answer_give_way_as_well():
    async def play(rig: Rig) -> None:
        question = f"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1:{rig.server.port}\r\n\r\n".encode()
        idle = []
        for _ in range(connections.MOST):
            reader, writer = await open_slowly(rig, question)
            await reader.readuntil(b"}")
            idle.append((reader, writer))
        assert open_connections(rig) == connections.MOST
        assert (await (await rig.client()).get("/api/session")).status_code == 401
        assert open_connections(rig) == connections.MOST
        assert await idle[0][0].read() == b""  # the one that was idle for longest
        for _, writer in idle:
            writer.close()

    scenario(play)


def test_a_page_that_takes_nothing_is_cut_and_costs_little_meanwhile():
    async def play(rig: Rig) -> None:
        run = await rig.start_run(settings={"spread": "x" * 60_000})  # more than the system keeps for it in a minute
        trader = await rig.log_in()
        deaf = await open_deaf_page(rig, trader, run.run_id)
        most_waiting = 0
        for _ in range(4 * 90):
            run.step()
            await asyncio.sleep(0.25)
            most_waiting = max(most_waiting, *(size for size in waiting_bytes(rig)), 0)
        assert 0 < most_waiting < 1_000_000
        link = rig.server.deps.links.find(run.run_id)
        assert link is not None
        assert link._pages == 0
        assert open_connections(rig) <= 2
        deaf.close()

    scenario(play)


def waiting_bytes(rig: Rig) -> list[int]:
    """What was written to each connection and has not left."""
    assert rig.server._server is not None
    return [each.transport.get_write_buffer_size() for each in rig.server._server.server_state.connections]


async def open_deaf_page(rig: Rig, client: Client, run_id: str) -> socket.socket:
    """A websocket whose other end never reads what it is told, behind a small buffer."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    deaf.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(deaf, ("127.0.0.1", rig.server.port))
    await loop.sock_sendall(deaf, opening(client, run_id).encode())
    return deaf


# What is left behind


def test_neither_log_nor_answer_has_a_token_a_cookie_or_a_password(caplog):
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        token = rig.token(Role.TRADER)
        trader = await rig.log_in()
        one_time = await trader.csrf()
        cookie = next(iter(trader.http.cookies.values()))
        await trader.get(f"/?token={token}")
        await trader.get(f"/api/session?password={PASSWORD}")
        await trader.post("/api/login", {"name": "ann", "password": PASSWORD}, csrf="")
        await trader.post("/api/login", {"name": "ann", "password": 7, "token": token}, csrf="")
        async with trader.stream(run.run_id, f"?token={token}") as watching:
            await receive(watching)
        seen.extend([token, cookie, one_time, PASSWORD])

    scenario(play)
    ours = [
        record for record in caplog.records if record.name.startswith(("perpmaker", "uvicorn", "fastapi", "starlette"))
    ]
    logged = "\n".join(record.getMessage() for record in ours)
    assert not [secret for secret in seen if secret in logged]


def test_a_failure_inside_is_one_sentence_outside_and_its_place_in_the_log(caplog):
    async def play(rig: Rig) -> None:
        trader = await rig.log_in()

        def fail(_: object) -> str:
            raise RuntimeError(f"a bug that knows {PASSWORD}")

        rig.server.deps.sessions.new_token = fail  # type: ignore[method-assign]
        answer = await trader.get("/api/csrf")
        assert answer.status_code == 500
        assert answer.json() == {"error": "something went wrong inside the dashboard; its log says where"}
        assert answer.headers["content-security-policy"] == CONTENT_POLICY

    scenario(play)
    assert "RuntimeError at" in caplog.text
    assert "fail" in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/nothing", "/api/session", "/static/nothing.js"])
def test_every_answer_carries_the_strict_headers(path):
    async def play(rig: Rig) -> None:
        for client in (await rig.client(), await rig.log_in()):
            answer = await client.get(path)
            assert answer.headers["content-security-policy"] == CONTENT_POLICY
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            assert (answer.headers.get("cache-control") == "no-store") == path.startswith("/api")

    scenario(play)


def test_a_request_that_is_none_is_refused_with_strict_headers_as_well():
    async def play(rig: Rig) -> None:
        answer = await ask_raw(rig, "this is no request\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"content-security-policy" in answer
        huge = await ask_raw(rig, f"GET / HTTP/1.1\r\nX-A: {'x' * 100_000}\r\n\r\n")
        assert huge == b"" or huge.startswith(b"HTTP/1.1 400")

    scenario(play)
