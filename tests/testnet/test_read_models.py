"""The parts that everybody reads: numbers on the wire, the public book, candles, and what the feed may do."""

from decimal import Decimal

import pytest

from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import QUANTA_PER_TICK_LOT
from perpmaker.domain.orders import Side
from perpmaker.simulation import market_events as m
from perpmaker.simulation.player import FeedRow
from perpmaker.testnet.api_errors import ApiError
from perpmaker.testnet.gate import FeedGate
from perpmaker.testnet.klines import Klines
from perpmaker.testnet.public_book import PublicBook
from perpmaker.testnet.rate_limit import MinuteLimit
from perpmaker.testnet.wire import Wire, basis_points, fixed, naive_time, rate
from support.testnets import SOL

COARSE = Instrument("X_USDC_PERP", "X", "USDC", Decimal("0.5"), Decimal(20), Decimal(20))
MINUTE = 60 * 10**9
DAY = 1_440 * MINUTE


def test_prices_and_sizes_have_the_decimals_of_their_step() -> None:
    wire = Wire(SOL)
    assert (wire.price(9_950), wire.quantity(7), wire.mark(9_950_500)) == ("99.50", "0.07", "99.505")
    assert (wire.money(-3 * QUANTA_PER_TICK_LOT // 2), wire.money(0)) == ("-0.00015", "0")
    coarse = Wire(COARSE)
    assert (coarse.price(3), coarse.quantity(2), coarse.money(QUANTA_PER_TICK_LOT)) == ("1.5", "40", "10")


def test_an_average_without_an_end_has_twelve_decimals() -> None:
    wire = Wire(SOL)
    cost = (10_000 * 1 + 10_001 * 2) * QUANTA_PER_TICK_LOT
    assert wire.entry_price(cost, 3) == "100.006666666667"
    assert wire.entry_price(-cost, -3) == "100.006666666667"
    assert wire.entry_price(0, 0) == "0"


@pytest.mark.parametrize("text", ["", "-1", "1e3", "1.", ".5", "0.001", "NaN", " 1", "1_000", "9" * 16, None, 1])
def test_what_is_no_plain_number_of_steps_is_refused(text: object) -> None:
    with pytest.raises(ApiError):
        Wire(SOL).ticks(text)


def test_a_number_between_two_steps_is_refused() -> None:
    wire = Wire(COARSE)
    assert (wire.ticks("1.5"), wire.lots("40")) == (3, 2)
    for read, text in ((wire.ticks, "1.3"), (wire.lots, "30")):
        with pytest.raises(ApiError, match="multiple"):
            read(text)


def test_reading_is_the_inverse_of_writing() -> None:
    for instrument in (SOL, COARSE):
        wire = Wire(instrument)
        for number in (1, 7, 123_456):
            assert wire.ticks(wire.price(number)) == wire.lots(wire.quantity(number)) == number


def test_rates_and_times() -> None:
    assert (rate(-12_500), rate(20_000_000), fixed(-5, 2)) == ("-0.0000125", "0.02", "-0.05")
    assert (basis_points(200_000), basis_points(-15_000)) == ("2", "-0.15")
    assert naive_time(1_790_000_000_123_000_000) == "2026-09-21T14:13:20.123"


def test_a_message_is_one_update_of_what_it_changes() -> None:
    book = PublicBook(10)
    first = book.apply([FeedRow(m.BID, 99, 5), FeedRow(m.BID, 98, 5), FeedRow(m.ASK, 101, 1)])
    assert first is not None
    assert (first.bids, first.asks, book.update_id) == ([(99, 5), (98, 5)], [(101, 1)], 11)
    assert book.apply([FeedRow(m.BID, 99, 5), FeedRow(m.MARK, 100, 0)]) is None
    cleared = book.apply([FeedRow(m.CLEAR_BIDS, 98, 0), FeedRow(m.BID, 98, 5)])
    assert cleared is not None
    assert (cleared.bids, book.update_id) == ([(99, 0)], 12)


def test_a_stated_best_removes_what_was_better() -> None:
    book = PublicBook(0)
    book.apply([FeedRow(m.ASK, 101, 1), FeedRow(m.ASK, 102, 1), FeedRow(m.ASK, 103, 1)])
    change = book.apply([FeedRow(m.BEST_ASK, 102, 9)])
    assert change is not None
    assert change.asks == [(101, 0), (102, 9)]
    gone = book.apply([FeedRow(m.BEST_ASK, 0, 0)])
    assert gone is not None
    assert gone.asks == [(102, 0), (103, 0)]


def test_taking_lowers_a_level() -> None:
    book = PublicBook(0)
    book.apply([FeedRow(m.ASK, 101, 5)])
    assert book.take(Side.SELL, 101, 3)[0] == 2
    left, change = book.take(Side.SELL, 101, 2)
    assert (left, change.asks, book.best(Side.SELL)) == (0, [(101, 0)], None)


def test_weeks_begin_on_monday_and_months_on_their_first_day() -> None:
    klines = Klines()
    klines.trade(1_790_000_000 * 10**9, 100, 1)
    starts = {name: klines.current(name) for name in ("1w", "1month", "3d", "1h")}
    texts = {name: naive_time(candle.start_ns) for name, candle in starts.items() if candle is not None}
    assert (texts["1w"], texts["1month"]) == ("2026-09-21T00:00:00", "2026-09-01T00:00:00")
    month = klines.current("1month")
    assert month is not None
    assert naive_time(month.end_ns) == "2026-10-01T00:00:00"


def test_statistics_forget_what_is_older_than_their_window() -> None:
    klines = Klines()
    klines.trade(0, 500, 1)
    klines.trade(DAY + MINUTE, 100, 1)
    day, week = klines.statistics("1d", DAY + MINUTE), klines.statistics("1w", DAY + MINUTE)
    assert day is not None
    assert week is not None
    assert (day.high_ticks, week.high_ticks) == (100, 500)
    later = klines.statistics("1d", 3 * DAY)
    assert later is not None
    assert (later.last_ticks, later.trades) == (100, 0)


def test_a_gate_that_holds_gives_back_the_whole_book() -> None:
    gate = FeedGate()
    gate.hold([FeedRow(m.BID, 99, 5), FeedRow(m.ASK, 101, 5)])
    assert gate.pass_on([FeedRow(m.BID, 99, 0), FeedRow(m.BID, 98, 2), FeedRow(m.MARK, 99_500, 0)]) == ()
    rows = gate.release()
    assert [row.kind for row in rows] == [m.CLEAR_BIDS, m.CLEAR_ASKS, m.BID, m.ASK, m.MARK]
    assert rows[2] == (m.BID, 98, 2)
    assert gate.pass_on([FeedRow(m.BID, 97, 1)]) == [(m.BID, 97, 1)]


def test_any_minute_holds_no_more_than_the_limit() -> None:
    limit = MinuteLimit(2)
    assert [limit.admits(at) for at in (0, MINUTE // 2, MINUTE - 1, MINUTE, MINUTE + 1)] == [
        True,
        True,
        False,
        True,
        False,
    ]
