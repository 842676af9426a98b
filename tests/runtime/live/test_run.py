"""The driver as a whole: order of things, time, and every way in which a run can end."""

import asyncio
import threading
from decimal import Decimal

import pytest

from perpmaker.domain.events import EndReason, Filled, PositionCorrected, TimerFired
from perpmaker.domain.orders import Side
from perpmaker.venues.errors import Reaction, VenueError
from support.live_bench import DOWN, MARK, Bench, play
from support.live_runs import paper_venue, rig
from support.virtual_time import run_virtual, virtual_clock


def never_opens(bench: Bench) -> None:
    """The market stream is never there."""

    async def hang(_listener) -> None:
        await asyncio.Event().wait()

    bench.venue.open = hang


# --- a whole run ---


def test_ten_minutes_on_paper_agree_with_the_exchange_to_the_last_quantum():
    async def whole() -> None:
        clock = virtual_clock()
        venue = paper_venue(clock)
        run = await rig(venue, clock, duration_s=Decimal(600))
        outcome = await run.play()
        books = venue._exchange.books
        assert outcome.reason is EndReason.DURATION
        assert outcome.orders_left == 0
        assert run.statistics.fills > 30
        assert run.maker.position == books._position
        assert not books.in_force()
        assert not run.run.checks.refusals
        for name in ("position corrections", "lost orders cancelled", "missed executions", "balance corrections"):
            assert run.run.desk.counts[name] == 0

    run_virtual(whole)


def test_the_same_seed_makes_the_same_run():
    async def whole() -> list:
        clock = virtual_clock()
        run = await rig(paper_venue(clock, seed=3), clock, duration_s=Decimal(60))
        await run.play()
        return run.told.commands

    first, second = run_virtual(whole), run_virtual(whole)
    assert len(first) > 20
    assert first == second


def test_what_the_maker_is_told_first_is_the_position_it_takes_over():
    async def story(bench: Bench) -> None:
        bench.trade_elsewhere(20)
        await bench.start()
        assert isinstance(bench.rig.told.events[0], PositionCorrected)
        assert bench.maker.position.lots == 20
        assert len(bench.ours(Side.BUY)) == 1  # 0.1 of room
        assert bench.count("position corrections") == 0

    opening = [PositionCorrected(0, 0, 20, MARK)]
    play(story, more=lambda _: {"opening": opening})


# --- time ---


def test_refreshes_fall_on_whole_intervals_and_none_is_passed_over():
    async def story(bench: Bench) -> None:
        await bench.start()
        start_ns = bench.rig.told.events[0].at_ns
        await bench.wait(60)
        refreshes = [event.at_ns - start_ns for event in bench.rig.told.of(TimerFired) if event.is_refresh]
        assert [round(at_ns / 1e9, 2) for at_ns in refreshes] == [5 * count for count in range(1, 13)]

    play(story)


def test_a_refresh_that_is_due_comes_before_the_event_that_shows_it():
    async def story(bench: Bench) -> None:
        await bench.start(settle_s=4.5)
        bench.run._timer.cancel()  # the loop was busy: the timer is late
        bench.is_silent = True
        await bench.wait(0.8)
        bench.bid, bench.ask = 9_949, 9_951
        bench.tell_book()
        await bench.wait(0)
        kinds = [type(event).__name__ for event in bench.rig.told.events]
        assert kinds[-2:] == ["TimerFired", "BookUpdated"]

    play(story)


def test_the_run_ends_when_its_duration_is_over():
    async def story(bench: Bench) -> None:
        await bench.start()
        outcome = await bench.task
        assert outcome.reason is EndReason.DURATION
        assert 20 <= (bench.clock.now_ns() - bench.rig.told.events[0].at_ns) / 1e9 <= 21
        assert not bench.ours()

    play(story, duration_s=20)


# --- being stopped ---


def test_a_stop_from_another_thread_ends_cleanly():
    async def story(bench: Bench) -> None:
        await bench.start()
        thread = threading.Thread(target=bench.run.request_stop, args=(EndReason.TERMINATED,))
        thread.start()
        thread.join()
        outcome = await bench.task
        assert outcome.reason is EndReason.TERMINATED
        assert not bench.ours()

    play(story)


