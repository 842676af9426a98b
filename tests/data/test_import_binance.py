"""Binance: when its depth stream makes a book, and what becomes of every other message."""

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker.data.format import read_info
from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.data.reader import Recording
from perpmaker.data.snapshots import EVERY_ASK
from perpmaker.domain.errors import InvalidSettingError, PerpmakerError, RecordingError, UnknownNameError
from perpmaker.simulation import market_events as me
from support.recordings import plain_rows_of

T0_US = 1_680_652_700_000_000
CLEARS = [(me.CLEAR_BIDS, 0, 0), (me.CLEAR_ASKS, EVERY_ASK, 0)]
GAP_START, GAP_END = (me.GAP_START, 0, 0), (me.GAP_END, 0, 0)

Line = tuple[int, dict[str, Any]]
"""Receive time in microseconds after T0, and the message."""


def snapshot(at: int, last_id: int, bid: str = "28000.0", ask: str = "28000.1") -> Line:
    return at, {"lastUpdateId": last_id, "E": 1, "T": 2, "bids": [[bid, "1.000"]], "asks": [[ask, "2.000"]]}


def stream(at: int, name: str, data: dict[str, Any], symbol: str = "BTCUSDT") -> Line:
    return at, {"stream": f"{symbol.lower()}@{name}", "data": {"E": 10, "T": 9, "s": symbol, **data}}


def depth(
    at: int, first: int, last: int, previous: int | None, bid: str = "27999.9", size: str = "3.000", **more: str
) -> Line:
    data = {"e": "depthUpdate", "U": first, "u": last, "b": [[bid, size]], "a": []}
    return stream(at, "depth@0ms", data | ({} if previous is None else {"pu": previous}), **more)


def trade(at: int, *, buyer_is_maker: bool = True, quantity: str = "0.005", kind: str = "MARKET") -> Line:
    return stream(at, "trade", {"e": "trade", "p": "28000.0", "q": quantity, "X": kind, "m": buyer_is_maker})


def mark(at: int, event_ms: int, funding_ms: int, rate: str = "0.00002754", price: str = "28147.27373413") -> Line:
    data = {"e": "markPriceUpdate", "E": event_ms, "T": funding_ms, "p": price, "r": rate}
    return stream(at, "markPrice@1s", data)


def write(file: Path, lines: list[Line], *, unit_ns: bool = False) -> Path:
    with gzip.open(file, "wt") as out:
        for at, message in lines:
            stamp = (T0_US + at) * (1_000 if unit_ns else 1)
            out.write(f"{stamp} {json.dumps(message, separators=(',', ':'))}\n")
    return file


def imported(tmp_path: Path, lines: list[Line], options: ImportOptions | None = None) -> Recording:
    source = write(tmp_path / "btcusdt.gz", lines)
    import_recording("binance", [source], tmp_path / "recording", options or ImportOptions())
    return Recording.open(tmp_path / "recording")


def rows_of(recording: Recording) -> list[tuple[int, int, int]]:
    return [row[1:] for row in timed_rows_of(recording)]


