"""The link between a run and who looks on: everything is told once, nobody is waited for, wishes are answered."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.monitor.link_client import Link, LinkError
from perpmaker.monitor.link_server import LAST_WORDS_S, MOST_LINE_BYTES, MOST_VIEWERS, MOST_WISHES, PERIOD_S, LinkServer
from perpmaker.monitor.places import link_path
from perpmaker.monitor.view import Answer, Ask, Hello, Item, News, RunView, Sample
from support.live_runs import paper_venue
from support.monitored import RUN_ID, links_in_a_short_place, monitored
from support.virtual_time import run_virtual, virtual_clock


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with links_in_a_short_place(monkeypatch) as folder:
        yield folder


@pytest.fixture(scope="module")
def view() -> RunView:
    """Some view of a run; what is in it does not matter here."""

    async def made() -> RunView:
        clock = virtual_clock()
        rig = await monitored(paper_venue(clock), clock)
        await rig.monitor.open(rig.run, rig.wishes.carry_out)
        found = rig.monitor.latest_view()
        rig.monitor.abandon()
        assert found is not None
        return found

    with pytest.MonkeyPatch.context() as patch, links_in_a_short_place(patch):
        return run_virtual(made)


@dataclass
class Told:
    """Plays the run: what it has to tell, and how it answers."""

    view: RunView
    items: list[Item] = field(default_factory=list)
    told: int = 0
    views_made: int = 0
    broke: list[Exception] = field(default_factory=list)
    answer: Callable[[Ask], Awaitable[Answer]] | None = None
    asked: list[Ask] = field(default_factory=list)
    size: int = 1

    def say(self, text: str = "x") -> None:
        self.items.append(Item(seq=len(self.items) + 1, at_ns=0, kind="note", text=text))

    def hello(self) -> Hello:
        self.views_made += 1
        self.told = len(self.items)
        return Hello(view=self.view, items=list(self.items), samples=[], first_seq=1)

    def news(self) -> News:
        self.views_made += 1
        new, self.told = self.items[self.told :], len(self.items)
        return News(view=self.view, items=new, samples=[Sample(0, None, None, [], [], "0", "0")])

    async def ask(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        if self.answer is not None:
            return await self.answer(ask)
        return Answer(ask_id=ask.ask_id, is_done=True, text=f"{ask.action} by {ask.who}: {sorted(ask.settings)}")

    def server(self) -> LinkServer:
        return LinkServer(RUN_ID, self.hello, self.news, self.ask, self.broke.append)


class Listener:
    """Reads a link to its end."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.messages: list[Hello | News] = []
        self.error: LinkError | None = None
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async for message in self.link.messages():
                self.messages.append(message)
        except LinkError as error:
            self.error = error

    @property
    def items(self) -> list[int]:
        return [item.seq for message in self.messages for item in message.items]


async def listener() -> Listener:
    return Listener(await Link.open(RUN_ID))


def play(story: Callable[[Told, LinkServer], Awaitable[None]], view: RunView) -> Told:
    """In virtual time, over real sockets."""
    told = Told(view)

    async def whole() -> None:
        server = told.server()
        await server.open()
        try:
            await story(told, server)
        finally:
            server.abandon()
            await asyncio.sleep(0.1)

    run_virtual(whole)
    return told


# --- telling ---


def test_everything_that_is_kept_comes_first_and_then_the_news_every_quarter_of_a_second(view: RunView) -> None:
    async def story(told: Told, _server: LinkServer) -> None:
        told.say()
        one = await listener()
        await asyncio.sleep(0.01)
        assert one.messages == [Hello(view=view, items=told.items, samples=[], first_seq=1)]
        told.say()
        await asyncio.sleep(4 * PERIOD_S)
        kinds = [type(message) for message in one.messages]
        assert kinds == [Hello, News, News, News, News]
        assert one.items == [1, 2]

    play(story, view)


def test_nothing_is_made_while_nobody_looks(view: RunView) -> None:
    async def story(told: Told, _server: LinkServer) -> None:
        await asyncio.sleep(100)
        assert told.views_made == 0
        one = await listener()
        await asyncio.sleep(1.1)
        assert told.views_made == 5
        await one.link.close()
        await asyncio.sleep(1)
        made = told.views_made
        await asyncio.sleep(100)
        assert told.views_made == made
        await listener()
        await asyncio.sleep(1.1)
        assert told.views_made == made + 5

    play(story, view)


def test_whoever_comes_when_hears_everything_once(view: RunView) -> None:
    async def story(told: Told, server: LinkServer) -> None:
        listeners = []
        for step in range(60):
            if step % 7 == 0:
                listeners.append(await listener())
            told.say()
            await asyncio.sleep(0.09)
        await server.close()
        await asyncio.sleep(0.1)
        for one in listeners:
            assert one.items == list(range(1, 61))
            assert one.task.done()
            assert one.error is None

    play(story, view)


