"""A feed that is played as a market source: times, gaps, ends."""

import asyncio

import pytest

from perpmaker.domain.errors import InvalidSettingError, RecordingError
from perpmaker.domain.events import BookUpdated, GapEnded, GapStarted, MarkUpdated, TradeSeen
from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as m
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.feed_source import FeedSource
from simulation.markets import Market, book
from support.listeners import HeardMarket
from support.runs import synthetic
from support.virtual_time import START_NS, run_virtual, virtual_clock

S = 1_000_000_000
FIRST = 7 * S  # the time of a feed's first row is of no interest to who plays it
LATE_NS = 2_000  # a timer may ring this much late
WHOLE = book(FIRST, {99: 10, 98: 20}, {101: 10, 102: 20})


def play(rows, seconds, *, speed=1.0, then=None):
    """Play rows for so long; what was heard, with the source's listener."""

    async def story():
        heard = HeardMarket()
        source = FeedSource(Market([*WHOLE, *rows]), virtual_clock(), speed=speed)
        await source.open(heard)
        await asyncio.sleep(seconds)
        if then is not None:
            await then(source, heard)
        await source.close()
        return heard

    return run_virtual(story)


def test_the_first_book_is_told_before_open_returns():
    heard = play([], 0)
    assert heard.messages[0].event == BookUpdated(START_NS, START_NS, 99, 10, 101, 10)
    assert [row.kind for row in heard.messages[0].rows] == [m.BID, m.BID, m.ASK, m.ASK]


@pytest.mark.parametrize("speed", [1.0, 4.0, 0.5])
def test_messages_come_at_their_times_divided_by_the_speed(speed):
    rows = [(FIRST + S, m.BID, 97, 1), (FIRST + 4 * S, m.BUY_TRADE, 101, 3), (FIRST + 99 * S, m.BID, 97, 2)]
    heard = play(rows, 5 / speed, speed=speed)
    stamps = [each.venue_ns - START_NS for each in heard.messages]
    assert stamps == [0, int(S / speed), int(4 * S / speed)]
    assert all(0 <= each.received_ns - each.venue_ns <= LATE_NS for each in heard.messages)


def test_a_change_of_deeper_levels_only_is_told_without_an_event():
    heard = play([(FIRST + 1, m.BID, 97, 1), (FIRST + 2, m.ASK, 101, 4), (FIRST + S, m.BID, 1, 1)], 0.5)
    assert [each.event and each.event[2:] for each in heard.messages] == [(99, 10, 101, 10), None, (99, 10, 101, 4)]
    assert heard.touch() == (99, 10, 101, 4)


def test_trades_marks_and_funding_are_told_one_by_one():
    rows = [
        (FIRST + 1, m.SELL_TRADE, 99, 2), (FIRST + 2, m.BUY_TRADE, 101, 3), (FIRST + 3, m.MARK, 100_250, 0),
        (FIRST + 4, m.FUNDING, 0, 12_500), (FIRST + S, m.BID, 97, 1),
    ]  # fmt: skip
    heard = play(rows, 0.5)
    sold, bought, mark, funding = heard.messages[1:]
    assert sold.event[2:] == (99, 2, Side.SELL)
    assert isinstance(sold.event, TradeSeen)
    assert bought.event[2:] == (101, 3, Side.BUY)
    assert isinstance(mark.event, MarkUpdated)
    assert mark.event.mark_milliticks == 100_250
    assert funding.event is None
    assert funding.rows == ((m.FUNDING, 0, 12_500),)


def test_what_acts_at_once_goes_ahead_of_the_book_of_its_message():
    mixed = [(FIRST + 1, m.BID | m.MORE, 98, 7), (FIRST + 1, m.SELL_TRADE, 99, 10), (FIRST + S, m.BID, 97, 1)]
    heard = play(mixed, 0.5)
    assert [each.rows for each in heard.messages[1:]] == [((m.SELL_TRADE, 99, 10),), ((m.BID, 98, 7),)]


def test_a_gap_of_the_feed_is_told_and_a_whole_book_follows():
    rows = [
        (FIRST + 1, m.GAP_START, 0, 0), (FIRST + 2, m.BID, 90, 1), (FIRST + 2, m.SELL_TRADE, 90, 1),
        (FIRST + 3, m.GAP_END, 0, 0), *book(FIRST + 3, {99: 10}, {101: 10}), (FIRST + S, m.BID, 97, 1),
    ]  # fmt: skip
    heard = play(rows, 0.5)
    assert [type(event) for event in heard.events()] == [BookUpdated, GapStarted, GapEnded, BookUpdated]
    assert heard.touch() == (99, 10, 101, 10)