def timed_rows_of(recording: Recording) -> list[tuple[int, int, int, int]]:
    """(microseconds after T0, kind without MORE, price, lots)."""
    return [(ts // 1_000 - T0_US, *row) for ts, *row in plain_rows_of(recording)]


SNAPSHOT_ROWS = [*CLEARS, (me.BID, 280_000, 1_000), (me.ASK, 280_001, 2_000)]


def test_a_snapshot_and_its_differences_make_the_book(tmp_path: Path):
    recording = imported(tmp_path, [snapshot(0, 100), depth(1, 99, 101, 98), depth(2, 103, 105, 101, size="0.000")])
    assert rows_of(recording) == [*SNAPSHOT_ROWS, (me.BID, 279_999, 3_000), (me.BID, 279_999, 0)]
    assert recording.gaps == []
    assert recording.info.provenance.depth == "every-change"


def test_a_message_is_atomic(tmp_path: Path):
    recording = imported(tmp_path, [snapshot(0, 100), depth(1, 99, 101, 98)])
    (chunk,) = recording.chunks()
    assert [bool(kind & me.MORE) for kind in chunk.kind.tolist()] == [True, True, True, False, False]


def test_differences_older_than_the_snapshot_are_dropped(tmp_path: Path):
    recording = imported(tmp_path, [snapshot(0, 100), depth(1, 90, 99, 89), depth(2, 100, 101, 99)])
    assert rows_of(recording) == [*SNAPSHOT_ROWS, (me.BID, 279_999, 3_000)]
    assert recording.info.dropped["depth updates that the snapshot holds already"] == 1


def test_differences_received_before_the_snapshot_but_newer_are_applied_at_its_time(tmp_path: Path):
    lines = [depth(0, 90, 95, 89), depth(1, 96, 103, 95), depth(2, 104, 106, 103, bid="27999.8"), snapshot(5, 100)]
    recording = imported(tmp_path, [*lines, depth(6, 107, 108, 106, bid="27999.7")])
    assert timed_rows_of(recording)[4:] == [
        (5, me.BID, 279_999, 3_000),
        (5, me.BID, 279_998, 3_000),
        (6, me.BID, 279_997, 3_000),
    ]


def test_a_snapshot_that_the_stream_does_not_reach_back_to_is_a_break(tmp_path: Path):
    recording = imported(tmp_path, [snapshot(0, 100), trade(1), depth(2, 150, 160, 149), trade(3)])
    assert timed_rows_of(recording)[4:] == [(0 + 1, me.SELL_TRADE, 280_000, 5), (1, *GAP_START)]
    assert recording.gaps[0].end_ns is None


def test_a_break_in_the_sequence_is_a_gap_until_the_next_snapshot(tmp_path: Path):
    lines = [
        snapshot(0, 100),
        depth(1, 99, 101, 98),
        depth(2, 110, 112, 109),  # 102..109 are lost
        trade(3),
        depth(4, 113, 114, 112),
        snapshot(9, 113),
        depth(10, 115, 116, 114, bid="27999.5"),
        trade(11),
    ]
    recording = imported(tmp_path, lines)
    assert timed_rows_of(recording)[4:] == [
        (1, me.BID, 279_999, 3_000),
        (1, *GAP_START),
        (9, *GAP_END),
        *((9, *row) for row in SNAPSHOT_ROWS),
        (9, me.BID, 279_999, 3_000),  # the held update 113..114, newer than the snapshot
        (10, me.BID, 279_995, 3_000),
        (11, me.SELL_TRADE, 280_000, 5),
    ]
    assert [(gap.end_ns or 0) - gap.start_ns for gap in recording.gaps] == [8_000]
    assert recording.info.dropped["trades inside a gap"] == 1


def test_without_a_snapshot_after_it_a_gap_never_ends(tmp_path: Path):
    recording = imported(tmp_path, [snapshot(0, 100), depth(1, 99, 101, 98), depth(2, 110, 112, 109), trade(3)])
    assert rows_of(recording)[-1] == GAP_START
    assert recording.gaps[0].end_ns is None


def test_a_snapshot_while_the_book_is_known_changes_nothing(tmp_path: Path):
    recording = imported(tmp_path, [snapshot(0, 100), depth(1, 99, 101, 98), snapshot(2, 101), depth(3, 102, 103, 101)])
    assert len(rows_of(recording)) == 4 + 2
    assert recording.info.dropped["snapshots while the book was known"] == 1


def test_spot_differences_follow_one_another_without_pu(tmp_path: Path):
    options = ImportOptions(tick_size=Decimal("0.1"), lot_size=Decimal("0.001"))
    lines = [snapshot(0, 100), depth(1, 98, 100, None), depth(2, 101, 102, None), depth(3, 103, 104, None)]
    recording = imported(tmp_path, lines, options)
    assert len(rows_of(recording)) == 4 + 2
    assert recording.gaps == []


def test_a_hole_in_the_spot_sequence_is_a_break(tmp_path: Path):
    options = ImportOptions(tick_size=Decimal("0.1"), lot_size=Decimal("0.001"))
    recording = imported(tmp_path, [snapshot(0, 100), depth(2, 101, 102, None), depth(3, 104, 105, None)], options)
    assert rows_of(recording)[-1] == GAP_START


@pytest.mark.parametrize(("buyer_is_maker", "kind"), [(True, me.SELL_TRADE), (False, me.BUY_TRADE)])
def test_the_side_of_a_trade_is_the_takers(tmp_path: Path, buyer_is_maker: bool, kind: int):
    recording = imported(tmp_path, [snapshot(0, 100), trade(1, buyer_is_maker=buyer_is_maker), depth(2, 99, 101, 98)])
    assert (kind, 280_000, 5) in rows_of(recording)


def test_what_is_no_market_trade_is_dropped_and_counted(tmp_path: Path):
    lines = [snapshot(0, 100), trade(1, kind="INSURANCE_FUND"), trade(2, quantity="0.000"), depth(3, 99, 101, 98)]
    recording = imported(tmp_path, lines)
    assert len(rows_of(recording)) == 4 + 1
    assert recording.info.dropped["trades of type INSURANCE_FUND, no market trades"] == 1
    assert recording.info.dropped["trades without a quantity"] == 1


def test_best_quotes_are_dropped_and_counted(tmp_path: Path):
    quote = stream(1, "bookTicker", {"e": "bookTicker", "u": 100, "b": "28000.0", "B": "1", "a": "28000.1", "A": "1"})
    recording = imported(tmp_path, [snapshot(0, 100), quote, depth(2, 99, 101, 98)])
    assert recording.info.dropped == {"best bid and offer messages: the depth stream has them": 1}


def test_mark_prices_are_milliticks(tmp_path: Path):
    recording = imported(tmp_path, [snapshot(0, 100), mark(1, 1_000, 5_000), depth(2, 99, 101, 98)])
    assert (me.MARK, 281_472_737, 0) in rows_of(recording)


def test_funding_is_settled_when_its_time_passes_at_the_last_rate_before(tmp_path: Path):
    lines = [
        snapshot(0, 100),
        depth(1, 99, 101, 98),
        mark(2, 4_000, 5_000, rate="0.00001000"),
        mark(3, 4_999, 5_000, rate="-0.00002000"),
        mark(4, 5_000, 9_000, rate="0.00003000", price="28150.0"),
        mark(5, 6_000, 9_000, rate="0.00003000", price="28150.0"),
    ]
    rows = rows_of(imported(tmp_path, lines))
    assert rows[-3:] == [(me.FUNDING, 0, -20_000), (me.MARK, 281_500_000, 0), (me.MARK, 281_500_000, 0)]
    assert [kind for kind, _, _ in rows].count(me.FUNDING) == 1


def test_what_precedes_the_book_is_dropped_and_counted(tmp_path: Path):
    recording = imported(tmp_path, [trade(0), mark(1, 1_000, 5_000), snapshot(2, 100), depth(3, 99, 101, 98)])
    assert timed_rows_of(recording)[0][0] == 2
    assert recording.info.dropped["trades before the first snapshot"] == 1
    assert recording.info.dropped["mark prices before the first snapshot"] == 1


def test_both_clocks_are_understood_and_files_are_put_in_order(tmp_path: Path):
    later = write(tmp_path / "a.gz", [depth(1_000_000, 102, 103, 101), trade(1_000_001)])
    earlier = write(tmp_path / "b.gz", [snapshot(0, 100), depth(1, 99, 101, 98)], unit_ns=True)
    import_recording("binance", [later, earlier], tmp_path / "r", ImportOptions())
    recording = Recording.open(tmp_path / "r")
    assert [row[0] for row in timed_rows_of(recording)] == [0, 0, 0, 0, 1, 1_000_000, 1_000_001]
    assert [source.name for source in recording.info.provenance.sources] == ["b.gz", "a.gz"]


def test_a_receive_stamp_that_steps_back_is_held(tmp_path: Path):
    recording = imported(tmp_path, [snapshot(0, 100), depth(50, 99, 101, 98), trade(40), trade(60)])
    assert [row[0] for row in timed_rows_of(recording)[4:]] == [50, 50, 60]
    assert recording.info.notes == {"receive stamps that stepped back, held at the latest before them": 1}


def test_the_venue_stamp_is_kept(tmp_path: Path):
    imported(tmp_path, [snapshot(0, 100), depth(1, 99, 101, 98)])
    import pyarrow.parquet as pq  # noqa: PLC0415  # this test alone looks at the file

    assert pq.read_table(tmp_path / "recording" / "events.parquet")["venue_ns"].to_pylist()[-1] == 9_000_000


def test_a_known_symbol_brings_its_instrument(tmp_path: Path):
    instrument = imported(tmp_path, [snapshot(0, 100), depth(1, 99, 101, 98)]).instrument
    assert (instrument.symbol, instrument.base, instrument.quote) == ("BTCUSDT", "BTC", "USDT")
    assert (instrument.tick_size, instrument.lot_size) == (Decimal("0.1"), Decimal("0.001"))


def test_sources_are_named_with_their_size_and_digest(tmp_path: Path):
    imported(tmp_path, [snapshot(0, 100), depth(1, 99, 101, 98)])
    (source,) = read_info(tmp_path / "recording").provenance.sources
    assert source.name == "btcusdt.gz"
    assert source.size == (tmp_path / "btcusdt.gz").stat().st_size
    assert len(source.sha256) == 64


# --- refused with one sentence ----------------------------------------------------------------------------------


def refused(tmp_path: Path, source: Path, options: ImportOptions | None = None) -> str:
    """Import in vain; the sentence, once it is known that nothing was left behind."""
    before = sorted(tmp_path.iterdir())
    with pytest.raises(PerpmakerError) as caught:
        import_recording("binance", [source], tmp_path / "recording", options or ImportOptions())
    assert sorted(tmp_path.iterdir()) == before
    return str(caught.value)


GOOD: list[Line] = [snapshot(0, 100), depth(1, 99, 101, 98)]


def test_a_truncated_file_is_refused(tmp_path: Path):
    source = write(tmp_path / "x.gz", [*GOOD, *(depth(i, 100 + i, 100 + i, 99 + i) for i in range(2, 5_000))])
    source.write_bytes(source.read_bytes()[:-500])
    assert "x.gz is truncated or is not gzip, after line" in refused(tmp_path, source)


def test_a_file_that_is_not_gzip_is_refused(tmp_path: Path):
    (tmp_path / "x.gz").write_text("hello\n")
    assert "x.gz is truncated or is not gzip" in refused(tmp_path, tmp_path / "x.gz")


@pytest.mark.parametrize(
    "line", ["x", "123 {}", f"{T0_US} {{}}", f"{T0_US} [1]", f'{T0_US} {{"stream":"s","data":{{"s":5}}}}', ""]
)
def test_a_line_that_is_no_message_is_refused(tmp_path: Path, line: str):
    source = write(tmp_path / "x.gz", GOOD)
    source.write_bytes(source.read_bytes() + gzip.compress(f"{line}\n".encode()))
    assert "x.gz, line 3 is not a message of Binance's" in refused(tmp_path, source)


def test_a_price_off_the_tick_is_refused(tmp_path: Path):
    source = write(tmp_path / "x.gz", [*GOOD, depth(2, 102, 103, 101, bid="27999.95")])
    assert "x.gz, line 3: 27999.95 is not a multiple of the tick size 0.1" in refused(tmp_path, source)


def test_a_size_off_the_lot_is_refused(tmp_path: Path):
    source = write(tmp_path / "x.gz", [*GOOD, depth(2, 102, 103, 101, size="0.0005")])
    assert "x.gz, line 3: 0.0005 is not a multiple of the lot size 0.001" in refused(tmp_path, source)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (depth(2, 102, 103, 101, bid="1e30"), "1e30 is beyond any real price or size"),
        (depth(2, 102, 103, 101, bid="1e20"), "1e20 is beyond any real price or size"),
        (depth(2, 102, 103, 101, bid="0.0"), "0.0 is beyond any real price or size"),
        (depth(2, 102, 103, 101, size="-1"), "-1 is beyond any real price or size"),
        (depth(2, 102, 103, 101, size="NaN"), "'NaN' is not a usable number: correct it"),
        (depth(2, 102, 103, 101, size="Infinity"), "'Infinity' is not a usable number"),
        (mark(2, 1_000, 5_000, price="-1"), "a mark price of -1 is impossible"),
        (mark(2, 1_000, 5_000, price="Infinity"), "'Infinity' is not a usable number"),
        (mark(2, 10**18, 5_000), "a stamp there is beyond any real time: correct it"),
        (mark(2, 1_000, 5_000, price="1e30"), "a mark price of 1E+30 is impossible"),
        (mark(2, 1_000, 5_000, rate="x"), "'x' is not a usable number"),
        (mark(2, 1_000, 5_000, rate="1"), "a funding rate of 1 is 100 % or more"),
        (mark(2, 1_000, 5_000, rate="0.00000000001"), "a rate has at most 9 decimals"),
    ],
)
def test_a_number_that_cannot_be_is_refused(tmp_path: Path, line: Line, sentence: str):
    source = write(tmp_path / "x.gz", [*GOOD, line])
    refusal = refused(tmp_path, source)
    assert "x.gz, line 3: " in refusal
    assert sentence in refusal


