"""A window opens with the market as it stands, shows what happens in it, and closes before its end."""

import random

import pytest

from perpmaker.data.window import Window
from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as me
from perpmaker.simulation.depth_book import DepthBook
from support.recordings import Row, Rows, rows_of
from support.runs import synthetic

SECOND = 10**9
START_NS = 1_767_605_400 * SECOND


def first_minute(seed: int = 1) -> list[Row]:
    return rows_of(Window(synthetic(seed), None, START_NS + 60 * SECOND))


def book_of(rows: list[Row]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    book = DepthBook()
    for _, kind, price, lots in rows:
        book.apply(kind, price, lots)
    return list(book.levels(Side.BUY)), list(book.levels(Side.SELL))


def test_a_window_onto_everything_is_everything() -> None:
    rows = first_minute()
    assert rows_of(Window(Rows(rows), rows[0][0], rows[-1][0] + 1)) == rows
    assert rows_of(Window(Rows(rows), rows[0][0] - 10**12, None)) == rows
    assert rows_of(Window(Rows(rows), None, None)) == rows


def test_a_window_ends_before_its_end() -> None:
    rows = first_minute()
    end_ns = rows[len(rows) // 2][0]
    assert rows_of(Window(Rows(rows, 1000), None, end_ns)) == [row for row in rows if row[0] < end_ns]


@pytest.mark.parametrize("seed", range(5))
def test_a_window_opens_with_the_book_as_it_stands_and_goes_on_with_every_row(seed: int) -> None:
    rows = first_minute(seed)
    at_ns = START_NS + random.Random(seed).randrange(60 * SECOND)
    shown = rows_of(Window(Rows(rows, 777), at_ns, None))
    after = [row for row in rows if row[0] >= at_ns]
    opening = shown[: -len(after)]
    assert shown[-len(after) :] == after
    assert {ts_ns for ts_ns, *_ in opening} == {at_ns}
    assert opening[0][1] == me.CLEAR_BIDS | me.MORE
    assert opening[1][1] == me.CLEAR_ASKS | me.MORE
    assert book_of(opening) == book_of([row for row in rows if row[0] < at_ns])
    assert book_of(shown) == book_of(rows)


def test_it_states_the_mark_where_one_was_recorded() -> None:
    rows: list[Row] = [(0, me.BID, 10, 5), (1, me.MARK, 12_345, 0), (2, me.ASK, 12, 5), (9, me.BUY_TRADE, 12, 1)]
    assert rows_of(Window(Rows(rows), 5, None)) == [
        (5, me.CLEAR_BIDS | me.MORE, 0, 0),
        (5, me.CLEAR_ASKS | me.MORE, 2**62, 0),
        (5, me.BID | me.MORE, 10, 5),
        (5, me.ASK, 12, 5),
        (5, me.MARK, 12_345, 0),
        (9, me.BUY_TRADE, 12, 1),
    ]


def test_one_that_opens_in_a_gap_says_so() -> None:
    rows: list[Row] = [(0, me.BID, 10, 5), (1, me.GAP_START, 0, 0), (9, me.GAP_END, 0, 0), (9, me.BID, 11, 5)]
    shown = rows_of(Window(Rows(rows), 5, None))
    assert shown[-3:] == [(5, me.GAP_START, 0, 0), *rows[2:]]
    assert book_of(shown[:-3]) == ([], [])


def test_nothing_is_left_of_what_was_gone_before() -> None:
    rows: list[Row] = [
        (0, me.BID, 10, 5),
        (1, me.BID, 9, 5),
        (2, me.BEST_BID, 9, 4),
        (3, me.BID, 9, 0),
        (8, me.ASK, 20, 1),
    ]
    assert book_of(rows_of(Window(Rows(rows), 5, None))[:-1]) == ([], [])


def test_a_row_at_the_moment_of_opening_is_in_the_window() -> None:
    rows: list[Row] = [(0, me.BID, 10, 5), (5, me.BID, 10, 6), (6, me.ASK, 12, 1)]
    assert rows_of(Window(Rows(rows), 5, 6))[-1] == (5, me.BID, 10, 6)


def test_every_look_shows_the_same() -> None:
    window = Window(Rows(first_minute(), 500), START_NS + 30 * SECOND, START_NS + 50 * SECOND)
    assert rows_of(window) == rows_of(window)


def test_how_the_feed_is_cut_into_chunks_changes_nothing() -> None:
    rows = first_minute()
    at_ns, end_ns = rows[len(rows) // 3][0], rows[len(rows) // 2][0]
    shown = [rows_of(Window(Rows(rows, size), at_ns, end_ns)) for size in (97, 1000, 10**6)]
    assert shown[0] == shown[1] == shown[2]


def test_no_more_is_read_than_the_window_needs() -> None:
    read: list[int] = []

    class Counting(Rows):
        def chunks(self):  # type: ignore[no-untyped-def]
            for chunk in super().chunks():
                read.append(int(chunk.ts_ns[0]))
                yield chunk

    rows = first_minute()
    rows_of(Window(Counting(rows, 100), None, rows[150][0]))
    assert len(read) <= 3
