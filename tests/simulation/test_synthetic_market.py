"""The synthetic market keeps its book true, repeats itself to the byte, and resembles what it was fitted to."""

import hashlib
import itertools
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perpmaker.data.statistics import MarketStatistics, measure
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.simulation import market_events as me
from perpmaker.simulation.market_events import MarketChunk
from perpmaker.simulation.synthetic import DEFAULT_START_NS, SyntheticMarket
from perpmaker.simulation.synthetic_kernel import ROWS_PER_EVENT
from perpmaker.simulation.synthetic_profiles import BENCHMARK_DAY, PROFILES

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
SOL = PROFILES["SOL_USDC_PERP"]

Row = tuple[int, int, int, int]


def rows_of(chunks: Iterable[MarketChunk]) -> Iterator[Row]:
    for chunk in chunks:
        yield from zip(*(column.tolist() for column in chunk), strict=True)


def messages_of(chunks: Iterable[MarketChunk]) -> Iterator[list[Row]]:
    message: list[Row] = []
    for ts_ns, kind, price, lots in rows_of(chunks):
        message.append((ts_ns, kind & me.KIND_MASK, price, lots))
        if not kind & me.MORE:
            yield message
            message = []
    assert not message, "the market ends inside a message"


def digest_of(market: SyntheticMarket) -> str:
    digests = [hashlib.sha256() for _ in MarketChunk._fields]
    for chunk in market.chunks():
        for digest, column in zip(digests, chunk, strict=True):
            digest.update(column.tobytes())
    return hashlib.sha256(b"".join(digest.digest() for digest in digests)).hexdigest()


class NaiveBook:
    """Two dicts, changed row by row and checked at the end of each message."""

    def __init__(self) -> None:
        self.sides: dict[int, dict[int, int]] = {me.BID: {}, me.ASK: {}}
        self.now = 0
        self.marks = 0

    def apply(self, message: list[Row]) -> None:
        before = {side: dict(levels) for side, levels in self.sides.items()} if self._trades(message) else {}
        for ts_ns, kind, price, lots in message:
            assert ts_ns == message[0][0], "one message, one time"
            assert ts_ns >= self.now, "time never runs back"
            self.now = ts_ns
            if kind in (me.BID, me.ASK):
                self._set(kind, price, lots)
            elif kind in (me.CLEAR_BIDS, me.CLEAR_ASKS):
                self.sides[me.BID if kind == me.CLEAR_BIDS else me.ASK].clear()
            elif kind == me.MARK:
                self.marks += 1
        self._check_trades(message, before)
        assert self.sides[me.BID], "there is always a bid"
        assert self.sides[me.ASK], "there is always an ask"
        assert max(self.sides[me.BID]) < min(self.sides[me.ASK]), "never locked, never crossed"

    def _set(self, side: int, price: int, lots: int) -> None:
        assert lots >= 0
        assert price > 0
        if lots:
            self.sides[side][price] = lots
        else:
            assert price in self.sides[side], "only what is there is removed"
            del self.sides[side][price]

    @staticmethod
    def _trades(message: list[Row]) -> list[Row]:
        return [row for row in message if row[1] in (me.BUY_TRADE, me.SELL_TRADE)]

    def _check_trades(self, message: list[Row], before: dict[int, dict[int, int]]) -> None:
        """Trades come first, take the best prices in order, and the level rows show exactly what they took."""
        trades = self._trades(message)
        if not trades:
            return
        assert message[: len(trades)] == trades
        assert [row[1] for row in trades] == [trades[0][1]] * len(trades), "one market order, one direction"
        side = me.ASK if trades[0][1] == me.BUY_TRADE else me.BID
        ranked = sorted(before[side], reverse=side == me.BID)
        for (_, _, price, lots), best in zip(trades, ranked, strict=False):
            assert price == best
            assert 1 <= lots <= before[side][price]
            assert self.sides[side].get(price, 0) == before[side][price] - lots
        assert len(message) == 2 * len(trades), "one level row for each trade row, nothing else"


def replayed(market: SyntheticMarket, most_messages: int | None = None) -> NaiveBook:
    book = NaiveBook()
    for message in itertools.islice(messages_of(market.chunks()), most_messages):
        book.apply(message)
    return book


@pytest.mark.parametrize("symbol", PROFILES)
def test_the_book_is_true_after_every_message(symbol):
    replayed(SyntheticMarket(PROFILES[symbol], seed=7), most_messages=4_000)


