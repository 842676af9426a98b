"""Snapshots become differences: applying the rows shows the snapshot again, and nothing that it denies."""

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.data.snapshots import EVERY_ASK, KEPT_LEVELS, Levels, Row, SnapshotDifferences, overlay
from perpmaker.simulation import market_events as me


class DictBook:
    """What rows mean, said as plainly as possible."""

    def __init__(self) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}

    def apply(self, rows: list[Row]) -> None:
        for kind, price, lots in rows:
            if kind in (me.CLEAR_BIDS, me.BEST_BID):
                keep = price + (kind == me.BEST_BID)
                self.bids = {level: size for level, size in self.bids.items() if level < keep}
            elif kind in (me.CLEAR_ASKS, me.BEST_ASK):
                keep = price - (kind == me.BEST_ASK)
                self.asks = {level: size for level, size in self.asks.items() if level > keep}
            if kind in (me.BID, me.BEST_BID, me.ASK, me.BEST_ASK):
                side = self.bids if kind in (me.BID, me.BEST_BID) else self.asks
                side.pop(price, None)
                if lots:
                    side[price] = lots

    def top(self, bids: int, asks: int) -> tuple[Levels, Levels]:
        return sorted(self.bids.items(), reverse=True)[:bids], sorted(self.asks.items())[:asks]


def side_of(prices: st.SearchStrategy[int], *, best_high: bool) -> st.SearchStrategy[Levels]:
    levels = st.dictionaries(prices, st.integers(1, 9), max_size=6)
    return levels.map(lambda chosen: sorted(chosen.items(), reverse=best_high))


SNAPSHOTS = st.lists(
    st.tuples(side_of(st.integers(80, 100), best_high=True), side_of(st.integers(95, 115), best_high=False)),
    min_size=1,
    max_size=8,
)


@given(SNAPSHOTS)
def test_applying_the_rows_shows_every_snapshot_again(snapshots: list[tuple[Levels, Levels]]):
    differences, book = SnapshotDifferences(), DictBook()
    for index, (bids, asks) in enumerate(snapshots):
        book.apply(differences.restate(bids, asks) if index == 0 else differences.update(bids, asks))
        assert book.top(len(bids), len(asks)) == (bids, asks)
        if not bids:
            assert not book.bids
        if not asks:
            assert not book.asks


@given(SNAPSHOTS, st.lists(st.tuples(st.integers(80, 97), st.integers(98, 115)), min_size=8, max_size=8))
def test_quotes_in_between_change_nothing_about_that(
    snapshots: list[tuple[Levels, Levels]], quotes: list[tuple[int, int]]
):
    differences, book = SnapshotDifferences(), DictBook()
    book.apply(differences.restate([], []))
    for (bids, asks), (bid, ask) in zip(snapshots, quotes, strict=False):
        book.apply(differences.best((bid, 3), (ask, 4)))
        assert book.top(1, 1) == ([(bid, 3)], [(ask, 4)])
        book.apply(differences.update(bids, asks))
        assert book.top(len(bids), len(asks)) == (bids, asks)


def test_only_what_changed_becomes_a_row():
    differences = SnapshotDifferences()
    differences.restate([(10, 1), (9, 2), (8, 3)], [(12, 1)])
    assert differences.update([(10, 1), (9, 5), (8, 3)], [(12, 1)]) == [(me.BID, 9, 5)]
    assert differences.update([(10, 1), (9, 5), (8, 3)], [(12, 1)]) == []


def test_the_first_snapshot_clears_both_sides():
    rows = SnapshotDifferences().restate([(10, 1)], [(12, 2)])
    assert rows == [(me.CLEAR_BIDS, 0, 0), (me.CLEAR_ASKS, EVERY_ASK, 0), (me.BID, 10, 1), (me.ASK, 12, 2)]


def test_a_level_not_listed_in_the_visible_range_is_gone():
    differences = SnapshotDifferences()
    differences.restate([(10, 1), (9, 2), (8, 3)], [(12, 1)])
    assert differences.update([(10, 1), (8, 3), (7, 4)], [(12, 1)]) == [(me.BID, 9, 0), (me.BID, 7, 4)]


def test_a_level_beyond_the_deepest_visible_stays():
    differences = SnapshotDifferences()
    differences.restate([(10, 1), (9, 2)], [(12, 1)])
    assert differences.update([(11, 1), (10, 1)], [(12, 1)]) == [(me.BID, 11, 1)]
    # and is known when it comes into sight again
    assert differences.update([(10, 1), (9, 2)], [(12, 1)]) == [(me.BID, 11, 0)]


def test_levels_far_from_the_touch_are_removed_before_they_fill_the_memory():
    differences, book = SnapshotDifferences(), DictBook()
    book.apply(differences.restate([(1, 1)], [(10**6, 1)]))
    for price in range(2, 2 * KEPT_LEVELS + 2):
        book.apply(differences.update([(price, 1)], [(10**6, 1)]))
    assert len(book.bids) == KEPT_LEVELS
    assert min(book.bids) == KEPT_LEVELS + 2


def test_an_older_snapshot_counts_only_behind_a_newer_quote():
    assert overlay([(11, 1), (10, 2), (9, 3)], (10, 7), 1) == [(10, 7), (9, 3)]
    assert overlay([(11, 1), (12, 2)], (10, 7), -1) == [(10, 7), (11, 1), (12, 2)]
