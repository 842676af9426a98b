"""`perpmaker data`: what it prints, and that it never imports what is heavy before it must."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from perpmaker.cli.data import data_app
from perpmaker.data.format import read_info, write_info
from perpmaker.domain.errors import RecordingError, UnknownNameError
from perpmaker.simulation import market_events as me
from support.recordings import Row, Rows, record

T0_US = 1_680_652_700_000_000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    levels = {"bids": [["28000.0", "1.000"]], "asks": [["28000.1", "2.000"]]}
    common = {"E": 10, "T": 9, "s": "BTCUSDT"}
    lines = [
        {"lastUpdateId": 100, **levels},
        {"stream": "", "data": {"e": "depthUpdate", "U": 99, "u": 101, "pu": 98, "b": [], "a": [], **common}},
        {"stream": "", "data": {"e": "trade", "p": "28000.1", "q": "0.005", "m": False, **common}},
        {"stream": "", "data": {"e": "trade", "p": "28000.0", "q": "0.005", "m": True, **common}},
    ]
    with gzip.open(tmp_path / "btcusdt.gz", "wt") as out:
        for index, line in enumerate(lines):
            out.write(f"{T0_US + index * 1_000_000} {json.dumps(line, separators=(',', ':'))}\n")
    return tmp_path / "btcusdt.gz"


@pytest.fixture
def recording(tmp_path: Path, source: Path) -> Path:
    assert run("import", "--from", "binance", str(source), str(tmp_path / "r")) != ""
    return tmp_path / "r"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(data_app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_import_closes_with_one_line_of_counts(tmp_path: Path, source: Path):
    output = run("import", "--from", "binance", str(source), str(tmp_path / "r"))
    assert output.count("\n") == 1
    assert "BTCUSDT, 2023-04-04 23:58:20 to 2023-04-04 23:58:23 UTC, 6 rows, 2 trades, no gaps" in output
    assert "1 source message dropped" in output


def test_import_passes_its_flags_on(tmp_path: Path, source: Path):
    flags = ["--symbol", "BTCUSDT", "--tick-size", "0.05", "--lot-size", "0.0005", "--min-quantity", "0.001"]
    run("import", "--from", "binance", *flags, str(source), str(tmp_path / "r"))
    described = json.loads(run("info", str(tmp_path / "r"), "--json"))["recording"]
    assert described["instrument"]["tick_size"] == "0.05"
    assert described["instrument"]["min_quantity"] == "0.001"
    assert described["provenance"]["options"] == {
        "symbol": "BTCUSDT", "tick_size": "0.05", "lot_size": "0.0005", "min_quantity": "0.001",
    }  # fmt: skip


def test_import_takes_several_files(tmp_path: Path, source: Path):
    other = tmp_path / "later.gz"
    other.write_bytes(
        gzip.compress(gzip.decompress(source.read_bytes()).replace(b"168065270", b"168065280").split(b"\n", 1)[1])
    )
    output = run("import", "--from", "binance", str(source), str(other), str(tmp_path / "r"))
    assert "1 gap" in output  # the same update ids again: the sequence breaks


def test_overwrite_must_be_asked_for(recording: Path, source: Path):
    with pytest.raises(RecordingError, match="exists"):
        run("import", "--from", "binance", str(source), str(recording))
    run("import", "--from", "binance", "--overwrite", str(source), str(recording))


def test_an_unknown_kind_of_source_is_the_users_error(tmp_path: Path, source: Path):
    with pytest.raises(UnknownNameError, match="no importer for 'nasdaq'"):
        run("import", "--from", "nasdaq", str(source), str(tmp_path / "r"))


@pytest.mark.parametrize("wrong", [["--tick-size", "NaN"], ["--blind-after", "-1s"], ["--lot-size", "x"]])
def test_a_flag_with_an_impossible_value_is_refused(tmp_path: Path, source: Path, wrong: list[str]):
    result = CliRunner().invoke(data_app, ["import", "--from", "binance", *wrong, str(source), str(tmp_path / "r")])
    assert result.exit_code == 2
    assert not (tmp_path / "r").exists()


def test_info_shows_what_the_recording_holds(recording: Path):
    output = run("info", str(recording))
    for expected in ("BTCUSDT", "tick 0.1 USDT", "span", "gaps", "spread, median", "1 ticks", "10-second volatility"):
        assert expected in output


def test_info_as_json_has_everything_and_no_nan(recording: Path):
    text = run("info", str(recording), "--json")
    described = json.loads(text)
    assert "NaN" not in text
    assert described["recording"]["rows"] == 6
    assert described["statistics"]["spread_ticks_median"] == 1
    assert described["statistics"]["trades"] == 2
    assert described["statistics"]["volatility_10s_bp"] is None
    assert len(described["statistics"]["depth"]) == 4


def test_info_on_what_is_no_recording_is_the_users_error(tmp_path: Path):
    with pytest.raises(RecordingError, match="holds no recording"):
        run("info", str(tmp_path))


def test_help_imports_nothing_heavy():
    program = "import sys, perpmaker.cli.data; print({'pyarrow', 'numba', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("depth", "shown"), [("none", []), ("best", ["at the best price"]), ("snapshots", ["at the", "within"])]
)
def test_info_shows_no_more_depth_than_there_is(tmp_path: Path, depth: str, shown: list[str]):
    rows: list[Row] = [(1, me.BID | me.MORE, 100, 5), (1, me.ASK, 101, 7), (2 * 10**9, me.BUY_TRADE, 101, 1)]
    info = read_info(record(tmp_path / "r", Rows(rows)))
    write_info(tmp_path / "r", replace(info, provenance=replace(info.provenance, depth=depth)))
    said = run("info", str(tmp_path / "r"))
    found = [line for line in said.splitlines() if line.strip().startswith("depth ")]
    assert bool(found) == bool(shown)
    assert all(any(line.strip().startswith(f"depth {start}") for start in shown) for line in found)
    assert ("spread between trades" in said) == (depth == "none")
