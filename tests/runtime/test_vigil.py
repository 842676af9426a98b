"""A silent stream is looked into; a dead one is opened anew until it lives."""

import asyncio

from perpmaker.runtime.vigil import Vigil
from perpmaker.venues.errors import Reaction, VenueError
from support.virtual_time import run_virtual, virtual_clock

S = 1_000_000_000


class Source:
    """A source that tells when it is asked to, and counts what is asked of it."""

    def __init__(self, answers="alive"):
        self.answers = answers
        self.asked, self.restarted = 0, 0
        self.listener = None
        self.clock = virtual_clock()

    def tell(self):
        now_ns = self.clock.now_ns()
        self.listener.on_market(None, (), now_ns, now_ns)

    async def resnapshot(self):
        self.asked += 1
        if self.answers == "alive":
            self.tell()
        elif self.answers == "error":
            raise VenueError("down", Reaction.RETRY)
        elif self.answers == "never":
            await asyncio.Event().wait()

    async def restart(self):
        self.restarted += 1


def watch(story, answers="alive"):
    async def run():
        source = Source(answers)
        vigil = Vigil(source, source.clock, 10 * S)
        source.listener = vigil
        source.tell()
        await story(source)
        await vigil.close()
        assert vigil.restarts == source.restarted
        return source.asked, source.restarted

    return run_virtual(run)


async def silence(_source):
    await asyncio.sleep(35)


def test_a_stream_that_speaks_is_left_alone():
    async def speech(source):
        for _ in range(20):
            await asyncio.sleep(9)
            source.tell()

    assert watch(speech) == (0, 0)


def test_a_quiet_market_is_asked_and_not_restarted():
    assert watch(silence) == (3, 0)


def test_a_stream_without_life_is_opened_anew_again_and_again():
    assert watch(silence, "error") == (3, 3)
    assert watch(silence, "silent") == (3, 3)


def test_a_question_that_is_never_answered_does_not_hold_it_up():
    asked, restarted = watch(silence, "never")
    assert (asked, restarted) == (2, 1)


def test_life_after_a_restart_ends_it():
    async def story(source):
        await asyncio.sleep(12)
        source.answers = "alive"
        source.tell()
        await asyncio.sleep(5)

    assert watch(story, "error") == (1, 1)