def test_who_reads_slowly_gets_one_message_for_all_that_he_missed_and_delays_nobody(view: RunView) -> None:
    async def story(told: Told, _server: LinkServer) -> None:
        quick, (reader, _writer) = await listener(), await asyncio.open_unix_connection(link_path(RUN_ID))
        for _ in range(400):
            told.say("x" * 2_000)
            await asyncio.sleep(PERIOD_S)
        assert quick.items == list(range(1, 401))
        read = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(PERIOD_S):
                while True:
                    read += await reader.read(2**20)
        messages = [msgspec.json.decode(line, type=Hello | News) for line in read.splitlines()]
        assert [item.seq for message in messages for item in message.items][:400] == list(range(1, 401))
        assert len(messages) < 300
        assert max(len(message.items) for message in messages) > 50

    play(story, view)


def test_who_does_not_read_at_all_is_dropped_in_the_end(view: RunView) -> None:
    async def story(told: Told, server: LinkServer) -> None:
        quick = await listener()
        reader, _ = await asyncio.open_unix_connection(link_path(RUN_ID))
        for _ in range(900):
            told.say("x" * 2_000)
            await asyncio.sleep(PERIOD_S)
        assert quick.items == list(range(1, 901))
        assert len(server._sending) == 1
        with suppress(ConnectionError):
            while await reader.read(2**20):
                pass

    play(story, view)


def test_no_more_than_so_many_viewers_are_told(view: RunView) -> None:
    async def story(_told: Told, server: LinkServer) -> None:
        listeners = [await listener() for _ in range(MOST_VIEWERS + 1)]
        await asyncio.sleep(1)
        assert sum(bool(one.messages) for one in listeners) == MOST_VIEWERS
        assert len(server._sending) == MOST_VIEWERS

    play(story, view)


def test_a_picture_that_cannot_be_made_ends_no_link_and_no_run(view: RunView) -> None:
    async def story(told: Told, _server: LinkServer) -> None:
        one = await listener()
        await asyncio.sleep(1.1)

        def breaks() -> News:
            raise ValueError("a bug")

        news, _server._news = _server._news, breaks
        await asyncio.sleep(1)
        assert told.broke
        _server._news = news
        told.say()
        await asyncio.sleep(1)
        assert one.items == [1]

    play(story, view)


# --- the end ---


def test_the_last_news_are_told_before_the_link_is_closed(view: RunView) -> None:
    async def story(told: Told, server: LinkServer) -> None:
        one = await listener()
        await asyncio.sleep(0.01)
        told.say("the end")
        await server.close()
        await one.task
        assert one.messages[-1].items[0].text == "the end"
        assert one.error is None
        assert not link_path(RUN_ID).exists()
        with pytest.raises(LinkError, match="does not listen"):
            await Link.open(RUN_ID)

    play(story, view)


def test_the_end_does_not_wait_long_for_who_does_not_read_nor_for_a_wish_that_takes_long(view: RunView) -> None:
    async def story(told: Told, server: LinkServer) -> None:
        async def never(_ask: Ask) -> Answer:
            await asyncio.Event().wait()
            raise AssertionError

        told.answer = never
        _, writer = await asyncio.open_unix_connection(link_path(RUN_ID))
        writer.write(msgspec.json.encode(Ask(ask_id="1", action="close", who="ann")) + b"\n")
        for _ in range(100):
            told.say("x" * 20_000)
            await asyncio.sleep(PERIOD_S)
        began_s = asyncio.get_running_loop().time()
        await server.close()
        assert asyncio.get_running_loop().time() - began_s <= LAST_WORDS_S + 0.01

    play(story, view)


def test_a_run_that_dies_without_a_word_ends_the_messages(view: RunView) -> None:
    async def story(_told: Told, server: LinkServer) -> None:
        one = await listener()
        await asyncio.sleep(0.5)
        server.abandon()
        await asyncio.sleep(0.1)
        assert one.task.done()
        assert one.error is None
        with pytest.raises(LinkError, match="has ended: pause was not asked for"):
            await one.link.ask("pause", "ann", {})

    play(story, view)


# --- wishes ---


def test_a_wish_is_carried_out_and_answered(view: RunView) -> None:
    async def story(told: Told, _server: LinkServer) -> None:
        link = await Link.open(RUN_ID)
        answer = await link.ask("settings", "ann", {"spread": "0.001"})
        assert answer == Answer(ask_id="1", is_done=True, text="settings by ann: ['spread']")
        assert (await link.ask("pause", "bob", {})).text == "pause by bob: []"
        assert [(ask.action, ask.who, ask.settings) for ask in told.asked] == [
            ("settings", "ann", {"spread": "0.001"}),
            ("pause", "bob", {}),
        ]

    play(story, view)


