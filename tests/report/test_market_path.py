"""Looking at the market: the same prices as a book in plain Python, the same queues as the run's own exchange."""

from itertools import pairwise
from random import Random

from perpmaker.domain.commands import ASLEEP, Place
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.report.market_path import Entry, Gap, walk
from perpmaker.report.questions import Questions, answers
from perpmaker.simulation import market_events as me
from perpmaker.simulation.depth_book import DepthBook
from perpmaker.simulation.exchange import MAX_OPEN_ORDERS, SimulatedExchange
from perpmaker.simulation.player import FeedPlayer
from simulation.markets import Market, book, terms
from support.runs import synthetic

S = 10**9


def test_a_look_sees_every_row_up_to_its_instant() -> None:
    market = Market([*book(10, {99: 5}, {101: 5}), (20, me.ASK, 100, 5), (30, me.BID, 98, 1)])
    path = walk(market, [5, 10, 19, 20, 25])
    assert path.mids == [None, 100_000, 100_000, 99_500, 99_500]
    assert path.mid(22) == 99_500, "between two looks the earlier one counts"
    assert path.mid(1) == 100_000, "before the first book, the first one"


def test_the_mids_are_those_of_a_book_in_plain_python() -> None:
    feed, random = synthetic(5), Random(1)
    start = int(next(feed.chunks()).ts_ns[0])
    times = sorted(start + random.randrange(120 * S) for _ in range(200))
    path = walk(feed, times)
    plain, player, mid = DepthBook(), FeedPlayer(feed, start), None
    for at_ns, seen in zip(times, path.mids, strict=True):
        for message in player.due(at_ns):
            for row in message.rows:
                plain.apply(*row)
            bid, ask = plain.best(Side.BUY), plain.best(Side.SELL)
            if bid is not None and ask is not None:
                mid = (bid.price_ticks + ask.price_ticks) * 500
        assert seen == mid


def test_the_mark_is_the_recorded_one_once_there_is_one() -> None:
    market = Market([*book(10, {99: 5}, {101: 5}), (20, me.MARK, 100_250, 0), (30, me.BID, 98, 1)])
    path = walk(market, [10, 20, 25])
    assert [path.mark(at) for at in (10, 20, 25)] == [100_000, 100_250, 100_250]


def test_gaps_are_noted_and_nothing_is_seen_across_them() -> None:
    rows = [*book(10, {99: 5}, {101: 5}), (40, me.GAP_START, 0, 0), (60, me.GAP_END, 0, 0), *book(61, {97: 5}, {99: 5})]
    path = walk(Market([*rows, (90, me.BID, 96, 1)]), [20, 50, 80])
    assert path.gaps == [Gap(40, 60)]
    assert path.mids == [100_000, 100_000, 98_000], "in a gap, the last that was known"
    assert path.is_seen(10, 39)
    assert not path.is_seen(39, 41)
    assert not path.is_seen(5, 20), "before the data begins"
    assert not path.is_seen(70, 95), "after it ends"
    assert path.is_seen(61, 80)


def test_the_queue_at_entry_is_what_the_exchange_counts_ahead_of_the_order() -> None:
    rows = [*book(10, {99: 5, 98: 7}, {101: 5}), (20, me.BID, 99, 9), (30, me.ASK, 102, 1)]
    entries = [Entry(20, 1, Side.BUY, 99, 1), Entry(20, 2, Side.BUY, 98, 1), Entry(25, 3, Side.SELL, 101, 1)]
    assert walk(Market(rows), [12, 20, 28], entries).queues == {1: 9, 2: 7, 3: 5}


def test_measuring_queues_changes_neither_prices_nor_other_queues() -> None:
    feed = synthetic(2)
    start = int(next(feed.chunks()).ts_ns[0])
    times = [start + second * S for second in range(60)]
    bare = walk(feed, times)
    entries = []
    for number, (at_ns, mid) in enumerate(zip(times, bare.mids, strict=True)):
        if mid is not None:
            entries.append(Entry(at_ns + 7, number, Side.BUY, mid // 1_000 - 3, 10))
    path = walk(feed, times, entries)
    assert path.mids == bare.mids
    for before, entry in pairwise([None, *entries[:10]]):
        assert before is None or before.ts_ns < entry.ts_ns
        assert path.queues[entry.order_id] == alone(entry)


def alone(entry: Entry) -> int | None:
    """The queue of one order on an exchange that sees no other."""
    exchange = SimulatedExchange(synthetic(2), terms(order_latency_ns=1))
    while exchange.now_ns < entry.ts_ns - 1:
        exchange.advance(ASLEEP._replace(until_ns=entry.ts_ns - 1))
    exchange.submit([Place(*entry[1:], OrderKind.LIMIT, post_only=True, reduce_only=False)])
    exchange.advance(ASLEEP._replace(until_ns=entry.ts_ns))
    return exchange.queue_ahead(entry.order_id)


def test_more_orders_at_one_instant_than_the_exchange_has_room_for_are_asked_for_in_turns() -> None:
    rows = [*book(10, {99: 5, 98: 7}, {101: 5}), (90, me.ASK, 102, 1)]
    entries = [Entry(20, number, Side.BUY, 99 - number % 2, 1) for number in range(200)]
    found = answers(Market(rows), [Questions(frozenset({30}), entries), Questions(frozenset({12, 30}), entries[:150])])
    assert [len(path.queues) for path in found] == [200, 150]
    assert all(path.queues[number] == (7 if number % 2 else 5) for path in found for number in path.queues)
    assert [path.times for path in found] == [[30], [12, 30]]


def test_a_queue_that_nobody_can_know_is_not_answered_and_its_order_does_not_stay() -> None:
    rows = [(10, me.DEPTH, 0, me.BEST_ONLY), *book(10, {99: 5}, {101: 5}), (2_000, me.ASK, 102, 1)]
    behind_the_best = [Entry(20 + 2 * number, number, Side.BUY, 98, 1) for number in range(MAX_OPEN_ORDERS)]
    at_the_best = Entry(1_500, 999, Side.BUY, 99, 1)
    assert walk(Market(rows), [1_600], [*behind_the_best, at_the_best]).queues == {999: 5}
