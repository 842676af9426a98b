"""docs/backtesting.md is complete and true: its flags beside those of a run, and what the journal keeps."""

from dataclasses import fields
from pathlib import Path

from docs.documents import code_names, flags, page, rows, section
from perpmaker.cli.flags import DirectionFlags, ExchangeFlags, StrategyFlags
from perpmaker.data.choice import DataChoice, FundingChoice
from perpmaker.data.joined import LONGEST_SILENCE_NS
from perpmaker.data.opening import open_data
from support.recordings import record
from support.runs import synthetic

PAGE = page("docs/backtesting.md")
OWN = {code_names(row[0])[0]: row for row in rows(section(PAGE, "Flags"))}
AS_RUN_HAS_THEM = {"--seed", "--summary", "--journal", "--view", "--market-type", "--help"}


def test_every_flag_has_a_row_here_or_is_a_flag_of_run() -> None:
    shared = {
        f"--{field.name.replace('_', '-')}"
        for group in (StrategyFlags, ExchangeFlags, DirectionFlags)
        for field in fields(group)
    }
    real = flags(["backtest"])
    assert set(OWN) == set(real) - shared - AS_RUN_HAS_THEM
    for flag in set(real) & (shared | AS_RUN_HAS_THEM):
        assert real[flag] == flags(["run"])[flag], "means the same, with the same default"


def test_every_flag_has_its_values_and_its_meaning() -> None:
    assert all(cell for row in OWN.values() for cell in row)


def test_everything_that_the_provenance_names_is_explained(tmp_path: Path) -> None:
    told = set(code_names(section(PAGE, "Again, from the journal")))
    folder = record(tmp_path / "r", synthetic(), to_ns=1_767_605_401 * 10**9)
    played = DataChoice(recordings=(folder,), from_ns=1, to_ns=2**62, funding=FundingChoice(interval_ns=10**9))
    named = open_data(DataChoice(recordings=(folder,))).provenance
    assert {*named, *played.named(), *DataChoice().named(), "funding"} <= told


def test_the_silence_that_is_none_is_the_real_one() -> None:
    assert f"more than {LONGEST_SILENCE_NS // 10**9} s after" in PAGE
