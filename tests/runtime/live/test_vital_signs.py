"""How fast a run is: what the buckets say of it, and that every wire and every event is measured once."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.events import OrderRejected
from perpmaker.domain.orders import RejectReason
from perpmaker.runtime.live.desk import QUESTION
from perpmaker.runtime.live.executor import CANCEL, CANCEL_ALL, PLACE
from perpmaker.runtime.live.vital_signs import BOUNDS_NS, Histogram, together
from perpmaker.venues.port import Refused
from support.live_bench import DOWN, Bench, facts, play

MS = 1_000_000


def of(*took_ns: int) -> Histogram:
    histogram = Histogram()
    for one in took_ns:
        histogram.add(one)
    return histogram


# --- histograms ---


def test_bounds_grow_by_a_quarter_from_a_microsecond_to_more_than_a_minute() -> None:
    assert BOUNDS_NS[0] == 1_000
    assert BOUNDS_NS[-1] == 80 * 10**9
    assert all(1.2 < after / before < 1.3 for before, after in pairwise(BOUNDS_NS))


def test_nothing_measured_has_no_quantile() -> None:
    assert Histogram().quantile_ns(0.99) is None


def test_a_bound_belongs_to_its_bucket() -> None:
    assert of(1_000).cumulative()[0] == 1
    assert of(1_001).cumulative()[0] == 0


def test_what_takes_longer_than_every_bound_is_counted_and_known_by_the_longest() -> None:
    histogram = of(200 * 10**9, 100 * 10**9)
    assert histogram.cumulative()[-1] == 2
    assert histogram.quantile_ns(0.5) == 200 * 10**9


@given(st.lists(st.integers(0, 10**11), min_size=1, max_size=60), st.floats(0, 1))
def test_a_quantile_is_never_below_the_true_one_and_a_quarter_above_it_at_most(took: list[int], share: float) -> None:
    histogram = of(*took)
    ordered = sorted(took)
    true = ordered[max(0, -int(-share * len(took) // 1) - 1)]
    found = histogram.quantile_ns(share)
    assert found is not None
    assert found >= true
    assert found <= max(1_000, true * 1.27, histogram.max_ns if true > BOUNDS_NS[-1] else 0)


@given(st.lists(st.lists(st.integers(0, 10**11), max_size=20), max_size=4))
def test_histograms_together_are_the_histogram_of_all(parts: list[list[int]]) -> None:
    whole = together(of(*part) for part in parts)
    of_all = of(*(one for part in parts for one in part))
    assert (whole.counts, whole.sum_ns, whole.max_ns) == (of_all.counts, of_all.sum_ns, of_all.max_ns)
    assert whole.count == sum(map(len, parts))


# --- in a run ---


def test_every_event_is_measured_and_one_that_waited_for_its_turn_with_its_wait() -> None:
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.run._audience.tell()
        assert bench.run.signs.decision.count == len(bench.rig.told.events)
        assert bench.run.signs.decision.max_ns == 0, "in virtual time nothing takes any"
        now_ns = bench.clock.now_ns()
        bench.market.on_market(None, (), now_ns, now_ns)
        assert bench.run.signs.decision.count == len(bench.rig.told.events), "no event, nothing to decide"

    play(story)


def test_a_message_counts_from_when_it_was_received() -> None:
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.is_silent = True
        before = bench.run.signs.decision.count
        received_ns = bench.clock.now_ns()
        await bench.wait(0.003)
        bench.market.on_market(bench.run._book._replace(bid_lots=11), (), received_ns, received_ns)
        assert bench.run.signs.decision.count == before + 1
        assert bench.run.signs.decision.max_ns == pytest.approx(3 * MS, abs=1_000)

    play(story)


def test_requests_are_measured_from_sending_to_answer_by_kind() -> None:
    async def story(bench: Bench) -> None:
        bench.venue.take_time("place", 0.02, 0.03)
        bench.venue.take_time("cancel", 0.0, 0.01)
        bench.venue.take_time("position", 0.0, 0.007)
        await bench.start()
        await bench.move(20)
        wire = bench.run.signs.wire
        assert wire[PLACE].max_ns == pytest.approx(50 * MS, abs=1_000)
        assert wire[CANCEL].max_ns == pytest.approx(10 * MS, abs=1_000)
        assert wire[QUESTION].max_ns == pytest.approx(7 * MS, abs=1_000)
        assert wire[PLACE].count == bench.count("requests: place")

    play(story, venue=facts(can_cancel_all=False))


def test_a_cancel_of_everything_is_measured_too() -> None:
    async def story(bench: Bench) -> None:
        await bench.start()
        bench.venue.take_time("cancel_all", 0.0, 0.02)
        await bench.end()
        assert bench.run.signs.wire[CANCEL_ALL].max_ns == pytest.approx(20 * MS, abs=1_000)

    play(story)


def test_what_is_never_answered_is_no_measurement() -> None:
    async def story(bench: Bench) -> None:
        bench.venue.take_time("place", 0.0, 60.0)
        await bench.start(settle_s=15)
        assert bench.run.signs.wire[PLACE].max_ns < 60 * 10**9
        assert bench.run.signs.wire[PLACE].count < bench.count("requests: place")
        questions = bench.run.signs.wire[QUESTION].count
        bench.venue.break_down(DOWN)
        await bench.wait(20)
        assert bench.run.signs.wire[QUESTION].count == questions

    play(story, is_ended=False)


def test_a_refusal_is_counted_once_with_its_reason_however_often_it_is_told() -> None:
    async def story(bench: Bench) -> None:
        reason = RejectReason.POST_ONLY_WOULD_CROSS
        bench.venue.answer("place", [Refused(1, reason, "no"), Refused(2, reason, "no")])
        await bench.start(settle_s=0.1)
        first, second = bench.rig.told.of(OrderRejected)
        bench.account.on_own(first)
        bench.account.on_own(second)
        assert bench.run.signs.rejects == {reason: 2}

    play(story)


def test_the_last_reconciliation_that_had_an_answer_is_known() -> None:
    async def story(bench: Bench) -> None:
        await bench.build()
        assert bench.run.reconciled_ns is None
        await bench.start()
        found_ns = bench.run.reconciled_ns
        assert found_ns is not None
        bench.venue.break_down(DOWN)
        await bench.wait(40)
        assert bench.run.reconciled_ns == found_ns

    play(story, is_ended=False)


def test_it_is_said_why_the_maker_is_blind() -> None:
    async def story(bench: Bench) -> None:
        await bench.start()
        assert bench.run.blind_for == []
        bench.is_silent = True
        await bench.wait(6)
        bench.account.on_account_stream(is_up=False)
        assert bench.run.blind_for == ["account unknown", "book stale"]
        assert bench.run.signs.book_ns is not None
        assert bench.clock.now_ns() - bench.run.signs.book_ns > 5 * 10**9

    play(story, is_ended=False)
