"""The book for those who look on."""

import asyncio

from perpmaker.domain.events import BookUpdated, GapEnded, GapStarted
from perpmaker.monitor.depth import LEVELS, Depth
from perpmaker.simulation import market_events as me
from perpmaker.venues.port import MarketEvent, Row
from support.virtual_time import run_virtual

WHOLE = [Row(me.CLEAR_BIDS, 0, 0), Row(me.CLEAR_ASKS, 2**62, 0), Row(me.BID, 99, 5), Row(me.ASK, 101, 6)]
UPDATED = BookUpdated(1, 1, 99, 5, 101, 6)


def tell(depth: Depth, event: MarketEvent | None, *rows: Row) -> None:
    depth.on_market(event, rows, 1, 1)


def test_there_is_no_book_before_the_first_one() -> None:
    assert Depth().levels() is None


def test_the_best_levels_of_each_side_are_kept_the_best_first() -> None:
    async def story() -> None:
        depth = Depth()
        tell(depth, UPDATED, *WHOLE)
        tell(depth, None, Row(me.BID, 98, 7), Row(me.ASK, 101, 0), Row(me.ASK, 103, 2))
        assert depth.levels() == ([(99, 5), (98, 7)], [(103, 2)])
        tell(depth, None, *(Row(me.BID, price, 1) for price in range(1, 60)))
        levels = depth.levels()
        assert levels is not None
        assert [price for price, _ in levels[0]] == list(range(99, 97, -1)) + list(range(59, 59 - LEVELS + 2, -1))

    run_virtual(story)


def test_in_a_gap_there_is_none_and_after_it_the_whole_one() -> None:
    async def story() -> None:
        depth = Depth()
        tell(depth, UPDATED, *WHOLE)
        tell(depth, GapStarted(1, 1), Row(me.GAP_START, 0, 0))
        assert depth.levels() is None
        tell(depth, None, Row(me.BID, 98, 7))
        assert depth.levels() is None
        tell(depth, GapEnded(1, 1), Row(me.GAP_END, 0, 0))
        assert depth.levels() is None
        tell(depth, UPDATED, *WHOLE)
        assert depth.levels() == ([(99, 5)], [(101, 6)])

    run_virtual(story)


def test_rows_are_put_in_when_the_loop_comes_round_not_when_they_are_heard() -> None:
    async def story() -> None:
        depth = Depth()
        tell(depth, UPDATED, *WHOLE)
        tell(depth, None, Row(me.BID, 98, 7))
        assert len(depth._waiting) == 5
        await asyncio.sleep(0)
        assert not depth._waiting
        assert depth.levels() == ([(99, 5), (98, 7)], [(101, 6)])

    run_virtual(story)