def test_a_message_of_another_symbol_within_a_file_is_refused(tmp_path: Path):
    source = write(tmp_path / "x.gz", [*GOOD, depth(2, 102, 103, 101, symbol="ETHUSDT")])
    assert "x.gz, line 3: a message of ETHUSDT among those of BTCUSDT" in refused(tmp_path, source)


def test_a_trade_that_is_told_twice_counts_once(tmp_path: Path):
    def numbered(at: int, number: int) -> Line:
        moment, message = trade(at)
        return moment, {**message, "data": {**message["data"], "t": number}}

    recording = imported(tmp_path, [*GOOD, *[numbered(2, number) for number in (7, 8, 7, 8, 9)]])
    assert recording.info.rows_by_kind["sell_trade"] == 3
    assert recording.info.dropped["trades told twice"] == 2


def test_a_source_without_a_snapshot_is_refused(tmp_path: Path):
    source = write(tmp_path / "x.gz", [depth(1, 99, 101, 98), trade(2)])
    assert "no order book snapshot in x.gz" in refused(tmp_path, source)


def test_files_that_overlap_in_time_are_refused(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "a.gz", [snapshot(0, 100), depth(60_000_000, 99, 101, 98)])
    write(folder / "b.gz", [depth(30_000_000, 102, 103, 101)])
    assert "b.gz, line 1: time runs backwards" in refused(tmp_path, folder)


