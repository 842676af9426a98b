"""A run that is looked at: what is kept, what is shown to whom, and that nothing of it can end the run."""

from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from perpmaker.domain.events import EndReason, Filled, StopRequested
from perpmaker.domain.orders import Side
from perpmaker.monitor.monitor import PERIOD_NS
from perpmaker.monitor.places import PLACE
from perpmaker.monitor.view import Hello, RunView
from support.live_runs import paper_venue
from support.monitored import Monitored, links_in_a_short_place, monitored
from support.virtual_time import run_virtual, virtual_clock

MINUTE = Decimal(60)


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with links_in_a_short_place(monkeypatch) as folder:
        yield folder


def play(story: Callable[[Monitored], Awaitable[None]], **settings: object) -> Monitored:
    async def whole() -> Monitored:
        clock = virtual_clock()
        rig = await monitored(paper_venue(clock), clock, duration_s=MINUTE, **settings)
        await story(rig)
        return rig

    return run_virtual(whole)


def view_of(rig: Monitored) -> RunView:
    view = rig.monitor.latest_view()
    assert view is not None
    return view


def kept(rig: Monitored) -> Hello:
    return rig.monitor._hello()


def test_a_run_is_kept_from_its_first_line_to_its_last_though_nobody_looked() -> None:
    async def story(rig: Monitored) -> None:
        outcome, summary = await rig.play()
        hello = kept(rig)
        assert hello.view.is_over
        assert hello.view.end_reason == outcome.reason.value
        assert sum(item.kind == "fill" for item in hello.items) == summary.fills
        assert [item.seq for item in hello.items] == list(range(1, len(hello.items) + 1))
        assert {"not quoting", "quoting", "ending"} <= {item.kind for item in hello.items}
        assert 59 <= len(hello.samples) <= 63
        assert hello.view.at_ns - hello.samples[-1].at_ns < 10**9
        assert any(sample.bids and sample.asks for sample in hello.samples)

    play(story)


def test_a_view_is_made_four_times_a_second_at_most_for_who_asks_often() -> None:
    async def story(rig: Monitored) -> None:
        seen = []

        class Asks:
            def on_step(self, *_: object) -> None:
                seen.append(view_of(rig))

        rig.run._audience.observers.append(Asks())
        await rig.play()
        views = {view.revision: view for view in seen}.values()
        assert len(seen) > 2 * len(views)
        times = [view.at_ns for view in views]
        assert all(after - before >= PERIOD_NS for before, after in pairwise(times))

    play(story)


def test_a_fill_that_is_told_twice_is_shown_once() -> None:
    async def story(rig: Monitored) -> None:
        await rig.play()
        before = view_of(rig)
        fill = Filled(1, 1, 4_711_000, 1, Side.BUY, 10_000, 10, True, 0)
        rig.monitor.on_step(1, [fill], [])
        rig.monitor.on_step(2, [fill], [])
        assert sum(item.kind == "fill" for item in kept(rig).items) == before.counts.fills + 1

    play(story)


def test_there_is_nothing_to_see_before_the_run_begins() -> None:
    async def story(rig: Monitored) -> None:
        assert rig.monitor.latest_view() is None
        await rig.monitor.close(EndReason.FAILED)
        assert rig.monitor.latest_view() is None

    play(story)


def test_the_end_is_told_once_and_stays() -> None:
    async def story(rig: Monitored) -> None:
        await rig.play()
        last = view_of(rig)
        await rig.monitor.close(EndReason.FAILED)
        assert view_of(rig) is last
        assert last.end_reason == EndReason.DURATION.value

    play(story)


def test_a_run_that_breaks_says_why_it_ended() -> None:
    async def story(rig: Monitored) -> None:
        def breaks(*_: object) -> None:
            raise ZeroDivisionError

        rig.subject.statistics.on_step = breaks
        await rig.monitor.open(rig.run, rig.wishes.carry_out)
        with pytest.raises(ZeroDivisionError):
            await rig.run.run()
        await rig.monitor.close(EndReason.FAILED)
        assert (view_of(rig).end_reason, view_of(rig).is_over) == ("unrecoverable error", True)

    play(story)


def test_a_link_that_cannot_be_opened_is_a_note_and_the_run_goes_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PLACE, str(place / ("x" * 100)))

    async def story(rig: Monitored) -> None:
        outcome, summary = await rig.play()
        assert outcome.reason is EndReason.DURATION
        assert summary.fills
        assert view_of(rig).is_over

    (note,) = [note for note in play(story).notes if note[0] == "link"]
    assert "cannot be looked at from outside" in note[1]
    assert f"name a shorter place in {PLACE}" in note[1]


def test_what_breaks_in_the_monitor_is_noted_once_and_the_run_goes_on() -> None:
    async def story(rig: Monitored) -> None:
        def breaks(*_: object) -> None:
            raise ZeroDivisionError("a bug")

        rig.monitor._history.on_step = breaks
        outcome, summary = await rig.play()
        assert outcome.reason is EndReason.DURATION
        assert summary.fills

    notes = [text for kind, text in play(story).notes if kind == "link"]
    assert notes == ["what is shown of this run stands still, it goes on itself: ZeroDivisionError('a bug')"]


def test_a_view_that_cannot_be_made_is_noted_once_and_ends_nothing() -> None:
    async def story(rig: Monitored) -> None:
        object.__setattr__(rig.subject, "settings", lambda: 1 // 0)
        await rig.monitor.open(rig.run, rig.wishes.carry_out)
        assert rig.monitor.latest_view() is None
        outcome = await rig.run.run()
        await rig.monitor.close(outcome.reason)
        assert outcome.reason is EndReason.DURATION

    assert sum(kind == "link" for kind, _ in play(story).notes) == 1


def test_a_run_that_was_abandoned_leaves_no_socket(place: Path) -> None:
    async def story(rig: Monitored) -> None:
        await rig.monitor.open(rig.run, rig.wishes.carry_out)
        assert list((place / "perpmaker").iterdir())
        rig.monitor.abandon()
        assert not list((place / "perpmaker").iterdir())

    play(story)


def test_notes_and_wishes_are_lines() -> None:
    async def story(rig: Monitored) -> None:
        rig.monitor.note("control", "ann: pause: quoting is paused")
        now_ns = rig.subject.clock.now_ns()
        rig.monitor.on_step(now_ns, [StopRequested(now_ns, EndReason.INTERRUPTED)], [])
        await rig.monitor.open(rig.run, rig.wishes.carry_out)
        assert [(item.kind, item.text) for item in kept(rig).items] == [
            ("control", "ann: pause: quoting is paused"),
            ("stop requested", "interrupted"),
        ]
        rig.monitor.abandon()

    play(story)