def test_a_stop_before_the_run_has_begun_is_not_forgotten():
    async def story(bench: Bench) -> None:
        await bench.build()
        bench.run.request_stop(EndReason.INTERRUPTED)
        outcome = await bench.run.run()
        assert outcome.reason is EndReason.INTERRUPTED
        assert not bench.venue.called("place")

    play(story)


def test_a_stop_while_the_streams_do_not_open_ends_at_once():
    async def story(bench: Bench) -> None:
        await bench.build()
        never_opens(bench)
        task = asyncio.create_task(bench.run.run())
        await bench.wait(100)
        bench.run.request_stop(EndReason.INTERRUPTED)
        outcome = await asyncio.wait_for(task, 1)
        assert outcome.orders_left == 0
        assert bench.venue.called("close")

    play(story)


def test_a_stop_after_the_end_does_no_harm():
    async def story(bench: Bench) -> None:
        await bench.start()
        await bench.end()
        bench.run.request_stop(EndReason.INTERRUPTED)
        await bench.wait(1)

    bench = play(story)
    bench.run.request_stop(EndReason.INTERRUPTED)  # and the loop is closed


def test_two_stops_are_one():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.run.request_stop(EndReason.INTERRUPTED)
        bench.run.request_stop(EndReason.TERMINATED)
        assert (await bench.task).reason is EndReason.INTERRUPTED

    play(story)


@pytest.mark.parametrize("when", ["quoting", "ending", "looking for what is left"])
def test_a_second_interrupt_cleans_nothing_up(when):
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.take_time("cancel_all", before_s=5)
        bench.venue.take_time("cancel_all", before_s=5)
        if when == "ending":
            bench.run.request_stop(EndReason.INTERRUPTED)
        elif when == "looking for what is left":
            bench.venue.take_time("open_orders", before_s=4)
            bench.run._fail(RuntimeError("x"))
        await bench.wait(0.5)
        asked = len(bench.venue.calls)
        bench.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await bench.task
        assert [name for name, _ in bench.venue.calls[asked:] if name != "close"] == []
        assert bench.run.orders_left is None
        assert len(bench.ours()) == 2
        bench.venue.resting.clear()

    play(story)


# --- what breaks ---


class Breaking:
    """An observer that breaks at the first fill, and every time after that."""

    def __init__(self) -> None:
        self.is_broken = False

    def on_step(self, _now_ns, events, _commands) -> None:
        self.is_broken = self.is_broken or any(isinstance(event, Filled) for event in events)
        if self.is_broken:
            raise RuntimeError("the disk is full")


async def fill_and_break(bench: Bench) -> None:
    bench.execute(bench.resting(Side.BUY).venue_id, 10)
    with pytest.raises(RuntimeError):
        await bench.task


def test_an_observer_that_breaks_ends_the_run_and_the_others_hear_everything():
    async def story(bench: Bench) -> None:
        await bench.start()
        audience = bench.run._audience
        audience.observers = [Breaking(), *audience.observers]
        await fill_and_break(bench)
        assert bench.run.orders_left == 0
        assert not bench.ours()
        assert len(bench.rig.told.of(Filled)) == 1
        assert bench.rig.told.events[-1].reason is EndReason.FAILED

    play(story)


def test_an_observer_that_breaks_at_the_very_end_is_an_error_too():
    class Late:
        def on_step(self, _now_ns, _events, commands) -> None:
            if any(type(command).__name__ == "Halt" for command in commands):
                raise RuntimeError("the disk is full")

    async def story(bench: Bench) -> None:
        await bench.start()
        with pytest.raises(RuntimeError, match="disk is full"):
            await bench.end()
        assert bench.run.orders_left == 0

    play(story, observers=[Late()])


def test_a_maker_that_breaks_ends_the_run_with_its_orders_cancelled():
    async def story(bench: Bench) -> None:
        await bench.start()

        def breaks(_event) -> list:
            raise ZeroDivisionError("division by zero")

        bench.maker._handlers[Filled] = breaks
        bench.execute(bench.resting(Side.BUY).venue_id, 10)
        with pytest.raises(ZeroDivisionError):
            await bench.task
        assert bench.run.orders_left == 0
        assert not bench.ours()

    play(story)


def test_a_task_that_breaks_ends_the_run_with_its_orders_cancelled():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.fail("clock", TypeError("a bug"))
        with pytest.raises(TypeError, match="a bug"):
            await bench.task
        assert bench.run.orders_left == 0
        assert not bench.ours()

    play(story)


