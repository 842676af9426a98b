"""What a reader has not taken: in order, joined, and bounded."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.monitor.outbox import MOST_ITEMS, MOST_MESSAGES, MOST_SAMPLES, Outbox
from perpmaker.monitor.view import Answer, Item, News, Sample, ToViewer
from support.virtual_time import run_virtual


def item(seq: int) -> Item:
    return Item(seq=seq, at_ns=seq, kind="note", text="x")


def sample(at_ns: int) -> Sample:
    return Sample(at_ns, None, None, [], [], "0", "0")


def answer(ask_id: str) -> Answer:
    return Answer(ask_id=ask_id, is_done=True, text="done")


def taken(outbox: Outbox) -> list[ToViewer]:
    async def all_of_it() -> list[ToViewer]:
        outbox.close()
        found = []
        while (message := await outbox.take()) is not None:
            found.append(message)
        return found

    return run_virtual(all_of_it)


def filled(messages: Sequence[ToViewer]) -> Outbox:
    outbox = Outbox()
    for message in messages:
        outbox.put(message)
    return outbox


def test_news_that_wait_become_one_message_in_their_order() -> None:
    (news,) = taken(filled([News(items=[item(1)]), News(samples=[sample(1)]), News(items=[item(2)])]))
    assert news == News(items=[item(1), item(2)], samples=[sample(1)])


def test_an_answer_keeps_its_place_among_the_news() -> None:
    found = taken(filled([News(items=[item(1)]), answer("1"), News(items=[item(2)]), News(items=[item(3)])]))
    assert found == [News(items=[item(1)]), answer("1"), News(items=[item(2), item(3)])]


@given(st.lists(st.integers(0, 3), max_size=MOST_MESSAGES))
def test_nothing_is_lost_nor_told_twice_below_the_bounds(sizes: list[int]) -> None:
    told = iter(range(1_000))
    outbox = filled([News(items=[item(next(told)) for _ in range(size)]) for size in sizes])
    found = [one.seq for news in taken(outbox) if isinstance(news, News) for one in news.items]
    assert found == list(range(sum(sizes)))


@pytest.mark.parametrize(
    "messages",
    [
        [News(items=[item(seq) for seq in range(MOST_ITEMS)]), News(items=[item(MOST_ITEMS)])],
        [News(samples=[sample(at_ns)]) for at_ns in range(MOST_SAMPLES + 1)],
        [answer(str(number)) for number in range(MOST_MESSAGES + 1)],
    ],
    ids=["items", "samples", "messages"],
)
def test_who_is_too_far_behind_is_lost_and_nothing_is_kept_for_him(messages: list[ToViewer]) -> None:
    assert not filled(messages[:-1]).is_lost
    outbox = filled(messages)
    assert outbox.is_lost
    outbox.put(answer("late"))
    assert taken(outbox) == []


def test_who_waits_is_told_at_once_and_at_the_end_that_there_is_no_more() -> None:
    async def story() -> None:
        outbox = Outbox()
        waiting = asyncio.create_task(outbox.take())
        await asyncio.sleep(1)
        outbox.put(answer("1"))
        assert await waiting == answer("1")
        waiting = asyncio.create_task(outbox.take())
        await asyncio.sleep(1)
        outbox.close()
        assert await waiting is None

    run_virtual(story)
