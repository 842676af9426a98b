"""What the recorder hears is what the recording says: books, gaps, times, and what happens when it cannot write."""

import asyncio
from pathlib import Path

import pytest

from perpmaker.data.format import read_info
from perpmaker.data.reader import Recording
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.events import BookUpdated, GapEnded, GapStarted
from perpmaker.domain.orders import Side
from perpmaker.runtime.recorder import Recorder
from perpmaker.simulation import market_events as m
from perpmaker.simulation.depth_book import DepthBook
from perpmaker.simulation.player import FeedRow
from perpmaker.venues.backpack.market_source import BackpackMarketSource
from perpmaker.venues.fan_out import FanOut
from perpmaker.venues.feed_source import FeedSource
from simulation.markets import Market, book
from support.listeners import HeardMarket
from support.runs import synthetic
from support.venue_rigs import SYMBOL, closing, drop_streams, served_testnet
from support.virtual_time import START_NS, run_virtual, virtual_clock

S = 1_000_000_000
WHOLE = book(0, {99: 10}, {101: 10})
INSTRUMENT = Market(WHOLE).instrument
ROWS = [FeedRow(m.BID, 99, 10), FeedRow(m.ASK, 101, 10)]


def record(dest: Path, feed, seconds: float, **settings):
    """Record a feed that is played; returns what was heard beside the recorder."""

    async def story():
        clock = virtual_clock()
        recorder = Recorder(dest, feed.instrument, "sim", clock, **settings)
        heard = HeardMarket()
        source = FeedSource(feed, clock)
        await source.open(FanOut(recorder, heard))
        await asyncio.sleep(seconds)
        await source.close()
        recorder.close()
        assert recorder.failure is None
        return heard

    return run_virtual(story)


def rows(folder: Path):
    chunks = Recording.open(folder).chunks()
    return [row for chunk in chunks for row in zip(*(values.tolist() for values in chunk), strict=True)]


def told(recorder: Recorder, *messages) -> None:
    """Tell a recorder messages by hand: time, event, rows."""
    for at_ns, event, changed in messages:
        recorder.on_market(event, changed, at_ns, at_ns)


def by_hand(dest: Path, *messages):
    async def story():
        recorder = Recorder(dest, INSTRUMENT, "sim", virtual_clock())
        told(recorder, *messages)
        recorder.close()
        return recorder

    return run_virtual(story)


def first_book(at_ns: int = 1):
    return at_ns, BookUpdated(at_ns, at_ns, 99, 10, 101, 10), ROWS


def test_a_recording_of_the_synthetic_market_plays_as_the_market_did(tmp_path: Path):
    heard = record(tmp_path / "r", synthetic(), 30)
    again = Market(list(rows(tmp_path / "r")))

    async def replay():
        listener = HeardMarket()
        await FeedSource(again, virtual_clock()).open(listener)
        await asyncio.sleep(31)
        return listener

    replayed = run_virtual(replay)
    plain = [message.rows for message in heard.messages if message.rows]
    assert len(plain) > 500
    assert [message.rows[-1] for message in replayed.messages[: len(plain)]] == [each[-1] for each in plain]
    assert replayed.messages[0].event[2:] == heard.messages[0].event[2:]


def test_the_description_says_where_it_comes_from(tmp_path: Path):
    record(tmp_path / "r", Market([*WHOLE, (9 * S, m.BID, 98, 1)]), 1)
    provenance = read_info(tmp_path / "r").provenance
    assert (provenance.importer, provenance.options) == ("record", {"exchange": "sim", "symbol": "TEST"})
    assert (provenance.depth, provenance.trade_side) == ("every-change", "recorded")


def test_the_first_book_clears_both_sides_once(tmp_path: Path):
    clears = [FeedRow(m.CLEAR_BIDS, 0, 0), FeedRow(m.CLEAR_ASKS, 2**62, 0)]
    at_ns, event, changed = first_book()
    for name, stated in (("bare", changed), ("cleared", [*clears, *changed])):
        by_hand(tmp_path / name, (at_ns, event, stated))
        assert [row[1] & m.KIND_MASK for row in rows(tmp_path / name)] == [m.CLEAR_BIDS, m.CLEAR_ASKS, m.BID, m.ASK]


def test_a_gap_is_a_gap_and_what_comes_within_is_counted(tmp_path: Path):
    by_hand(
        tmp_path / "r",
        (0, None, [FeedRow(m.MARK, 100_000, 0)]),
        first_book(),
        (5, GapStarted(5, 5), [FeedRow(m.GAP_START, 0, 0)]),
        (6, None, [FeedRow(m.BID, 98, 1)]),
        (7, GapEnded(7, 7), [FeedRow(m.GAP_END, 0, 0)]),
        (8, None, [FeedRow(m.MARK, 100_000, 0)]),
        first_book(9),
        (10, None, [FeedRow(m.BID, 98, 1)]),
    )
    info = read_info(tmp_path / "r")
    assert [(gap.start_ns, gap.end_ns, gap.reason) for gap in info.gaps] == [(5, 9, "the stream was lost")]
    assert info.dropped == {"messages before the first book": 1, "messages in a gap": 2}
    assert [row[0] for row in rows(tmp_path / "r")] == [1, 1, 1, 1, 5, 9, 9, 9, 9, 9, 10]