def test_a_folder_with_nothing_to_import_is_refused(tmp_path: Path):
    (tmp_path / "in").mkdir()
    assert "there is nothing to import" in refused(tmp_path, tmp_path / "in")


def test_a_source_that_does_not_exist_is_refused(tmp_path: Path):
    assert "does not exist" in refused(tmp_path, tmp_path / "none.gz")


def test_several_symbols_need_a_choice(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "a.gz", GOOD)
    write(folder / "b.gz", [snapshot(0, 100), depth(1, 99, 101, 98, symbol="ETHUSDT")])
    assert "choose one of BTCUSDT, ETHUSDT with --symbol" in refused(tmp_path, folder)
    assert "no symbol SOLUSDT: it has BTCUSDT, ETHUSDT" in refused(tmp_path, folder, ImportOptions(symbol="SOLUSDT"))
    info = import_recording("binance", [folder], tmp_path / "r", ImportOptions(symbol="btcusdt"))
    assert info.instrument.symbol == "BTCUSDT"


def test_an_unknown_symbol_needs_its_steps(tmp_path: Path):
    source = write(tmp_path / "x.gz", [snapshot(0, 100), depth(1, 99, 101, 98, symbol="XYZUSDT")])
    assert "give --tick-size and --lot-size" in refused(tmp_path, source)
    options = ImportOptions(tick_size=Decimal("0.1"), lot_size=Decimal("0.001"))
    info = import_recording("binance", [source], tmp_path / "r", options)
    assert (info.instrument.base, info.instrument.quote) == ("XYZ", "USDT")


