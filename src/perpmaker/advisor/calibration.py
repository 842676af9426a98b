"""How good the advisor's estimate is: the first half of a recording estimates, the second half is what came.

The estimate of the fills an hour is a rehearsal on the first half of the time that the recording spans. What came is
the same settings on the second half, which the estimate has not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from perpmaker.advisor.case import Account, Rehearsed
from perpmaker.advisor.known_settings import DOCUMENTED, scaled
from perpmaker.advisor.rehearsal import rehearse
from perpmaker.advisor.settings_study import ACCOUNT
from perpmaker.data.reader import Recording
from perpmaker.data.window import Window
from perpmaker.maker.settings import StrategySettings
from perpmaker.simulation.first_mark import needed_first_mark

HALF_SPREADS: Final = (Decimal("0.0002"), Decimal("0.0005"), Decimal("0.002"), Decimal("0.01"))

WITHIN: Final = 2.0
"""The factor within which an estimate counts as right."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """One half-spread on one recording: fills an hour, estimated and met, and the hours of either half."""

    symbol: str
    period: str
    half_spread: Decimal
    estimated: float
    met: float
    hours: float

    @property
    def factor(self) -> float | None:
        """How many times too high (above 1) or too low; None where one of the halves has no fill."""
        return self.estimated / self.met if self.estimated and self.met else None

    @property
    def is_within(self) -> bool:
        """Whether the estimate was within `WITHIN`; two empty halves agree."""
        factor = self.factor
        if factor is None:
            return self.estimated == self.met
        return 1 / WITHIN <= factor <= WITHIN


def calibrate(paths: Sequence[Path]) -> list[Calibrated]:
    """Every half-spread on every recording.

    Raises:
        RecordingError: a recording cannot be read, or shows no price.
    """
    return [one for path in paths for one in _halves(Recording.open(path), ACCOUNT)]


def _halves(recording: Recording, account: Account) -> list[Calibrated]:
    info = recording.info
    middle_ns = (info.first_ns + info.last_ns) // 2
    price = needed_first_mark(recording)
    found = []
    for half_spread in HALF_SPREADS:
        settings = _near(half_spread, recording, price)
        first = rehearse(Window(recording, None, middle_ns), settings, account)
        second = rehearse(Window(recording, middle_ns, None), settings, account)
        found.append(
            Calibrated(
                symbol=recording.instrument.symbol,
                period=info.period,
                half_spread=half_spread,
                estimated=_per_hour(first),
                met=_per_hour(second),
                hours=second.hours,
            )
        )
    return found


def _near(half_spread: Decimal, recording: Recording, price: int) -> StrategySettings:
    """The neutral preset at this distance, without its limits: a stop would end the counting early."""
    bare = replace(
        DOCUMENTED["neutral"], spread=half_spread, position_threshold=Decimal("0.2"), stop_loss=Decimal(0),
        take_profit=Decimal(0),
    )  # fmt: skip
    return scaled(bare, recording.instrument, price)


def _per_hour(run: Rehearsed) -> float:
    return sum(run.fills_of_level.values()) / run.hours if run.hours else 0.0
