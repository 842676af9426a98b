"""Funding that is added to data: when, at which mark, and to the last quantum."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perpmaker.data.funding import ConstantFunding, FundingPayment, RecordedFunding, with_funding
from perpmaker.data.funding_file import read_funding
from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.data.reader import Recording
from perpmaker.domain.commands import Command
from perpmaker.domain.errors import InvalidSettingError, RecordingError
from perpmaker.domain.events import Event, Filled, FundingPaid
from perpmaker.domain.instrument import Instrument
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.runtime.replay import Replay
from perpmaker.simulation import market_events as me
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.terms import ExchangeTerms
from support import recordings
from support.recordings import rows_of

HOUR_NS = 3_600 * 10**9
MINUTE_NS = 60 * 10**9
START_NS = 1_735_689_600 * 10**9  # 2025-01-01 00:00 UTC
INSTRUMENT = Instrument("T", "T", "USD", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))


Rows = partial(recordings.Rows, instrument=INSTRUMENT)


def payment(at_ns: int, rate_ppb: int = 7) -> tuple[int, int, int, int]:
    return (at_ns, me.FUNDING, 0, rate_ppb)


# --- where the rows go ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_a_payment_comes_before_everything_of_its_instant(chunk):
    rows = [
        (1, me.BID | me.MORE, 9, 1),
        (1, me.ASK, 11, 1),
        (5, me.BID | me.MORE, 8, 1),
        (5, me.ASK, 12, 1),
        (9, me.BID, 7, 1),
    ]
    feed = with_funding(Rows(rows, chunk), RecordedFunding([FundingPayment(5, 7), FundingPayment(7, 7)]))
    assert rows_of(feed) == [*rows[:2], payment(5), *rows[2:4], payment(7), rows[4]]


def test_nothing_is_paid_at_or_before_the_first_row_nor_after_the_last():
    rows = [(10, me.BID, 9, 1), (20, me.BID, 8, 1)]
    schedule = RecordedFunding([FundingPayment(at, 7) for at in (5, 10, 20, 21)])
    assert rows_of(with_funding(Rows(rows), schedule)) == [rows[0], payment(20), rows[1]]


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_what_falls_due_in_a_gap_is_paid_where_the_gap_ends(chunk):
    rows = [(1, me.BID, 9, 1), (3, me.GAP_START, 0, 0), (5, me.BID, 9, 1), (8, me.GAP_END, 0, 0), (9, me.BID, 9, 1)]
    schedule = RecordedFunding([FundingPayment(2, 1), FundingPayment(4, 2), FundingPayment(6, 3), FundingPayment(9, 4)])
    assert rows_of(with_funding(Rows(rows, chunk), schedule)) == [
        rows[0], payment(2, 1), *rows[1:4], payment(8, 2), payment(8, 3), payment(9, 4), rows[4],
    ]  # fmt: skip


def test_a_constant_rate_is_paid_at_multiples_of_its_interval():
    rows = [(START_NS + minutes * MINUTE_NS, me.BID, 9, 1) for minutes in range(0, 24 * 60, 7)]
    feed = with_funding(Rows(rows, 13), ConstantFunding(100_000, 8 * HOUR_NS))
    paid = [(ts, rate) for ts, kind, _, rate in rows_of(feed) if kind == me.FUNDING]
    assert paid == [(START_NS + hours * HOUR_NS, 100_000) for hours in (8, 16)]


def test_a_recorded_mark_goes_with_its_payment():
    feed = with_funding(Rows([(1, me.BID, 9, 1), (9, me.BID, 9, 1)]), RecordedFunding([FundingPayment(5, 7, 9_500)]))
    assert rows_of(feed)[1] == (5, me.FUNDING, 9_500, 7)


def test_data_with_funding_of_its_own_gets_no_second_one():
    feed = with_funding(Rows([(1, me.BID, 9, 1), payment(5)]), ConstantFunding(1, HOUR_NS))
    with pytest.raises(InvalidSettingError, match="has funding of its own"):
        rows_of(feed)


def test_each_reading_starts_anew():
    feed = with_funding(Rows([(1, me.BID, 9, 1), (9, me.BID, 9, 1)]), RecordedFunding([FundingPayment(5, 7)]))
    assert rows_of(feed) == rows_of(feed)


@pytest.mark.parametrize(("rate", "interval"), [(10**9, HOUR_NS), (1, 10**8)])
def test_an_impossible_constant_rate(rate, interval):
    with pytest.raises(InvalidSettingError):
        ConstantFunding(rate, interval)


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_of_rates(tmp_path: Path):
    file = tmp_path / "f.csv"
    file.write_text("ts_ms,funding_rate,mark_price\n1735718400000,0.0001,150.1234\n1735747200000,-0.00002531,151\n")
    found = list(read_funding(file, INSTRUMENT).after(0, 2**62))
    assert found == [
        FundingPayment(START_NS + 8 * HOUR_NS, 100_000, 15_012_340),
        FundingPayment(START_NS + 16 * HOUR_NS, -25_310, 15_100_000),
    ]


def test_freqtrades_file_has_the_rate_in_open(tmp_path: Path):
    file = tmp_path / "SOL_USDT_USDT-8h-funding_rate.parquet"
    date = pa.array([1735718400000], pa.timestamp("ms", "UTC"))
    pq.write_table(pa.table({"date": date, "open": [0.0001], "high": [0.0], "volume": [0.0]}), file)
    assert list(read_funding(file, INSTRUMENT).after(0, 2**62)) == [FundingPayment(START_NS + 8 * HOUR_NS, 100_000)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ts_ms,rate\n1735718400000,1.5\n", "row 1: a funding rate of 1.5 is 100 % or more"),
        ("ts_ms,rate\n1735718400000,x\n", "row 1: rate 'x' is not a usable number"),
        (
            "ts_ms,rate\n1735718400000,0.1\n1735718400000,0.2\n",
            "row 2: the funding of 2025-01-01T08:00:00Z is another one than the row before has: give each time once",
        ),
        (
            "ts_ms,rate\n1735718400000,0.1\n1735718300000,0.2\n",
            "row 2: the funding of 2025-01-01T07:58:20Z comes after",
        ),
        ("ts_ms,rate,mark\n1735718400000,0.1,-5\n", "row 1: a mark price of -5 is impossible"),
        ("ts_ms,rate,mark\n1735718400000,0.1,1e30\n", "row 1: a mark price of 1E+30 is impossible"),
        ("ts_ms,price\n1735718400000,0.1\n", "has no column funding_rate or fundingrate or rate: it has ts_ms, price"),
        ("date,rate\n2025-01-01 08:00,0.1\n", "row 1: column date: 2025-01-01 08:00:00 names no time zone"),
    ],
)
def test_a_file_that_cannot_be(tmp_path: Path, text: str, sentence: str):
    file = tmp_path / "f.csv"
    file.write_text(text)
    with pytest.raises(RecordingError) as refused:
        read_funding(file, INSTRUMENT)
    assert str(refused.value).startswith(str(file))
    assert sentence in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(RecordingError, match=r"f\.csv does not exist: give a file of funding rates"):
        read_funding(tmp_path / "f.csv", INSTRUMENT)


def test_the_same_payment_twice_is_one(tmp_path: Path):
    file = tmp_path / "f.csv"
    file.write_text("ts_ms,rate\n1735718400000,0.1\n1735718400000,0.1\n")
    assert len(read_funding(file, INSTRUMENT)) == 1


# --- a month, summed by hand ------------------------------------------------------------------------------------------


class Watcher:
    """Keeps what the maker was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        del now_ns, commands
        self.events += events


