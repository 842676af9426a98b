"""Tardis.dev's csv files: one market, by receive time, honest about where the connection was lost."""

import gzip
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.data.reader import Recording
from perpmaker.data.snapshots import EVERY_ASK
from perpmaker.domain.errors import UserError
from perpmaker.simulation import market_events as me
from support.recordings import plain_rows_of

T0 = 1_700_000_000_000_000
"""Microseconds."""
S, HOUR, DAY = 1_000_000, 3_600_000_000, 86_400_000_000
HEADERS = {
    "book": "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount",
    "trades": "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
    "quotes": "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount",
    "ticker": "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,"
    "open_interest,last_price,index_price,mark_price",
}
CLEARS = [(me.CLEAR_BIDS, 0, 0), (me.CLEAR_ASKS, EVERY_ASK, 0)]
OPTIONS = ImportOptions(tick_size=Decimal("0.1"), lot_size=Decimal("0.001"))
Line = tuple[int, str]
"""Microseconds after `T0`, and what comes behind the stamps."""

SNAPSHOT: list[Line] = [(0, "true,bid,100.0,1"), (0, "true,bid,99.9,2.5"), (0, "true,ask,100.1,3")]
SNAPSHOT_ROWS = [*CLEARS, (me.BID, 1_000, 1_000), (me.BID, 999, 2_500), (me.ASK, 1_001, 3_000)]


def text_of(kind: str, lines: Sequence[Line], market: str = "binance-futures,BTCUSDT") -> str:
    stamped = [f"{market},{T0 + at - 10},{T0 + at},{rest}" for at, rest in lines]
    return "\n".join([HEADERS[kind], *stamped]) + "\n"


Import = Callable[..., Recording]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def put(source: Path) -> Callable[..., Path]:
    """Write a file of a kind."""

    def write(kind: str, lines: Sequence[Line], name: str = "", market: str = "binance-futures,BTCUSDT") -> Path:
        file = source / (name or f"{kind}.csv")
        content = text_of(kind, lines, market).encode()
        file.write_bytes(gzip.compress(content, mtime=0) if file.suffix == ".gz" else content)
        return file

    return write


@pytest.fixture
def imported(tmp_path: Path, source: Path) -> Import:
    def run(options: ImportOptions = OPTIONS) -> Recording:
        import_recording("tardis", [source], tmp_path / "r", options)
        return Recording.open(tmp_path / "r")

    return run


