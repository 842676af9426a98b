"""The markets that both exchanges are played on, held in memory, and how each is quoted."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np

from oracle.ladder import Ladder
from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.data.reader import Recording
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import market_events as me
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import BENCHMARK_DAY

SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS


class HeldMarket(NamedTuple):
    """A feed in memory; funding is left out, since hftbacktest has none."""

    instrument: Instrument
    rows: me.MarketChunk

    def chunks(self) -> Iterator[me.MarketChunk]:
        return iter((self.rows,))

    @property
    def start_ns(self) -> int:
        return int(self.rows.ts_ns[0])

    def steps(self, interval_ns: int) -> int:
        """Whole intervals between the first row and the last."""
        return int(self.rows.ts_ns[-1] - self.rows.ts_ns[0] - 1) // interval_ns


def held(feed: me.MarketFeed) -> HeldMarket:
    chunks = [tuple(column.copy() for column in chunk) for chunk in feed.chunks()]
    rows = me.MarketChunk(*(np.concatenate(columns) for columns in zip(*chunks, strict=True)))
    keep = (rows.kind & me.KIND_MASK) != me.FUNDING
    return HeldMarket(feed.instrument, me.MarketChunk(*(column[keep] for column in rows)))


def synthetic_day(_recordings: Path, _scratch: Path) -> HeldMarket:
    return held(SyntheticMarket(BENCHMARK_DAY, seed=1, duration_ns=DAY_NS))


def binance(pattern: str) -> Callable[[Path, Path], HeldMarket]:
    """Raw Binance files of one session of one symbol."""

    def build(recordings: Path, scratch: Path) -> HeldMarket:
        import_recording("binance", sorted(recordings.glob(pattern)), scratch, ImportOptions())
        return held(Recording.open(scratch))

    return build


class Case(NamedTuple):
    """A market, the ladder that is played on it, and the half-spread of the market maker."""

    build: Callable[[Path, Path], HeldMarket]
    ladder: Ladder
    half_spread: Decimal
    is_recorded: bool = True


CASES = {
    "synthetic day": Case(synthetic_day, Ladder((1, 4, 9), lean=1, cap=20), Decimal("0.0002"), is_recorded=False),
    "btc 2023": Case(binance("binance_usdm_raw/*2023*"), Ladder((1, 11, 61), lean=3, cap=20), Decimal("0.00003")),
    "btc 2024": Case(binance("binance_usdm_raw/*btc*2024*"), Ladder((1, 11, 61), lean=3, cap=20), Decimal("0.00003")),
    "eth 2024": Case(binance("binance_usdm_raw/*eth*2024*"), Ladder((1, 7, 31), lean=3, cap=20), Decimal("0.00003")),
    "nexo spot": Case(binance("binance_spot_nexo_raw/*"), Ladder((1, 3, 5), lean=0, cap=50), Decimal("0.0005")),
}
