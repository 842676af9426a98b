"""What a trader asks of a run: carried out by the run, with who it was, and what became of it."""

import asyncio

import pytest

from perpmaker.dashboard.run_link import GONE_S
from perpmaker.dashboard.security.users import Role, User, hash_password
from perpmaker.monitor.view import Answer
from support.dashboard_rig import Rig, dashboard_rig
from support.virtual_time import run_virtual

PASSWORD = "correct horse"  # noqa: S105 - of a test
ANN = User(name="ann", role=Role.TRADER, password_hash=hash_password(PASSWORD))


def scenario(play, **settings) -> None:
    async def body() -> None:
        async with dashboard_rig(**settings) as rig:
            await play(rig)

    run_virtual(body)


@pytest.mark.parametrize("action", ["pause", "resume", "close", "stop", "settings"])
def test_a_wish_reaches_the_run_with_who_it_was_and_its_outcome_comes_back(action):
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        trader = await rig.log_in(Role.TRADER)
        wish = {"action": action, "settings": {"spread": "6bp"}} if action == "settings" else {"action": action}
        answer = await trader.post(f"/api/runs/{run.run_id}/control", wish)
        assert (answer.status_code, answer.json()) == (200, {"is_done": True, "text": f"{action}: done"})
        (asked,) = run.asked
        assert (asked.action, asked.who) == (action, "trader (token)")
        assert asked.settings == wish.get("settings", {})

    scenario(play)


def test_a_user_is_told_to_the_run_by_name():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        ann = await rig.client()
        await ann.post("/api/login", {"name": "ann", "password": PASSWORD}, csrf="")
        await ann.post(f"/api/runs/{run.run_id}/control", {"action": "pause"})
        assert run.asked[0].who == "ann"

    scenario(play, users=(ANN,))


def test_a_refusal_of_the_run_is_told_in_its_own_words():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        run.on_ask = lambda ask: Answer(ask_id=ask.ask_id, is_done=False, text="--spread 0 is too narrow")
        answer = await (await rig.log_in()).post(f"/api/runs/{run.run_id}/control", {"action": "pause"})
        assert answer.json() == {"is_done": False, "text": "--spread 0 is too narrow"}

    scenario(play)


def test_a_run_that_is_not_there_or_over_or_killed_is_not_running():
    async def play(rig: Rig) -> None:
        trader = await rig.log_in()
        over, killed = await rig.start_run(), await rig.start_run()
        await over.end()
        await killed.die()
        await asyncio.sleep(GONE_S + 10)
        for run_id in ("nothing", over.run_id, killed.run_id):
            answer = await trader.post(f"/api/runs/{run_id}/control", {"action": "pause"})
            assert (answer.status_code, answer.json()) == (404, {"error": "this run is not running"})

    scenario(play)


def test_no_answer_is_told_as_not_known():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        run.on_ask = lambda _: None
        answer = await (await rig.log_in()).post(f"/api/runs/{run.run_id}/control", {"action": "stop"})
        assert answer.status_code == 504
        assert answer.json() == {"error": "the run has not answered within 10 s: whether it will stop is not known"}

    scenario(play)


def test_wishes_at_the_same_time_are_answered_each_by_its_own():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        run.on_ask = lambda ask: Answer(ask_id=ask.ask_id, is_done=True, text=ask.settings.get("spread", ""))
        trader = await rig.log_in()
        wishes = [{"action": "settings", "settings": {"spread": f"{number}bp"}} for number in range(10)]
        answers = await asyncio.gather(*(trader.post(f"/api/runs/{run.run_id}/control", wish) for wish in wishes))
        assert [answer.json()["text"] for answer in answers] == [f"{number}bp" for number in range(10)]

    scenario(play)
