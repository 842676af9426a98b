"""hftbacktest's npz: what its recorder saw becomes rows, and back and forth nothing changes."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.data.reader import Recording
from perpmaker.data.snapshots import EVERY_ASK
from perpmaker.domain.errors import UserError
from perpmaker.simulation import market_events as me
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from support.hft_arrays import EVENT, event_array
from support.recordings import plain_rows_of

EXCHANGE, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
DEPTH, TRADE, CLEAR, SNAPSHOT, BBO, ADD_ORDER = 1, 2, 3, 4, 5, 10
SEEN = EXCHANGE | LOCAL
HOUR = 3_600_000_000_000
NAN = float("nan")
OPTIONS = ImportOptions(symbol="SOLUSDT", tick_size=Decimal("0.01"), lot_size=Decimal("0.1"))

Event = tuple[int, int, float, float]
"""Flags, local time in ns (the exchange's is 5 before), price, size."""

BOOK: list[Event] = [
    (SEEN | CLEAR | BUY, 100, 99.0, 0),
    (SEEN | SNAPSHOT | BUY, 100, 100.00, 1.0),
    (SEEN | SNAPSHOT | BUY, 100, 99.99, 2.0),
    (SEEN | CLEAR | SELL, 100, 101.0, 0),
    (SEEN | SNAPSHOT | SELL, 100, 100.01, 3.0),
]
BOOK_ROWS = [
    (100, me.CLEAR_BIDS, 9_900, 0), (100, me.BID, 10_000, 10), (100, me.BID, 9_999, 20),
    (100, me.CLEAR_ASKS, 10_100, 0), (100, me.ASK, 10_001, 30),
]  # fmt: skip


def write(file: Path, events: Sequence[Event], dtype: Any = EVENT, name: str = "data") -> Path:
    array = np.zeros(len(events), dtype)
    for index, (flags, local_ns, price, size) in enumerate(events):
        array[index] = (flags, local_ns - 5, local_ns, price, size, 0, 0, 0)
    np.savez_compressed(file, **{name: array})
    return file


def imported(dest: Path, *sources: Path, options: ImportOptions = OPTIONS) -> Recording:
    import_recording("hftbacktest", sources, dest, options)
    return Recording.open(dest)


def test_a_synthetic_market_there_and_back_is_the_same_rows(tmp_path: Path):
    market = SyntheticMarket(PROFILES["SOL_USDC_PERP"], 3)
    chunks = market.chunks()
    parts = [next(chunks) for _ in range(3)]
    rows = me.MarketChunk(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    steps = market.instrument
    array = event_array(rows, float(steps.tick_size), float(steps.lot_size), 7)
    half = int(np.searchsorted(array["local_ts"], array["local_ts"][len(array) // 2]))
    np.savez_compressed(tmp_path / "b.npz", data=array[:half])
    np.savez_compressed(tmp_path / "a.npz", data=array[half:])
    options = ImportOptions(symbol=steps.symbol, tick_size=steps.tick_size, lot_size=steps.lot_size)
    recording = imported(tmp_path / "r", tmp_path / "a.npz", tmp_path / "b.npz", options=options)
    kinds = rows.kind & me.KIND_MASK
    kept = ~np.isin(kinds, (me.MARK, me.FUNDING, me.CLEAR_BIDS, me.CLEAR_ASKS))
    expected = zip(*((values[kept]).tolist() for values in (rows.ts_ns + 7, kinds, rows.price, rows.lots)), strict=True)
    assert plain_rows_of(recording) == list(expected)
    assert recording.info.provenance.depth == "every-change"
    assert recording.info.dropped == {}


def test_every_kind_of_event_of_a_book_by_price(tmp_path: Path):
    events = [
        *BOOK,
        (SEEN | TRADE | SELL, 110, 100.00, 0.5),
        (SEEN | DEPTH | BUY, 110, 100.00, 0.5),
        (SEEN | BBO | BUY, 120, 99.99, 2.0),
        (SEEN | BBO | SELL, 120, 100.01, 0.0),
        (SEEN | CLEAR | SELL, 130, NAN, 0),
        (SEEN | CLEAR, 140, 0, 0),
    ]
    recording = imported(tmp_path / "r", write(tmp_path / "x.npz", events))
    assert plain_rows_of(recording) == [
        *BOOK_ROWS,
        (110, me.SELL_TRADE, 10_000, 5),
        (110, me.BID, 10_000, 5),
        (120, me.BEST_BID, 9_999, 20),
        (120, me.BEST_ASK, 10_001, 0),
        (130, me.CLEAR_ASKS, EVERY_ASK, 0),
        (140, me.CLEAR_BIDS, 0, 0),
        (140, me.CLEAR_ASKS, EVERY_ASK, 0),
    ]
    chunk = next(recording.chunks())
    assert [bool(kind & me.MORE) for kind in chunk.kind.tolist()][:8] == [*[True] * 4, False, False, False, True]


def test_events_of_the_exchanges_side_alone_are_passed_over(tmp_path: Path):
    events = [*BOOK, (EXCHANGE | TRADE | BUY, 90, 100.01, 1.0), (LOCAL | TRADE | BUY, 120, 100.01, 1.0)]
    recording = imported(tmp_path / "r", write(tmp_path / "x.npz", events))
    assert plain_rows_of(recording)[5:] == [(120, me.BUY_TRADE, 10_001, 10)]
    assert recording.info.dropped == {}


def test_an_npy_is_read_too(tmp_path: Path):
    npz = write(tmp_path / "x.npz", BOOK)
    np.save(tmp_path / "x.npy", np.load(npz)["data"])
    assert plain_rows_of(imported(tmp_path / "r", tmp_path / "x.npy")) == BOOK_ROWS


def test_floating_point_noise_is_no_error(tmp_path: Path):
    events = [*BOOK, (SEEN | DEPTH | BUY, 110, 99.98, 0.1 + 0.2)]
    assert plain_rows_of(imported(tmp_path / "r", write(tmp_path / "x.npz", events)))[-1] == (110, me.BID, 9_998, 3)


def test_trades_before_the_book_and_trades_of_nothing_are_dropped(tmp_path: Path):
    events = [(SEEN | TRADE | BUY, 90, 100.0, 1.0), *BOOK, (SEEN | TRADE | BUY, 110, 100.01, 0.0)]
    recording = imported(tmp_path / "r", write(tmp_path / "x.npz", events))
    assert plain_rows_of(recording) == BOOK_ROWS
    assert recording.info.dropped == {"trades before the first level of the book": 1, "trades without a quantity": 1}


@pytest.mark.parametrize(("kind", "depth"), [(TRADE, "none"), (BBO, "best"), (DEPTH, "every-change")])
def test_how_much_of_a_book_there_is(tmp_path: Path, kind: int, depth: str):
    events = [(SEEN | TRADE | BUY, 90, 100.0, 1.0), (SEEN | kind | BUY, 100, 100.0, 1.0)]
    assert imported(tmp_path / "r", write(tmp_path / "x.npz", events)).info.provenance.depth == depth


def test_several_files_are_put_in_order_whatever_they_are_called(tmp_path: Path):
    write(tmp_path / "a.npz", [(SEEN | DEPTH | BUY, 200, 99.98, 1.0)])
    write(tmp_path / "b.npz", BOOK)
    recording = imported(tmp_path / "r", tmp_path)
    assert plain_rows_of(recording) == [*BOOK_ROWS, (200, me.BID, 9_998, 10)]
    assert recording.gaps == []


def test_of_a_folder_with_several_symbols_the_one_that_is_named(tmp_path: Path):
    write(tmp_path / "solusdt_1.npz", BOOK)
    write(tmp_path / "ethusdt_1.npz", BOOK)
    info = imported(tmp_path / "r", tmp_path).info
    assert [source.name for source in info.provenance.sources] == ["solusdt_1.npz"]


def test_a_day_that_is_missing_is_a_gap_where_the_next_file_states_the_book(tmp_path: Path):
    write(tmp_path / "1.npz", BOOK)
    later = [(flags, local_ns + 2 * HOUR, price, size) for flags, local_ns, price, size in BOOK]
    write(tmp_path / "2.npz", later)
    recording = imported(tmp_path / "r", tmp_path)
    assert [(gap.start_ns, gap.end_ns, gap.reason) for gap in recording.gaps] == [
        (100, 100 + 2 * HOUR, "no file of this time")
    ]
    assert plain_rows_of(recording)[5:9] == [
        (100, me.GAP_START, 0, 0),
        (100 + 2 * HOUR, me.GAP_END, 0, 0),
        (100 + 2 * HOUR, me.CLEAR_BIDS, 0, 0),
        (100 + 2 * HOUR, me.CLEAR_ASKS, EVERY_ASK, 0),
    ]


@pytest.mark.parametrize("kind", [TRADE, BBO])
def test_a_day_that_is_missing_is_a_gap_where_there_is_no_book_to_lose(tmp_path: Path, kind: int):
    write(tmp_path / "1.npz", [(SEEN | kind | BUY, 100, 100.0, 1.0)])
    write(tmp_path / "2.npz", [(SEEN | kind | BUY, 2 * HOUR, 100.0, 1.0)])
    recording = imported(tmp_path / "r", tmp_path)
    assert [(gap.start_ns, gap.end_ns) for gap in recording.gaps] == [(100, 2 * HOUR)]


# --- refused with one sentence ------------------------------------------------------------------------------------


def refusal(tmp_path: Path, options: ImportOptions = OPTIONS) -> str:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UserError) as caught:
        imported(tmp_path / "r", tmp_path, options=options)
    assert sorted(tmp_path.iterdir()) == before
    return str(caught.value)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ((SEEN | DEPTH | BUY, 110, 100.001, 1.0), "row 5: px 100.001 is not a multiple of the tick size 0.01"),
        ((SEEN | DEPTH | BUY, 110, 100.0, 0.05), "row 5: qty 0.05 is not a multiple of the lot size 0.1"),
        ((SEEN | DEPTH | BUY, 110, -100.0, 1.0), "row 5: 1.0 at -100.0 is impossible"),
        ((SEEN | TRADE | BUY, 110, 100.0, -1.0), "row 5: -1.0 at 100.0 is impossible"),
        ((SEEN | DEPTH | BUY, 110, NAN, 1.0), "row 5: px nan is not a usable number: correct it"),
        ((SEEN | DEPTH | BUY, 90, 100.0, 1.0), "row 5: time runs backwards, to 90 ns"),
        ((SEEN | DEPTH, 110, 100.0, 1.0), "row 5: the event is of neither side, or of both"),
        ((SEEN | DEPTH | BUY | SELL, 110, 100.0, 1.0), "row 5: the event is of neither side, or of both"),
        ((SEEN | ADD_ORDER | BUY, 110, 100.0, 1.0), "row 5: an event of kind 10 is none of depth"),
    ],
)
def test_an_event_that_cannot_be(tmp_path: Path, event: Event, sentence: str):
    write(tmp_path / "x.npz", [*BOOK, event])
    assert f"x.npz, {sentence}" in refusal(tmp_path)


def test_files_that_overlap(tmp_path: Path):
    write(tmp_path / "1.npz", [*BOOK, (SEEN | DEPTH | BUY, 300, 99.98, 1.0)])
    write(tmp_path / "2.npz", [(SEEN | DEPTH | BUY, 200, 99.98, 1.0)])
    said = refusal(tmp_path)
    assert "2.npz begins at 1970-01-01 00:00:00 UTC, before" in said
    assert "give files that do not overlap" in said


def test_a_day_that_is_missing_where_the_next_file_goes_on_with_the_book(tmp_path: Path):
    write(tmp_path / "1.npz", BOOK)
    write(tmp_path / "2.npz", [(SEEN | DEPTH | BUY, 2 * HOUR, 99.98, 1.0)])
    assert "2.npz goes on at 1970-01-01 02:00:00 UTC with a book that" in refusal(tmp_path)


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.95])
def test_a_truncated_file(tmp_path: Path, kept: float):
    file = write(tmp_path / "x.npz", [(SEEN | DEPTH | BUY, at, 100.0 + at % 7, 1.0) for at in range(5_000)])
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * kept)])
    assert "x.npz is truncated or is not an npz" in refusal(tmp_path)


