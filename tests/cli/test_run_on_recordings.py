"""A simulated hour on every real recording, from import to summary: as a user would do it, by the commands."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from perpmaker.cli.main import _run
from perpmaker.data.reader import Recording
from perpmaker.domain.orders import Side
from perpmaker.journal.readers import fills, list_runs
from perpmaker.journal.writer import open_journal

pytestmark = pytest.mark.recordings

SOURCES = {
    "binance BTC 2023": ("binance", ["binance_usdm_raw/*20230404*", "binance_usdm_raw/*20230405*"], "0.01"),
    "binance BTC 2024": ("binance", ["binance_usdm_raw/usdm_btcusdt_2024*"], "0.01"),
    "binance ETH 2024": ("binance", ["binance_usdm_raw/usdm_ethusdt_2024*"], "0.05"),
    "binance NEXO": ("binance", ["binance_spot_nexo_raw/*20240723*"], "20"),
    "hyperliquid ETH": ("hyperliquid", ["hyperliquid_eth_perp"], "0.05"),
    "standx BTC": ("standx", ["standx_btc_perp/*2026-01-05*"], "0.01"),
}
EXPLAINED = {"note", "quoting", "not_quoting", "ending", "fill", "funding", "gap_started", "gap_ended", "order_refused"}


@pytest.mark.parametrize("name", SOURCES)
def test_an_hour_from_import_to_summary(
    name: str, recordings_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind, patterns, quantity = SOURCES[name]
    files = [str(file) for pattern in patterns for file in sorted(recordings_dir.glob(pattern))]
    feed, summary, database = tmp_path / "recording", tmp_path / "summary.json", str(tmp_path / "journal.db")
    assert _run(["data", "import", "--from", kind, *files, str(feed)]) == 0
    flags = ["--spread", "3bp", "--quantity", quantity, "--max-position", str(Decimal(quantity) * 10)]
    flags += ["--position-threshold", "0", "--inventory-skew", "0.5", "--interval", "5", "--duration", "3600"]
    code = _run(["run", "--feed", str(feed), *flags, "--summary", str(summary), "--journal", database])
    captured = capsys.readouterr()
    assert captured.err == ""
    assert code in (0, 10), "the hour is over, or the recording is"
    events = set(re.findall(r"event=(\w+)", captured.out))
    assert events <= EXPLAINED
    told = json.loads(summary.read_text())
    assert told["orders_placed"] > 0

    gaps = [(gap.start_ns, gap.end_ns or told["end_ns"]) for gap in Recording.open(feed).gaps]
    with open_journal(database) as journal:
        (recorded,) = list_runs(journal)
        filled = list(fills(journal, recorded))
    assert len(filled) == told["fills"]
    assert {fill.side for fill in filled} <= set(Side)
    for start_ns, end_ns in gaps:
        assert not [fill for fill in filled if start_ns < fill.venue_ns < end_ns], "a fill in a blind period"
    if kind == "standx":
        assert len(gaps) > 50
        assert "gap_started" in events
        assert 0.5 < told["two_sided_uptime"] < 0.95, "no quote rests while the recorder is blind"
