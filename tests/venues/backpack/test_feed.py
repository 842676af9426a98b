"""Public messages, read as the documents write them."""

import json
from decimal import Decimal

import pytest

from perpmaker.domain.events import BookUpdated, GapEnded, GapStarted, MarkUpdated, TradeSeen
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.venues.backpack import wire
from perpmaker.venues.backpack.depth import Doubt
from perpmaker.venues.backpack.feed import Feed
from perpmaker.venues.backpack.terms import grid_of
from support.listeners import HeardMarket

CENT = Decimal("0.01")
SOL = Instrument("SOL_USDC_PERP", "SOL", "USDC", CENT, CENT, CENT)
NOW = 5
ENGINE_US = 1694687965940999
VENUE_NS = ENGINE_US * 1000


class Clock:
    def now_ns(self) -> int:
        return NOW


@pytest.fixture
def heard() -> HeardMarket:
    return HeardMarket()


@pytest.fixture
def feed(heard) -> Feed:
    feed = Feed(grid_of(SOL), Clock(), heard)
    assert feed.take(snapshot(10))
    heard.messages.clear()
    return feed


def snapshot(last_id: int, **sides) -> wire.Depth:
    book = {"bids": [["18.60", "1"], ["18.67", "0.832"]], "asks": [["18.70", "0.5"]], **sides}
    book["bids"] = [[price, str(Decimal(size).quantize(CENT))] for price, size in book["bids"]]
    return wire.reader(wire.Depth).decode(json.dumps({**book, "lastUpdateId": str(last_id), "timestamp": ENGINE_US}))


def depth(first: int, last: int | None = None, bids=(), asks=()) -> wire.DepthUpdate:
    fields = {
        "e": "depth", "E": ENGINE_US, "s": "SOL_USDC_PERP", "a": asks, "b": bids, "U": first, "u": last or first,
        "T": ENGINE_US,
    }  # fmt: skip
    return wire.reader(wire.DepthUpdate).decode(json.dumps(fields))


def mark(price: str = "18.705", **changes) -> wire.MarkPrice:
    fields = {
        "e": "markPrice", "E": ENGINE_US, "s": "SOL_USDC_PERP", "p": price, "f": "0.0000125", "i": "19.70",
        "n": 1694687965941, "T": ENGINE_US,
    }  # fmt: skip
    return wire.reader(wire.MarkPrice).decode(json.dumps({**fields, **changes}))


def test_the_first_thing_told_is_the_whole_book(heard):
    feed = Feed(grid_of(SOL), Clock(), heard)
    feed.on_mark(mark())
    feed.on_depth(depth(11, bids=[["18.68", "1.00"]]))
    assert heard.messages == []
    assert feed.take(snapshot(10))
    (message,) = heard.messages
    assert message.event == BookUpdated(NOW, VENUE_NS, 1868, 100, 1870, 50)
    assert [tuple(row) for row in message.rows] == [
        (me.BID, 1868, 100), (me.BID, 1867, 83), (me.BID, 1860, 100), (me.ASK, 1870, 50),
    ]  # fmt: skip


def test_the_maker_hears_of_the_touch_and_the_rows_tell_everything(feed, heard):
    feed.on_depth(depth(11, bids=[["18.60", "0.00"]]))
    feed.on_depth(depth(12, asks=[["18.69", "2"]]))
    deeper, touch = heard.messages
    assert deeper.event is None
    assert [tuple(row) for row in deeper.rows] == [(me.BID, 1860, 0)]
    assert touch.event == BookUpdated(NOW, VENUE_NS, 1867, 83, 1869, 200)


def test_a_side_without_levels_has_size_0(feed, heard):
    feed.on_depth(depth(11, asks=[["18.70", "0"]]))
    assert heard.top[2:] == (1867, 83, 0, 0)


def test_what_the_book_has_already_is_a_sign_of_life(feed, heard):
    feed.on_depth(depth(9, asks=[["18.70", "9"]]))
    (message,) = heard.messages
    assert (message.event, message.rows) == (None, ())


def test_a_hole_is_a_gap_that_ends_with_a_whole_book(feed, heard):
    feed.on_depth(depth(12, bids=[["18.60", "0"]]))
    feed.on_depth(depth(13, bids=[["18.61", "1"]]))
    assert feed.take(snapshot(12, bids=[["18.50", "1"]]))
    kinds = [type(message.event) for message in heard.messages]
    assert kinds == [GapStarted, type(None), GapEnded, BookUpdated]
    assert [tuple(row) for row in heard.messages[0].rows] == [(me.GAP_START, 0, 0)]
    assert [tuple(row) for row in heard.messages[2].rows] == [(me.GAP_END, 0, 0)]
    assert [tuple(row) for row in heard.messages[3].rows] == [
        (me.BID, 1861, 100),
        (me.BID, 1850, 100),
        (me.ASK, 1870, 50),
    ]


def test_a_lost_stream_is_one_gap(feed, heard):
    feed.lose()
    feed.lose()
    assert [type(message.event) for message in heard.messages] == [GapStarted]


def test_a_trade_names_who_took(feed, heard):
    for is_buyer_maker, aggressor, kind in ((True, Side.SELL, me.SELL_TRADE), (False, Side.BUY, me.BUY_TRADE)):
        fields = {
            "e": "trade", "E": 1694688638091000, "s": "SOL_USDC_PERP", "p": "18.68", "q": "0.12", "b": "1", "a": "2",
            "t": 12345, "T": ENGINE_US, "m": is_buyer_maker,
        }  # fmt: skip
        feed.on_trade(wire.reader(wire.PublicTrade).decode(json.dumps(fields)))
        message = heard.messages[-1]
        assert message.event == TradeSeen(NOW, VENUE_NS, 1868, 12, aggressor)
        assert [tuple(row) for row in message.rows] == [(kind, 1868, 12)]


def test_a_mark_lies_between_ticks(feed, heard):
    feed.on_mark(mark())
    (message,) = heard.messages
    assert message.event == MarkUpdated(NOW, VENUE_NS, 1_870_500)
    assert [tuple(row) for row in message.rows] == [(me.MARK, 1_870_500, 0)]


def test_funding_is_settled_when_its_time_has_passed_at_the_rate_that_was_last_told_for_it(feed, heard):
    feed.on_mark(mark(n=1_000, f="0.0001"))
    feed.on_mark(mark(n=1_000, f="-0.0000125"))
    feed.on_mark(mark("18.80", n=2_000, f="0.0009"))
    feed.on_mark(mark(n=2_000))
    assert [[tuple(row) for row in message.rows] for message in heard.messages[2:]] == [
        [(me.FUNDING, 0, -12_500), (me.MARK, 1_880_000, 0)],
        [(me.MARK, 1_870_500, 0)],
    ]


def test_a_market_without_funding_has_none(feed, heard):
    for _ in range(2):
        feed.on_mark(mark(n=None, f=None))
    assert [len(message.rows) for message in heard.messages] == [1, 1]


@pytest.mark.parametrize("levels", [[["18.705", "1"]], [["18.70", "0.001"]], [["x", "1"]], [["-1", "1"]]])
def test_what_is_not_on_the_grid_is_an_error(feed, levels):
    with pytest.raises(ValueError, match=r"multiple|is not a"):
        feed.on_depth(depth(11, bids=levels))


def test_a_doubt_that_is_unfounded_is_a_sign_of_life(feed, heard):
    feed.remember()
    assert feed.doubt(snapshot(10)) is Doubt.RIGHT
    assert [message.event for message in heard.messages] == [None]
    assert feed.doubt(snapshot(10, asks=[["18.71", "0.5"]])) is Doubt.WRONG
