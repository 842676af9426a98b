"""Following a run: one link while anybody looks, opened again when it breaks, and what is asked over it."""

import asyncio
from random import Random

import pytest

from perpmaker.dashboard.registry import AGAIN_S, KEPT_S, Links, runs_with_links
from perpmaker.dashboard.run_link import (
    ANSWER_S,
    GONE_S,
    LINGER_S,
    NoAnswerError,
    NotRunningError,
    RunLink,
)
from perpmaker.monitor.link_client import Link
from perpmaker.monitor.places import LinkError, link_path
from support.dashboard_rig import Rig, dashboard_rig
from support.dashboard_runs import FakeRun
from support.virtual_time import run_virtual


def scenario(play) -> None:
    """A rig in virtual time; its dashboard looks for runs by itself."""

    async def body() -> None:
        async with dashboard_rig() as rig:
            await play(rig)

    run_virtual(body)


async def look(rig: Rig, run: FakeRun) -> RunLink:
    link = rig.server.deps.links.find(run.run_id)
    assert link is not None
    return link


def test_a_run_that_starts_is_found_by_itself_and_goes_when_it_has_ended():
    async def play(rig: Rig) -> None:
        links = rig.server.deps.links
        run = await rig.start_run(is_found=False)
        assert links.find(run.run_id) is None
        await asyncio.sleep(2)
        assert [link.run_id for link in links.running()] == [run.run_id]
        await run.end()
        await asyncio.sleep(2)
        assert links.running() == []
        assert (await look(rig, run)).state.is_over  # its last word can still be heard
        await asyncio.sleep(KEPT_S + 2)
        assert links.find(run.run_id) is None

    scenario(play)


def test_a_run_of_another_journal_or_without_a_socket_or_with_an_end_is_not_found():
    async def play(rig: Rig) -> None:
        link_path("of-another-journal").touch()
        await rig.start_run(is_found=False, has_link=False)
        over = await rig.start_run()
        await over.end()
        assert runs_with_links(rig.journal) == []

    scenario(play)


def test_however_many_look_there_is_one_link():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        link = await look(rig, run)
        with link.page(), link.page():
            await rig.server.deps.links.looked_at()
            await asyncio.sleep(60)
        assert run.links_opened == 1

    scenario(play)


def test_a_run_that_nobody_looks_at_is_let_go_and_looked_at_again_on_demand():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        run.move()
        link = await look(rig, run)
        with link.page():
            await asyncio.sleep(5 * LINGER_S)
            assert link.is_open
        await asyncio.sleep(LINGER_S + 2)
        assert not link.is_open
        seen = link.state.version
        await asyncio.sleep(10)
        assert link.state.version == seen
        assert await rig.server.deps.links.looked_at() == [link]
        await link.changed(seen)
        assert link.is_open
        assert run.links_opened == 2

    scenario(play)


def test_a_run_that_ends_while_nobody_looks_is_gone_from_the_list():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        run.move()
        await asyncio.sleep(LINGER_S + 2)
        link = await look(rig, run)
        assert not link.is_open
        await run.end()
        await asyncio.sleep(2)
        assert link.is_ended
        assert rig.server.deps.links.running() == []

    scenario(play)


def test_a_link_that_breaks_is_opened_again_and_nothing_is_lost():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        link = await look(rig, run)
        with link.page():
            for _ in range(5):
                run.say("note", "before")
                run.break_links()
                run.say("note", "while nobody heard")
                await asyncio.sleep(5)
            assert [item.seq for item in link.state._items] == [item.seq for item in run.items]
        assert run.links_opened == 6

    scenario(play)


def test_a_run_that_was_killed_is_gone_after_a_while_and_tried_again_later():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        link = await look(rig, run)
        with link.page():
            await run.die()
            await asyncio.sleep(GONE_S / 2)
            assert not link.is_ended
            await asyncio.sleep(GONE_S)
            assert link.is_ended
            assert not link.state.is_over
        assert rig.server.deps.links.running() == []
        await asyncio.sleep(AGAIN_S + 2)
        assert (await look(rig, run)) is not link

    scenario(play)


def test_a_wish_is_carried_to_the_run_and_its_answer_back():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        answer = await (await look(rig, run)).ask("pause", "ann", {})
        assert (answer.is_done, answer.text) == (True, "pause: done")
        assert (run.asked[0].action, run.asked[0].who) == ("pause", "ann")

    scenario(play)


def test_no_answer_is_not_knowing():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        link = await look(rig, run)
        run.on_ask = lambda _: None
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(NoAnswerError):
            await link.ask("stop", "ann", {})
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(ANSWER_S, abs=0.1)
        run.on_ask = lambda _: run.break_links()
        with pytest.raises(NoAnswerError):
            await link.ask("stop", "ann", {})

    scenario(play)


def test_a_run_that_is_not_looked_at_can_be_asked():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        run.move()
        await asyncio.sleep(LINGER_S + 2)
        link = await look(rig, run)
        assert not link.is_open
        assert (await link.ask("pause", "ann", {})).is_done

    scenario(play)


def test_a_run_that_is_gone_is_not_asked():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        link = await look(rig, run)
        await run.die()
        await asyncio.sleep(0.1)
        with pytest.raises(NotRunningError):
            await link.ask("pause", "ann", {})
        await asyncio.sleep(GONE_S + 5)
        assert link.is_ended
        with pytest.raises(NotRunningError):
            await link.ask("pause", "ann", {})

    scenario(play)


def test_a_journal_that_cannot_be_read_is_said_once_and_tried_again(caplog):
    async def body() -> None:
        tries = 0

        def find() -> list[str]:
            nonlocal tries
            tries += 1
            if tries < 5:
                raise LinkError("no place for links")
            return []

        links = Links(find, Random(1), Link.open)
        links.start()
        await asyncio.sleep(10)
        await links.close()
        assert tries >= 10

    run_virtual(body)
    assert caplog.text.count("runs cannot be looked for: no place for links") == 1
