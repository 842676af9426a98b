"""A recording is written whole or not at all, and read back as it was written or refused with one sentence."""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perpmaker.data.format import CHUNK_ROWS, INFO_FILE, SCHEMA, Gap, Provenance, read_info
from perpmaker.data.reader import Recording
from perpmaker.data.writer import RecordingWriter
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import market_events as me
from support.recordings import rows_of

INSTRUMENT = Instrument("BTC-USD", "BTC", "USD", Decimal("0.10"), Decimal("0.001"), Decimal("0.002"))
PROVENANCE = Provenance("test", 1, "perpmaker", {"symbol": "BTC-USD"}, [], "every-change", "recorded", "a clock")


def write(dest: Path, *, overwrite: bool = False, first_ns: int = 100) -> None:
    with RecordingWriter(dest, INSTRUMENT, PROVENANCE, overwrite=overwrite) as writer:
        writer.message(first_ns, 90, [(me.CLEAR_BIDS, 0, 0), (me.BID, 10, 5), (me.ASK, 12, 7)])
        writer.row(first_ns, 95, me.BUY_TRADE, 12, 1)
        writer.start_gap(first_ns + 100, 190, "blind")
        writer.end_gap(first_ns + 200, 290)
        writer.dropped["quotes"] += 2


def replace_events(folder: Path, rows: list[tuple[int, int, int, int]], schema: pa.Schema = SCHEMA) -> None:
    """Put other rows (time, kind, price, lots) under an existing description."""
    ts_ns, kind, price, lots = (list(column) for column in zip(*rows, strict=True))
    table = pa.table([ts_ns, ts_ns, kind, price, lots], schema=schema)
    pq.write_table(table, folder / "events.parquet")
    info = json.loads((folder / INFO_FILE).read_text())
    (folder / INFO_FILE).write_text(json.dumps({**info, "rows": len(rows)}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "recording")
    return tmp_path / "recording"


def test_what_is_written_is_read_back(folder: Path):
    recording = Recording.open(folder)
    assert recording.instrument == INSTRUMENT
    assert rows_of(recording) == [
        (100, me.CLEAR_BIDS | me.MORE, 0, 0),
        (100, me.BID | me.MORE, 10, 5),
        (100, me.ASK, 12, 7),
        (100, me.BUY_TRADE, 12, 1),
        (200, me.GAP_START, 0, 0),
        (300, me.GAP_END, 0, 0),
    ]


def test_every_call_of_chunks_starts_anew(folder: Path):
    recording = Recording.open(folder)
    assert rows_of(recording) == rows_of(recording)


def test_the_description_counts_rows_drops_and_gaps(folder: Path):
    info = read_info(folder)
    assert (info.rows, info.first_ns, info.last_ns) == (6, 100, 300)
    assert info.rows_by_kind == {
        "clear_bids": 1, "bid": 1, "ask": 1, "buy_trade": 1, "gap_start": 1, "gap_end": 1,
    }  # fmt: skip
    assert info.dropped == {"quotes": 2}
    assert info.gaps == [Gap(200, 300, "blind")]
    assert info.instrument.tick_size == "0.10"


def test_the_exchanges_own_stamp_is_kept(folder: Path):
    assert pq.read_table(folder / "events.parquet")["venue_ns"].to_pylist() == [90, 90, 90, 95, 190, 290]


def test_a_gap_that_never_ends_has_no_end(tmp_path: Path):
    with RecordingWriter(tmp_path / "r", INSTRUMENT, PROVENANCE) as writer:
        writer.row(1, 1, me.MARK, 1000, 0)
        writer.start_gap(2, 2, "broken")
    assert read_info(tmp_path / "r").gaps == [Gap(2, None, "broken")]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path):
    for name in ("a", "b"):
        write(tmp_path / name)
    for file in ("events.parquet", INFO_FILE):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_chunks_are_bounded_writable_arrays(tmp_path: Path):
    total = 2 * CHUNK_ROWS + 5
    with RecordingWriter(tmp_path / "r", INSTRUMENT, PROVENANCE) as writer:
        for now in range(total):
            writer.row(now, now, me.BID, 10, 1)
    chunks = list(Recording.open(tmp_path / "r").chunks())
    assert [len(chunk.ts_ns) for chunk in chunks] == [CHUNK_ROWS, CHUNK_ROWS, 5]
    assert all(values.flags.writeable and values.flags.c_contiguous for chunk in chunks for values in chunk)
    assert [values.dtype for values in chunks[0]] == [np.int64, np.uint8, np.int64, np.int64]
    assert np.array_equal(np.concatenate([chunk.ts_ns for chunk in chunks]), np.arange(total))


