"""The charts' points: the newest all there, the older ones thinned evenly, never too many."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.dashboard.chart import Chart
from perpmaker.monitor.history import MOST_OLD, MOST_RECENT
from perpmaker.monitor.view import Sample

S = 1_000_000_000


def points(first: int, last: int) -> list[Sample]:
    """One a second."""
    return [Sample(second * S, "1", None, [], [], "0", "0") for second in range(first, last)]


def times(chart: Chart) -> list[int]:
    return [sample.at_ns // S for sample in chart.after(0)]


def test_the_newest_points_are_all_there():
    chart = Chart()
    chart.extend(points(1, 10_001))
    assert times(chart)[-MOST_RECENT:] == list(range(10_001 - MOST_RECENT, 10_001))


@given(st.integers(1, 20_000), st.integers(1, 3_000))
def test_there_are_never_too_many_and_they_stay_in_order(count, known):
    chart = Chart()
    chart.replace(points(1, known + 1)[-MOST_OLD - MOST_RECENT :])
    chart.extend(points(known + 1, known + count + 1))
    kept = times(chart)
    assert len(kept) <= MOST_OLD + MOST_RECENT
    assert kept == sorted(set(kept))
    assert kept[-1] == known + count


def test_the_time_before_is_thinned_evenly():
    chart = Chart()
    chart.extend(points(1, 20_001))
    old = times(chart)[:-MOST_RECENT]
    gaps = [later - earlier for earlier, later in pairwise(old)]
    assert old[0] == 1
    assert max(gaps) <= 2 * min(gaps)


def test_what_the_run_has_kept_takes_the_place_of_what_was_known():
    chart = Chart()
    chart.extend(points(500, 600))
    chart.replace(points(1, 700))
    assert times(chart) == list(range(1, 700))


def test_only_what_is_later_is_told():
    chart = Chart()
    chart.extend(points(1, 2_001))
    assert [sample.at_ns // S for sample in chart.after(1_998 * S)] == [1_999, 2_000]
    assert chart.after(2_000 * S) == []
    assert chart.after(10 * S)[0].at_ns > 10 * S
