"""The figures of both courses of events, and which fills are the same."""

import pytest

from perpmaker.domain.events import PositionCorrected
from perpmaker.domain.money import QUANTA_PER_TICK_LOT
from perpmaker.domain.orders import Side
from perpmaker.report.attribution import Group
from perpmaker.research.fidelity_figures import MATCH_NS, MATCH_TICKS, Course, Matches, Span, figures, look, match
from perpmaker.research.fidelity_orders import Part, SentOrder
from perpmaker.simulation import market_events as m
from simulation.markets import Market, book

HOUR = 3_600 * 10**9


def order(number: int, side: Side, price: int, *parts: tuple[int, int], level: int = 1, ended_ns: int | None = None):
    """``parts``: time and lots."""
    sent = SentOrder(number, side, level, price, 10, True, 0, arrived_ns=0, ended_ns=ended_ns)
    sent.was_cancelled = ended_ns is not None
    sent.parts = [Part(at_ns, price, lots, True, 3) for at_ns, lots in parts]
    return sent


def test_orders_position_and_money_are_counted() -> None:
    span = Span(0, 4 * HOUR)
    feed = Market(
        [
            *book(0, {99: 5}, {101: 5}),
            *book(3 * HOUR, {100: 5, 99: 0}, {102: 5, 101: 0}),
            (4 * HOUR, m.MARK, 101_000, 0),
        ]
    )
    orders = [
        order(1, Side.BUY, 99, (HOUR, 4), (2 * HOUR, 6)),
        order(2, Side.SELL, 102, (3 * HOUR, 10), level=2),
        order(3, Side.BUY, 98, ended_ns=HOUR),
    ]
    orders[2].refusal = "post-only would cross"
    takeover = PositionCorrected(0, 0, -2, 100_000)
    course = Course(orders, [], [takeover])
    found = figures(course, look(feed, span, [course]), span)
    assert (found.orders, found.refused, found.cancelled, found.filled_orders, found.fills) == (3, 1, 1, 2, 3)
    assert (found.maker_lots, found.taker_lots, found.position_lots) == (20, 0, -2)
    assert found.resting_ns == 5 * HOUR, "what was refused never rested"
    assert found.fills_per_hour == pytest.approx(2 / 5)
    assert found.abs_position_lots == pytest.approx((2 + 2 + 8 + 2) / 4)
    assert found.levels[Group(Side.BUY, 1)] == (1, 1, 10)
    assert found.levels[Group(Side.SELL, 2)] == (1, 1, 10)
    gained = 10 * (102 - 99) + 2 * 100 - 2 * 101
    assert found.terms.total == gained * QUANTA_PER_TICK_LOT - 9


def test_fills_are_the_same_by_side_price_and_time_each_once_the_nearest_first() -> None:
    real = [order(1, Side.BUY, 99, (10 * 10**9, 5)), order(2, Side.BUY, 99, (11 * 10**9, 5))]
    near = [
        order(1, Side.BUY, 99 + MATCH_TICKS, (11 * 10**9 + 5, 5)),
        order(2, Side.SELL, 99, (10 * 10**9, 5)),
        order(3, Side.BUY, 99, (12 * 10**9 + 1, 5)),
        order(4, Side.BUY, 98 - MATCH_TICKS, (10 * 10**9, 5)),
    ]
    assert match(real, near) == Matches(1, 1, 3)
    assert match(real, real) == Matches(2, 0, 0)
    late = [order(1, Side.BUY, 99, (11 * 10**9 + MATCH_NS, 5)), order(2, Side.BUY, 99)]
    assert match(real, late) == Matches(1, 1, 0)
