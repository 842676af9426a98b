"""`perpmaker record`: how it ends, what it says, what it leaves."""

import asyncio
import os
import signal
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.main import app
from perpmaker.cli.recording import open_source, record_source
from perpmaker.data.format import read_info
from perpmaker.data.reader import Recording
from perpmaker.domain.errors import InvalidSettingError, RecordingError, UnknownNameError
from perpmaker.simulation import market_events as m
from perpmaker.venues.feed_source import FeedSource
from simulation.markets import Market, book
from support.runs import synthetic
from support.venue_rigs import SYMBOL, closing, served_testnet
from support.virtual_time import START_NS, run_virtual, virtual_clock

S = 1_000_000_000
WHOLE = book(0, {99: 10}, {101: 10})


def record(out: Path, *, feed=None, duration="0", meanwhile=None):
    """Record a played feed in virtual time; a second story may run beside it."""

    async def story():
        clock = virtual_clock()
        source = FeedSource(feed or synthetic(), clock)
        beside = asyncio.ensure_future(meanwhile()) if meanwhile else None
        try:
            return await record_source(source, clock, out, duration_s=Decimal(duration), flush_ns=5 * S)
        finally:
            await source.close()
            if beside is not None:
                await beside

    return run_virtual(story)


async def interrupt():
    await asyncio.sleep(7)
    os.kill(os.getpid(), signal.SIGINT)


def test_the_duration_is_the_planned_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert record(tmp_path / "r", duration="20") == ExitCode.DURATION
    info = read_info(tmp_path / "r")
    assert START_NS + 19 * S < info.last_ns <= START_NS + 20 * S
    assert sum(len(chunk.ts_ns) for chunk in Recording.open(tmp_path / "r").chunks()) == info.rows > 500
    said = capsys.readouterr()
    assert "recording SOL_USDC_PERP of sim" in said.err
    assert said.out.count("\n") == 1
    assert f"SOL_USDC_PERP, {info.period}" in said.out
    assert "no gaps" in said.out


def test_without_a_duration_a_signal_is_the_planned_end(tmp_path: Path):
    assert record(tmp_path / "r", meanwhile=interrupt) == ExitCode.DURATION
    assert read_info(tmp_path / "r").last_ns > START_NS + 6 * S


def test_before_the_duration_a_signal_has_its_own_code(tmp_path: Path):
    assert record(tmp_path / "r", duration="60", meanwhile=interrupt) == ExitCode.INTERRUPTED
    assert read_info(tmp_path / "r").rows > 100


def test_a_destination_that_goes_away_ends_it_with_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    async def block():
        (tmp_path / "r").write_text("in the way")

    assert record(tmp_path / "r", duration="60", meanwhile=block) == ExitCode.FAILED
    assert "cannot be written" in capsys.readouterr().err


def test_a_silent_stream_is_opened_anew_and_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The feed's own gap is a silence that no question ends."""
    silent = [
        (2 * S, m.GAP_START, 0, 0),
        (40 * S, m.GAP_END, 0, 0),
        *book(40 * S, {99: 1}, {101: 1}),
        (90 * S, m.MARK, 1, 0),
    ]
    assert record(tmp_path / "r", feed=Market([*WHOLE, *silent]), duration="60") == ExitCode.DURATION
    said = capsys.readouterr()
    assert "opened anew, times: 2" in said.err
    assert "1 gap" in said.out


def test_an_exchange_is_recorded_by_its_public_stream(tmp_path: Path):
    async def story():
        async with served_testnet() as server:
            clock = virtual_clock()
            source = open_source("backpack", SYMBOL, clock, server.base_url, server.ws_url)
            async with closing(source):
                return await record_source(source, clock, tmp_path / "r", duration_s=Decimal(20), flush_ns=5 * S)

    assert run_virtual(story) == ExitCode.DURATION
    info = read_info(tmp_path / "r")
    assert info.provenance.options == {"exchange": "backpack", "symbol": SYMBOL}
    assert info.rows > 200


def test_a_taken_destination_is_told_before_anything_is_opened(tmp_path: Path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "photo").write_text("precious")
    with pytest.raises(RecordingError, match="not a recording"):
        record(tmp_path / "r")


def test_the_command_records_in_real_time(tmp_path: Path):
    flags = ["--exchange", "sim", "--out", str(tmp_path / "r"), "--duration", "0.2"]
    result = CliRunner().invoke(app, ["record", *flags], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert Recording.open(tmp_path / "r").info.provenance.options == {"exchange": "sim", "symbol": "SOL_USDC_PERP"}


@pytest.mark.parametrize(
    ("flags", "error", "sentence"),
    [
        (["--duration", "-1"], InvalidSettingError, "--duration -1"),
        (["--flush", "10ms"], InvalidSettingError, "--flush 0.01s"),
        (["--symbol", "NOPE"], UnknownNameError, "--symbol NOPE"),
    ],
)
def test_wrong_flags_are_one_sentence(tmp_path: Path, flags, error, sentence):
    command = ["record", "--exchange", "sim", "--out", str(tmp_path / "r"), *flags]
    with pytest.raises(error, match=sentence):
        CliRunner().invoke(app, command, catch_exceptions=False)
