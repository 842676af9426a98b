"""Fills, funding, liquidation, halts and what the control endpoint can do."""

from decimal import Decimal

import pytest

from perpmaker.domain.errors import RecordingError
from perpmaker.domain.money import QUANTA_PER_TICK_LOT
from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as m
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.notices import (
    BookTickerChanged,
    DepthChanged,
    ExpiryReason,
    Liquidated,
    MarketStatus,
    MarkPriceChanged,
    OrderChanged,
    OrderEvent,
    OrderStatus,
    Origin,
    PositionChanged,
    PositionEvent,
    Traded,
)
from perpmaker.testnet.terms import TestnetTerms
from support.testnets import BOOK, SOL, START_NS, Bench, HandClock, HandMarket

HOUR_S = 3_600


def test_a_resting_order_fills_when_the_market_trades_through_it() -> None:
    bench = Bench((1.0, [(m.SELL_TRADE, 9_949, 30)]))
    order = bench.limit(Side.BUY, 9_950, 100, client_id=9)
    bench.pass_s(1)
    fill = bench.account.books.fills[-1]
    assert bench.account.books.orders[order.order_id].status is OrderStatus.FILLED
    assert (fill.price_ticks, fill.lots, fill.is_maker, fill.client_id) == (9_950, 100, True, 9)
    assert fill.fee_quanta == 9_950 * 100 * QUANTA_PER_TICK_LOT // 5_000
    assert fill.at_ns == START_NS + 10**9


def test_a_fill_is_told_then_printed_then_the_position() -> None:
    bench = Bench()
    bench.notices.clear()
    order = bench.market(Side.BUY, 100)
    kinds = [type(notice) for notice in bench.notices]
    assert kinds == [OrderChanged, OrderChanged, Traded, DepthChanged, BookTickerChanged, PositionChanged]
    trade, fill = bench.told(Traded)[-1], bench.account.books.fills[-1]
    assert (trade.trade_id, trade.buyer_order_id, trade.is_buyer_maker) == (fill.trade_id, order.order_id, False)
    assert bench.told(DepthChanged)[-1].asks == [(10_010, 0)]


def test_positions_are_opened_adjusted_and_closed() -> None:
    bench = Bench()
    bench.market(Side.BUY, 50)
    bench.market(Side.BUY, 10)
    bench.market(Side.SELL, 60)
    told = bench.told(PositionChanged)
    assert [notice.event for notice in told] == [
        PositionEvent.OPENED,
        PositionEvent.ADJUSTED,
        PositionEvent.CLOSED,
    ]
    assert told[1].position.cost_quanta == 60 * 10_010 * QUANTA_PER_TICK_LOT
    assert told[2].position.realized_quanta == 60 * (9_990 - 10_010) * QUANTA_PER_TICK_LOT
    assert len({notice.position.position_id for notice in told}) == 1


def test_a_new_position_counts_from_its_own_opening() -> None:
    bench = Bench()
    bench.market(Side.BUY, 50)
    bench.market(Side.SELL, 50)
    bench.market(Side.BUY, 10)
    view = bench.account.view(bench.testnet.mark_milliticks)
    assert view.realized_quanta == 0
    assert view.fees_quanta == bench.account.books.fills[-1].fee_quanta


def test_depth_updates_have_ids_without_holes() -> None:
    bench = Bench(
        (1.0, [(m.BID, 9_970, 5), (m.ASK, 10_020, 0)]),
        (2.0, [(m.BID, 9_970, 5)]),
        (3.0, [(m.BEST_BID, 9_980, 1)]),
    )
    bench.pass_s(3)
    first, second = bench.told(DepthChanged)
    assert (first.bids, first.asks) == ([(9_970, 5)], [(10_020, 0)])
    assert (second.bids, second.asks) == ([(9_990, 0), (9_980, 1)], [])
    assert second.first_update_id == first.last_update_id + 1


def test_the_mark_is_the_middle_until_the_feed_tells_one() -> None:
    bench = Bench((1.0, [(m.BID, 10_000, 5)]), (2.0, [(m.MARK, 10_003_000, 0)]), first=BOOK[:-1])
    bench.pass_s(2)
    assert [notice.mark_milliticks for notice in bench.told(MarkPriceChanged)] == [10_005_000, 10_003_000]


def test_with_speed_the_market_runs_faster_and_stamps_are_the_clocks() -> None:
    bench = Bench((10.0, [(m.SELL_TRADE, 9_990, 1)]), speed=10.0)
    bench.pass_s(1)
    assert bench.told(Traded)[0].at_ns == START_NS + 10**9


