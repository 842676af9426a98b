"""When the watchdog acts, when it does not, and when it is done."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from perpmaker.domain.errors import JournalError
from perpmaker.runtime.live.watchdog import Pulse, Verdict, watch
from support.virtual_time import run_virtual, virtual_clock

TIMEOUT_NS = 15 * 10**9


@dataclass
class Scene:
    """A run that beats every second until ``beats_until``, and what the watchdog did, by the second."""

    beats_until: float
    ends_at: float = 10**9
    returns_at: float = 10**9
    lives_on: bool = False
    cleaning_s: float = 0.0
    unreadable: tuple[float, float] = (10**9, 10**9)
    cleaned: list[float] = field(default_factory=list)
    said: list[tuple[int, str]] = field(default_factory=list)
    end_s: float = 0.0

    def play(self) -> Verdict:
        async def run() -> Verdict:
            loop = asyncio.get_running_loop()

            def read() -> Pulse:
                now = loop.time()
                if self.unreadable[0] <= now < self.unreadable[1]:
                    raise JournalError("the disk is gone: mount it")
                beats = min(now, self.beats_until) if now < self.returns_at else now
                return Pulse(1_000 + int(beats), has_ended=now >= self.ends_at)

            async def rescue() -> None:
                await asyncio.sleep(self.cleaning_s)
                self.cleaned.append(loop.time())

            verdict = await watch(
                read,
                rescue,
                lambda: self.lives_on,
                lambda text: self.said.append((int(loop.time()), text)),
                virtual_clock(),
                TIMEOUT_NS,
            )
            self.end_s = loop.time()
            return verdict

        return run_virtual(run)


def test_a_run_that_ends_is_left_alone() -> None:
    scene = Scene(beats_until=600, ends_at=600)
    assert scene.play() is Verdict.ENDED
    assert scene.cleaned == []
    assert scene.said == []


def test_a_run_that_has_ended_already_is_left_alone_at_once() -> None:
    scene = Scene(beats_until=0, ends_at=0)
    assert scene.play() is Verdict.ENDED
    assert scene.end_s == 0


def test_silence_for_the_whole_timeout_is_acted_upon_once() -> None:
    scene = Scene(beats_until=100)
    assert scene.play() is Verdict.RESCUED
    (cleaned,) = scene.cleaned
    assert 115 <= cleaned <= 117
    assert [text for _, text in scene.said] == ["no heartbeat for 15.0 s: cleaning up after the run"]


def test_a_heartbeat_that_is_late_and_not_too_late_is_none_of_its_business() -> None:
    scene = Scene(beats_until=100, returns_at=113, ends_at=300)
    assert scene.play() is Verdict.ENDED
    assert scene.cleaned == []


def test_a_run_that_was_dead_before_the_watchdog_came_has_the_whole_timeout_too() -> None:
    scene = Scene(beats_until=0)
    assert scene.play() is Verdict.RESCUED
    assert 15 <= scene.cleaned[0] <= 16


def test_while_its_process_is_there_it_may_return_and_is_watched_again() -> None:
    scene = Scene(beats_until=100, lives_on=True, returns_at=200, ends_at=400)
    assert scene.play() is Verdict.ENDED
    assert len(scene.cleaned) == 1
    assert [text for _, text in scene.said][1:] == ["the run is alive again: watching it"]


def test_a_rescue_under_way_is_dropped_when_the_run_is_alive_again() -> None:
    scene = Scene(beats_until=100, cleaning_s=60, returns_at=130, ends_at=300)
    assert scene.play() is Verdict.ENDED
    assert scene.cleaned == []


def test_a_rescue_takes_as_long_as_it_takes() -> None:
    scene = Scene(beats_until=100, cleaning_s=3_600)
    assert scene.play() is Verdict.RESCUED
    assert scene.end_s > 3_700


def test_the_end_that_the_rescue_itself_has_written_does_not_break_it_off() -> None:
    scene = Scene(beats_until=10, ends_at=30, cleaning_s=20)
    assert scene.play() is Verdict.RESCUED
    assert len(scene.cleaned) == 1


def test_a_journal_that_cannot_be_read_is_silence_and_told_once() -> None:
    scene = Scene(beats_until=100, unreadable=(50, 10**9))
    assert scene.play() is Verdict.RESCUED
    assert 64 <= scene.cleaned[0] <= 67
    assert [text for _, text in scene.said].count("no sign of life can be read: the disk is gone: mount it") == 1


def test_a_journal_that_cannot_be_read_for_a_moment_is_no_silence() -> None:
    scene = Scene(beats_until=300, unreadable=(50, 60), ends_at=300)
    assert scene.play() is Verdict.ENDED
    assert scene.cleaned == []


def test_what_breaks_in_a_rescue_is_not_lost() -> None:
    async def run() -> None:
        beats: Iterator[int] = iter([1] * 100)

        async def rescue() -> None:
            raise RuntimeError("a bug")

        read: Callable[[], Pulse] = lambda: Pulse(next(beats), has_ended=False)  # noqa: E731
        await watch(read, rescue, lambda: False, lambda _: None, virtual_clock(), TIMEOUT_NS)

    with pytest.raises(RuntimeError, match="a bug"):
        run_virtual(run)