def test_what_the_format_forbids_is_held_or_left_out(tmp_path: Path):
    by_hand(
        tmp_path / "r",
        first_book(5),
        (4, None, [FeedRow(m.BID, 98, 1)]),
        (6, None, [FeedRow(m.MARK, 0, 0)]),
        (7, None, []),
        (8, None, [FeedRow(m.FUNDING, 0, -7), FeedRow(m.MARK, 100_000, 0)]),
    )
    assert [row[0] for row in rows(tmp_path / "r")] == [5, 5, 5, 5, 5, 8, 8]
    assert read_info(tmp_path / "r").dropped == {"marks that are not positive": 1}


def test_a_kill_loses_no_more_than_one_flush(tmp_path: Path):
    """Nobody closes this recorder."""

    async def story():
        clock = virtual_clock()
        recorder = Recorder(tmp_path / "r", INSTRUMENT, "sim", clock, flush_ns=10 * S)
        feed = Market([*WHOLE, *((step * S, m.BID, 98, step) for step in range(1, 60))])
        await FeedSource(feed, clock).open(recorder)
        await asyncio.sleep(34)

    run_virtual(story)
    last_ns = read_info(tmp_path / "r").last_ns
    assert 24 * S <= last_ns - START_NS <= 34 * S


def test_a_silent_market_is_flushed_too(tmp_path: Path):
    async def story():
        recorder = Recorder(tmp_path / "r", INSTRUMENT, "sim", virtual_clock(), flush_ns=10 * S)
        told(recorder, first_book(START_NS))
        await asyncio.sleep(11)
        return recorder.info.rows

    assert run_virtual(story) == 4


def test_a_second_session_goes_on_after_a_gap(tmp_path: Path):
    feed = Market([*WHOLE, (9 * S, m.BID, 98, 1)])
    record(tmp_path / "r", feed, 1)
    by_hand(tmp_path / "r", first_book(START_NS + 60 * S))
    (gap,) = read_info(tmp_path / "r").gaps
    assert (gap.start_ns, gap.end_ns) == (START_NS, START_NS + 60 * S)
    assert gap.reason == "the recording was stopped"


def test_a_recorder_that_cannot_write_says_so_once_and_disturbs_nobody(tmp_path: Path):
    sentences = []

    async def story():
        clock = virtual_clock()
        recorder = Recorder(tmp_path / "r", INSTRUMENT, "sim", clock, flush_ns=S, on_failure=sentences.append)
        (tmp_path / "r").write_text("in the way")
        heard = HeardMarket()
        feed = Market([*WHOLE, *((step * S, m.BID, 98, step) for step in range(1, 60))])
        await FeedSource(feed, clock).open(FanOut(recorder, heard))
        await asyncio.sleep(20.5)
        recorder.close()
        return recorder.failure, len(heard.messages)

    failure, heard = run_virtual(story)
    assert "cannot be written" in failure
    assert sentences == [failure]
    assert heard == 21


def test_a_destination_that_is_taken_is_refused_before_the_market_is_heard(tmp_path: Path):
    (tmp_path / "r").write_text("in the way")
    with pytest.raises(RecordingError, match="exists"):
        by_hand(tmp_path / "r", first_book())


def test_the_public_stream_of_an_exchange_is_recorded_with_its_loss(tmp_path: Path):
    """Backpack's wires: what is played back ends with the very book of the exchange."""

    async def story():
        async with served_testnet() as server:
            clock = virtual_clock()
            source = BackpackMarketSource(SYMBOL, clock, base_url=server.base_url, ws_url=server.ws_url)
            async with closing(source):
                recorder = Recorder(tmp_path / "r", (await source.market()).instrument, source.name, clock)
                await source.open(recorder)
                await asyncio.sleep(20)
                await drop_streams(server)()
                await asyncio.sleep(20.1)
            recorder.close()
            return [list(server.testnet.book.levels(side)) for side in Side]

    books = run_virtual(story)
    recording = Recording.open(tmp_path / "r")
    assert len(recording.gaps) == 1
    played = DepthBook()
    for _, kind, price, lots in rows(tmp_path / "r"):
        played.apply(kind, price, lots)
    assert [list(played.levels(side)) for side in Side] == books
    assert {"mark", "buy_trade", "sell_trade"} <= recording.info.rows_by_kind.keys()


def test_memory_is_what_has_not_been_flushed(tmp_path: Path):
    async def story():
        clock = virtual_clock()
        recorder = Recorder(tmp_path / "r", INSTRUMENT, "sim", clock, flush_ns=S)
        most = 0
        told(recorder, first_book(clock.now_ns()))
        for _ in range(200):
            told(recorder, *[(clock.now_ns(), None, [FeedRow(m.BID, 98, 1)])] * 10)
            await asyncio.sleep(0.1)
            most = max(most, recorder._writer.waiting)
        return most, recorder.rows

    most, heard = run_virtual(story)
    assert most <= 120
    assert heard == 2_004
