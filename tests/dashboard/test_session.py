"""Logging in and out, and what a page is told about who it is for."""

import pytest

from perpmaker import __version__
from perpmaker.dashboard.security.users import Role, User, hash_password
from support.dashboard_rig import Rig, dashboard_rig
from support.virtual_time import run_virtual

PASSWORD = "correct horse"  # noqa: S105 - of a test
ANN = User(name="ann", role=Role.VIEWER, password_hash=hash_password(PASSWORD))


def scenario(play, **settings) -> None:
    async def body() -> None:
        async with dashboard_rig(**settings) as rig:
            await play(rig)

    run_virtual(body)


@pytest.mark.parametrize("role", Role)
def test_a_token_logs_in_as_its_role(role):
    async def play(rig: Rig) -> None:
        client = await rig.client()
        answer = await client.post("/api/login", {"token": rig.token(role)}, csrf="")
        expected = {
            "name": f"{role} (token)",
            "role": role,
            "can_start_live": True,
            "version": __version__,
            "journal": rig.journal.name,
        }
        assert answer.json() == expected
        assert (await client.get("/api/session")).json() == expected

    scenario(play, can_start_live=True)


def test_a_password_logs_in_as_its_user_where_no_token_was_made():
    async def play(rig: Rig) -> None:
        assert rig.server.addresses == {}
        client = await rig.client()
        answer = await client.post("/api/login", {"name": "ann", "password": PASSWORD}, csrf="")
        assert (answer.json()["name"], answer.json()["role"]) == ("ann", "viewer")
        assert (await client.post("/api/login", {"token": ""}, csrf="")).status_code == 401

    scenario(play, users=(ANN,), has_tokens=False)


def test_the_addresses_have_the_tokens_where_browsers_do_not_send_them():
    async def play(rig: Rig) -> None:
        for role in Role:
            address, _, token = rig.server.addresses[role].partition("#token=")
            assert address == f"http://127.0.0.1:{rig.server.port}/"
            assert len(token) == 43

    scenario(play)


def test_one_time_tokens_are_never_the_same():
    async def play(rig: Rig) -> None:
        trader = await rig.log_in()
        assert len({await trader.csrf() for _ in range(10)}) == 10

    scenario(play)


def test_who_logs_out_needs_a_one_time_token_and_is_out():
    async def play(rig: Rig) -> None:
        trader = await rig.log_in()
        assert (await trader.post("/api/logout", csrf="made-up")).status_code == 403
        assert (await trader.get("/api/session")).status_code == 200
        assert (await trader.post("/api/logout")).status_code == 200
        assert (await trader.get("/api/session")).status_code == 401

    scenario(play)