def test_funding_is_settled_every_hour_and_longs_pay() -> None:
    bench = Bench(funding_rate_ppb=100_000)
    bench.market(Side.BUY, 100)
    bench.market(Side.SELL, 100, account="2")
    bench.pass_s(HOUR_S)
    value = 100 * 10_000 * QUANTA_PER_TICK_LOT
    long, short = (bench.testnet.accounts[name].books for name in ("1", "2"))
    assert [payment.amount_quanta for payment in long.funding] == [-value // 10_000]
    assert [payment.amount_quanta for payment in short.funding] == [value // 10_000]
    assert long.funding[0].at_ns % (HOUR_S * 10**9) == 0
    assert [past.rate_ppb for past in bench.testnet.funding_rates] == [100_000]


def test_a_negative_rate_pays_the_longs() -> None:
    bench = Bench()
    bench.testnet.set_funding_rate(-100_000)
    bench.market(Side.BUY, 100)
    bench.pass_s(HOUR_S)
    assert bench.account.books.position.funding_quanta == 100 * 10_000 * QUANTA_PER_TICK_LOT // 10_000


def test_the_feeds_funding_becomes_the_rate_of_the_interval() -> None:
    bench = Bench((1.0, [(m.FUNDING, 0, 77)]))
    bench.market(Side.BUY, 100)
    bench.pass_s(1)
    assert bench.testnet.funding_rate_ppb == 77
    assert not bench.account.books.funding


def test_next_ns_is_the_next_message_or_the_next_funding() -> None:
    bench = Bench((5.0, [(m.BID, 9_970, 5)]))
    assert bench.testnet.next_ns == START_NS + 5 * 10**9
    bench.pass_s(5)
    assert bench.testnet.next_ns == bench.testnet.next_funding_ns


def test_an_account_below_maintenance_margin_is_liquidated() -> None:
    bench = Bench((1.0, [(m.MARK, 6_700_000, 0)]), balance=Decimal(1_000))
    bench.market(Side.BUY, 3_000)
    resting = bench.limit(Side.BUY, 9_500, 100)
    bench.pass_s(1)
    books = bench.account.books
    assert books.position.lots == 0
    assert books.orders[resting.order_id].expiry_reason is ExpiryReason.LIQUIDATION
    closing = list(books.orders.values())[-1]
    assert (closing.origin, closing.status, closing.filled_lots) == (Origin.LIQUIDATION, OrderStatus.FILLED, 3_000)
    assert sum(notice.lots for notice in bench.told(Liquidated)) == 3_000
    fee = books.position.fees_quanta - sum(fill.fee_quanta for fill in books.fills)
    assert fee == closing.filled_quanta // 200
    assert bench.account.exchange.cash_quanta == books.balance_quanta


def test_what_the_book_cannot_take_is_liquidated_later() -> None:
    bench = Bench(
        (1.0, [(m.CLEAR_BIDS, 0, 0), (m.BID, 7_000, 1_000), (m.MARK, 6_700_000, 0)]),
        (2.0, [(m.BID, 6_990, 9_000)]),
        balance=Decimal(1_000),
    )
    bench.market(Side.BUY, 3_000)
    bench.pass_s(1)
    assert (bench.account.books.position.lots, bench.account.is_liquidating) == (2_000, True)
    bench.pass_s(1)
    assert (bench.account.books.position.lots, bench.account.is_liquidating) == (0, False)


def test_a_halt_keeps_the_book_and_the_orders_and_makes_up_for_it_afterwards() -> None:
    bench = Bench((1.0, [(m.CLEAR_ASKS, 9_950, 0), (m.ASK, 9_950, 7), (m.MARK, 9_960_000, 0)]))
    order = bench.limit(Side.BUY, 9_960, 10)
    bench.testnet.set_market_status(MarketStatus.CLOSED)
    bench.notices.clear()
    bench.pass_s(2)
    assert not bench.notices
    assert bench.account.books.orders[order.order_id].status is OrderStatus.NEW
    bench.testnet.set_market_status(MarketStatus.OPEN)
    assert bench.account.books.orders[order.order_id].status is OrderStatus.FILLED
    assert bench.testnet.mark_milliticks == 9_960_000
    assert bench.testnet.book.lots_at(Side.SELL, 9_950) == 7


def test_a_delisting_ends_all_orders_and_positions_stay() -> None:
    bench = Bench()
    bench.market(Side.BUY, 10)
    bench.limit(Side.BUY, 9_950, 10)
    bench.testnet.set_market_status(MarketStatus.DELISTED)
    assert not bench.account.books.open_ids
    assert bench.account.books.position.lots == 10


def test_a_gap_of_the_recording_leaves_orders_alone_and_the_book_is_stated_anew() -> None:
    bench = Bench(
        (1.0, [(m.GAP_START, 0, 0)]),
        (2.0, [(m.BID, 1, 1)]),
        (3.0, [(m.GAP_END, 0, 0)]),
        (4.0, [(m.BID, 9_970, 1), (m.ASK, 10_030, 2)]),
    )
    order = bench.limit(Side.BUY, 9_900, 10)
    bench.pass_s(3.5)
    assert bench.testnet.book.best(Side.BUY) == (9_990, 100)
    bench.pass_s(1)
    assert list(bench.testnet.book.levels(Side.BUY)) == [(9_970, 1)]
    assert list(bench.testnet.book.levels(Side.SELL)) == [(10_030, 2)]
    assert bench.account.books.orders[order.order_id].status is OrderStatus.NEW


def test_a_trade_elsewhere_changes_the_position_with_an_order_and_a_fill_of_its_own() -> None:
    bench = Bench()
    bench.testnet.trade_elsewhere("1", -30, 10_005)
    books = bench.account.books
    assert (books.position.lots, bench.account.exchange.position_lots) == (-30, -30)
    assert (books.fills[-1].lots, books.fills[-1].client_id) == (30, None)
    assert [notice.event for notice in bench.told(OrderChanged)] == [OrderEvent.ACCEPTED, OrderEvent.FILL]
    assert bench.account.exchange.cash_quanta == books.balance_quanta - books.position.cost_quanta


def test_a_trade_elsewhere_that_turns_the_position_ends_reduce_only_orders() -> None:
    bench = Bench()
    bench.market(Side.BUY, 100)
    order = bench.limit(Side.SELL, 10_050, 100, reduce_only=True)
    bench.testnet.trade_elsewhere("1", -150)
    assert bench.account.books.orders[order.order_id].status is OrderStatus.EXPIRED


def test_a_transfer_changes_the_balance_and_nothing_else() -> None:
    bench = Bench()
    before = bench.account.books.balance_quanta
    bench.testnet.transfer("1", -QUANTA_PER_TICK_LOT)
    assert bench.account.books.balance_quanta == before - QUANTA_PER_TICK_LOT
    assert bench.account.exchange.cash_quanta == bench.account.books.balance_quanta


def test_a_foreign_order_is_an_order_of_the_account_without_the_bots_id() -> None:
    bench = Bench()
    order_id = bench.testnet.place_foreign_order("1", Side.SELL, 10_500, 10)
    assert bench.account.books.orders[order_id].client_id is None


def test_a_resting_order_can_be_made_to_fill() -> None:
    bench = Bench()
    order = bench.limit(Side.SELL, 10_500, 10)
    bench.testnet.fill_resting("1", order.order_id)
    assert bench.account.books.orders[order.order_id].status is OrderStatus.FILLED


def test_the_same_seed_gives_the_same_keys_and_another_seed_others() -> None:
    def keys(seed: int) -> list[str]:
        testnet = Testnet(HandMarket(), TestnetTerms(), HandClock(), seed=seed, accounts=3)
        return [account.keys.public for account in testnet.accounts.values()]

    assert keys(1) == keys(1)
    assert len({*keys(1), *keys(2)}) == 6


def test_a_secret_key_is_not_in_its_repr() -> None:
    keys = Bench().account.keys
    assert keys.secret not in repr(keys)


def test_a_feed_that_does_not_begin_with_a_book_is_refused() -> None:
    with pytest.raises(RecordingError, match=SOL.symbol):
        Testnet(HandMarket(first=[(m.MARK, 10_000_000, 0)]), TestnetTerms(), HandClock())


def test_nobody_is_liquidated_while_the_market_stands_still() -> None:
    bench = Bench(balance=Decimal(1_000))
    bench.market(Side.BUY, 3_000)
    bench.testnet.set_market_status(MarketStatus.CLOSED)
    bench.testnet.transfer("1", -SOL.money_to_quanta(Decimal(990)))
    assert bench.account.books.position.lots == 3_000
    bench.testnet.set_market_status(MarketStatus.OPEN)
    assert bench.account.books.position.lots == 0


def test_in_maintenance_an_interval_passes_without_funding() -> None:
    bench = Bench()
    bench.market(Side.BUY, 100)
    bench.testnet.set_maintenance(on=True)
    bench.pass_s(HOUR_S)
    assert not bench.account.books.funding
    bench.testnet.set_maintenance(on=False)
    bench.pass_s(HOUR_S)
    assert len(bench.account.books.funding) == 1


def test_a_message_that_becomes_due_during_a_request_happens_after_it() -> None:
    bench = Bench(*[(at / 1_000, [(m.BID, 9_970, 1 + at)]) for at in range(1, 60)])
    bench.clock.tick_at_every_look(700_000)
    for price in range(9_900, 9_920):
        bench.testnet.advance()
        bench.limit(Side.BUY, price, 10)
    bench.pass_s(1)
    assert bench.testnet.book.lots_at(Side.BUY, 9_970) == 60
