"""Maintenance margin and liquidation, one rule a test (rules 17 and 18 of `kernel_fill`)."""

import pytest

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.events import LIQUIDATION_ORDER_ID, Filled, FundingPaid, Liquidated, OrderCanceled, OrderRejected
from perpmaker.domain.money import QUANTA_PER_TICK_LOT, notional_quanta
from perpmaker.domain.orders import CancelReason, RejectReason, Side
from perpmaker.simulation import market_events as m
from perpmaker.simulation.exchange import SimulatedExchange
from simulation.markets import Market, ask, bid, book, market, terms, until

FREE = {"maker_fee_ppb": 0, "taker_fee_ppb": 0}
MARGIN = {**FREE, "balance_tick_lots": 100, "maintenance_margin_ppb": 50_000_000}
"""100 tick-lots carry 10 lots at 100 ticks; with 5 % maintenance they are lost somewhere below 95"""

START = book(1, {100: 50}, {101: 50})
MARK = [(2, m.MARK, 100_000, 0)]


def run(rows, commands, **changes):
    """Send the commands at 3 and play the market to its end."""
    exchange = SimulatedExchange(Market([*START, *MARK, *rows]), terms(**{**MARGIN, **changes}))
    told = exchange.advance(until(3))
    exchange.submit(commands)
    while not exchange.exhausted:
        told += exchange.advance(until(1_000))
    return exchange, told


def of(kind, told):
    return [event for event in told if isinstance(event, kind)]


LONG = [bid(1, 101, 9, post_only=False)]  # at 101: equity is 100 - 9 + 9 x (mark - 100)


def test_equity_must_be_at_least_the_maintenance_margin_at_the_mark():
    # 100 + 9 (mark - 101) and 0.05 x 9 mark meet at 809 / 8.55 = 94.6198...
    assert not of(Liquidated, run([(10, m.MARK, 94_620, 0)], LONG)[1])
    assert of(Liquidated, run([(10, m.MARK, 94_619, 0)], LONG)[1])


def test_the_mark_decides_not_the_last_price():
    crashed = book(10, {100: 0, 80: 50}, {101: 0, 81: 50})
    _, told = run([*crashed, (11, m.SELL_TRADE, 80, 5)], LONG)
    assert not of(Liquidated, told)


def test_every_order_is_cancelled_and_the_position_closed_at_the_book():
    exchange, told = run([(10, m.MARK, 90_000, 0)], [*LONG, ask(2, 110, 1)])
    assert [(e.order_id, e.reason) for e in of(OrderCanceled, told)] == [(2, CancelReason.LIQUIDATION)]
    closing = of(Filled, told)[-1]
    assert (closing.order_id, closing.side, closing.price_ticks, closing.lots, closing.is_maker) == (
        LIQUIDATION_ORDER_ID, Side.SELL, 100, 9, False,
    )  # fmt: skip
    assert told[-1] == Liquidated(10, 10, -9, 0)
    assert (exchange.position_lots, exchange.open_orders()) == (0, [])


def test_a_fill_of_a_liquidation_pays_the_taker_fee_and_the_liquidation_fee():
    _, told = run([(10, m.MARK, 90_000, 0)], LONG, taker_fee_ppb=500_000, liquidation_fee_ppb=5_000_000)
    opening, closing = of(Filled, told)
    assert opening.fee_quanta == notional_quanta(101, 9) * 500_000 // 10**9
    assert closing.fee_quanta == notional_quanta(100, 9) * 5_500_000 // 10**9


def test_what_the_book_cannot_take_stays_and_is_looked_at_with_the_next_change_of_the_mark():
    thin = book(5, {100: 4}, {})
    again = book(12, {99: 50}, {})
    carried, lost = (13, m.MARK, 89_000, 0), (14, m.MARK, 80_000, 0)  # what is left of 5 lots is enough, then is not
    exchange, told = run([*thin, (10, m.MARK, 90_000, 0), *again, carried, lost], LONG)
    assert of(Liquidated, told) == [Liquidated(10, 10, -4, 5), Liquidated(14, 14, -5, 0)]
    assert exchange.position_lots == 0


def test_an_account_may_end_below_zero():
    crashed = book(10, {100: 0, 80: 50}, {101: 0, 81: 50})
    exchange, _ = run([*crashed, (11, m.MARK, 80_000, 0)], LONG)
    assert exchange.equity_quanta == (100 - 9 * 21) * QUANTA_PER_TICK_LOT


def test_an_order_on_its_way_in_is_checked_on_arrival():
    _, told = run([(10, m.MARK, 80_000, 0)], [*LONG, bid(2, 70, 1)], order_latency_ns=7)
    assert of(Liquidated, told)  # placed at 3, both arrive at 10, behind the mark
    refused = [(event.order_id, event.reason) for event in of(OrderRejected, told)]
    assert refused in ([], [(2, RejectReason.INSUFFICIENT_MARGIN)])


def test_funding_can_liquidate():
    _, told = run([(10, m.FUNDING, 0, 900_000_000)], LONG)
    assert of(FundingPaid, told)
    assert of(Liquidated, told)


def test_without_maintenance_margin_nothing_is_liquidated():
    exchange, told = run([(10, m.MARK, 1_000, 0)], LONG, maintenance_margin_ppb=0)
    assert not of(Liquidated, told)
    assert exchange.position_lots == 9


def test_closing_in_time_keeps_the_liquidation_away():
    _, told = run([(10, m.MARK, 90_000, 0)], [*LONG, market(2, Side.SELL, 9, reduce_only=True)])
    assert not of(Liquidated, told)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"maintenance_margin_ppb": 100_000_001}, "initial margin"),
        ({"maintenance_margin_ppb": -1}, "maintenance margin"),
        ({"liquidation_fee_ppb": 10**9}, "liquidation fee"),
        ({"volume_quanta": -1}, "30 days"),
    ],
)
def test_impossible_terms_are_refused(change, words):
    with pytest.raises(InvalidSettingError, match=words):
        terms(**change)
