"""The book from snapshots and updates: right, or known to be blind."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.simulation.player import FeedRow
from perpmaker.venues.backpack import depth
from perpmaker.venues.backpack.depth import DepthSync, Doubt, Heard, Update


def snapshot(last_id: int, bids: dict[int, int], asks: dict[int, int]) -> Update:
    rows = [FeedRow(me.BID, *level) for level in bids.items()] + [FeedRow(me.ASK, *level) for level in asks.items()]
    return Update(last_id, last_id, rows, last_id * 1000)


def bid(first: int, price: int, lots: int, last: int | None = None) -> Update:
    return Update(first, first if last is None else last, [FeedRow(me.BID, price, lots)], first * 1000)


def levels(sync: DepthSync, side: Side = Side.BUY) -> dict[int, int]:
    return dict(sync.book.levels(side))


@pytest.fixture
def sync() -> DepthSync:
    sync = DepthSync()
    assert sync.snapshot(snapshot(10, {99: 5}, {101: 5}))
    return sync


def test_it_is_blind_until_the_first_snapshot():
    sync = DepthSync()
    assert sync.is_blind
    assert sync.update(bid(11, 98, 1)) is Heard.KEPT
    assert sync.snapshot(snapshot(10, {99: 5}, {101: 5}))
    assert levels(sync) == {99: 5, 98: 1}


def test_updates_that_join_are_applied(sync):
    assert sync.update(bid(11, 98, 7)) is Heard.APPLIED
    assert sync.update(bid(12, 97, 7, last=15)) is Heard.APPLIED
    assert (sync.last_id, sync.venue_ns) == (15, 12_000)


def test_an_update_that_overlaps_joins(sync):
    assert sync.update(bid(8, 98, 7, last=11)) is Heard.APPLIED


@pytest.mark.parametrize("repeated", [bid(10, 99, 1), bid(3, 99, 1, last=9)])
def test_an_update_that_the_book_has_changes_nothing(sync, repeated):
    assert sync.update(repeated) is Heard.KNOWN
    assert levels(sync) == {99: 5}


def test_a_hole_blinds(sync):
    assert sync.update(bid(12, 98, 7)) is Heard.LOST
    assert sync.is_blind
    assert levels(sync) == {99: 5}


def test_the_missing_update_ends_the_blindness(sync):
    sync.update(bid(12, 98, 7))
    assert sync.update(bid(14, 96, 7)) is Heard.KEPT
    assert sync.update(bid(13, 97, 7)) is Heard.KEPT
    assert sync.update(bid(11, 99, 1)) is Heard.JOINED
    assert levels(sync) == {99: 1, 98: 7, 97: 7, 96: 7}


def test_a_newer_snapshot_ends_the_blindness(sync):
    sync.update(bid(12, 98, 7))
    sync.update(bid(13, 97, 7))
    assert sync.snapshot(snapshot(12, {99: 2}, {101: 5}))
    assert levels(sync) == {99: 2, 97: 7}


def test_a_snapshot_that_is_too_old_does_not(sync):
    sync.update(bid(13, 98, 7))
    assert not sync.snapshot(snapshot(11, {99: 2}, {101: 5}))
    assert sync.is_blind
    assert sync.snapshot(snapshot(12, {99: 3}, {101: 5}))
    assert levels(sync) == {99: 3, 98: 7}


def test_a_lost_stream_is_not_joined_to(sync):
    sync.lose()
    assert sync.update(bid(11, 98, 7)) is Heard.KEPT
    assert sync.is_blind


def test_a_crossed_book_blinds(sync):
    assert sync.update(bid(11, 101, 1)) is Heard.LOST
    assert sync.update(bid(12, 101, 0)) is Heard.KEPT
    assert not DepthSync().snapshot(snapshot(1, {5: 1}, {5: 1}))


def test_what_is_kept_is_bounded(sync, monkeypatch):
    monkeypatch.setattr(depth, "MOST_KEPT", 100)
    sync.lose()
    for number in range(1000):
        sync.update(bid(100 + number, 98, 1))
    assert len(sync._kept) <= 100
    assert not sync.snapshot(snapshot(99, {99: 5}, {101: 5}))
    assert sync.snapshot(snapshot(1100, {99: 5}, {101: 5}))


# --- doubt ---


def test_a_book_that_agrees_with_a_snapshot_is_right(sync):
    sync.remember()
    sync.update(bid(11, 98, 7))
    assert sync.doubt(snapshot(10, {99: 5}, {101: 5})) is Doubt.RIGHT
    assert sync.doubt(snapshot(11, {99: 5, 98: 7}, {101: 5})) is Doubt.RIGHT


def test_a_book_that_differs_is_wrong(sync):
    sync.remember()
    assert sync.doubt(snapshot(10, {99: 4}, {101: 5})) is Doubt.WRONG


def test_a_snapshot_ahead_of_the_stream_says_nothing_yet(sync):
    sync.remember()
    assert sync.doubt(snapshot(11, {99: 4}, {101: 5})) is Doubt.BEHIND


# --- whatever the network does ---


@given(seed=st.integers(0, 2**32))
def test_a_shuffled_stream_is_right_or_blind_and_always_recovers(seed):
    chance = random.Random(seed)
    truth: dict[int, dict[int, int]] = {0: {50: 1}}
    sent = []
    for number in range(1, 40):
        price, lots = chance.randint(40, 60), chance.randint(0, 3)
        book = {key: value for key, value in truth[number - 1].items() if key != price} | (
            {price: lots} if lots else {}
        )
        truth[number] = book
        sent.append(bid(number, price, lots))
    heard = [update for update in sent if chance.random() > 0.1 for _ in range(chance.choice((1, 1, 2)))]
    for place in range(len(heard) - 1):
        if chance.random() < 0.2:
            heard[place], heard[place + 1] = heard[place + 1], heard[place]
    sync = DepthSync()
    sync.snapshot(snapshot(0, truth[0], {}))
    newest = 0
    for update in heard:
        newest = max(newest, update.last_id)
        sync.update(update)
        assert sync.is_blind or levels(sync) == truth[sync.last_id]
        if sync.is_blind and chance.random() < 0.3:
            number = chance.randint(0, newest)
            sync.snapshot(snapshot(number, truth[number], {}))
            assert sync.is_blind or levels(sync) == truth[sync.last_id]
    assert sync.snapshot(snapshot(39, truth[39], {}))
    assert levels(sync) == truth[39]
