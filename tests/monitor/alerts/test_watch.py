"""A run under watch: what happens in it becomes an alert, and nothing that an alert does reaches it."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from perpmaker.domain.commands import Notice, NoticeKind
from perpmaker.domain.events import EndReason, GapEnded
from perpmaker.domain.orders import Side
from perpmaker.monitor.alerts.kinds import FILLS, LOOP_NS, LOOP_SIGNS, OF_NOTES, UNTOLD_NOTES, Severity
from perpmaker.monitor.alerts.watch import RunAlerts
from perpmaker.runtime.outcome import Outcome
from support.alert_posts import SOL, Post, about, fill, posted, summary
from support.live_bench import Bench as LiveBench
from support.live_bench import play
from support.maker_bench import Bench, instrument
from support.virtual_time import START_NS

NAME = "LIVE SOL_USDC_PERP on backpack"


class Clock:
    def __init__(self) -> None:
        self.at_ns = START_NS

    def now_ns(self) -> int:
        return self.at_ns


@dataclass
class Watched:
    """A maker on a bench, the alerts of its run, and what they sent and told."""

    bench: Bench
    alerts: RunAlerts
    post: Post
    told: list[str]
    clock: Clock

    def step(self, commands: Any = (), events: Any = ()) -> None:
        self.alerts.on_step(self.clock.at_ns, events, commands)

    @property
    def kinds(self) -> list[str]:
        return [title.removeprefix(f"{NAME}: ") for title in self.post.titles]

    @property
    def last(self) -> list[str]:
        return self.post.messages[-1].body.splitlines()[:-1]


@pytest.fixture
def watched() -> Watched:
    clock = Clock()
    bench = Bench(instrument(), spread="0.01", quantity="0.1", max_orders=1, max_position="1", stop_loss="0.05")
    sent, post, told = posted(clock)
    return Watched(bench, RunAlerts(sent, about(), bench.maker, SOL, clock), post, told, clock)


def test_a_stop_is_told_with_the_position_and_then_that_it_is_closed(watched: Watched) -> None:
    bench = watched.bench
    bench.hold("1", "100")
    watched.step(bench.price("100"))
    assert watched.kinds == []
    watched.step(bench.price("90"))
    assert watched.kinds == ["stop loss"]
    assert watched.last == ["position +1.00 SOL, unrealized -10.00 USDC"]
    (close,) = [order for order in bench.maker.orders if order.reduce_only]
    watched.step(bench.execute(close.order_id, Side.SELL, 9_000, 100))
    assert watched.kinds == ["stop loss", "position closed"]
    assert watched.last[0] == "flat after stop loss"


def test_a_halt_is_told_an_end_that_somebody_wanted_is_not(watched: Watched) -> None:
    for reason in (EndReason.DURATION, EndReason.FEED_EXHAUSTED, EndReason.INTERRUPTED, EndReason.TERMINATED):
        watched.step([Notice(NoticeKind.ENDING, 0, 0, reason.value)])
    assert watched.kinds == []
    watched.step([Notice(NoticeKind.ENDING, 0, 0, EndReason.MAX_DAILY_LOSS.value)])
    assert watched.kinds == ["halt"]
    assert watched.last[0] == "maximum loss of the day"


def test_every_remark_that_is_told_is_told_in_its_own_words(watched: Watched) -> None:
    for kind in OF_NOTES:
        watched.alerts.note(kind, f"about {kind}")
    assert watched.kinds == [kind.name for kind in OF_NOTES.values()]
    assert all(f"about {note}" in message.body for note, message in zip(OF_NOTES, watched.post.messages, strict=True))


def test_other_remarks_are_not_told(watched: Watched) -> None:
    for kind in (*UNTOLD_NOTES, "something new"):
        watched.alerts.note(kind, "words")
    assert watched.kinds == []


def test_a_stale_book_that_is_back_is_told_once(watched: Watched) -> None:
    back = GapEnded(0, 0)
    watched.step(events=[back])
    assert watched.kinds == []
    watched.alerts.note("stale", "no book for 3.0 s")
    watched.step(events=[back, back])
    assert watched.kinds == ["stale book", "book back"]


def test_streams_that_are_lost_again_and_again_are_a_loop(watched: Watched) -> None:
    for number in range(2 * LOOP_SIGNS):
        watched.alerts.note("not quoting", f"market data gap {number}")
        watched.clock.at_ns += 10**9
    assert watched.kinds == ["reconnect loop"]
    assert watched.last == [f"5 times within 5 minutes; the last: market data gap {LOOP_SIGNS - 1}"]


def test_losses_that_lie_far_apart_are_no_loop(watched: Watched) -> None:
    for _ in range(3 * LOOP_SIGNS):
        watched.alerts.note("not quoting", "market data gap")
        watched.clock.at_ns += LOOP_NS // (LOOP_SIGNS - 1) + 1
    assert watched.kinds == []


def test_fills_are_told_with_position_and_net(watched: Watched) -> None:
    bench = watched.bench
    bench.price("100")
    bench.hold("0.1", "99")
    watched.step(events=[fill(1, ticks=9_900, at_ns=START_NS)])
    watched.alerts.tick(START_NS + FILLS.pause_ns)
    assert watched.kinds == ["fills"]
    assert watched.last == [
        "1 fill: bought 0.10 SOL for 9.90 USDC (1); fees 0.00 USDC",
        "position +0.10 SOL, net +0.10 USDC",
    ]


def test_without_a_mark_the_net_is_unknown(watched: Watched) -> None:
    watched.step(events=[fill(1, at_ns=START_NS)])
    watched.alerts.tick(START_NS + FILLS.pause_ns)
    assert watched.last[-1].endswith("net unknown")


def test_the_end_has_the_summary_and_the_fills_that_were_not_told_yet(watched: Watched) -> None:
    watched.step(events=[fill(1)])
    watched.alerts.tell_end(summary(fills=(fill(1),)), Outcome(EndReason.DURATION, 0))
    watched.alerts.tick(START_NS + 10 * FILLS.pause_ns)
    assert watched.kinds == ["run end"]
    assert watched.post.messages[-1].severity is Severity.INFO
    assert watched.last[0] == "ended after 3 h 0 min: duration reached"
    assert watched.last[-1] == "last 1 fill: bought 0.10 SOL for 10.00 USDC (1); fees 0.00 USDC"


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome(EndReason.MAX_LOSS, 0), None),
        (Outcome(EndReason.DURATION, 1), None),
        (Outcome(EndReason.DURATION, None), None),
        (Outcome(EndReason.DURATION, 0), ValueError("x")),
    ],
)
def test_an_end_that_a_person_must_look_at_is_an_error(
    watched: Watched, outcome: Outcome, error: Exception | None
) -> None:
    watched.alerts.tell_end(summary(), outcome, error)
    assert watched.kinds == ["run failed"]
    assert watched.post.messages[-1].severity is Severity.ERROR


def test_its_own_errors_do_not_reach_the_run(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_message: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(watched.post, "put", broken)
    watched.alerts.note("stale", "words")
    watched.step([Notice(NoticeKind.STOP_LOSS, 0, 0, "")])
    watched.alerts.tell_end(summary(), Outcome(EndReason.DURATION, 0))
    assert len(watched.told) == 1


# --- a whole run in virtual time ---


def watching(bench: LiveBench) -> tuple[Post, RunAlerts]:
    """The alerts of the bench's run, as a session puts them there."""
    sent, post, _ = posted(bench.clock)
    alerts = RunAlerts(sent, about(), bench.maker, bench.venue.terms.instrument, bench.clock)
    bench.run._audience.observers.append(alerts)
    outside = bench.run._note_outside

    def note(kind: str, text: str) -> None:
        outside(kind, text)
        alerts.note(kind, text)

    bench.run._note_outside = note
    return post, alerts


