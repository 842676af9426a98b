"""The first price that a user is told is one of the market, whatever the data holds and however it states it."""

import pytest

from perpmaker.data.window import Window
from perpmaker.simulation import market_events as me
from perpmaker.simulation.first_mark import HOUR_NS, first_mark
from support.recordings import Row, Rows

BOOK: list[Row] = [
    (0, me.BID | me.MORE, 7, 5),
    (0, me.BID | me.MORE, 100, 5),
    (0, me.ASK | me.MORE, 102, 5),
    (0, me.ASK, 900, 5),
]


def test_it_is_the_mid_of_the_first_book_not_the_price_of_the_first_row() -> None:
    assert first_mark(Rows(BOOK)) == 101_000


def test_a_window_that_opens_with_the_whole_book_shows_the_same() -> None:
    assert first_mark(Window(Rows([*BOOK, (9, me.BUY_TRADE, 102, 1)]), 5, None)) == 101_000


def test_a_recorded_mark_counts() -> None:
    assert first_mark(Rows([(0, me.MARK, 98_765, 0), *BOOK])) == 98_765


def test_of_trades_alone_it_is_that_of_the_first_two_sides() -> None:
    rows: list[Row] = [
        (0, me.DEPTH | me.MORE, 0, me.NO_QUEUES),
        (0, me.BUY_TRADE | me.MORE, 102, 1),
        (0, me.BEST_ASK, 102, 1),
        (5, me.SELL_TRADE | me.MORE, 100, 1),
        (5, me.BEST_BID, 100, 1),
    ]
    assert first_mark(Rows(rows)) == 101_000


def test_of_bars_it_is_the_first_open() -> None:
    bar = [(me.BAR_OPEN, 100, 50), (me.BAR_HIGH, 120, 0), (me.BAR_LOW, 90, 0), (me.BAR_CLOSE, 95, 0)]
    rows: list[Row] = [(0, kind | me.MORE * (kind != me.BAR_CLOSE), price, lots) for kind, price, lots in bar]
    assert first_mark(Rows(rows)) == 100_000


@pytest.mark.parametrize("late_ns", [HOUR_NS - 1, 2 * HOUR_NS])
def test_no_price_within_an_hour_is_none(late_ns: int) -> None:
    rows: list[Row] = [(0, me.BID, 100, 5), (late_ns, me.ASK, 102, 5), (late_ns + 1, me.BUY_TRADE, 102, 1)]
    assert first_mark(Rows(rows)) == (101_000 if late_ns < HOUR_NS else None)
