"""A live recording is whole at every moment: after each flush, in the middle of one, after a kill and a restart."""

from pathlib import Path

import pytest

from data.test_recording_files import INSTRUMENT, rows_of
from perpmaker.data.format import INFO_FILE, Gap, Provenance, read_info
from perpmaker.data.parts_writer import STOPPED, PartsWriter
from perpmaker.data.reader import Recording
from perpmaker.data.writer import RecordingWriter
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import market_events as me

LIVE = Provenance("record", 1, "perpmaker", {"exchange": "x"}, [], "every-change", "recorded", "a clock")
BOOK = [(me.CLEAR_BIDS, 0, 0), (me.BID, 10, 5), (me.ASK, 12, 7)]


def writer(dest: Path) -> PartsWriter:
    return PartsWriter(dest, INSTRUMENT, LIVE)


def times(folder: Path) -> list[int]:
    return [row[0] for row in rows_of(Recording.open(folder))]


def test_what_was_flushed_can_be_read_while_writing_goes_on(tmp_path: Path):
    parts = writer(tmp_path / "r")
    parts.message(1, 1, BOOK)
    assert not (tmp_path / "r").exists()
    parts.flush()
    assert times(tmp_path / "r") == [1, 1, 1]
    parts.message(2, 2, [(me.BUY_TRADE, 12, 1)])
    assert (parts.rows, parts.waiting) == (4, 1)
    parts.flush()
    assert times(tmp_path / "r") == [1, 1, 1, 2]
    info = read_info(tmp_path / "r")
    assert info.parts == ["events-00000001.parquet", "events-00000002.parquet"]
    assert info.rows_by_kind == {"bid": 1, "ask": 1, "clear_bids": 1, "buy_trade": 1}
    assert (info.first_ns, info.last_ns) == (1, 2)


def test_a_flush_without_rows_writes_nothing(tmp_path: Path):
    parts = writer(tmp_path / "r")
    parts.flush()
    assert list(tmp_path.iterdir()) == []
    assert parts.info is None


def test_much_is_flushed_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("perpmaker.data.parts_writer.CHUNK_ROWS", 10)
    parts = writer(tmp_path / "r")
    for now in range(25):
        parts.message(now, now, [(me.BID, 10, 1)])
    assert (parts.waiting, len(read_info(tmp_path / "r").parts)) == (5, 2)


def test_a_part_that_was_cut_off_does_not_belong_and_is_replaced(tmp_path: Path):
    parts = writer(tmp_path / "r")
    parts.message(1, 1, BOOK)
    parts.flush()
    (tmp_path / "r" / "events-00000002.parquet").write_bytes(b"half")
    (tmp_path / "r" / f".{INFO_FILE}.partial").write_bytes(b"{")
    assert times(tmp_path / "r") == [1, 1, 1]
    parts.message(2, 2, [(me.BID, 10, 1)])
    parts.flush()
    assert times(tmp_path / "r") == [1, 1, 1, 2]


def test_a_first_part_without_a_description_is_no_recording_and_in_nobodys_way(tmp_path: Path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "events-00000001.parquet").write_bytes(b"half")
    with pytest.raises(RecordingError, match=r"recording\.json"):
        Recording.open(tmp_path / "r")
    parts = writer(tmp_path / "r")
    parts.message(1, 1, BOOK)
    parts.flush()
    assert times(tmp_path / "r") == [1, 1, 1]


def test_a_restart_goes_on_after_a_gap(tmp_path: Path):
    first = writer(tmp_path / "r")
    first.message(1, 1, BOOK)
    first.dropped["this"] += 2
    first.flush()
    second = writer(tmp_path / "r")
    assert second.in_gap
    second.end_gap(9, 9)
    second.message(9, 9, BOOK)
    second.flush()
    kinds = [row[1] & me.KIND_MASK for row in rows_of(Recording.open(tmp_path / "r"))]
    assert kinds == [me.CLEAR_BIDS, me.BID, me.ASK, me.GAP_START, me.GAP_END, me.CLEAR_BIDS, me.BID, me.ASK]
    info = read_info(tmp_path / "r")
    assert info.gaps == [Gap(1, 9, STOPPED)]
    assert (info.rows, info.first_ns, info.last_ns, info.dropped) == (8, 1, 9, {"this": 2})
    assert info.rows_by_kind["bid"] == 2


def test_a_restart_goes_on_with_a_gap_that_was_open(tmp_path: Path):
    first = writer(tmp_path / "r")
    first.message(1, 1, BOOK)
    first.start_gap(5, 5, "lost")
    first.flush()
    second = writer(tmp_path / "r")
    second.end_gap(9, 9)
    second.message(9, 9, BOOK)
    second.flush()
    assert read_info(tmp_path / "r").gaps == [Gap(5, 9, "lost")]
    assert times(tmp_path / "r") == [1, 1, 1, 5, 9, 9, 9, 9]


@pytest.mark.parametrize("what", ["imported", "other market", "other place", "no recording"])
def test_anything_else_at_the_destination_is_refused(tmp_path: Path, what: str):
    dest, instrument, provenance = tmp_path / "r", INSTRUMENT, LIVE
    if what == "no recording":
        dest.mkdir()
        (dest / "photo").write_text("precious")
    elif what == "imported":
        with RecordingWriter(dest, INSTRUMENT, Provenance("t", 1, "p", {}, [], "every-change", "recorded", "c")) as old:
            old.row(1, 1, me.BID, 10, 1)
    else:
        old_parts = writer(dest)
        old_parts.message(1, 1, BOOK)
        old_parts.flush()
        if what == "other market":
            instrument = Instrument(
                "OTHER", "O", "USD", INSTRUMENT.tick_size, INSTRUMENT.lot_size, INSTRUMENT.min_quantity
            )
        else:
            provenance = Provenance("record", 1, "p", {"exchange": "y"}, [], "every-change", "recorded", "c")
    before = sorted(dest.iterdir())
    with pytest.raises(RecordingError, match="choose another destination"):
        PartsWriter(dest, instrument, provenance)
    assert sorted(dest.iterdir()) == before


def test_a_destination_without_a_parent_is_refused_before_anything_is_heard(tmp_path: Path):
    with pytest.raises(RecordingError, match="does not exist"):
        writer(tmp_path / "no" / "such")


def test_a_part_with_the_name_of_another_place_is_damage(tmp_path: Path):
    parts = writer(tmp_path / "r")
    parts.message(1, 1, BOOK)
    parts.flush()
    info = tmp_path / "r" / INFO_FILE
    info.write_text(info.read_text().replace("events-00000001.parquet", "../events-00000001.parquet"))
    with pytest.raises(RecordingError, match="no events file"):
        Recording.open(tmp_path / "r")


def test_a_listed_part_that_is_missing_is_told(tmp_path: Path):
    parts = writer(tmp_path / "r")
    parts.message(1, 1, BOOK)
    parts.flush()
    (tmp_path / "r" / "events-00000001.parquet").unlink()
    with pytest.raises(RecordingError, match=r"events-00000001\.parquet"):
        Recording.open(tmp_path / "r")


def test_a_destination_that_cannot_be_written_is_one_sentence(tmp_path: Path):
    parts = writer(tmp_path / "r")
    parts.message(1, 1, BOOK)
    (tmp_path / "r").write_text("a file in the way")
    with pytest.raises(RecordingError, match="cannot be written"):
        parts.flush()