def test_impossible_steps_are_refused(tmp_path: Path):
    source = write(tmp_path / "x.gz", GOOD)
    for size in (Decimal(-1), Decimal(0)):
        with pytest.raises(InvalidSettingError, match="tick_size must be a positive number"):
            import_recording("binance", [source], tmp_path / "r", ImportOptions(tick_size=size))
    with pytest.raises(InvalidSettingError, match="not a multiple of the lot"):
        import_recording("binance", [source], tmp_path / "r", ImportOptions(min_quantity=Decimal("0.0015")))


def test_an_unknown_kind_of_source_is_refused(tmp_path: Path):
    with pytest.raises(UnknownNameError, match="choose one of binance, hftbacktest, hyperliquid"):
        import_recording("bitmex", [tmp_path], tmp_path / "r", ImportOptions())


def test_an_existing_recording_is_refused_before_any_work(tmp_path: Path):
    imported(tmp_path, GOOD)
    with pytest.raises(RecordingError, match="exists"):
        import_recording("binance", [tmp_path / "none"], tmp_path / "recording", ImportOptions())


def test_progress_ends_with_every_byte_read(tmp_path: Path):
    source = write(tmp_path / "x.gz", GOOD)
    seen: list[tuple[int, int]] = []
    import_recording("binance", [source], tmp_path / "r", ImportOptions(), lambda *now: seen.append(now))
    assert seen[-1] == (source.stat().st_size, source.stat().st_size)