def test_after_something_broke_nothing_is_quoted_any_more():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.fail("open_orders", *[DOWN] * 20)
        bench.run._fail(RuntimeError("something broke"))
        await bench.move(100)  # the market goes on, refreshes fall due
        await bench.move(100)
        assert len(bench.venue.called("place")) == 1
        with pytest.raises(RuntimeError):
            await bench.task
        assert not bench.ours()

    play(story)


def test_requests_under_way_when_something_breaks_leave_nothing_behind():
    async def story(bench: Bench) -> None:
        bench.venue.take_time("place", before_s=0.3)
        await bench.start(settle_s=0.2)
        bench.run._fail(RuntimeError("something broke"))
        await bench.wait(2)
        bench.venue.rest(side=Side.BUY, price_ticks=9_900, lots=10, order_id=1, tag=7)  # it had left already
        with pytest.raises(RuntimeError):
            await bench.task
        assert not bench.ours()

    play(story)


def test_a_note_that_cannot_be_written_ends_the_run_and_does_not_reach_the_venue():
    async def story(bench: Bench) -> None:
        await bench.start()

        def breaks(_kind: str, _text: str) -> None:
            raise OSError("no space left on device")

        bench.run._note_outside = breaks
        bench.account.on_account_stream(is_up=False)  # raises nothing
        with pytest.raises(OSError, match="no space"):
            await bench.task
        assert bench.run.orders_left == 0
        assert not bench.ours()

    play(story)


def test_the_first_error_is_the_one_that_is_raised():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.run._fail(RuntimeError("the first"))
        bench.run._fail(RuntimeError("the second"))
        with pytest.raises(RuntimeError, match="the first"):
            await bench.task

    play(story)


@pytest.mark.parametrize("method", ["open", "open_account"])
def test_a_venue_that_does_not_open_is_its_error_and_nothing_was_sent(method):
    async def story(bench: Bench) -> None:
        bench.venue.fail(method, VenueError("cannot be reached: check --base-url", Reaction.RETRY))
        await bench.build()
        with pytest.raises(VenueError, match="cannot be reached"):
            await bench.run.run()
        assert bench.run.orders_left == 0
        assert not bench.venue.called("place")
        assert bench.venue.called("close")

    play(story)


def test_the_private_stream_may_be_lost_while_the_market_opens():
    async def story(bench: Bench) -> None:
        bench.venue.before("open", lambda: bench.account.on_account_stream(is_up=False))
        await bench.start(settle_s=5)
        assert not bench.venue.called("place")
        bench.account.on_account_stream(is_up=True)
        await bench.wait(2)
        assert bench.ours()

    play(story)


# --- losses ---


@pytest.mark.parametrize(
    ("limit", "reason"), [("max_loss", EndReason.MAX_LOSS), ("max_drawdown", EndReason.MAX_DRAWDOWN)]
)
def test_a_limit_to_the_loss_ends_the_run_flat(limit, reason):
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.execute(bench.resting(Side.BUY).venue_id, 10)
        await bench.wait(1)
        bench.tell_mark(9_800_000)
        await bench.wait(0.1)
        (closing,) = [order for order in bench.ours(Side.SELL) if order.reduce_only]
        bench.execute(closing.venue_id, 10, is_told=False)  # and the stream does not tell
        outcome = await bench.task
        assert outcome.reason is reason
        assert outcome.orders_left == 0
        bench.check_agreement()
        assert bench.maker.position.lots == 0

    play(story, **{limit: Decimal("0.05")})


def test_a_closing_order_whose_end_the_stream_does_not_tell_is_found_out_and_followed_by_another():
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.execute(bench.resting(Side.BUY).venue_id, 10)
        await bench.wait(1)
        bench.tell_mark(9_800_000)
        await bench.wait(0.1)
        closing = bench.ours(Side.SELL)[-1]
        assert closing.reduce_only
        bench.execute(closing.venue_id, 3, is_told=False)
        bench.venue.end(closing.venue_id)
        await bench.wait(1.5)
        (again,) = [order for order in bench.ours(Side.SELL) if order.reduce_only]
        assert again.lots == 7
        bench.execute(again.venue_id, 7)
        await bench.wait(1)
        bench.check_agreement()

    play(story, stop_loss=Decimal("0.05"))