def walking_bars(count: int) -> list[tuple[int, int, int, int]]:
    """1-minute bars of a seeded walk."""
    rng = np.random.default_rng(11)
    close, rows = 15_000, []
    for number in range(count):
        opening = close
        close = max(5_000, opening + int(rng.integers(-20, 21)))
        high, low = max(opening, close) + int(rng.integers(0, 15)), min(opening, close) - int(rng.integers(0, 15))
        ts = START_NS + number * MINUTE_NS
        rows += [
            (ts, me.BAR_OPEN | me.MORE, opening, 100_000), (ts, me.BAR_HIGH | me.MORE, high, 0),
            (ts, me.BAR_LOW | me.MORE, low, 0), (ts, me.BAR_CLOSE, close, 0),
            (ts + MINUTE_NS // 4, me.BAR_STEP, 0, 0), (ts + MINUTE_NS // 2, me.BAR_STEP, 0, 0),
            (ts + MINUTE_NS - MINUTE_NS // 64, me.BAR_STEP, 0, 0),
        ]  # fmt: skip
    return rows


def funding_of_a_run(feed: MarketFeed) -> tuple[list[FundingPaid], list[Filled]]:
    """A maker trades on all of it. The exchange is two milliseconds away in each direction."""
    settings = StrategySettings(
        spread=Decimal("0.002"), quantity=Decimal(1), max_orders=1, max_position=Decimal(20),
        duration_s=Decimal(0), interval_s=Decimal(60),
    )  # fmt: skip
    terms = StrategyTerms.of(settings, feed.instrument, Decimal(10_000), Decimal(10))
    exchange_terms = ExchangeTerms(
        maker_fee_ppb=0, taker_fee_ppb=0, balance_quanta=terms.balance_quanta, leverage=Decimal(10),
        feed_latency_ns=2_000_000, order_latency_ns=2_000_000,
    )  # fmt: skip
    exchange, watcher = SimulatedExchange(feed, exchange_terms), Watcher()
    Replay(MarketMaker(terms, exchange.now_ns), exchange, [watcher]).run()
    paid = [event for event in watcher.events if isinstance(event, FundingPaid)]
    return paid, [event for event in watcher.events if isinstance(event, Filled)]


def closes_by_hand(rows: Sequence[tuple[int, int, int, int]]) -> dict[int, int]:
    """The close of the bar that ends at each time, ticks."""
    opened = [(ts, price) for ts, kind, price, _ in rows if kind & me.KIND_MASK == me.BAR_CLOSE]
    return {ts + MINUTE_NS: price for ts, price in opened}


def check_by_hand(rows: Sequence[tuple[int, int, int, int]], schedule: dict[int, int], feed: MarketFeed) -> None:
    """Position x mark x rate of every settlement, as fractions, against what was booked."""
    paid, fills = funding_of_a_run(feed)
    closes = closes_by_hand(rows)
    instrument, by_hand = feed.instrument, Fraction(0)
    held = 0
    for at_ns, rate_ppb in schedule.items():
        position = sum(fill.lots * fill.side for fill in fills if fill.venue_ns < at_ns) * Fraction(instrument.lot_size)
        mark = closes[at_ns] * Fraction(instrument.tick_size)
        by_hand -= position * mark * Fraction(rate_ppb, 10**9)
        held += position != 0
    booked = sum(event.amount_quanta for event in paid)
    quantum = Fraction(instrument.tick_size) * Fraction(instrument.lot_size) / 10**12
    assert booked * quantum == by_hand
    assert [event.venue_ns for event in paid] == list(schedule)
    assert held > len(schedule) // 2, "a test of positions that were flat would prove nothing"


def test_a_month_of_bars_pays_position_x_mark_x_rate_to_the_last_quantum():
    rows = walking_bars(31 * 24 * 60)
    rates = {START_NS + number * 8 * HOUR_NS: 100_000 + 137 * (-1) ** number * number for number in range(1, 31 * 3)}
    schedule = RecordedFunding([FundingPayment(at_ns, rate) for at_ns, rate in rates.items()])
    check_by_hand(rows, rates, with_funding(Rows(rows, 10_000), schedule))


@pytest.mark.recordings
def test_a_month_of_sol_pays_position_x_mark_x_rate_to_the_last_quantum(recordings_dir: Path, tmp_path: Path):
    bars = pq.read_table(recordings_dir / "binance_perp_klines" / "SOLUSDT_1m.parquet").slice(0, 31 * 24 * 60)
    pq.write_table(bars, tmp_path / "SOLUSDT_1m.parquet")
    rates = recordings_dir / "binance_perp_klines" / "SOLUSDT_funding_8h.parquet"
    options = ImportOptions(tick_size=Decimal("0.001"), funding=rates)
    import_recording("ohlcv", [tmp_path / "SOLUSDT_1m.parquet"], tmp_path / "r", options)
    recording = Recording.open(tmp_path / "r")
    rows = rows_of(recording)
    table = pq.read_table(rates).to_pydict()
    schedule = {
        at_ms * 10**6: round(rate * 10**9)
        for at_ms, rate in zip(table["ts_ms"], table["funding_rate"], strict=True)
        if rows[0][0] < at_ms * 10**6 <= rows[-1][0]
    }
    assert len(schedule) == 31 * 3
    check_by_hand(rows, schedule, recording)
