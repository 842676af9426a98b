"""Data that a run has traded on can be opened again from what its provenance says, or it is said why not."""

from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.data.choice import DataChoice, FundingChoice
from perpmaker.data.finding import recordings_by_symbol
from perpmaker.data.format import INFO_FILE
from perpmaker.data.opening import open_data, reopen
from perpmaker.domain.errors import InvalidSettingError, RecordingError, UnknownNameError, UserError
from perpmaker.simulation import market_events as me
from support.recordings import Row, Rows, record, rows_of

SECOND = 10**9
HOUR = 3_600 * SECOND
CHOICES = {
    "synthetic": DataChoice(symbol="SOL_USDC_PERP", seed=7),
    "one": DataChoice(symbol="X", recordings=(Path("/a"),)),
    "several": DataChoice(symbol="X", recordings=(Path("/a"), Path("/b b"), Path("/c"))),
    "a window": DataChoice(symbol="X", recordings=(Path("/a"),), from_ns=1, to_ns=1_767_605_400_123_456_789),
    "a rate": DataChoice(
        symbol="X", recordings=(Path("/a"),), funding=FundingChoice(rate=Decimal("0.0001"), interval_ns=8 * HOUR)
    ),
    "rates": DataChoice(symbol="X", recordings=(Path("/a"),), funding=FundingChoice(file=Path("/rates.csv"))),
}


