"""Trades alone, in csv: every row in its order, and what cannot be is refused with file and row."""

import gzip
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.data.reader import Recording
from perpmaker.domain.errors import UserError
from perpmaker.simulation import market_events as me

T0 = 1_767_571_200_000
OPTIONS = ImportOptions(symbol="SOLUSDT", tick_size=Decimal("0.01"), lot_size=Decimal("0.1"))
GOOD = [f"{T0},buy,100.01,0.3,7", f"{T0 + 5},sell,100.00,1,8"]


def put(file: Path, lines: Sequence[str], header: str = "ts_ms,side,price,amount,id") -> Path:
    content = ("\n".join([header, *lines]) + "\n").encode()
    file.write_bytes(gzip.compress(content, mtime=0) if file.suffix == ".gz" else content)
    return file


def trades(dest: Path, *sources: Path) -> list[tuple[int, int, int, int]]:
    """(ms after `T0`, kind, price, lots)."""
    import_recording("trades", sources, dest, OPTIONS)
    return [
        (ts // 1_000_000 - T0, kind & me.KIND_MASK, price, lots)
        for chunk in Recording.open(dest).chunks()
        for ts, kind, price, lots in zip(*(values.tolist() for values in chunk), strict=True)
        if kind & me.KIND_MASK in (me.BUY_TRADE, me.SELL_TRADE)
    ]


FIRST = [(0, me.BUY_TRADE, 10_001, 3), (5, me.SELL_TRADE, 10_000, 10)]


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_rows_become_trades(tmp_path: Path, name: str):
    assert trades(tmp_path / "r", put(tmp_path / name, GOOD)) == FIRST
    info = Recording.open(tmp_path / "r").info
    assert info.provenance.depth == "none"
    assert info.rows_by_kind["best_bid"] == 1, "what trades tell of a book is inferred"


def test_columns_may_stand_in_any_order_and_others_beside_them(tmp_path: Path):
    lines = [f"x,1,{T0},100.01,buy"]
    assert trades(tmp_path / "r", put(tmp_path / "x.csv", lines, "note,amount,ts_ms,price,side")) == [
        (0, me.BUY_TRADE, 10_001, 10)
    ]


def test_marks_and_line_ends_of_other_systems(tmp_path: Path):
    file = put(tmp_path / "x.csv", GOOD)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert trades(tmp_path / "r", file) == FIRST


def test_files_are_put_in_order_and_a_trade_told_twice_counts_once(tmp_path: Path):
    put(tmp_path / "a.csv", [f"{T0 + 5},sell,100.00,1,8", f"{T0 + 9},buy,100.02,1,9"])
    put(tmp_path / "b.csv", GOOD)
    found = trades(tmp_path / "r", tmp_path / "a.csv", tmp_path / "b.csv")
    assert found == [*FIRST, (9, me.BUY_TRADE, 10_002, 10)]
    assert Recording.open(tmp_path / "r").info.dropped == {"trades told twice": 1}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f"{T0 + 9},buy,100.015,1,9", "row 3: 100.015 is not a multiple of the tick size 0.01"),
        (f"{T0 + 9},buy,100.01,0.05,9", "row 3: 0.05 is not a multiple of the lot size 0.1"),
        (f"{T0 + 9},buy,-100.01,1,9", "row 3: -100.01 is beyond any real price or size"),
        (f"{T0 + 9},buy,100.01,0,9", "row 3: 0 is beyond any real price or size"),
        (f"{T0 + 9},buy,100.01,-1,9", "row 3: -1 is beyond any real price or size"),
        (f"{T0 + 9},buy,nan,1,9", "row 3: 'nan' is not a usable number: correct it"),
        (f"{T0 + 9},Buy,100.01,1,9", "row 3: a side is buy or sell, not 'Buy'"),
        (f"{T0 + 4},buy,100.01,1,9", f"row 3: time runs backwards, {T0 + 4} ms after {T0 + 5} ms"),
        ("2026-01-05T00:00:09Z,buy,100.01,1,9", "row 3: ts_ms '2026-01-05T00:00:09Z' is no time in milliseconds"),
        ("-5,buy,100.01,1,9", "row 3: ts_ms '-5' is no time in milliseconds"),
        (f"{T0 + 9}000000,buy,100.01,1,9", "is no time in milliseconds"),
        (f"{T0 + 9},buy,100.01,1", "row 3 has 4 values where the first line names 5 columns"),
        (f"{T0 + 9},buy,100.01,1,9,", "row 3 has 6 values where the first line names 5 columns"),
    ],
)
def test_a_row_that_cannot_be(tmp_path: Path, line: str, sentence: str):
    source = put(tmp_path / "x.csv", [*GOOD, line])
    with pytest.raises(UserError) as caught:
        trades(tmp_path / "r", source)
    assert f"{source}, " in str(caught.value)
    assert sentence in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.csv"]


def test_files_that_overlap(tmp_path: Path):
    put(tmp_path / "a.csv", GOOD)
    put(tmp_path / "b.csv", [f"{T0 + 3},buy,100.01,1,9"])
    with pytest.raises(UserError, match=r"b.csv begins at \d+ ms, before .*a.csv ends at \d+ ms"):
        trades(tmp_path / "r", tmp_path / "a.csv", tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "x.csv is empty"),
        (b"ts_ms,side,price,amount\n", "x.csv holds no rows"),
        (b"ts_ms,open,high\n1,2,3\n", "x.csv has no column side"),
        (b"time;side\n", "x.csv has no column ts_ms"),
        (b"ts_ms,side,price,amount\n1,buy,\xff\xfe,1\n", "x.csv, row 1 is no text"),
    ],
)
def test_a_foreign_file(tmp_path: Path, content: bytes, sentence: str):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(UserError) as caught:
        trades(tmp_path / "r", tmp_path / "x.csv")
    assert sentence in str(caught.value)


@pytest.mark.parametrize("kept", [0.01, 0.5, 0.99])
def test_a_truncated_gzip(tmp_path: Path, kept: float):
    lines = [f"{T0 + number},buy,{100 + number % 89}.{number % 97:02},1,{number}" for number in range(30_000)]
    file = put(tmp_path / "x.csv.gz", lines)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * kept)])
    with pytest.raises(UserError, match=r"x\.csv\.gz is truncated or is not gzip, after row"):
        trades(tmp_path / "r", file)


def test_a_file_that_is_no_gzip(tmp_path: Path):
    (tmp_path / "x.csv.gz").write_bytes(b"ts_ms,side\n")
    with pytest.raises(UserError, match="is not gzip, after row 0"):
        trades(tmp_path / "r", tmp_path / "x.csv.gz")


def test_nothing_says_which_market_it_is(tmp_path: Path):
    with pytest.raises(UserError, match="give --symbol"):
        import_recording("trades", [put(tmp_path / "x.csv", GOOD)], tmp_path / "r", ImportOptions())


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ({"funding": Path("f.csv")}, "--funding does nothing with --from trades: it is of ohlcv"),
        ({"timezone": "UTC"}, "--timezone does nothing with --from trades: it is of ohlcv"),
        ({"blind_after_ns": 1}, "--blind-after does nothing with --from trades: it is of hyperliquid, standx, tardis"),
    ],
)
def test_an_option_of_other_importers_is_refused(tmp_path: Path, option: dict[str, Any], sentence: str) -> None:
    source = put(tmp_path / "x.csv", GOOD)
    with pytest.raises(UserError, match=sentence):
        import_recording("trades", [source], tmp_path / "r", replace(OPTIONS, **option))