def test_a_silent_market_is_told_once_and_that_it_is_back() -> None:
    async def story(bench: LiveBench) -> None:
        await bench.start()
        post, _ = watching(bench)
        bench.is_silent = True
        await bench.wait(12)
        bench.is_silent = False
        await bench.wait(5)
        assert post.titles == [f"{NAME}: stale book", f"{NAME}: book back"]

    play(story)


def test_a_position_that_somebody_else_changed_is_told() -> None:
    async def story(bench: LiveBench) -> None:
        await bench.start()
        post, _ = watching(bench)
        bench.trade_elsewhere(5)
        await bench.wait(60)
        kinds = [title.rpartition(": ")[2] for title in post.titles]
        assert kinds == ["foreign orders", "reconciliation"]
        assert "corrected by 0.05" in post.messages[-1].body

    play(story)


def test_the_alerts_of_a_run_change_nothing_in_it() -> None:
    """The same story with and without them: the same orders at the same times."""

    def told(*, has_alerts: bool) -> list[Any]:
        async def story(bench: LiveBench) -> None:
            await bench.start()
            if has_alerts:
                watching(bench)
            bench.execute(bench.resting(Side.BUY).venue_id, 5)
            await asyncio.sleep(7)
            await bench.move(20)

        return play(story).rig.told.commands

    assert told(has_alerts=True) == told(has_alerts=False)
