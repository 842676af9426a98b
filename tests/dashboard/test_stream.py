"""The websocket of a page: hello, news, over; catching up after a break of any part."""

import asyncio

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from perpmaker.dashboard import stream
from perpmaker.dashboard.run_link import GONE_S
from perpmaker.dashboard.security.users import Role
from support.dashboard_rig import Client, Rig, dashboard_rig, receive
from support.virtual_time import run_virtual


def scenario(play, **settings) -> None:
    async def body() -> None:
        async with dashboard_rig(**settings) as rig:
            await play(rig)

    run_virtual(body)


async def until_closed(watching) -> tuple[list[dict], int | None]:
    """All messages that still come, and the code of the close."""
    messages = []
    try:
        while True:
            messages.append(msgspec.json.decode(await watching.recv()))
    except ConnectionClosed as closed:
        return messages, None if closed.rcvd is None else closed.rcvd.code


def test_a_page_is_told_what_is_kept_then_the_news_then_that_it_is_over():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        viewer = await rig.log_in(Role.VIEWER)
        async with viewer.stream(run.run_id) as watching:
            hello = await receive(watching)
            assert hello["type"] == "hello"
            assert hello["view"] == msgspec.json.decode(msgspec.json.encode(run.view))
            assert [item["seq"] for item in hello["items"]] == [item.seq for item in run.items]
            assert len(hello["samples"]) == len(run.samples)
            run.step(is_paused=True)
            news = await receive(watching)
            assert news["type"] == "news"
            assert news["view"]["is_paused"]
            await run.end()
            messages, code = await until_closed(watching)
        assert messages[-2]["view"]["is_over"]
        assert messages[-1] == {"type": "over"}
        assert code == 1000

    scenario(play)


def test_a_page_that_comes_back_is_told_only_what_it_missed():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        viewer = await rig.log_in(Role.VIEWER)
        async with viewer.stream(run.run_id) as watching:
            hello = await receive(watching)
        since, sampled = hello["items"][-1]["seq"], hello["samples"][-1][0]
        for _ in range(20):
            await asyncio.sleep(1)
            run.step()
        query = f"?since={since}&samples_since={sampled}"
        async with viewer.stream(run.run_id, query) as watching:
            again = await receive(watching)
        assert [item["seq"] for item in again["items"]] == [item.seq for item in run.items if item.seq > since]
        assert [each[0] for each in again["samples"]] == [each.at_ns for each in run.samples if each.at_ns > sampled]
        assert again["items"]
        assert again["samples"]

    scenario(play)


@pytest.mark.parametrize("query", ["?since=-5", "?since=999999999999999999999999", "?samples_since=-1", "?other=1"])
def test_any_number_is_a_place_to_go_on_from(query):
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        async with (await rig.log_in()).stream(run.run_id, query) as watching:
            assert (await receive(watching))["items"]

    scenario(play)


def test_what_is_no_number_is_refused():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        with pytest.raises(InvalidStatus) as refused:
            async with (await rig.log_in()).stream(run.run_id, "?since=x"):
                pass
        assert refused.value.response.status_code == 403

    scenario(play)


def test_a_run_that_is_not_there_has_no_stream():
    async def play(rig: Rig) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with (await rig.log_in()).stream("nothing"):
                pass
        assert refused.value.response.status_code == 404

    scenario(play)


def test_twenty_pages_are_told_the_same_over_one_link():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        viewer = await rig.log_in(Role.VIEWER)
        sockets = [await viewer.stream(run.run_id) for _ in range(20)]
        for socket in sockets:
            await receive(socket)
        for _ in range(5):
            run.step()
            told = [await receive(socket) for socket in sockets]
            assert all(each == told[0] for each in told)
        assert run.links_opened == 1
        for socket in sockets:
            await socket.close()

    scenario(play)


def test_a_page_does_not_notice_that_the_link_to_the_run_broke():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        viewer = await rig.log_in(Role.VIEWER)
        async with viewer.stream(run.run_id) as watching:
            seqs = [item["seq"] for item in (await receive(watching))["items"]]
            for _ in range(10):
                run.break_links()
                run.say("note", "something")
                await asyncio.sleep(4)
                while len(seqs) < len(run.items):
                    seqs += [item["seq"] for item in (await receive(watching)).get("items", [])]
            assert seqs == [item.seq for item in run.items]

    scenario(play)


def test_a_page_of_a_run_that_was_killed_is_told_that_nothing_more_comes():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        async with (await rig.log_in()).stream(run.run_id) as watching:
            await receive(watching)
            await run.die()
            async with asyncio.timeout(GONE_S + 10):
                messages, code = await until_closed(watching)
        assert messages == [{"type": "over"}]
        assert code == 1000

    scenario(play)


def test_a_page_that_comes_just_after_the_end_still_hears_the_last_word():
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        await run.end()
        await asyncio.sleep(2)
        async with (await rig.log_in()).stream(run.run_id) as watching:
            messages, code = await until_closed(watching)
        assert [message["type"] for message in messages] == ["hello", "over"]
        assert messages[0]["view"]["is_over"]
        assert code == 1000

    scenario(play)


def test_a_restarted_dashboard_lets_a_page_go_on_by_itself(tmp_path):
    """Kill and restart: the same cookie is still good, and the page catches up from where it was."""

    async def body() -> None:
        kept = {"sessions_file": tmp_path / "sessions"}
        async with dashboard_rig(**kept) as rig:
            run = await rig.start_run()
            viewer = await rig.log_in(Role.VIEWER)
            async with viewer.stream(run.run_id) as watching:
                seqs = [item["seq"] for item in (await receive(watching))["items"]]
            async with rig.another(**kept) as restarted:
                for _ in range(10):
                    run.step()
                await restarted.deps.links.scan()
                page = Client(restarted, viewer.http)
                cookie = next(iter(viewer.http.cookies.values()))
                headers = {"Cookie": f"perpmaker_session_{restarted.port}={cookie}"}
                async with page.stream(run.run_id, f"?since={seqs[-1]}", **headers) as watching:
                    seqs += [item["seq"] for item in (await receive(watching))["items"]]
            assert seqs == [item.seq for item in run.items]

    run_virtual(body)


def test_the_end_of_the_dashboard_closes_pages_so_that_they_come_back():
    async def body() -> None:
        async with dashboard_rig() as rig:
            run = await rig.start_run()
            watching = await (await rig.log_in()).stream(run.run_id)
            await receive(watching)
        _, code = await until_closed(watching)
        assert code == 1012

    run_virtual(body)


def test_a_page_slower_than_the_news_is_told_the_newest(monkeypatch):
    async def play(rig: Rig) -> None:
        run = await rig.start_run()
        gate = asyncio.Event()
        send = stream._send

        async def slowly(socket, text: str) -> None:
            await send(socket, text)
            await gate.wait()

        monkeypatch.setattr(stream, "_send", slowly)
        async with (await rig.log_in()).stream(run.run_id) as watching:
            await receive(watching)
            for _ in range(30):
                run.step()
                await asyncio.sleep(0.25)
            gate.set()
            news = await receive(watching)
            assert news["view"]["revision"] == run.view.revision
            assert [item["seq"] for item in news["items"]] == [item.seq for item in run.items[1:]]

    scenario(play)


def test_a_run_that_never_shows_itself_lets_the_page_go():
    async def play(rig: Rig) -> None:
        run = await rig.start_run(is_found=False, is_mute=True)
        await rig.server.deps.links.scan()
        async with (await rig.log_in()).stream(run.run_id) as watching:
            messages, code = await until_closed(watching)
        assert (messages, code) == ([], 1013)

    scenario(play)
