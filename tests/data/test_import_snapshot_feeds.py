"""StandX and Hyperliquid: snapshots, quotes and trades become one feed that is honest about what it did not see."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.data.reader import Recording
from perpmaker.data.snapshots import EVERY_ASK
from perpmaker.domain.errors import PerpmakerError
from perpmaker.simulation import market_events as me
from support.recordings import plain_rows_of

MS = 1_000_000
CLEARS = [(me.CLEAR_BIDS, 0, 0), (me.CLEAR_ASKS, EVERY_ASK, 0)]
Side = list[tuple[float, float]]
Row = dict[str, Any]


def book(at_ms: int, bids: Side, asks: Side, venue_ms: int | None = None) -> Row:
    return {
        "ts_ns": (at_ms if venue_ms is None else venue_ms) * MS,
        "recv_ns": at_ms * MS,
        "bid_px": [price for price, _ in bids],
        "bid_qty": [size for _, size in bids],
        "ask_px": [price for price, _ in asks],
        "ask_qty": [size for _, size in asks],
    }


def trade(at_ms: int, price: float, qty: float = 0.5, venue_ms: int | None = None, **more: Any) -> Row:
    venue_ms = at_ms if venue_ms is None else venue_ms
    return {"ts_ns": venue_ms * MS, "recv_ns": at_ms * MS, "price": price, "qty": qty, **more}


def bbo(at_ms: int, bid: tuple[float, float], ask: tuple[float, float], venue_ms: int | None = None) -> Row:
    venue_ms = at_ms if venue_ms is None else venue_ms
    return {
        "ts_ns": venue_ms * MS, "recv_ns": at_ms * MS,
        "bid_px": bid[0], "bid_qty": bid[1], "ask_px": ask[0], "ask_qty": ask[1],
    }  # fmt: skip


def write(file: Path, rows: list[Row]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def timed_rows_of(recording: Recording) -> list[tuple[int, int, int, int]]:
    """(milliseconds, kind without MORE, price, lots)."""
    return [(ts // MS, *row) for ts, *row in plain_rows_of(recording)]


Import = Callable[..., Recording]


@pytest.fixture
def standx(tmp_path: Path, source: Path) -> Import:
    def run(books: list[Row], trades: list[Row], **options: Any) -> Recording:
        write(source / "book_1.parquet", books)
        write(source / "trades_1.parquet", trades)
        import_recording("standx", [source], tmp_path / "r", ImportOptions(**options))
        return Recording.open(tmp_path / "r")

    return run


@pytest.fixture
def hyperliquid(tmp_path: Path, source: Path) -> Import:
    def run(books: list[Row], quotes: list[Row], trades: list[Row]) -> Recording:
        write(source / "book.parquet", books)
        write(source / "bbo.parquet", quotes)
        write(source / "trades.parquet", trades)
        import_recording("hyperliquid", [source], tmp_path / "r", ImportOptions())
        return Recording.open(tmp_path / "r")

    return run


BIDS, ASKS = [(100.0, 1.0), (99.9, 2.0)], [(100.5, 1.0), (100.6, 2.0)]
FULL = [
    *CLEARS,
    (me.BID, 10_000, 10_000), (me.BID, 9_990, 20_000), (me.ASK, 10_050, 10_000), (me.ASK, 10_060, 20_000),
]  # fmt: skip


# --- snapshots and trades (StandX) -------------------------------------------------------------------------------


def test_the_first_snapshot_is_stated_in_full_and_the_next_as_a_difference(standx: Import):
    recording = standx(
        [book(0, BIDS, ASKS), book(250, [(100.0, 1.5), (99.9, 2.0)], ASKS)], [trade(100, 100.5), trade(300, 100.0)]
    )
    assert timed_rows_of(recording) == [
        *((0, *row) for row in FULL),
        (100, me.BUY_TRADE, 10_050, 5_000),
        (250, me.BID, 10_000, 15_000),
        (300, me.SELL_TRADE, 10_000, 5_000),
    ]
    assert recording.info.provenance.trade_side == "inferred"


def test_a_snapshot_that_changed_nothing_leaves_no_row(standx: Import):
    recording = standx([book(0, BIDS, ASKS), book(250, BIDS, ASKS)], [trade(100, 100.5)])
    assert len(timed_rows_of(recording)) == len(FULL) + 1
    assert recording.info.dropped["snapshots that changed nothing"] == 1


@pytest.mark.parametrize(
    ("price", "kind"),
    [
        (100.5, me.BUY_TRADE),
        (100.3, me.BUY_TRADE),  # above the true mid, 100.25 + 0.045
        (100.29, me.SELL_TRADE),
        (100.0, me.SELL_TRADE),
    ],
)
def test_the_quote_before_a_trade_tells_its_side_allowing_for_the_cut_prices(standx: Import, price: float, kind: int):
    recording = standx([book(0, BIDS, ASKS), book(250, BIDS, ASKS)], [trade(100, price)])
    assert timed_rows_of(recording)[-1][1] == kind
    assert recording.info.notes == {"trade sides inferred from the quote": 1}


def test_in_a_locked_book_the_last_price_tells_the_side(standx: Import):
    locked = [(100.0, 1.0)], [(100.0, 1.0)]
    prices = [100.0, 100.05, 100.05, 100.01, 100.01, 100.02]
    trades = [trade(10 + index, price) for index, price in enumerate(prices)]
    recording = standx([book(0, *locked), book(250, *locked)], trades)
    buy, sell = me.BUY_TRADE, me.SELL_TRADE
    assert [row[1] for row in timed_rows_of(recording)[4:]] == [buy, buy, buy, sell, sell, buy]
    assert recording.info.notes == {"trade sides inferred from the last price": 6}


def test_a_blind_period_is_a_gap_and_what_came_in_it_is_dropped(standx: Import):
    recording = standx(
        [book(0, BIDS, ASKS), book(250, BIDS, ASKS), book(7_000, BIDS, ASKS)],
        [trade(300, 100.5), trade(3_000, 100.5), trade(7_100, 100.5)],
    )
    assert timed_rows_of(recording) == [
        *((0, *row) for row in FULL),
        (250, me.GAP_START, 0, 0),  # where the book was last seen, though nothing had changed
        (7_000, me.GAP_END, 0, 0),
        *((7_000, *row) for row in FULL),
        (7_100, me.BUY_TRADE, 10_050, 5_000),
    ]
    assert recording.info.dropped["trades inside a gap"] == 2
    assert [(gap.start_ns // MS, (gap.end_ns or 0) // MS) for gap in recording.gaps] == [(250, 7_000)]


def test_blind_after_is_the_users_to_say(standx: Import):
    recording = standx([book(0, BIDS, ASKS), book(7_000, BIDS, ASKS)], [trade(3_000, 100.5)], blind_after_ns=8_000 * MS)
    assert recording.gaps == []


def test_a_trade_older_than_the_book_that_ended_the_gap_is_dropped(standx: Import):
    recording = standx(
        [book(0, BIDS, ASKS), book(7_000, BIDS, ASKS, venue_ms=6_900)],
        [trade(7_100, 100.5, venue_ms=6_000), trade(7_200, 100.5, venue_ms=6_950)],
    )
    assert [row[0] for row in timed_rows_of(recording) if row[1] == me.BUY_TRADE] == [7_200]
    assert recording.info.dropped["trades older than the book that the recording starts with"] == 1


def test_a_receive_stamp_that_steps_back_is_held(standx: Import):
    recording = standx([book(0, BIDS, ASKS), book(900, BIDS, ASKS)], [trade(500, 100.5), trade(200, 100.0)])
    assert [row[0] for row in timed_rows_of(recording)[len(FULL) :]] == [500, 500]
    assert recording.info.notes["receive stamps that stepped back, held at the latest before them"] == 1


def test_the_files_of_several_days_are_put_in_order(tmp_path: Path, source: Path):
    write(source / "book_2.parquet", [book(0, BIDS, ASKS)])
    write(source / "book_1.parquet", [book(1_000, BIDS[:1], ASKS)])
    write(source / "trades_1.parquet", [trade(1_500, 100.5)])
    info = import_recording("standx", [source], tmp_path / "r", ImportOptions())
    assert [file.name for file in info.provenance.sources] == ["book_2.parquet", "book_1.parquet", "trades_1.parquet"]
    assert info.instrument.tick_size == "0.01"


# --- snapshots, quotes and trades (Hyperliquid) ------------------------------------------------------------------


def test_quotes_state_both_sides_of_the_touch_at_once(hyperliquid: Import):
    recording = hyperliquid(
        [book(0, BIDS, ASKS)], [bbo(10, (100.1, 3.0), (100.5, 1.0))], [trade(20, 100.5, side="buy")]
    )
    assert timed_rows_of(recording)[6:] == [
        (10, me.BEST_BID, 1_001, 30_000),
        (10, me.BEST_ASK, 1_005, 10_000),
        (20, me.BUY_TRADE, 1_005, 5_000),
    ]


def test_a_recorded_side_is_kept_whatever_the_quote_says(hyperliquid: Import):
    trades = [trade(20, 100.5, side="sell"), trade(21, 100.0, side="buy")]
    recording = hyperliquid([book(0, BIDS, ASKS)], [bbo(10, *BIDS[:1], *ASKS[:1])], trades)
    assert [row[1] for row in timed_rows_of(recording)[-2:]] == [me.SELL_TRADE, me.BUY_TRADE]
    assert recording.info.notes == {}


def test_an_older_snapshot_may_not_push_a_newer_touch_back(hyperliquid: Import):
    recording = hyperliquid(
        [book(0, BIDS, ASKS), book(30, [(100.0, 1.0), (99.9, 7.0)], ASKS, venue_ms=5)],
        [bbo(10, (99.9, 4.0), (100.4, 2.0))],
        [trade(40, 100.4, side="buy")],
    )
    # the quote took 100.0 away and put an ask at 100.4; the older snapshot knows neither, and has nothing new behind it
    assert timed_rows_of(recording)[6:] == [
        (10, me.BEST_BID, 999, 40_000),
        (10, me.BEST_ASK, 1_004, 20_000),
        (40, me.BUY_TRADE, 1_004, 5_000),
    ]
    assert recording.info.notes == {"snapshots older than the quote, used behind it only": 1}


def test_a_newer_snapshot_overrules_the_quote(hyperliquid: Import):
    recording = hyperliquid(
        [book(0, BIDS, ASKS), book(30, BIDS, ASKS, venue_ms=12)],
        [bbo(10, (99.9, 4.0), (100.4, 2.0))],
        [trade(40, 100.4, side="buy")],
    )
    assert timed_rows_of(recording)[8:-1] == [
        (30, me.BID, 1_000, 10_000),
        (30, me.BID, 999, 20_000),
        (30, me.ASK, 1_004, 0),
    ]


def test_a_quote_older_than_the_book_is_dropped(hyperliquid: Import):
    recording = hyperliquid(
        [book(20, BIDS, ASKS)], [bbo(30, (99.9, 4.0), (100.4, 2.0), venue_ms=10)], [trade(40, 100.4, side="buy")]
    )
    assert len(timed_rows_of(recording)) == 6 + 1
    assert recording.info.dropped == {"quotes older than the book": 1}


def test_at_one_moment_a_trade_comes_before_the_quote_and_the_quote_before_the_book(hyperliquid: Import):
    recording = hyperliquid(
        [book(0, BIDS, ASKS), book(10, [(100.0, 9.0)], ASKS)],
        [bbo(10, (100.0, 3.0), (100.5, 1.0))],
        [trade(10, 100.0, side="sell")],
    )
    kinds = [row[1] for row in timed_rows_of(recording)[6:]]
    assert kinds == [me.SELL_TRADE, me.BEST_BID, me.BEST_ASK, me.BID]


def test_a_trade_that_is_told_twice_counts_once(hyperliquid: Import):
    trades = [trade(20, 100.5, side="buy", trade_id=name) for name in ("a", "b", "a", "b", "c")]
    recording = hyperliquid([book(0, BIDS, ASKS)], [bbo(10, BIDS[0], ASKS[0])], trades)
    assert recording.info.rows_by_kind["buy_trade"] == 3
    assert recording.info.dropped["trades told twice"] == 2


def test_what_precedes_the_first_snapshot_is_dropped(hyperliquid: Import):
    recording = hyperliquid(
        [book(20, BIDS, ASKS), book(30, BIDS[:1], ASKS)],
        [bbo(10, (99.9, 4.0), (100.4, 2.0))],
        [trade(5, 100.4, side="buy")],
    )
    assert timed_rows_of(recording)[0][0] == 20
    assert recording.info.dropped["quotes before the first snapshot"] == 1
    assert recording.info.dropped["trades before the first snapshot"] == 1


# --- refused with one sentence ------------------------------------------------------------------------------------


def refusal(tmp_path: Path, source: Path, kind: str = "standx") -> str:
    with pytest.raises(PerpmakerError) as caught:
        import_recording(kind, [source], tmp_path / "r", ImportOptions())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
    return str(caught.value)


GOOD_TRADES = [trade(100, 100.5)]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (book(1, [(100.001, 1.0)], ASKS), "row 1: bid_px 100.001 is not a multiple of the tick size 0.01"),
        (book(1, BIDS, [(100.5, 0.00005)]), "row 1: ask_qty 5e-05 is not a multiple of the lot size 0.0001"),
        (book(1, [(99.9, 1.0), (100.0, 1.0)], ASKS), "row 1: the bid levels are not in order"),
        (book(1, BIDS, [(100.5, 1.0), (100.5, 1.0)]), "row 1: the ask levels are not in order"),
        (book(1, [(100.0, 0.0)], ASKS), "row 1: the bid levels are not in order, or one is empty"),
        (book(1, [(float("nan"), 1.0)], ASKS), "row 1: bid_px nan is not a usable number: correct it"),
        ({**book(1, BIDS, ASKS), "bid_qty": [1.0]}, "row 1: as many bid prices as sizes"),
    ],
)
def test_a_snapshot_that_cannot_be(tmp_path: Path, source: Path, row: Row, sentence: str):
    write(source / "book_1.parquet", [book(0, BIDS, ASKS), row])
    write(source / "trades_1.parquet", GOOD_TRADES)
    assert f"book_1.parquet, {sentence}" in refusal(tmp_path, source)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (trade(1, 100.123), "row 1: price 100.123 is not a multiple of the tick size 0.01"),
        (trade(1, float("inf")), "row 1: price inf is not a usable number: correct it"),
        (trade(1, 1e300), "row 1: price 1e+300 is beyond any real price or size"),
        (trade(1, 100.5, qty=0.0), "row 1: qty must be above 0"),
        (trade(1, -100.5), "row 1: price must be above 0"),
    ],
)
def test_a_trade_that_cannot_be(tmp_path: Path, source: Path, row: Row, sentence: str):
    write(source / "book_1.parquet", [book(0, BIDS, ASKS)])
    write(source / "trades_1.parquet", [trade(0, 100.5), row])
    assert f"trades_1.parquet, {sentence}" in refusal(tmp_path, source)


def test_files_of_hyperliquid_are_not_taken_for_those_of_standx(tmp_path: Path, source: Path):
    write(source / "book_1.parquet", [book(0, BIDS, ASKS)])
    write(source / "trades_1.parquet", [{**trade(0, 100.5), "side": "buy"}])
    assert "trades_1.parquet has a column side, which trades of StandX do not have: import it --from hyperliquid" in (
        refusal(tmp_path, source)
    )


def test_floating_point_noise_is_no_error(standx: Import):
    recording = standx([book(0, BIDS, ASKS)], [trade(1, 100.1 + 0.2, qty=0.1 + 0.2)])
    assert timed_rows_of(recording)[-1] == (1, me.BUY_TRADE, 10_030, 3_000)


def test_a_side_that_is_neither_buy_nor_sell(tmp_path: Path, source: Path):
    write(source / "book.parquet", [book(0, BIDS, ASKS)])
    write(source / "bbo.parquet", [bbo(0, BIDS[0], ASKS[0])])
    write(source / "trades.parquet", [trade(1, 100.5, side="A")])
    assert "row 0: a side is buy or sell, not 'A'" in refusal(tmp_path, source, "hyperliquid")


def test_time_that_runs_far_backwards(tmp_path: Path, source: Path):
    write(source / "book_1.parquet", [book(60_000, BIDS, ASKS), book(1_000, BIDS, ASKS)])
    write(source / "trades_1.parquet", GOOD_TRADES)
    assert "book_1.parquet, row 1: time runs backwards, 1000000000 ns after 60000000000 ns" in refusal(tmp_path, source)


@pytest.mark.parametrize("kind", ["book", "trades"])
def test_files_that_overlap(tmp_path: Path, source: Path, kind: str):
    row = {"book": lambda at: book(at, BIDS, ASKS), "trades": lambda at: trade(at, 100.5)}[kind]
    write(source / "book_1.parquet", [book(0, BIDS, ASKS)])
    write(source / "trades_1.parquet", GOOD_TRADES)
    write(source / f"{kind}_1.parquet", [row(0), row(60_000)])
    write(source / f"{kind}_2.parquet", [row(30_000)])
    said = refusal(tmp_path, source)
    assert f"{kind}_2.parquet begins at 1970-01-01 00:00:30 UTC, before" in said
    assert "give files that do not overlap" in said


def test_times_that_are_no_whole_nanoseconds(tmp_path: Path, source: Path):
    for kind, zone in (("timestamp[ns, tz=UTC]", "UTC"), ("timestamp[ns]", None)):
        table = pa.Table.from_pylist([book(0, BIDS, ASKS)])
        stamps = pa.array([0], pa.timestamp("ns", zone))
        pq.write_table(table.set_column(1, "recv_ns", stamps), source / "book_1.parquet")
        write(source / "trades_1.parquet", GOOD_TRADES)
        assert f"book_1.parquet: column recv_ns holds {kind}, not int64" in refusal(tmp_path, source)


def test_a_truncated_file(tmp_path: Path, source: Path):
    file = write(source / "book_1.parquet", [book(at, BIDS, ASKS) for at in range(500)])
    file.write_bytes(file.read_bytes()[:-100])
    write(source / "trades_1.parquet", GOOD_TRADES)
    assert "book_1.parquet cannot be read as parquet, it is truncated or foreign" in refusal(tmp_path, source)


def test_a_foreign_file(tmp_path: Path, source: Path):
    write(source / "book_1.parquet", [{"recv_ns": 1, "open": 1.0}])
    write(source / "trades_1.parquet", GOOD_TRADES)
    assert "book_1.parquet has no column ts_ns" in refusal(tmp_path, source)


def test_a_folder_of_another_source(tmp_path: Path, source: Path):
    write(source / "klines.parquet", [{"open": 1.0}])
    assert "none is named book*.parquet" in refusal(tmp_path, source)


def test_an_empty_file(tmp_path: Path, source: Path):
    pq.write_table(pa.Table.from_pylist([book(0, BIDS, ASKS)]).slice(0, 0), source / "book_1.parquet")
    write(source / "trades_1.parquet", GOOD_TRADES)
    assert "holds no rows" in refusal(tmp_path, source)


def test_steps_given_by_the_user_are_used(standx: Import):
    recording = standx([book(0, BIDS, ASKS)], [trade(1, 100.5)], tick_size=Decimal("0.1"), lot_size=Decimal("0.5"))
    assert timed_rows_of(recording)[-1] == (1, me.BUY_TRADE, 1_005, 1)
    assert recording.instrument.min_quantity == Decimal("0.5")
