"""What the documented settings would have done on recorded markets: rehearsed, one after another.

Each (settings, recording) is independent of all others, so that on several processors the figures are the same as on
one, in the same order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from perpmaker.advisor.case import Account, Rehearsed
from perpmaker.advisor.known_settings import scaled
from perpmaker.advisor.rehearsal import rehearse
from perpmaker.data.format import DepthGrade
from perpmaker.data.reader import Recording
from perpmaker.maker.settings import StrategySettings
from perpmaker.runtime.parallel import carried_out
from perpmaker.simulation.first_mark import needed_first_mark

ACCOUNT: Final = Account(
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.0005"),
    balance=Decimal(10_000),
    leverage=Decimal(10),
    maintenance_margin=Decimal(0),
)
"""A run's defaults."""


@dataclass(frozen=True, slots=True)
class SettingsRow:
    """One setting on one recording; ``settings`` are those that were rehearsed, scaled to the market."""

    name: str
    settings: StrategySettings
    rehearsed: Rehearsed


@dataclass(frozen=True, slots=True)
class MarketRows:
    """A recording and what every setting did there."""

    path: Path
    symbol: str
    period: str
    depth: DepthGrade
    rows: Sequence[SettingsRow]


class _Task(NamedTuple):
    path: Path
    settings: StrategySettings


def study_settings(
    paths: Sequence[Path], settings: Mapping[str, StrategySettings], processes: int = 1
) -> list[MarketRows]:
    """Every setting on every recording.

    Raises:
        RecordingError: a recording cannot be read, or shows no price.
    """
    recordings = [Recording.open(path) for path in paths]
    tasks = [
        _Task(recording.path, scaled(one, recording.instrument, needed_first_mark(recording)))
        for recording in recordings
        for one in settings.values()
    ]
    found = iter(zip(tasks, carried_out(_carry_out, tasks, processes), strict=True))
    return [
        MarketRows(
            path=recording.path,
            symbol=recording.instrument.symbol,
            period=recording.info.period,
            depth=recording.info.provenance.depth,
            rows=[SettingsRow(name, *_settled(next(found))) for name in settings],
        )
        for recording in recordings
    ]


def _settled(found: tuple[_Task, Rehearsed]) -> tuple[StrategySettings, Rehearsed]:
    return found[0].settings, found[1]


def _carry_out(path: Path, settings: StrategySettings) -> Rehearsed:
    return rehearse(Recording.open(path), settings, ACCOUNT)