def test_the_end_of_the_feed_starts_a_last_gap():
    async def then(source, _heard):
        assert source.has_ended
        terms = await source.market()
        assert (terms.is_tradable, terms.status) == (False, "the market data has ended")
        with pytest.raises(VenueError, match="has ended") as error:
            await source.resnapshot()
        assert error.value.reaction is Reaction.STOP
        await source.restart()  # brings nothing back

    heard = play([(FIRST + S, m.BID, 97, 1)], 2, then=then)
    assert [type(each.event) for each in heard.messages] == [BookUpdated, type(None), GapStarted]
    assert heard.touch() == (0, 0, 0, 0)


def test_the_end_of_the_feed_is_told_once_to_who_asked_for_it():
    async def story():
        ends = []
        source = FeedSource(Market([*WHOLE, (FIRST + S, m.BID, 97, 1)]), virtual_clock())
        source.on_end = lambda: ends.append(source.has_ended)
        await source.open(HeardMarket())
        assert not ends
        await asyncio.sleep(2)
        return ends

    assert run_virtual(story) == [True]


def test_a_feed_that_breaks_ends_with_its_own_sentence():
    class Broken(Market):
        def chunks(self):
            yield from super().chunks()
            raise RecordingError("row 5 is damaged: import it again")

    async def story():
        heard = HeardMarket()
        source = FeedSource(Broken([*WHOLE, (FIRST + S, m.BID, 97, 1)]), virtual_clock())
        await source.open(heard)
        await asyncio.sleep(2)
        return (await source.market()).status, heard.events()[-1]

    status, last = run_virtual(story)
    assert status == "row 5 is damaged: import it again"
    assert isinstance(last, GapStarted)


def test_a_feed_without_a_book_cannot_be_opened():
    async def story():
        await FeedSource(Market([(FIRST, m.MARK, 100_000, 0)]), virtual_clock()).open(HeardMarket())

    with pytest.raises(VenueError, match="has ended"):
        run_virtual(story)


def test_a_resnapshot_is_a_sign_of_life_and_in_a_gap_an_error():
    async def alive(source, heard):
        await source.resnapshot()
        assert heard.messages[-1] == (None, (), START_NS + 1_500_000_000, START_NS + 1_500_000_000)

    async def blind(source, _heard):
        with pytest.raises(VenueError) as error:
            await source.resnapshot()
        assert error.value.reaction is Reaction.RETRY

    later = (FIRST + 9 * S, m.BID, 97, 1)
    play([later], 1.5, then=alive)
    play([(FIRST + S, m.GAP_START, 0, 0), later], 1.5, then=blind)


def test_a_restart_tells_a_gap_and_the_whole_book():
    async def then(source, heard):
        await source.restart()
        assert isinstance(heard.messages[-1].event, GapStarted)
        await heard.until(lambda: isinstance(heard.messages[-1].event, BookUpdated))

    heard = play([(FIRST + 1, m.BID, 97, 5), (FIRST + 9 * S, m.BID, 97, 1)], 0.5, then=then)
    assert [type(event) for event in heard.events()] == [BookUpdated, GapStarted, GapEnded, BookUpdated]
    kinds = [row.kind for row in heard.messages[-1].rows]
    assert kinds == [m.CLEAR_BIDS, m.CLEAR_ASKS, m.BID, m.BID, m.BID, m.ASK, m.ASK]


def test_after_close_nothing_is_told():
    async def story():
        heard = HeardMarket()
        source = FeedSource(Market([*WHOLE, (FIRST + S, m.BID, 97, 1)]), virtual_clock())
        await source.open(heard)
        await source.close()
        await asyncio.sleep(5)
        return len(heard.messages)

    assert run_virtual(story) == 1


def test_a_source_that_fell_behind_lets_others_have_their_turn():
    """A thousand messages are due at one instant: somebody who waits for the loop gets it in between."""
    rows = [(FIRST + 1, m.BUY_TRADE, 101, 1)] * 1_000 + [(FIRST + S, m.BID, 97, 1)]

    async def story():
        heard = HeardMarket()
        source = FeedSource(Market([*WHOLE, *rows]), virtual_clock())
        await source.open(heard)
        seen = []
        while len(heard.messages) < 1_001:
            await asyncio.sleep(1e-7)
            seen.append(len(heard.messages))
        return seen

    assert len(set(run_virtual(story))) > 3


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_an_impossible_speed_is_refused(speed):
    with pytest.raises(InvalidSettingError, match="speed"):
        FeedSource(Market(WHOLE), None, speed=speed)


def test_the_synthetic_market_plays_its_own_rows():
    """Told rows and the feed's own agree in the book that they make."""

    async def story():
        heard = HeardMarket()
        await FeedSource(synthetic(), virtual_clock(), speed=10).open(heard)
        await asyncio.sleep(6)
        return heard

    heard = run_virtual(story)
    assert len(heard.messages) > 1_000
    assert heard.touch() == heard.top[2:]
    assert all(event.bid_ticks < event.ask_ticks for event in heard.events(BookUpdated))
