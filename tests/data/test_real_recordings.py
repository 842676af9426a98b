"""Every folder of real recordings imports, and shows the quirks that it is known for."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from perpmaker.data.format import RecordingInfo
from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.data.reader import Recording
from perpmaker.data.statistics import measure
from perpmaker.simulation import market_events as me

pytestmark = pytest.mark.recordings

FUNDING_NS = 1_680_652_800_000_000_000  # 2023-04-05 00:00 UTC


def imported(kind: str, sources: list[Path], dest: Path, symbol: str | None = None) -> RecordingInfo:
    return import_recording(kind, sources, dest, ImportOptions(symbol=symbol))


def test_binance_btc_2023(recordings_dir: Path, tmp_path: Path):
    sources = sorted((recordings_dir / "binance_usdm_raw").glob("*2023*"))
    info = imported("binance", sources, tmp_path / "r")
    assert info.gaps == []
    assert info.rows_by_kind == {
        "bid": 158_829, "ask": 165_853, "clear_bids": 1, "clear_asks": 1,
        "buy_trade": 6_478, "sell_trade": 6_450, "mark": 514, "funding": 1,
    }  # fmt: skip
    assert info.dropped["trades of type INSURANCE_FUND, no market trades"] == 1
    found = measure(Recording.open(tmp_path / "r"))
    assert found.spread_ticks_median == 1
    assert found.locked_share == found.crossed_share == 0


def test_binance_btc_funding_is_settled_at_midnight(recordings_dir: Path, tmp_path: Path):
    sources = sorted((recordings_dir / "binance_usdm_raw").glob("*2023*"))
    imported("binance", sources, tmp_path / "r")
    rows = [
        (int(chunk.ts_ns[at]), int(chunk.price[at]), int(chunk.lots[at]))
        for chunk in Recording.open(tmp_path / "r").chunks()
        for at in np.flatnonzero(chunk.kind == me.FUNDING)
    ]
    ((ts_ns, price, rate_ppb),) = rows
    assert 0 <= ts_ns - FUNDING_NS < 2_000_000_000
    assert (price, rate_ppb) == (0, 27_540)


@pytest.mark.parametrize(("symbol", "rows"), [("ETHUSDT", 370_600), ("BTCUSDT", 751_500)])
def test_a_folder_of_two_symbols(recordings_dir: Path, tmp_path: Path, symbol: str, rows: int):
    info = imported("binance", [recordings_dir / "binance_usdm_raw"], tmp_path / "r", symbol)
    assert info.rows == rows
    # the two BTC sessions are 15 months apart: the snapshot of the second ends the gap
    assert [((gap.end_ns or 0) - gap.start_ns) // (86_400 * 10**9) for gap in info.gaps] == (
        [470] if symbol == "BTCUSDT" else []
    )


def test_binance_spot_nexo_is_thin_and_whole(recordings_dir: Path, tmp_path: Path):
    info = imported("binance", [recordings_dir / "binance_spot_nexo_raw"], tmp_path / "r")
    assert info.gaps == []
    assert info.rows == 220_905
    found = measure(Recording.open(tmp_path / "r"))
    assert found.span_ns == pytest.approx(34.2 * 3600e9, rel=0.01)
    assert 8 < found.spread_bp_median < 9
    assert 8 < found.trades_per_minute < 10


def test_hyperliquid_has_two_silences(recordings_dir: Path, tmp_path: Path):
    info = imported("hyperliquid", [recordings_dir / "hyperliquid_eth_perp"], tmp_path / "r")
    assert [((gap.end_ns or 0) - gap.start_ns) // 10**9 for gap in info.gaps] == [242, 43]
    found = measure(Recording.open(tmp_path / "r"))
    assert found.spread_ticks_median == 1
    assert found.crossed_share == 0


def test_standx_goes_blind_every_36_seconds(recordings_dir: Path, tmp_path: Path):
    sources = sorted((recordings_dir / "standx_btc_perp").glob("*2026-01-05*"))
    info = imported("standx", sources, tmp_path / "r")
    assert len(info.gaps) == 108
    assert np.median([(gap.end_ns or 0) - gap.start_ns for gap in info.gaps]) == pytest.approx(6.7e9, rel=0.02)
    every = np.median(np.diff([gap.start_ns for gap in info.gaps]))
    assert every == pytest.approx(36.3e9, rel=0.02)
    assert all((a.end_ns or 0) < b.start_ns for a, b in pairwise(info.gaps))
    assert info.rows_by_kind["buy_trade"] + info.rows_by_kind["sell_trade"] > 2_700
    found = measure(Recording.open(tmp_path / "r"))
    assert 0.3 < found.locked_share < 0.7
    assert found.gap_ns == sum((gap.end_ns or 0) - gap.start_ns for gap in info.gaps)