def test_answers_find_who_asked_whatever_their_order(view: RunView) -> None:
    async def story(told: Told, _server: LinkServer) -> None:
        async def later(ask: Ask) -> Answer:
            await asyncio.sleep(float(ask.action))
            return Answer(ask_id=ask.ask_id, is_done=True, text=f"after {ask.action}")

        told.answer = later
        one, other = await Link.open(RUN_ID), await Link.open(RUN_ID)
        answers = await asyncio.gather(one.ask("0.9", "a", {}), one.ask("0.1", "a", {}), other.ask("0.5", "b", {}))
        assert [answer.text for answer in answers] == ["after 0.9", "after 0.1", "after 0.5"]

    play(story, view)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (InvalidSettingError("--spread 2: too wide"), "--spread 2: too wide"),
        (ZeroDivisionError("a bug"), "it failed: ZeroDivisionError('a bug')"),
    ],
)
def test_a_wish_that_fails_is_refused_with_the_reason(view: RunView, error: Exception, text: str) -> None:
    async def story(told: Told, _server: LinkServer) -> None:
        async def fails(_ask: Ask) -> Answer:
            raise error

        told.answer = fails
        link = await Link.open(RUN_ID)
        assert await link.ask("pause", "ann", {}) == Answer(ask_id="1", is_done=False, text=text)

    play(story, view)


def test_no_answer_in_time_is_said_as_that(view: RunView) -> None:
    async def story(told: Told, _server: LinkServer) -> None:
        async def never(_ask: Ask) -> Answer:
            await asyncio.Event().wait()
            raise AssertionError

        told.answer = never
        link = await Link.open(RUN_ID)
        with pytest.raises(TimeoutError):
            await link.ask("pause", "ann", {}, timeout_s=2)
        assert not link._asked

    play(story, view)


def test_an_answer_that_can_no_longer_come_is_not_waited_for(view: RunView) -> None:
    async def story(told: Told, server: LinkServer) -> None:
        async def never(_ask: Ask) -> Answer:
            await asyncio.Event().wait()
            raise AssertionError

        told.answer = never
        link = await Link.open(RUN_ID)
        asking = asyncio.create_task(link.ask("pause", "ann", {}, timeout_s=100))
        await asyncio.sleep(1)
        server.abandon()
        with pytest.raises(LinkError, match="ended before its answer came"):
            await asking

    play(story, view)


def test_a_wish_is_finished_when_the_one_who_had_it_has_left(view: RunView) -> None:
    finished = []

    async def story(told: Told, _server: LinkServer) -> None:
        async def slowly(ask: Ask) -> Answer:
            await asyncio.sleep(3)
            finished.append(ask.action)
            return Answer(ask_id=ask.ask_id, is_done=True, text="")

        told.answer = slowly
        link = await Link.open(RUN_ID)
        asking = asyncio.create_task(link.ask("close", "ann", {}))
        await asyncio.sleep(1)
        await link.close()
        with pytest.raises(LinkError):
            await asking
        await asyncio.sleep(5)

    play(story, view)
    assert finished == ["close"]


def test_one_viewer_has_only_so_many_wishes_at_a_time(view: RunView) -> None:
    async def story(told: Told, _server: LinkServer) -> None:
        async def slowly(ask: Ask) -> Answer:
            await asyncio.sleep(1)
            return Answer(ask_id=ask.ask_id, is_done=True, text="done")

        told.answer = slowly
        link = await Link.open(RUN_ID)
        answers = await asyncio.gather(*(link.ask("pause", "ann", {}) for _ in range(MOST_WISHES + 3)))
        assert [answer.is_done for answer in answers] == [True] * MOST_WISHES + [False] * 3
        assert answers[-1].text == "too many wishes at the same time"
        assert (await link.ask("pause", "ann", {})).is_done

    play(story, view)


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b'{"type": "ask"}\n',
        b'{"type": "news"}\n',
        b"[" * 5_000 + b"\n",
        b"\xff\xfe\n",
        b'{"type": "ask", "ask_id": "1", "action": 7, "who": "ann"}\n',
        b"x" * (MOST_LINE_BYTES + 1) + b"\n",
    ],
    ids=["nonsense", "empty", "not a wish", "deep", "no text", "wrong type", "too long"],
)
def test_who_says_what_is_no_wish_is_shown_out_and_the_others_stay(view: RunView, line: bytes) -> None:
    async def story(told: Told, server: LinkServer) -> None:
        one = await listener()
        reader, writer = await asyncio.open_unix_connection(link_path(RUN_ID))
        await reader.readline()
        writer.write(line)
        with suppress(ConnectionError):
            while await reader.read(2**16):
                pass
        await asyncio.sleep(0.1)
        assert len(server._sending) == 1
        assert not told.asked
        assert (await one.link.ask("pause", "ann", {})).is_done

    play(story, view)