def rows_of(recording: Recording) -> list[tuple[int, int, int, int]]:
    """(microseconds after `T0`, kind without MORE, price, lots); the grade's own row is left out."""
    return [(ts // 1_000 - T0, kind, *row) for ts, kind, *row in plain_rows_of(recording) if kind != me.DEPTH]


def at(moment: int, rows: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int, int]]:
    return [(moment, *row) for row in rows]


def test_book_trades_and_ticker_become_one_feed_by_receive_time(put: Callable[..., Path], imported: Import):
    put("book", [*SNAPSHOT, (50, "false,bid,100.0,0"), (50, "false,ask,100.1,1.5")], "x_2023-11-14_BTCUSDT.csv.gz")
    put("trades", [(40, "1,sell,100.0,1"), (50, "2,buy,100.1,0.5")])
    put("ticker", [(45, f"{T0 + DAY},0.0001,,5,100,100,100.03"), (60, f"{T0 + DAY},0.0001,,5,100,100,100.03")])
    recording = imported()
    assert rows_of(recording) == [
        *at(0, SNAPSHOT_ROWS),
        (40, me.SELL_TRADE, 1_000, 1_000),
        (45, me.MARK, 1_000_300, 0),
        (50, me.BUY_TRADE, 1_001, 500),
        (50, me.BID, 1_000, 0),
        (50, me.ASK, 1_001, 1_500),
    ]
    info = recording.info
    assert info.provenance.depth == "every-change"
    assert info.notes == {}
    assert info.instrument.symbol == "BTCUSDT"


def test_funding_is_settled_at_its_time_with_the_last_rate_before(put: Callable[..., Path], imported: Import):
    put("book", [*SNAPSHOT, (20 * S, "false,bid,99.9,1")])
    next_time = T0 + 10 * S
    put("ticker", [
        (1 * S, f"{next_time},0.0001,,,,,"), (9 * S, f"{next_time},0.00021234567,,,,,100"),
        (10 * S + 10, f"{next_time + 8 * HOUR},0.0009,,,,,"),
    ])  # fmt: skip
    recording = imported()
    assert rows_of(recording)[5:-1] == [(9 * S, me.MARK, 1_000_000, 0), (10 * S + 10, me.FUNDING, 0, 212_346)]
    assert recording.info.notes["funding rates rounded to a part per billion"] == 1


def test_a_snapshot_at_once_restates_the_book_and_one_after_a_silence_ends_a_gap(
    put: Callable[..., Path], imported: Import
):
    again = [(at_us + 1 * S, rest) for at_us, rest in SNAPSHOT]
    late = [(at_us + 9 * S, rest) for at_us, rest in SNAPSHOT]
    put("book", [*SNAPSHOT, (10, "false,bid,99.9,1"), *again, (S + 10, "false,bid,99.9,1"), *late])
    put("trades", [(S // 2, "1,sell,100.0,1"), (5 * S, "2,sell,100.0,1"), (9 * S, "3,sell,100.0,1")])
    recording = imported()
    assert rows_of(recording) == [
        *at(0, SNAPSHOT_ROWS),
        (10, me.BID, 999, 1_000),
        (S // 2, me.SELL_TRADE, 1_000, 1_000),
        *at(S, SNAPSHOT_ROWS),
        (S + 10, me.BID, 999, 1_000),
        (S + 10, me.GAP_START, 0, 0),
        (9 * S, me.GAP_END, 0, 0),
        *at(9 * S, SNAPSHOT_ROWS),
    ]
    assert recording.info.dropped == {"trades inside a gap": 2}


def test_a_snapshot_that_comes_in_several_messages_clears_once(put: Callable[..., Path], imported: Import):
    put("book", [*SNAPSHOT, (5, "true,bid,99.8,4"), (6, "false,bid,99.7,1")])
    assert rows_of(imported()) == [*at(0, SNAPSHOT_ROWS), (5, me.BID, 998, 4_000), (6, me.BID, 997, 1_000)]


def test_what_comes_before_the_first_snapshot_is_dropped(put: Callable[..., Path], imported: Import):
    put("book", [(-5, "false,bid,99.7,1"), *SNAPSHOT])
    put("trades", [(-4, "1,sell,100.0,1")])
    recording = imported()
    assert rows_of(recording) == at(0, SNAPSHOT_ROWS)
    assert recording.info.dropped == {
        "changes of the book before the first snapshot": 1,
        "trades before the first state of the book": 1,
    }


def test_quotes_and_trades_without_a_book(put: Callable[..., Path], imported: Import):
    put("quotes", [(0, "3,100.1,100.0,1"), (5, "3,100.1,100.0,1"), (9, "3,100.1,,")])
    put("trades", [(9, "1,sell,100.0,1")])
    recording = imported()
    assert rows_of(recording) == [
        (0, me.BEST_BID, 1_000, 1_000),
        (0, me.BEST_ASK, 1_001, 3_000),
        (9, me.SELL_TRADE, 1_000, 1_000),
        (9, me.BEST_BID, 0, 0),
        (9, me.BEST_ASK, 1_001, 3_000),
    ]
    assert recording.info.provenance.depth == "best"
    assert recording.info.dropped == {"quotes that changed nothing": 1}
    assert recording.info.notes == {"no files of incremental_book_L2": 1, "no files of derivative_ticker": 1}


def test_with_a_book_quotes_are_left_out(put: Callable[..., Path], imported: Import):
    put("book", SNAPSHOT)
    put("quotes", [(5, "3,100.1,99.0,1")])
    recording = imported()
    assert rows_of(recording) == at(0, SNAPSHOT_ROWS)
    assert recording.info.notes["files of quotes or book_ticker left out: the book has them"] == 1


def test_trades_alone(put: Callable[..., Path], imported: Import):
    put("trades", [(0, "1,buy,100.1,1"), (1, "1,buy,100.1,1"), (2, "2,unknown,100.1,1"), (3, "3,sell,100.1,0")])
    recording = imported()
    assert rows_of(recording) == [(0, me.BUY_TRADE, 1_001, 1_000), (0, me.BEST_ASK, 1_001, 1_000)]
    assert recording.info.provenance.depth == "none"
    assert recording.info.dropped == {
        "trades told twice": 1, "trades of unknown side": 1, "trades without a quantity": 1,
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "line"), [("quotes", "3,100.1,100.0,1"), ("trades", "1,buy,100.1,1")])
def test_a_day_that_is_missing_between_files_is_a_gap(put: Callable[..., Path], imported: Import, kind: str, line: str):
    put(kind, [(0, line)], "b.csv")
    put(kind, [(2 * DAY, line.replace("1,buy", "2,buy"))], "a.csv")
    recording = imported()
    assert [((gap.start_ns // 1_000) - T0, (gap.end_ns or 0) // 1_000 - T0) for gap in recording.gaps] == [(0, 2 * DAY)]
    assert len([row for row in rows_of(recording) if row[0] == 2 * DAY]) > 1, "the state after the gap is told"


def test_of_several_symbols_the_one_that_is_named(put: Callable[..., Path], imported: Import):
    file = put("trades", [(0, "1,buy,100.1,1"), (5, "2,buy,100.1,1")])
    file.write_text(file.read_text().replace("BTCUSDT", "ETHUSDT", 1))
    recording = imported(ImportOptions("BTCUSDT", Decimal("0.1"), Decimal("0.001")))
    assert rows_of(recording) == [(5, me.BUY_TRADE, 1_001, 1_000), (5, me.BEST_ASK, 1_001, 1_000)]
    assert recording.info.dropped == {"rows of other symbols": 1}


# --- refused with one sentence ------------------------------------------------------------------------------------


@pytest.fixture
def refusal(tmp_path: Path, source: Path) -> Callable[..., str]:
    def run(options: ImportOptions = OPTIONS) -> str:
        with pytest.raises(UserError) as caught:
            import_recording("tardis", [source], tmp_path / "r", options)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
        return str(caught.value)

    return run


@pytest.mark.parametrize(
    ("kind", "line", "sentence"),
    [
        ("book", "false,bid,100.05,1", "row 4: 100.05 is not a multiple of the tick size 0.1"),
        ("book", "false,bid,100.0,0.0001", "row 4: 0.0001 is not a multiple of the lot size 0.001"),
        ("book", "false,bid,-100.0,1", "row 4: -100.0 is beyond any real price or size"),
        ("book", "false,bid,100.0,-1", "row 4: -1 is beyond any real price or size"),
        ("book", "false,bid,nan,1", "row 4: 'nan' is not a usable number: correct it"),
        ("book", "false,bid,x,1", "row 4: 'x' is not a usable number"),
        ("book", "false,buy,100.0,1", "row 4: a side is bid or ask, not 'buy'"),
        ("book", "maybe,bid,100.0,1", "row 4: is_snapshot is true or false, not 'maybe'"),
        ("book", "false,bid,100.0", "row 4 has 7 values where the first line names 8 columns"),
        ("trades", "1,bid,100.0,1", "row 4: a side is buy, sell or unknown, not 'bid'"),
        ("trades", "1,buy,-100.0,1", "row 4: -100.0 is beyond any real price"),
        ("trades", '1,buy,"100.0",1', "row 4: '\"100.0\"' is not a usable number"),
        ("ticker", ",,,,,,-3", "row 4: a mark price of -3 is impossible"),
        ("ticker", ",,,,,,1e30", "row 4: a mark price of 1E+30 is impossible"),
        ("ticker", ",,,,,,x", "row 4: 'x' is not a usable number: correct it"),
        ("ticker", ",,,,,,NaN", "row 4: 'NaN' is not a usable number: correct it"),
        ("ticker", f"{T0 + 9},x,,,,,3", "row 4: 'x' is not a usable number: correct it"),
        ("ticker", f"{T0 + 9},5,,,,,3", "row 4: a funding rate of 5 is 100 % or more: rates are fractions"),
        ("ticker", "12,0.1,,,,,3", "row 4: funding_timestamp '12' has no 16 digits"),
        ("quotes", "3,100.1,100.05,1", "row 4: 100.05 is not a multiple of the tick size 0.1"),
    ],
)
def test_a_row_that_cannot_be(
    put: Callable[..., Path], refusal: Callable[..., str], kind: str, line: str, sentence: str
):
    good = {"book": SNAPSHOT, "trades": [(0, "7,buy,100.1,1")] * 3, "ticker": [(0, ",,,,,,100")] * 3,
            "quotes": [(0, "3,100.1,100.0,1")] * 3}  # fmt: skip
    if kind != "quotes":
        put("book", SNAPSHOT)
    put(kind, [*good[kind], (5, line)])
    assert f"{kind}.csv, {sentence}" in refusal()


def test_time_that_runs_backwards(put: Callable[..., Path], refusal: Callable[..., str]):
    put("book", [*SNAPSHOT, (-5, "false,bid,99.9,1")])
    assert "book.csv, row 4: time runs backwards" in refusal()


@pytest.mark.parametrize(("stamp", "shown"), [("1700000000000", "1700000000000"), ("2023-11-14T22:13:20Z", "2023-")])
def test_a_time_that_is_not_in_microseconds(
    put: Callable[..., Path], refusal: Callable[..., str], stamp: str, shown: str
):
    file = put("book", SNAPSHOT)
    file.write_text(file.read_text().replace(f",{T0},", f",{stamp},"))
    assert f"book.csv, row 1: local_timestamp '{shown}" in refusal()


def test_files_that_overlap(put: Callable[..., Path], refusal: Callable[..., str]):
    put("book", [*SNAPSHOT, (10, "false,bid,99.9,1")], "1.csv")
    put("book", [(at_us + 5, rest) for at_us, rest in SNAPSHOT], "2.csv")
    said = refusal()
    assert "2.csv begins at 2023-11-14 22:13:20 UTC, before" in said
    assert "give files that do not overlap" in said


def test_a_book_that_goes_on_over_a_missing_day(put: Callable[..., Path], refusal: Callable[..., str]):
    put("book", SNAPSHOT, "1.csv")
    put("book", [(2 * DAY, "false,bid,99.9,1")], "2.csv")
    assert "2.csv goes on at 2023-11-16 22:13:20 UTC with a book that" in refusal()


def test_several_markets(put: Callable[..., Path], refusal: Callable[..., str]):
    put("book", SNAPSHOT, "1.csv")
    put("book", SNAPSHOT, "2.csv", market="binance-futures,ETHUSDT")
    assert "several markets: choose one of BTCUSDT on binance-futures, ETHUSDT on binance-futures" in refusal()
    put("book", SNAPSHOT, "2.csv", market="okex-swap,BTCUSDT")
    assert "several exchanges" in refusal(ImportOptions("BTCUSDT"))


def test_a_second_market_within_a_file(put: Callable[..., Path], refusal: Callable[..., str]):
    file = put("trades", [(0, "1,buy,100.1,1"), (5, "2,buy,100.1,1")])
    head, _, tail = file.read_text().rpartition("BTCUSDT")
    file.write_text(f"{head}ETHUSDT{tail}")
    assert "trades.csv, row 2 is of ETHUSDT on binance-futures where the rows before are of BTCUSDT" in refusal()


def test_a_symbol_that_is_nowhere(put: Callable[..., Path], refusal: Callable[..., str]):
    put("book", SNAPSHOT)
    said = refusal(ImportOptions("SOLUSDT", Decimal("0.1"), Decimal("0.001")))
    assert said == "the source has no symbol SOLUSDT on binance-futures: see the symbol column of its files"


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_truncated_gzip(put: Callable[..., Path], refusal: Callable[..., str], kept: float):
    file = put("book", [*SNAPSHOT, *[(at_us, f"false,bid,{at_us % 97}.5,1") for at_us in range(9_000)]], "b.csv.gz")
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * kept)])
    assert "b.csv.gz is truncated or is not gzip, after row" in refusal()


def test_a_plain_file_cut_within_a_row(put: Callable[..., Path], refusal: Callable[..., str]):
    file = put("book", [*SNAPSHOT, (7, "false,bid,100.0,1")])
    file.write_bytes(file.read_bytes()[:-12])
    assert "book.csv, row 4 has 6 values" in refusal()


def test_columns_of_something_else(source: Path, refusal: Callable[..., str]):
    (source / "x.csv").write_text("exchange,symbol,timestamp,local_timestamp,open\n")
    assert "x.csv has the columns (exchange, symbol, timestamp, local_timestamp, open)" in refusal()


def test_empty_files(put: Callable[..., Path], source: Path, refusal: Callable[..., str]):
    put("book", [])
    assert "book.csv holds no rows: leave it out" in refusal()
    (source / "book.csv").write_text("")
    assert "book.csv is empty: leave it out" in refusal()


def test_a_ticker_alone_is_no_market(put: Callable[..., Path], refusal: Callable[..., str]):
    put("ticker", [(0, ",,,,,,100")])
    assert "the files given are all of derivative_ticker" in refusal()


def test_steps_that_nobody_has_told(put: Callable[..., Path], refusal: Callable[..., str]):
    put("book", SNAPSHOT)
    assert "the tick size and lot size of BTCUSDT are not known here" in refusal(ImportOptions())