def test_a_truncated_npy(tmp_path: Path):
    array = np.load(write(tmp_path / "x.npz", BOOK))["data"]
    (tmp_path / "x.npz").unlink()
    np.save(tmp_path / "y.npy", array)
    whole = (tmp_path / "y.npy").read_bytes()
    (tmp_path / "y.npy").write_bytes(whole[:-70])
    with pytest.raises(UserError, match=r"y.npy is truncated after 0 of 5 rows"):
        imported(tmp_path / "r", tmp_path / "y.npy")


def test_a_file_damaged_in_the_middle(tmp_path: Path):
    file = write(tmp_path / "x.npz", [(SEEN | DEPTH | BUY, at, 100.0 + at % 7, 1.0) for at in range(5_000)])
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(bytes(content))
    assert "x.npz is truncated or is not an npz" in refusal(tmp_path)


def test_a_foreign_file(tmp_path: Path):
    (tmp_path / "x.npz").write_bytes(b"no archive at all")
    assert "x.npz is truncated or is not an npz, after 0 rows" in refusal(tmp_path)


def test_an_archive_of_something_else(tmp_path: Path):
    write(tmp_path / "x.npz", BOOK, name="depth")
    assert "x.npz holds no array named data (it has depth): it is not hftbacktest's" in refusal(tmp_path)


def test_wrong_columns(tmp_path: Path):
    write(tmp_path / "x.npz", BOOK, dtype=[*[(f"a{index}", "f8") for index in range(8)]])
    assert "x.npz has the columns (a0 f8, a1 f8" in refusal(tmp_path)


def test_columns_of_objects_are_not_unpickled(tmp_path: Path):
    np.savez(tmp_path / "x.npz", data=np.array([{"ev": 1}], dtype=object))
    assert "x.npz has the columns (object)" in refusal(tmp_path)


def test_no_event_that_a_recorder_has_seen(tmp_path: Path):
    write(tmp_path / "x.npz", [(EXCHANGE | DEPTH | BUY, 100, 100.0, 1.0)])
    assert "x.npz holds no event that a recorder has seen" in refusal(tmp_path)


def test_nothing_says_which_market_it_is(tmp_path: Path):
    write(tmp_path / "x.npz", BOOK)
    assert "give --symbol" in refusal(tmp_path, ImportOptions())
    assert "give --tick-size and --lot-size" in refusal(tmp_path, ImportOptions(symbol="SOLUSDT"))