def book(at_ns: int, price: int = 100) -> list[Row]:
    return [(at_ns, me.BID | me.MORE, price, 5), (at_ns, me.ASK, price + 1, 7)]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two recordings of three hours each, a row every hour, without a hole between them."""
    hours = [row for hour in range(4) for row in book(hour * HOUR, 100 + hour)]
    later = [row for hour in range(3, 7) for row in book(hour * HOUR + 1, 100 + hour)]
    return record(tmp_path / "a", Rows(hours)), record(tmp_path / "b", Rows(later))


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_is_named_and_read_back(name: str) -> None:
    choice = CHOICES[name]
    assert DataChoice.of_named(choice.symbol or "", choice.named()) == choice


@pytest.mark.parametrize("name", ["all", "a window", "funding"])
def test_what_was_opened_is_opened_again(name: str, folders: tuple[Path, Path]) -> None:
    changes: dict[str, dict[str, object]] = {
        "all": {},
        "a window": {"from_ns": HOUR // 2, "to_ns": 5 * HOUR},
        "funding": {"funding": FundingChoice(rate=Decimal("0.0001"), interval_ns=2 * HOUR)},
    }
    data = open_data(DataChoice(recordings=folders, **changes[name]))  # type: ignore[arg-type]
    again = reopen("BTC-USD", data.provenance)
    assert rows_of(again.feed) == rows_of(data.feed)
    assert (again.first_ns, again.last_ns) == (data.first_ns, data.last_ns)


def test_what_an_older_version_has_said_is_enough(folders: tuple[Path, Path]) -> None:
    assert rows_of(reopen("BTC-USD", {"feed": str(folders[0])}).feed) == [
        *book(0),
        *book(HOUR, 101),
        *book(2 * HOUR, 102),
        *book(3 * HOUR, 103),
    ]
    assert reopen("SOL_USDC_PERP", {"feed": "synthetic", "seed": "3"}).choice.seed == 3


def test_a_recording_that_was_replaced_is_refused(folders: tuple[Path, Path]) -> None:
    provenance = open_data(DataChoice(recordings=folders[:1])).provenance
    with pytest.raises(RecordingError, match="rows is 8, where the run found 9: it has been replaced"):
        reopen("BTC-USD", {**provenance, "rows": "9"})
    with pytest.raises(RecordingError, match="first is 1970-01-01T00:00:00Z, where the run found"):
        reopen("BTC-USD", {**provenance, "first": "1970-01-02T00:00:00Z"})


def test_one_that_has_grown_since_is_not(folders: tuple[Path, Path]) -> None:
    provenance = open_data(DataChoice(recordings=folders[:1])).provenance
    assert (
        reopen("BTC-USD", {**provenance, "rows": "7", "last": "1970-01-01T02:00:00Z"}).choice.recordings == folders[:1]
    )


@pytest.mark.parametrize(
    "provenance", [{}, {"market": "x"}, {"feed": "/a", "from": "noon"}, {"feed": "synthetic", "seed": "x"}]
)
def test_a_provenance_that_says_nothing_is_an_error_of_its_own(provenance: dict[str, str]) -> None:
    with pytest.raises(RecordingError, match="does not say on which market data"):
        reopen("BTC-USD", provenance)


def test_a_window_that_shows_less_than_was_asked_for_says_so(folders: tuple[Path, Path]) -> None:
    data = open_data(DataChoice(recordings=folders[:1], from_ns=-HOUR, to_ns=9 * HOUR))
    assert [note.split(":")[0].split()[0] for note in data.notes] == ["--from", "--to"]
    assert "goes from 1970-01-01 00:00:00 to 1970-01-01 03:00:00 UTC" in data.notes[0]
    assert (data.first_ns, data.last_ns) == (0, 3 * HOUR)


def test_gaps_are_those_of_the_window(tmp_path: Path) -> None:
    rows = [*book(0), (HOUR, me.GAP_START, 0, 0), (2 * HOUR, me.GAP_END, 0, 0), *book(3 * HOUR)]
    folder = record(tmp_path / "r", Rows(rows))

    def seen(from_ns: int, to_ns: int) -> list[tuple[int, int | None]]:
        data = open_data(DataChoice(recordings=(folder,), from_ns=from_ns, to_ns=to_ns))
        return [(gap.start_ns, gap.end_ns) for gap in data.gaps]

    assert seen(0, 4 * HOUR) == [(HOUR, 2 * HOUR)]
    assert seen(HOUR + 1, 4 * HOUR) == [(HOUR + 1, 2 * HOUR)]
    assert seen(0, HOUR + 5) == [(HOUR, HOUR + 5)]
    assert seen(2 * HOUR, 4 * HOUR) == seen(0, HOUR) == []


def test_funding_is_added_to_the_window(folders: tuple[Path, Path]) -> None:
    funding = FundingChoice(rate=Decimal("0.0001"), interval_ns=HOUR)
    data = open_data(DataChoice(recordings=folders, from_ns=HOUR + 1, to_ns=3 * HOUR, funding=funding))
    paid = [row for row in rows_of(data.feed) if row[1] == me.FUNDING]
    assert paid == [(2 * HOUR, me.FUNDING, 0, 100_000)]


def test_data_with_funding_of_its_own_gets_no_second_one(tmp_path: Path) -> None:
    folder = record(tmp_path / "r", Rows([*book(0), (HOUR, me.FUNDING, 0, 100_000)]))
    funding = FundingChoice(rate=Decimal("0.0001"), interval_ns=HOUR)
    with pytest.raises(InvalidSettingError, match="has 1 payments of funding of its own"):
        open_data(DataChoice(recordings=(folder,), funding=funding))


REFUSED: dict[str, tuple[DataChoice, type[UserError], str]] = {
    "no such recording": (DataChoice(recordings=(Path("/nowhere"),)), UnknownNameError, "/nowhere: there is no such"),
    "no such synthetic symbol": (
        DataChoice(symbol="DOGE"),
        UnknownNameError,
        "--symbol DOGE: the synthetic market has",
    ),
    "a window onto the synthetic": (DataChoice(from_ns=1), InvalidSettingError, "--from and --to choose from"),
    "funding for the synthetic": (
        DataChoice(funding=FundingChoice(rate=Decimal(0), interval_ns=HOUR)),
        InvalidSettingError,
        "pays its own",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_opened_is_refused(case: str) -> None:
    choice, error, sentence = REFUSED[case]
    with pytest.raises(error, match=sentence):
        open_data(choice)


def test_a_window_that_shows_nothing_but_a_gap_is_refused(tmp_path: Path) -> None:
    folders = record(tmp_path / "a", Rows(book(0))), record(tmp_path / "b", Rows(book(HOUR) + book(HOUR + 1)))
    for from_ns, to_ns in ((0, HOUR), (5, 6)):
        with pytest.raises(InvalidSettingError, match="a gap: there is no data from 1970-01-01 00:00:00 to 1970-01-01"):
            open_data(DataChoice(recordings=folders, from_ns=from_ns, to_ns=to_ns))
    data = open_data(DataChoice(recordings=folders, from_ns=5, to_ns=HOUR + 1))
    assert rows_of(data.feed)[-2:] == book(HOUR)


def test_another_symbol_is_refused(folders: tuple[Path, Path]) -> None:
    with pytest.raises(UnknownNameError, match=f"the recording {folders[0]} is of BTC-USD"):
        open_data(DataChoice(symbol="ETH-USD", recordings=folders))


def test_recordings_are_sorted_into_markets(folders: tuple[Path, Path]) -> None:
    a, b = folders
    assert recordings_by_symbol([a.parent]) == {"BTC-USD": [a, b]}
    assert recordings_by_symbol([b, a]) == {"BTC-USD": [b, a]}
    with pytest.raises(RecordingError, match="neither a recording nor a folder that holds some"):
        recordings_by_symbol([Path("/usr")])


def test_a_recording_whose_description_is_damaged_is_not_left_out_in_silence(tmp_path: Path) -> None:
    record(tmp_path / "a", Rows(book(0)))
    damaged = record(tmp_path / "b", Rows(book(0))) / INFO_FILE
    damaged.write_text("{")
    for path in (tmp_path, damaged.parent):
        with pytest.raises(RecordingError, match=f"{damaged} is not the description of a recording"):
            recordings_by_symbol([path])
