"""Few questions, shared answers: no minute holds more than the exchange allows, and nobody waits for what is known."""

import asyncio
import itertools

import pytest

from perpmaker.venues.backpack.ration import BURST, PER_MINUTE, RESERVE, Ration, Shared
from support.virtual_time import run_virtual, virtual_clock


class Book:
    """A history that counts how often, and from where, it is asked."""

    def __init__(self, takes_s: float = 0.1) -> None:
        self.clock = virtual_clock()
        self.ration = Ration(self.clock.now_ns)
        self.shared = Shared(self.ration, self.ask)
        self.asked: list[tuple[float, int]] = []
        self.takes_s = takes_s
        self.error: Exception | None = None

    async def ask(self, since: int) -> int:
        self.asked.append((asyncio.get_running_loop().time(), since))
        number = len(self.asked)
        await asyncio.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        return number


def test_no_minute_holds_more_questions_than_the_exchange_allows() -> None:
    async def play() -> None:
        book = Book()
        sent: list[float] = []
        for _ in range(120):
            await book.ration.take()
            sent.append(asyncio.get_running_loop().time())
        for began_s in sent:
            assert sum(began_s <= at_s < began_s + 60 for at_s in sent) <= PER_MINUTE + 1

    run_virtual(play)


def test_who_asks_at_the_same_time_shares_one_answer_from_the_earliest_place() -> None:
    async def play() -> None:
        book = Book()
        answers = await asyncio.gather(*(book.shared.answer(since) for since in (30, 10, 20)))
        assert answers == [1, 1, 1]
        assert [since for _, since in book.asked] == [10]

    run_virtual(play)


def test_an_answer_is_never_older_than_its_question() -> None:
    async def play() -> None:
        book = Book(takes_s=5)
        first = asyncio.create_task(book.shared.answer(1))
        await asyncio.sleep(1)  # the first question is under way
        assert await book.shared.answer(1) == 2
        assert await first == 1

    run_virtual(play)


def test_the_same_question_is_sent_at_most_once_a_second() -> None:
    async def play() -> None:
        book = Book(takes_s=0)
        for _ in range(4):
            await book.shared.answer(1)
        times = [at_s for at_s, _ in book.asked]
        assert all(later - earlier >= 0.999 for earlier, later in itertools.pairwise(times))

    run_virtual(play)


def test_who_gives_up_does_not_take_the_answer_from_the_others() -> None:
    async def play() -> None:
        book = Book()
        impatient = asyncio.create_task(book.shared.answer(1))
        patient = asyncio.create_task(book.shared.answer(1))
        await asyncio.sleep(0)
        impatient.cancel()
        assert await patient == 1

    run_virtual(play)


def test_an_error_is_told_to_all_who_wait_and_forgotten() -> None:
    async def play() -> None:
        book = Book()
        book.error = ValueError("no")
        told = await asyncio.gather(*(book.shared.answer(1) for _ in range(2)), return_exceptions=True)
        assert [str(error) for error in told] == ["no", "no"]
        book.error = None
        assert await book.shared.answer(1) == 2

    run_virtual(play)


def test_what_can_be_left_out_is_told_before_the_ration_is_used_up() -> None:
    async def play() -> None:
        book = Book()
        for _ in range(BURST - RESERVE):
            await book.ration.take()
        assert book.ration.can_spare
        await book.ration.take()
        assert not book.ration.can_spare

    run_virtual(play)


def test_when_the_exchange_says_that_it_was_asked_too_often_the_next_question_waits() -> None:
    async def play() -> None:
        book = Book()
        book.ration.exhausted()
        await book.ration.take()
        assert asyncio.get_running_loop().time() == pytest.approx(60 / (PER_MINUTE - BURST), rel=0.01)

    run_virtual(play)


def test_closed_nothing_is_asked_any_more() -> None:
    async def play() -> None:
        book = Book()
        task = asyncio.create_task(book.shared.answer(1))
        await asyncio.sleep(0)
        book.shared.close()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not book.asked

    run_virtual(play)