@given(
    seed=st.integers(0, 2**63),
    trades_per_s=st.floats(0.01, 200.0),
    visits_per_s=st.floats(0.1, 500.0),
    trade_lots=st.floats(0.1, 1e6),
    touch_lots=st.floats(1.0, 1e6),
    stale_ticks=st.floats(0.1, 50.0),
    farthest=st.integers(8, 2_000),
)
@settings(max_examples=60)
def test_no_profile_breaks_the_book(seed, trades_per_s, visits_per_s, trade_lots, touch_lots, stale_ticks, farthest):
    profile = replace(
        SOL, trades_per_s=trades_per_s, visits_per_s=visits_per_s, trade_lots=trade_lots, touch_lots=touch_lots,
        stale_ticks=stale_ticks, max_distance_ticks=farthest,
    )  # fmt: skip
    replayed(SyntheticMarket(profile, seed, duration_ns=20 * SECOND), most_messages=1_000)


def test_the_book_follows_jumps_of_the_fair_price():
    profile = replace(SOL, jumps_per_hour=600.0, jump_bp=200.0)
    lows_and_highs = measure(SyntheticMarket(profile, seed=1, duration_ns=HOUR // 4))
    assert lows_and_highs.mid_high_ticks - lows_and_highs.mid_low_ticks > 500
    assert lows_and_highs.spread_ticks_median < 20
    replayed(SyntheticMarket(profile, seed=1), most_messages=5_000)


def test_the_same_seed_gives_the_same_bytes_whatever_the_chunks():
    whole = digest_of(SyntheticMarket(SOL, seed=3, duration_ns=HOUR // 6))
    for chunk_rows in (ROWS_PER_EVENT, 1_000, 12_345):
        assert digest_of(SyntheticMarket(SOL, seed=3, duration_ns=HOUR // 6, chunk_rows=chunk_rows)) == whole


def test_each_pass_over_the_chunks_gives_the_same_bytes():
    market = SyntheticMarket(SOL, seed=3, duration_ns=60 * SECOND)
    assert digest_of(market) == digest_of(market)


def test_a_longer_run_begins_like_a_shorter_one():
    short = list(rows_of(SyntheticMarket(SOL, seed=5, duration_ns=100 * SECOND).chunks()))
    long = rows_of(SyntheticMarket(SOL, seed=5, duration_ns=200 * SECOND).chunks())
    assert list(itertools.islice(long, len(short))) == short


@pytest.mark.parametrize("disable_jit", ["0", "1"])
def test_another_process_gives_the_same_bytes_compiled_or_interpreted(disable_jit):
    program = """
import hashlib, sys
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
digest = hashlib.sha256()
for chunk in SyntheticMarket(PROFILES["SOL_USDC_PERP"], seed=11, duration_ns=20_000_000_000).chunks():
    for column in chunk:
        digest.update(column.tobytes())
print(digest.hexdigest())
"""
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True, text=True, check=True, env={**os.environ, "NUMBA_DISABLE_JIT": disable_jit},
    )  # fmt: skip
    digest = hashlib.sha256()
    for chunk in SyntheticMarket(SOL, seed=11, duration_ns=20 * SECOND).chunks():
        for column in chunk:
            digest.update(column.tobytes())
    assert finished.stdout.strip() == digest.hexdigest()


def test_another_seed_gives_another_day():
    digests = {digest_of(SyntheticMarket(SOL, seed, duration_ns=60 * SECOND)) for seed in range(5)}
    assert len(digests) == 5


def test_the_first_message_clears_both_sides_and_states_the_whole_book():
    first, mark = itertools.islice(messages_of(SyntheticMarket(SOL, seed=1).chunks()), 2)
    assert [row[1] for row in first[:2]] == [me.CLEAR_BIDS, me.CLEAR_ASKS]
    assert {row[1] for row in first[2:]} == {me.BID, me.ASK}
    assert {row[0] for row in first} == {DEFAULT_START_NS}
    assert [row[1] for row in mark] == [me.MARK]
    assert len(first) > 100


def test_all_rows_lie_between_start_and_end():
    start = DEFAULT_START_NS + 123_456_789
    times = np.concatenate([c.ts_ns for c in SyntheticMarket(SOL, 1, start, 10 * SECOND).chunks()])
    assert times[0] == start
    assert times[-1] < start + 10 * SECOND
    assert times[-1] > start + 9 * SECOND


def test_a_mark_price_comes_at_the_start_and_on_every_whole_second_near_the_book():
    rows = list(rows_of(SyntheticMarket(SOL, 1, duration_ns=60 * SECOND).chunks()))
    marks = [(ts_ns, price) for ts_ns, kind, price, _ in rows if kind == me.MARK]
    assert [ts_ns for ts_ns, _ in marks] == [DEFAULT_START_NS + second * SECOND for second in range(60)]
    assert all(14_800_000 < price < 15_200_000 for _, price in marks)


def test_funding_is_settled_on_whole_hours_at_the_mark_with_a_small_rate():
    rows = list(rows_of(SyntheticMarket(SOL, 2, duration_ns=3 * HOUR).chunks()))
    at = [i for i, row in enumerate(rows) if row[1] & me.KIND_MASK == me.FUNDING]
    half_past = DEFAULT_START_NS % HOUR
    assert [rows[i][0] for i in at] == [DEFAULT_START_NS - half_past + n * HOUR for n in (1, 2, 3)]
    for i in at:
        assert rows[i][2] == rows[i - 1][2], "the mark of the same message"
        assert abs(rows[i][3]) < 100_000, "below a basis point an hour"


def test_memory_is_bounded_by_the_chunk():
    chunks = SyntheticMarket(SOL, 1, chunk_rows=500).chunks()
    next(chunks)  # the opening states the whole book
    assert max(chunk.ts_ns.size for chunk in itertools.islice(chunks, 50)) <= 500


def close(value: float, target: float, tolerance: float) -> bool:
    return abs(value - target) <= tolerance * target


def depth_of(statistics: MarketStatistics, within_bp: float, lot: Decimal) -> float:
    depth = next(depth for depth in statistics.depth if depth.within_bp == within_bp)
    return (depth.bid_lots + depth.ask_lots) / 2 * float(lot)


# What the recordings show: spread bp, 10 s volatility bp, trades a minute, depth at the best price, within 5 and 10 bp
# (base currency); then the simulated hours. SOL: volatility from one-minute bars, the rest scaled from ETH by turnover.
RECORDED = {
    "SOL_USDC_PERP": (0.67, 4.29, 359.0, 670.0, 4_960.0, 11_300.0, 2),
    "BTC_USDC_PERP": (0.016, 2.10, 1_339.0, 14.1, 121.0, 266.0, 1),
    "ETH_USDC_PERP": (0.029, 2.29, 1_709.0, 84.2, 1_036.0, 2_366.0, 1),
    "NEXO_USDC_PERP": (9.86, 4.06, 9.2, 450.0, 341.0, 446.0, 24),
    "BTC_USD_PERP": (0.101, 1.52, 141.0, 0.266, 2.45, None, 6),
    "ETH_USD_PERP": (0.376, 4.96, 332.0, 144.0, 1_417.0, 2_402.0, 2),
}


@pytest.mark.parametrize("symbol", RECORDED)
def test_a_profile_resembles_its_recording(symbol):
    spread_bp, volatility_bp, trades, best, within_5, within_10, hours = RECORDED[symbol]
    profile = PROFILES[symbol]
    measured = measure(SyntheticMarket(profile, seed=1, duration_ns=hours * HOUR))
    lot = profile.instrument.lot_size
    assert close(measured.spread_bp_mean, spread_bp, 0.5)
    assert close(measured.volatility_10s_bp, volatility_bp, 0.25)
    assert close(measured.trades_per_minute, trades, 0.25)
    assert close(depth_of(measured, 0.0, lot), best, 0.25)
    assert close(depth_of(measured, 5.0, lot), within_5, 0.25)
    if within_10 is not None:  # StandX shows ten levels only
        assert close(depth_of(measured, 10.0, lot), within_10, 0.25)
    assert measured.locked_share == measured.crossed_share == 0.0


def test_the_benchmark_day_has_five_million_rows_three_tenths_of_them_trades():
    measured = measure(SyntheticMarket(BENCHMARK_DAY, seed=1, duration_ns=24 * HOUR))
    assert close(measured.rows, 5_000_000, 0.05)
    assert close(measured.trade_row_share, 0.30, 0.05)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 1, "duration_ns": 0}, "duration"),
        ({"seed": 1, "start_ns": 0}, "start"),
        ({"seed": 1, "chunk_rows": 10}, "chunk"),
    ],
)
def test_a_market_that_cannot_be_is_refused(arguments, sentence):
    with pytest.raises(InvalidSettingError, match=sentence):
        SyntheticMarket(SOL, **arguments)


@pytest.mark.parametrize(
    ("field", "value"),
    [("visits_per_s", 0.0), ("trades_per_s", float("nan")), ("informed", 1.5), ("max_distance_ticks", 1_000_000)],
)
def test_a_profile_that_cannot_be_is_refused(field, value):
    with pytest.raises(InvalidSettingError, match=field):
        replace(SOL, **{field: value})
