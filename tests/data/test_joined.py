"""Several recordings of one instrument are one market: in order, without overlap, with a gap where nothing is known."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from perpmaker.data.format import Gap, write_info
from perpmaker.data.joined import LONGEST_SILENCE_NS, JoinedRecordings
from perpmaker.data.reader import Recording
from perpmaker.domain.errors import RecordingError
from perpmaker.simulation import market_events as me
from support.recordings import INSTRUMENT, Row, Rows, record, rows_of
from support.runs import synthetic

SECOND = 10**9
SPLIT_NS = 1_767_605_430 * SECOND


def recording(folder: Path, name: str, rows: list[Row]) -> Recording:
    return Recording.open(record(folder / name, Rows(rows)))


def book(at_ns: int, price: int = 100) -> list[Row]:
    return [(at_ns, me.BID | me.MORE, price, 5), (at_ns, me.ASK, price + 1, 7)]


def test_recordings_are_played_in_order_of_time_whatever_order_they_are_given_in(tmp_path: Path) -> None:
    early, late = recording(tmp_path, "a", book(0)), recording(tmp_path, "b", book(SECOND, 200))
    assert rows_of(JoinedRecordings([late, early])) == book(0) + book(SECOND, 200)


def test_a_recording_split_in_two_is_the_same_rows_again(tmp_path: Path) -> None:
    market = synthetic()
    end_ns = SPLIT_NS + 20 * SECOND
    whole = Recording.open(record(tmp_path / "whole", market, to_ns=end_ns))
    halves = [record(tmp_path / "a", market, to_ns=SPLIT_NS), record(tmp_path / "b", market, SPLIT_NS, end_ns)]
    joined = JoinedRecordings([Recording.open(half) for half in halves])
    assert rows_of(joined) == rows_of(whole)
    assert joined.holes == joined.gaps == []


def test_one_that_begins_when_the_other_ends_does_not_overlap(tmp_path: Path) -> None:
    joined = JoinedRecordings([recording(tmp_path, "a", book(0)), recording(tmp_path, "b", book(0, 200))])
    assert rows_of(joined) == book(0) + book(0, 200)


def test_recordings_that_overlap_are_refused_with_both_names_and_the_times(tmp_path: Path) -> None:
    one = recording(tmp_path, "one", book(0) + book(20 * SECOND))
    other = recording(tmp_path, "other", book(10 * SECOND) + book(30 * SECOND))
    with pytest.raises(RecordingError) as refused:
        JoinedRecordings([other, one])
    said = str(refused.value)
    assert f"{one.path} (1970-01-01 00:00:00 to 1970-01-01 00:00:20 UTC)" in said
    assert f"{other.path} (1970-01-01 00:00:10 to 1970-01-01 00:00:30 UTC)" in said
    assert "overlap from 1970-01-01T00:00:10Z: leave one of them out" in said


def test_the_same_recording_twice_overlaps(tmp_path: Path) -> None:
    one = recording(tmp_path, "one", book(0) + book(SECOND))
    with pytest.raises(RecordingError, match="overlap"):
        JoinedRecordings([one, one])


def test_a_hole_between_two_recordings_is_a_gap_of_the_market(tmp_path: Path) -> None:
    next_ns = LONGEST_SILENCE_NS + 1
    joined = JoinedRecordings([recording(tmp_path, "a", book(0)), recording(tmp_path, "b", book(next_ns))])
    between: list[Row] = [(0, me.GAP_START, 0, 0), (next_ns, me.GAP_END, 0, 0)]
    assert rows_of(joined) == book(0) + between + book(next_ns)
    assert joined.holes == [Gap(0, next_ns, "between two recordings")]


def test_a_silence_of_up_to_five_seconds_is_none(tmp_path: Path) -> None:
    a, b = recording(tmp_path, "a", book(0)), recording(tmp_path, "b", book(LONGEST_SILENCE_NS))
    joined = JoinedRecordings([a, b])
    assert rows_of(joined) == book(0) + book(LONGEST_SILENCE_NS)
    assert joined.holes == []


@pytest.mark.parametrize(("next_ns", "reason"), [(2 * SECOND, "blind"), (20 * SECOND, "between two recordings")])
def test_a_gap_in_which_a_recording_ends_lasts_until_the_next_begins(next_ns: int, reason: str, tmp_path: Path) -> None:
    blind: list[Row] = [*book(0), (SECOND, me.GAP_START, 0, 0)]
    joined = JoinedRecordings([recording(tmp_path, "a", blind), recording(tmp_path, "b", book(next_ns))])
    assert rows_of(joined) == [*blind, (next_ns, me.GAP_END, 0, 0), *book(next_ns)]
    assert joined.gaps == [Gap(SECOND, next_ns, reason)], "counted once"


def test_the_gaps_of_all_recordings_are_told_in_order(tmp_path: Path) -> None:
    def with_gap(at_ns: int) -> list[Row]:
        return [*book(at_ns), (at_ns + 1, me.GAP_START, 0, 0), (at_ns + 2, me.GAP_END, 0, 0), *book(at_ns + 3)]

    joined = JoinedRecordings([recording(tmp_path, "a", with_gap(0)), recording(tmp_path, "b", with_gap(100 * SECOND))])
    assert [(gap.start_ns, gap.end_ns) for gap in joined.gaps] == [
        (1, 2), (3, 100 * SECOND), (100 * SECOND + 1, 100 * SECOND + 2),
    ]  # fmt: skip


def test_recordings_of_different_grades_are_refused(tmp_path: Path) -> None:
    one, other = recording(tmp_path, "one", book(0)), recording(tmp_path, "other", book(SECOND))
    with pytest.raises(RecordingError, match=r"one is of grade every-change, .*other of grade best"):
        JoinedRecordings([one, described_as(other, depth="best")])


def described_as(found: Recording, **changes: str) -> Recording:
    """The same recording with another provenance."""
    provenance = msgspec.structs.replace(found.info.provenance, **changes)
    write_info(found.path, msgspec.structs.replace(found.info, provenance=provenance))
    return Recording.open(found.path)


@pytest.mark.parametrize(("lengths", "is_refused"), [(("1m", "5m"), True), (("5m", "5m"), False)])
def test_bars_of_different_lengths_are_refused(tmp_path: Path, lengths: tuple[str, str], is_refused: bool) -> None:
    one, other = (
        described_as(recording(tmp_path, f"of-{number}", book(number)), depth="bars", clock=f"bars of {length}")
        for number, length in enumerate(lengths)
    )
    if not is_refused:
        assert JoinedRecordings([one, other]).recordings == [one, other]
        return
    with pytest.raises(RecordingError, match=r"of-0 \(bars of 1m\) and .*of-1 \(bars of 5m\) are not alike: give bars"):
        JoinedRecordings([one, other])


def test_recordings_in_different_steps_are_refused(tmp_path: Path) -> None:
    finer = replace(INSTRUMENT, tick_size=Decimal("0.01"))
    one = recording(tmp_path, "one", book(0))
    other = Recording.open(record(tmp_path / "other", Rows(book(SECOND), instrument=finer)))
    with pytest.raises(RecordingError, match=r"steps of 0\.10 and 0\.001.*steps of 0\.01 and 0\.001"):
        JoinedRecordings([one, other])
