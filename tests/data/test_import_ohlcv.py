"""Bars from csv, parquet and feather become one recording, or one sentence that says where they cannot."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as pf
import pyarrow.parquet as pq
import pytest

from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.data.reader import Recording
from perpmaker.domain.errors import InvalidSettingError, PerpmakerError, RecordingError, UnknownNameError
from perpmaker.simulation import market_events as me

MINUTE_MS = 60_000
START_MS = 1_735_689_600_000  # 2025-01-01 00:00 UTC
NS_PER_MS = 1_000_000

STEPS = ImportOptions(symbol="TEST", tick_size=Decimal("0.01"), lot_size=Decimal("0.1"))
Bar = tuple[float, float, float, float, float]

GOOD: Bar = (100.0, 101.5, 99.25, 100.75, 12.34)


def table(bars: Sequence[Bar | None], *, step_ms: int = MINUTE_MS, start_ms: int = START_MS) -> dict[str, list[Any]]:
    """Columns of bars one step apart; None leaves one out."""
    kept = [(start_ms + number * step_ms, bar) for number, bar in enumerate(bars) if bar is not None]
    columns: dict[str, list[Any]] = {"ts_ms": [at_ms for at_ms, _ in kept]}
    for place, name in enumerate(("open", "high", "low", "close", "volume")):
        columns[name] = [bar[place] for _, bar in kept]
    return columns


def parquet(file: Path, columns: dict[str, Any]) -> Path:
    pq.write_table(pa.table(columns), file)
    return file


def feather(file: Path, columns: dict[str, Any]) -> Path:
    pf.write_feather(pa.table(columns), file)
    return file


def csv(file: Path, columns: dict[str, Any]) -> Path:
    rows = zip(*columns.values(), strict=True)
    text = "".join(",".join(map(str, row)) + "\n" for row in [tuple(columns), *rows])
    if file.suffix == ".gz":
        file.write_bytes(gzip.compress(text.encode()))
    else:
        file.write_text(text)
    return file


def imported(dest: Path, *sources: Path, options: ImportOptions = STEPS) -> Recording:
    import_recording("ohlcv", sources, dest / "recording", options)
    return Recording.open(dest / "recording")


def refusal(dest: Path, *sources: Path, options: ImportOptions = STEPS) -> str:
    """The sentence with which an import is refused."""
    with pytest.raises(PerpmakerError) as refused:
        imported(dest, *sources, options=options)
    assert not (dest / "recording").exists()
    return str(refused.value)


def rows(recording: Recording) -> Iterator[tuple[int, int, int, int]]:
    """Milliseconds since the start, kind, price, lots."""
    for chunk in recording.chunks():
        for ts, kind, price, lots in zip(*(column.tolist() for column in chunk), strict=True):
            yield (ts // NS_PER_MS - START_MS, kind & me.KIND_MASK, price, lots)


def opens(recording: Recording) -> list[int]:
    """When each bar begins, in minutes since the start."""
    return [at_ms // MINUTE_MS for at_ms, kind, _, _ in rows(recording) if kind == me.BAR_OPEN]


# --- what it makes of good files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "name"),
    [(csv, "b.csv"), (csv, "b.csv.gz"), (parquet, "b.parquet"), (feather, "b.feather")],
)
def test_a_bar_is_seven_rows(tmp_path: Path, write: Callable[[Path, Any], Path], name: str):
    recording = imported(tmp_path, write(tmp_path / name, table([GOOD, GOOD])))
    assert list(rows(recording))[:7] == [
        (0, me.BAR_OPEN, 10_000, 123),  # 12.34 in lots of 0.1, rounded down
        (0, me.BAR_HIGH, 10_150, 0),
        (0, me.BAR_LOW, 9_925, 0),
        (0, me.BAR_CLOSE, 10_075, 0),
        (15_000, me.BAR_STEP, 0, 0),
        (30_000, me.BAR_STEP, 0, 0),
        (59_062, me.BAR_STEP, 0, 0),
    ]
    assert recording.info.provenance.depth == "bars"
    assert recording.info.provenance.clock == "start of each bar, bars of 1m"


def test_bars_of_any_length(tmp_path: Path):
    recording = imported(tmp_path, parquet(tmp_path / "b.parquet", table([GOOD, GOOD], step_ms=5 * MINUTE_MS)))
    assert [at_ms for at_ms, kind, _, _ in rows(recording) if kind == me.BAR_STEP][:3] == [75_000, 150_000, 299_000]
    assert recording.info.provenance.clock == "start of each bar, bars of 5m"


def test_freqtrades_layout_with_its_symbol_from_the_name(tmp_path: Path):
    columns = table([GOOD, GOOD])
    columns["date"] = pa.array(columns.pop("ts_ms"), pa.timestamp("ms", "UTC"))
    file = feather(tmp_path / "SOL_USDT_USDT-1m-futures.feather", columns)
    recording = imported(tmp_path, file, options=ImportOptions())
    assert opens(recording) == [0, 1]
    assert (recording.instrument.symbol, str(recording.instrument.tick_size)) == ("SOLUSDT", "0.01")


def test_names_of_columns_in_any_case_and_order_and_others_beside_them(tmp_path: Path):
    columns = table([GOOD, GOOD])
    shuffled = {"Close": columns["close"], "Trades": [3, 4], "Timestamp": columns["ts_ms"], "LOW": columns["low"]}
    shuffled |= {"High": columns["high"], "Open": columns["open"], "Volume": columns["volume"]}
    assert opens(imported(tmp_path, csv(tmp_path / "b.csv", shuffled))) == [0, 1]


@pytest.mark.parametrize("per_s", [1, 10**3, 10**6, 10**9])
def test_whole_numbers_are_seconds_or_parts_of_one_by_their_size(tmp_path: Path, per_s: int):
    columns = table([GOOD, GOOD])
    times = [at_ms // 1_000 * per_s for at_ms in columns.pop("ts_ms")]
    assert opens(imported(tmp_path, parquet(tmp_path / "b.parquet", {"time": times, **columns}))) == [0, 1]


def test_an_offset_is_honoured(tmp_path: Path):
    columns = table([GOOD, GOOD])
    del columns["ts_ms"]
    times = ["2025-01-01T01:00:00+01:00", "2024-12-31 18:01:00-06:00"]
    assert opens(imported(tmp_path, csv(tmp_path / "b.csv", {"date": times, **columns}))) == [0, 1]


def test_times_without_a_zone_are_in_the_one_that_is_given(tmp_path: Path):
    columns = table([GOOD, GOOD])
    del columns["ts_ms"]
    file = csv(tmp_path / "b.csv", {"date": ["2025-01-01 01:00", "2025-01-01 01:01"], **columns})
    options = ImportOptions("TEST", Decimal("0.01"), Decimal("0.1"), timezone="Europe/Berlin")
    assert opens(imported(tmp_path, file, options=options)) == [0, 1]


def test_missing_bars_are_a_gap_and_counted(tmp_path: Path):
    recording = imported(tmp_path, parquet(tmp_path / "b.parquet", table([GOOD, GOOD, None, None, GOOD])))
    (gap,) = recording.gaps
    assert (gap.start_ns // NS_PER_MS - START_MS, (gap.end_ns or 0) // NS_PER_MS - START_MS) == (120_000, 240_000)
    assert recording.info.notes == {"bars that are missing": 2}


def test_bars_told_twice_count_once(tmp_path: Path):
    first = parquet(tmp_path / "a.parquet", table([GOOD] * 4))
    second = parquet(tmp_path / "b.parquet", table([GOOD] * 4, start_ms=START_MS + 2 * MINUTE_MS))
    recording = imported(tmp_path, second, first)
    assert opens(recording) == [0, 1, 2, 3, 4, 5]
    assert recording.info.dropped == {"bars told twice": 2}


def test_of_a_folder_the_bars_of_the_symbol_are_taken(tmp_path: Path):
    source = tmp_path / "in"
    source.mkdir()
    parquet(source / "SOLUSDT_1m.parquet", table([GOOD, GOOD]))
    parquet(source / "BTCUSDT_1m.parquet", table([GOOD, GOOD]))
    parquet(source / "SOLUSDT_funding_8h.parquet", {"ts_ms": [START_MS], "funding_rate": [0.0001]})
    recording = imported(tmp_path, source, options=ImportOptions(symbol="SOLUSDT"))
    assert [each.name for each in recording.info.provenance.sources] == ["SOLUSDT_1m.parquet"]


def test_funding_is_added_before_what_happens_at_its_time(tmp_path: Path):
    payments = {"ts_ms": [START_MS, START_MS + MINUTE_MS, START_MS + 90_001], "funding_rate": [0.1, 0.0002531, -0.001]}
    options = ImportOptions("TEST", Decimal("0.01"), Decimal("0.1"), funding=parquet(tmp_path / "f.parquet", payments))
    recording = imported(tmp_path, parquet(tmp_path / "b.parquet", table([GOOD] * 3)), options=options)
    found = [(at_ms, kind, lots) for at_ms, kind, _, lots in rows(recording)]
    place = found.index((60_000, me.FUNDING, 253_100))
    assert found[place + 1][:2] == (60_000, me.BAR_OPEN)
    assert [row for row in found if row[1] == me.FUNDING] == [
        (60_000, me.FUNDING, 253_100), (90_001, me.FUNDING, -1_000_000),
    ]  # fmt: skip
    assert [each.name for each in recording.info.provenance.sources] == ["b.parquet", "f.parquet"]


@pytest.mark.parametrize(
    ("due", "paid", "before", "after"),
    [
        (2, 2, me.BAR_STEP, me.GAP_START),  # the instant in which the gap begins is still seen
        (3, 4, me.GAP_END, me.BAR_OPEN),
        (4, 4, me.GAP_END, me.BAR_OPEN),
    ],
)
def test_funding_of_a_gap_is_paid_where_it_ends(tmp_path: Path, due: int, paid: int, before: int, after: int):
    payments = {"ts_ms": [START_MS + due * MINUTE_MS], "funding_rate": [0.001]}
    options = ImportOptions("TEST", Decimal("0.01"), Decimal("0.1"), funding=parquet(tmp_path / "f.parquet", payments))
    file = parquet(tmp_path / "b.parquet", table([GOOD, GOOD, None, None, GOOD]))
    kinds = [(at_ms, kind) for at_ms, kind, _, _ in rows(imported(tmp_path, file, options=options))]
    place = kinds.index((paid * MINUTE_MS, me.FUNDING))
    assert (kinds[place - 1][1], kinds[place + 1][1]) == (before, after)


# --- bad data: one sentence that names file and row -------------------------------------------------------------------


def changed(name: str, value: float, row: int = 1) -> dict[str, list[Any]]:
    columns = table([GOOD] * 5)
    columns[name][row] = value
    return columns


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (changed("low", -99.25), "row 1: low must be above 0, it is -99.25"),
        (changed("low", 0.0), "row 1: low must be above 0, it is 0.0"),
        (changed("high", 99.0), "row 1: the high is below the low"),
        (changed("open", 102.0), "row 1: the open lies outside of low and high"),
        (changed("close", 99.0), "row 1: the close lies outside of low and high"),
        (changed("volume", -1.0), "row 1: a volume of -1.0 is impossible"),
        (changed("volume", float("nan")), "row 1: a volume of nan is impossible"),
        (changed("open", 100.001), "row 1: open 100.001 is not a multiple of the tick size 0.01: give another"),
        (changed("ts_ms", START_MS - MINUTE_MS, 2), "row 2: time runs backwards, 2024-12-31T23:59:00Z after"),
        (changed("ts_ms", START_MS + 90_000, 2), "row 2: this bar begins 30 s after the one before, in bars of"),
        (changed("ts_ms", 17, 2), "row 2: column ts_ms: 17 is not in the unit of the first time"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("write", "name", "first_row"), [(parquet, "b.parquet", 0), (csv, "b.csv", 1)])
def test_a_bar_that_cannot_be(
    tmp_path: Path, write: Callable[[Path, Any], Path], name: str, first_row: int, columns: Any, sentence: str
):
    row = int(sentence[4])
    sentence = sentence.replace(f"row {row}:", f"row {row + first_row}:")
    found = refusal(tmp_path, write(tmp_path / name, columns))
    assert found.startswith(f"{tmp_path / name}, {sentence}")


def test_an_infinite_price(tmp_path: Path):
    columns = changed("high", float("inf"))
    assert "row 1: high inf is not a usable number" in refusal(tmp_path, parquet(tmp_path / "b.parquet", columns))
    assert "row 2: high 'inf' is not a usable number" in refusal(tmp_path, csv(tmp_path / "b.csv", columns))


def test_a_missing_column(tmp_path: Path):
    columns = table([GOOD, GOOD])
    del columns["volume"]
    assert "b.csv has no column volume: it has ts_ms, open, high, low, close" in refusal(
        tmp_path, csv(tmp_path / "b.csv", columns)
    )


def test_no_column_of_times(tmp_path: Path):
    columns = table([GOOD, GOOD])
    columns["when"] = columns.pop("ts_ms")
    assert "b.csv has no column ts_ns or ts_ms or timestamp" in refusal(tmp_path, csv(tmp_path / "b.csv", columns))


def test_a_missing_value(tmp_path: Path):
    columns = table([GOOD] * 3)
    columns["low"][1] = None
    assert "b.parquet, row 1: low is missing" in refusal(tmp_path, parquet(tmp_path / "b.parquet", columns))


def test_text_where_numbers_are_wanted(tmp_path: Path):
    columns = table([GOOD] * 2)
    columns["low"] = ["a", "b"]
    assert "column low holds string, not numbers" in refusal(tmp_path, parquet(tmp_path / "b.parquet", columns))
    assert "b.csv, row 1: low 'a' is not a usable number" in refusal(tmp_path, csv(tmp_path / "b.csv", columns))


def test_two_bars_of_one_time_that_differ(tmp_path: Path):
    first = parquet(tmp_path / "a.parquet", table([GOOD] * 3))
    second = parquet(tmp_path / "b.parquet", table([(*GOOD[:4], 99.0)] * 3, start_ms=START_MS + 2 * MINUTE_MS))
    assert refusal(tmp_path, first, second) == (
        f"{second}, row 0: the bar of 2025-01-01T00:02:00Z is another one than that of {first}, row 2: leave one of "
        "them out"
    )


def test_times_without_a_zone(tmp_path: Path):
    columns = table([GOOD, GOOD])
    naive = [datetime(2025, 1, 1, 0, minute) for minute in (0, 1)]  # noqa: DTZ001 - what is to be refused
    del columns["ts_ms"]
    sentence = "row 0: column date: 2025-01-01 00:00:00 names no time zone: say which it is, e.g. --timezone UTC"
    assert sentence in refusal(tmp_path, parquet(tmp_path / "b.parquet", {"date": naive, **columns}))


def test_a_time_that_a_clock_showed_twice(tmp_path: Path):
    columns = table([GOOD, GOOD])
    del columns["ts_ms"]
    file = csv(tmp_path / "b.csv", {"date": ["2025-10-26 02:30", "2025-10-26 02:31"], **columns})
    options = ImportOptions("TEST", Decimal("0.01"), Decimal("0.1"), timezone="Europe/Berlin")
    assert "row 1: column date: 2025-10-26 02:30:00 was shown twice or never by the clocks of Europe/Berlin" in refusal(
        tmp_path, file, options=options
    )


def test_a_zone_that_there_is_not(tmp_path: Path):
    file = csv(tmp_path / "b.csv", table([GOOD, GOOD]))
    options = ImportOptions("TEST", Decimal("0.01"), Decimal("0.1"), timezone="Mars/Olympus")
    with pytest.raises(InvalidSettingError, match="--timezone Mars/Olympus: there is no such zone"):
        imported(tmp_path, file, options=options)


@pytest.mark.parametrize(
    ("write", "name", "sentence"),
    [
        (parquet, "b.parquet", "cannot be read as parquet, it is truncated or foreign"),
        (feather, "b.feather", "cannot be read as feather, it is truncated or foreign"),
        (csv, "b.csv", "row 2 has 4 values where the first line names 6 columns"),
        (csv, "b.csv.gz", "is truncated or is not gzip"),
    ],
)
def test_a_truncated_file(tmp_path: Path, write: Callable[[Path, Any], Path], name: str, sentence: str):
    file = write(tmp_path / name, table([GOOD] * 2))
    whole = file.read_bytes()
    cut = whole[: -len(b"100.75,12.34\n") - 1] if name == "b.csv" else whole[: len(whole) // 2]
    file.write_bytes(cut)
    found = refusal(tmp_path, file)
    assert found.startswith(str(file))
    assert sentence in found


@pytest.mark.parametrize("write", [csv, parquet])
def test_a_file_without_rows(tmp_path: Path, write: Callable[[Path, Any], Path]):
    file = write(tmp_path / ("b.csv" if write is csv else "b.parquet"), table([]))
    assert refusal(tmp_path, file) == f"{file} holds no rows: leave it out"


def test_files_of_two_lengths(tmp_path: Path):
    first = parquet(tmp_path / "a.parquet", table([GOOD] * 9))
    second = parquet(
        tmp_path / "b.parquet", table([GOOD] * 9, step_ms=5 * MINUTE_MS, start_ms=START_MS + 9 * MINUTE_MS)
    )
    assert refusal(tmp_path, first, second) == (
        f"{second}, row 0: bars of 5m, where {first} has bars of 1m: import one length at a time"
    )


def test_two_lengths_in_one_file(tmp_path: Path):
    columns = table([GOOD] * 20)
    longer = table([GOOD] * 15, step_ms=5 * MINUTE_MS, start_ms=START_MS + 20 * MINUTE_MS)
    file = parquet(tmp_path / "b.parquet", {name: columns[name] + longer[name] for name in columns})
    assert refusal(tmp_path, file) == (
        f"{file}, row 20: from here the bars are of 5m, before they are of 1m: import one length at a time"
    )


def test_a_single_bar(tmp_path: Path):
    file = parquet(tmp_path / "b.parquet", table([GOOD]))
    assert "of a single bar nobody knows the length" in refusal(tmp_path, file)


def test_files_of_two_instruments(tmp_path: Path):
    first = parquet(tmp_path / "SOLUSDT_1m.parquet", table([GOOD] * 3))
    second = parquet(tmp_path / "BTCUSDT_1m.parquet", table([GOOD] * 3))
    assert refusal(tmp_path, first, second, options=ImportOptions()) == (
        f"{second}, row 0: bars of BTCUSDT among bars of SOLUSDT: import one instrument at a time"
    )


def test_two_instruments_in_one_file(tmp_path: Path):
    file = csv(tmp_path / "b.csv", {**table([GOOD] * 3), "pair": ["A/USDT", "A/USDT", "B/USDT"]})
    assert refusal(tmp_path, file) == (
        f"{file}, row 3: pair B/USDT among bars of A/USDT: import one instrument at a time"
    )


def test_another_symbol_than_the_files_are_of(tmp_path: Path):
    file = parquet(tmp_path / "SOLUSDT_1m.parquet", table([GOOD] * 3))
    with pytest.raises(UnknownNameError, match="--symbol ETHUSDT: the files are of SOLUSDT"):
        imported(tmp_path, file, options=ImportOptions(symbol="ETHUSDT"))


def test_no_symbol_at_all(tmp_path: Path):
    file = parquet(tmp_path / "b.parquet", table([GOOD] * 3))
    with pytest.raises(UnknownNameError, match="does not say of which market its bars are: give --symbol"):
        imported(tmp_path, file, options=ImportOptions())


def test_unknown_steps(tmp_path: Path):
    file = parquet(tmp_path / "XYZUSDT_1m.parquet", table([GOOD] * 3))
    with pytest.raises(InvalidSettingError, match="XYZUSDT are not known here: give --tick-size and --lot-size"):
        imported(tmp_path, file, options=ImportOptions())


def test_a_file_of_funding_that_is_not_there(tmp_path: Path):
    bars = parquet(tmp_path / "b.parquet", table([GOOD, GOOD]))
    options = ImportOptions("TEST", Decimal("0.01"), Decimal("0.1"), funding=tmp_path / "f.csv")
    with pytest.raises(RecordingError, match=r"f\.csv does not exist: give a file of funding rates"):
        import_recording("ohlcv", [bars], tmp_path / "r", options)


def test_funding_of_another_time(tmp_path: Path):
    payments = parquet(tmp_path / "f.parquet", {"ts_ms": [START_MS + 10**9], "funding_rate": [0.001]})
    options = ImportOptions("TEST", Decimal("0.01"), Decimal("0.1"), funding=payments)
    with pytest.raises(RecordingError, match="has no funding for the time of the bars"):
        imported(tmp_path, parquet(tmp_path / "b.parquet", table([GOOD] * 3)), options=options)


# --- the real ones ----------------------------------------------------------------------------------------------------


@pytest.mark.recordings
def test_the_bars_of_sol_are_whole(recordings_dir: Path, tmp_path: Path):
    file = recordings_dir / "binance_perp_klines" / "SOLUSDT_1m.parquet"
    recording = imported(tmp_path, file, options=ImportOptions(tick_size=Decimal("0.001")))
    assert recording.info.rows_by_kind["bar_open"] == 73_140
    assert (recording.info.dropped, recording.info.notes, recording.gaps) == ({}, {}, [])


@pytest.mark.recordings
def test_a_few_prices_of_sol_are_finer_than_its_tick(recordings_dir: Path, tmp_path: Path):
    file = recordings_dir / "binance_perp_klines" / "SOLUSDT_1m.parquet"
    assert "SOLUSDT_1m.parquet, row 72905: open 146.087 is not a multiple of the tick size 0.01" in refusal(
        tmp_path, file, options=ImportOptions()
    )


def test_times_with_an_offset_in_parquet(tmp_path: Path):
    zone = timezone(timedelta(hours=9))
    times = [datetime(2025, 1, 1, 9, minute, tzinfo=zone).astimezone(UTC) for minute in (0, 1)]
    columns = table([GOOD, GOOD])
    del columns["ts_ms"]
    assert opens(imported(tmp_path, parquet(tmp_path / "b.parquet", {"date": times, **columns}))) == [0, 1]