# --- the other end ---


def test_a_run_that_says_what_is_no_message_is_refused_by_the_viewer() -> None:
    async def story() -> None:
        async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'{"type":"hello","view":7}\n')
            await writer.drain()

        server = await asyncio.start_unix_server(talk, link_path(RUN_ID))
        one = await listener()
        await one.task
        assert one.error is not None
        assert "is it of another version?" in str(one.error)
        server.close()

    run_virtual(story)


def test_a_message_that_was_cut_off_is_none(view: RunView) -> None:
    async def story() -> None:
        async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(msgspec.json.encode(Hello(view=view, items=[], samples=[], first_seq=1))[:-10])
            writer.close()

        server = await asyncio.start_unix_server(talk, link_path(RUN_ID))
        one = await listener()
        await one.task
        assert (one.messages, one.error) == ([], None)
        server.close()

    run_virtual(story)


def test_an_answer_is_not_held_up_by_news_that_nobody_takes(view: RunView) -> None:
    async def story(told: Told, _server: LinkServer) -> None:
        link = await Link.open(RUN_ID)
        for _ in range(200):
            told.say("x" * 1_000)
            await asyncio.sleep(PERIOD_S)
        assert (await link.ask("pause", "ann", {})).is_done

    play(story, view)


def test_who_does_not_take_what_came_is_told_so(view: RunView) -> None:
    async def story(told: Told, _server: LinkServer) -> None:
        link = await Link.open(RUN_ID)
        for _ in range(2_100):
            told.say()
            await asyncio.sleep(PERIOD_S)
        one = Listener(link)
        await one.task
        assert one.error is not None
        assert "not taken for too long" in str(one.error)

    play(story, view)


# --- the place ---


def test_the_socket_is_this_users_alone(view: RunView) -> None:
    async def story(_told: Told, _server: LinkServer) -> None:
        assert link_path(RUN_ID).stat().st_mode & 0o777 == 0o600

    play(story, view)


def test_what_a_dead_run_left_is_replaced(view: RunView) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(link_path(RUN_ID)))

    async def story(_told: Told, _server: LinkServer) -> None:
        one = await listener()
        await asyncio.sleep(0.1)
        assert one.messages

    play(story, view)


def test_nobody_listens_where_a_run_is_dead_or_never_was() -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(link_path("dead")))

    async def story() -> None:
        for run_id in ("dead", "never"):
            with pytest.raises(LinkError, match=f"run {run_id} does not listen"):
                await Link.open(run_id)

    run_virtual(story)


def test_a_place_that_is_taken_is_said(view: RunView) -> None:
    link_path(RUN_ID).mkdir()

    async def story() -> None:
        with pytest.raises(LinkError, match="cannot be opened"):
            await Told(view).server().open()

    run_virtual(story)


def test_it_works_in_real_time_as_well(view: RunView) -> None:
    async def story() -> None:
        told = Told(view)
        server = told.server()
        await server.open()
        told.say()
        one = await listener()
        async with asyncio.timeout(20):
            assert (await one.link.ask("pause", "ann", {})).is_done
            told.say()
            while one.items != [1, 2]:  # noqa: ASYNC110 - real time, and a listener without callbacks
                await asyncio.sleep(0.01)
            told.say()
            await server.close()
            await one.task
        assert one.items == [1, 2, 3]

    asyncio.run(story())


def test_a_whole_run_is_followed_from_its_first_view_to_its_last() -> None:
    async def story() -> None:
        clock = virtual_clock()
        rig = await monitored(paper_venue(clock), clock, duration_s=Decimal(120))
        followers: list[Any] = []

        async def follow() -> None:
            followers.append(await listener())

        _, summary = await rig.play(follow)
        (one,) = followers
        await one.task
        views = [message.view for message in one.messages if message.view is not None]
        assert 480 <= len(views) <= 490
        assert [view.revision for view in views] == sorted(view.revision for view in views)
        assert [view.is_over for view in views[-2:]] == [False, True]
        assert views[-1].profit.equity == f"{summary.equity_end:f}"
        fills = [item for message in one.messages for item in message.items if item.kind == "fill"]
        assert len(fills) == summary.fills
        assert one.items == list(range(1, len(one.items) + 1))
        points = [sample.at_ns for message in one.messages for sample in message.samples]
        assert 120 <= len(points) <= 122
        assert points == sorted(set(points))

    run_virtual(story)