def test_several_events_files_are_read_in_the_order_of_their_names(folder: Path):
    (folder / "events.parquet").unlink()
    for name, start in (("events-2.parquet", 20), ("events-1.parquet", 10)):
        table = pa.table([[start], [start], [me.BID], [start], [1]], schema=SCHEMA)
        pq.write_table(table, folder / name)
    info = json.loads((folder / INFO_FILE).read_text())
    (folder / INFO_FILE).write_text(json.dumps({**info, "rows": 2}))
    assert [row[0] for row in rows_of(Recording.open(folder))] == [10, 20]


# --- all or nothing ---------------------------------------------------------------------------------------------


def test_an_error_on_the_way_leaves_nothing(tmp_path: Path):
    def fail() -> None:
        with RecordingWriter(tmp_path / "r", INSTRUMENT, PROVENANCE) as writer:
            writer.row(1, 1, me.BID, 10, 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_seen_at_the_destination_before_the_end(tmp_path: Path):
    with RecordingWriter(tmp_path / "r", INSTRUMENT, PROVENANCE) as writer:
        writer.row(1, 1, me.BID, 10, 1)
        assert not (tmp_path / "r").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_a_recording_without_rows_is_refused(tmp_path: Path):
    with (
        pytest.raises(RecordingError, match="nothing to record"),
        RecordingWriter(tmp_path / "r", INSTRUMENT, PROVENANCE),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_existing_recording_is_replaced_only_when_asked(folder: Path):
    with pytest.raises(RecordingError, match="exists"):
        write(folder)
    write(folder, overwrite=True, first_ns=5_000)
    assert read_info(folder).first_ns == 5_000
    assert [path.name for path in folder.parent.iterdir()] == ["recording"]


def test_a_failed_replacement_keeps_the_old_recording(folder: Path):
    def fail() -> None:
        with RecordingWriter(folder, INSTRUMENT, PROVENANCE, overwrite=True) as writer:
            writer.row(1, 1, me.BID, 10, 1)
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        fail()
    assert read_info(folder).first_ns == 100
    assert [path.name for path in folder.parent.iterdir()] == ["recording"]


def test_a_folder_that_is_no_recording_is_never_replaced(tmp_path: Path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one").write_text("precious")
    with pytest.raises(RecordingError, match="is not a recording"):
        write(tmp_path / "photos", overwrite=True)
    assert (tmp_path / "photos" / "one").read_text() == "precious"


def test_a_destination_without_a_parent_is_refused(tmp_path: Path):
    with pytest.raises(RecordingError, match="does not exist"):
        write(tmp_path / "no" / "such")


def test_rows_that_go_back_in_time_are_the_callers_error(tmp_path: Path):
    def fail() -> None:
        with RecordingWriter(tmp_path / "r", INSTRUMENT, PROVENANCE) as writer:
            writer.row(2, 2, me.BID, 10, 1)
            writer.row(1, 1, me.BID, 10, 1)

    with pytest.raises(ValueError, match="by time"):
        fail()


# --- refused with one sentence ----------------------------------------------------------------------------------


def test_a_missing_folder(tmp_path: Path):
    with pytest.raises(RecordingError, match="does not exist"):
        Recording.open(tmp_path / "none")


def test_a_file_instead_of_a_folder(folder: Path):
    with pytest.raises(RecordingError, match="is a file"):
        Recording.open(folder / "events.parquet")


def test_a_folder_without_a_description(tmp_path: Path):
    with pytest.raises(RecordingError, match=r"holds no recording\.json"):
        Recording.open(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("not json", "not the description of a recording"),
        ("{}", "not the description of a recording"),
        ('{"format": "other", "version": 1}', "format 'other'"),
        ('{"format": "perpmaker-recording", "version": 99}', "version 99"),
        ('{"format": "perpmaker-recording", "version": 1}', "is damaged"),
    ],
)
def test_a_foreign_or_unknown_description(folder: Path, text: str, sentence: str):
    (folder / INFO_FILE).write_text(text)
    with pytest.raises(RecordingError, match=sentence):
        Recording.open(folder)


def test_an_impossible_instrument(folder: Path):
    text = (folder / INFO_FILE).read_text().replace('"0.10"', '"0"')
    (folder / INFO_FILE).write_text(text)
    with pytest.raises(RecordingError, match="impossible instrument"):
        Recording.open(folder)


@pytest.mark.parametrize("keep", [0, 3, 200])
def test_a_truncated_file(folder: Path, keep: int):
    file = folder / "events.parquet"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(RecordingError, match="truncated or foreign"):
        Recording.open(folder)


def test_a_file_damaged_in_its_middle(folder: Path):
    file = folder / "events.parquet"
    data = bytearray(file.read_bytes())
    data[4:120] = bytes(116)
    file.write_bytes(data)
    with pytest.raises(RecordingError, match="truncated or foreign"):
        rows_of(Recording.open(folder))


def test_a_foreign_parquet_file(folder: Path):
    pq.write_table(pa.table({"open": [1.0], "close": [2.0]}), folder / "events.parquet")
    with pytest.raises(RecordingError, match="open double, close double"):
        Recording.open(folder)


def test_a_missing_events_file(folder: Path):
    (folder / "events.parquet").unlink()
    with pytest.raises(RecordingError, match=r"no events\.parquet"):
        Recording.open(folder)


def test_rows_missing_from_the_file(folder: Path):
    rows = json.loads((folder / INFO_FILE).read_text())
    (folder / INFO_FILE).write_text(json.dumps({**rows, "rows": 7}))
    with pytest.raises(RecordingError, match="holds 6 rows where its description says 7"):
        Recording.open(folder)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([(2, me.BID, 10, 1), (1, me.BID, 10, 1)], r"events.parquet, row 1: time runs backwards, 1 ns after 2 ns"),
        ([(1, 0, 10, 1)], "row 0: unknown kind of row 0"),
        ([(1, 19, 10, 1)], "row 0: unknown kind of row 19"),
        ([(1, me.BID | me.MORE, 10, 1), (2, me.BID, 10, 1)], "row 1: a message goes on at another time"),
        ([(1, me.BID, 10, 1), (1, me.ASK, 10, -1)], "row 1: a row of kind ask with price 10 and -1 lots is impossible"),
        ([(1, me.BID, 2**53 + 1, 1)], "row 0: a row of kind bid with price 9007199254740993 and 1 lots is impossible"),
        ([(1, me.BUY_TRADE, 10, 2**53 + 1)], "row 0: a row of kind buy_trade with price 10 and 9007199254740993 lots"),
        ([(1, me.FUNDING, 10, -(10**9))], "row 0: a row of kind funding with price 10 and -1000000000 lots"),
        ([(1, me.BUY_TRADE, 0, 1)], "row 0: a row of kind buy_trade with price 0"),
        ([(1, me.MARK, -5, 0)], "row 0: a row of kind mark with price -5"),
        ([(1, me.BID | me.MORE, 10, 1)], "the last message never ends"),
    ],
)
def test_rows_that_break_the_rules_are_found_while_reading(
    folder: Path, rows: list[tuple[int, int, int, int]], sentence: str
):
    replace_events(folder, rows)
    recording = Recording.open(folder)
    with pytest.raises(RecordingError, match=sentence):
        rows_of(recording)


def test_time_may_not_run_backwards_from_one_chunk_to_the_next(folder: Path):
    rows = [(now, me.BID, 10, 1) for now in range(CHUNK_ROWS)]
    replace_events(folder, [*rows, (5, me.BID, 10, 1)])
    with pytest.raises(RecordingError, match=f"row {CHUNK_ROWS}: time runs backwards"):
        rows_of(Recording.open(folder))


def test_a_negative_funding_rate_is_no_error(folder: Path):
    replace_events(folder, [(1, me.FUNDING, 0, -5)])
    assert rows_of(Recording.open(folder)) == [(1, me.FUNDING, 0, -5)]
