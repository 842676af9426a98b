"""Fees that follow from what was traded in the last 30 days.

Rules kept here (the kernel counts, see rule 5 of `kernel_accounts`):

1. A tier says from which volume of the last 30 days it holds, and what it charges; a negative fee is a rebate.
2. The tiers of one account begin above 0 and ascend; below the first, the plain fees of the terms hold.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.money import QUANTA_PER_TICK_LOT, RATE_SCALE

MAX_TIERS: Final = 20

MAX_VOLUME: Final = 10**17
"""Ticks x lots that a day counts at most, and from which the highest tier may begin."""


class FeeTier(NamedTuple):
    """``from_quanta`` is traded value, maker and taker together; fees are parts per billion of the notional."""

    from_quanta: int
    maker_fee_ppb: int
    taker_fee_ppb: int

    @property
    def from_volume(self) -> int:
        """The same in ticks x lots, rounded up: volumes are whole."""
        return -(-self.from_quanta // QUANTA_PER_TICK_LOT)


def check_fee(name: str, rate_ppb: int) -> None:
    """Raises `InvalidSettingError` where a fee is not a share of the notional."""
    if abs(rate_ppb) >= RATE_SCALE:
        raise InvalidSettingError(f"the {name} must lie between -100 % and 100 %, got {rate_ppb} parts per billion")


def check_tiers(tiers: Sequence[FeeTier]) -> None:
    """Raises `InvalidSettingError` where rule 2 is broken, or a value is outside its range."""
    if len(tiers) > MAX_TIERS:
        raise InvalidSettingError(f"there may be {MAX_TIERS} fee tiers, got {len(tiers)}")
    before = 0
    for tier in tiers:
        check_fee("maker fee of a tier", tier.maker_fee_ppb)
        check_fee("taker fee of a tier", tier.taker_fee_ppb)
        if not before < tier.from_quanta <= MAX_VOLUME * QUANTA_PER_TICK_LOT:
            raise InvalidSettingError(
                f"fee tiers must begin above 0, ascend, and end at {MAX_VOLUME} tick-lots at most, got "
                f"{tier.from_quanta} quanta after {before}"
            )
        before = tier.from_quanta


def cells_of(tiers: Iterable[FeeTier]) -> list[int]:
    """Three numbers a tier, as the kernel keeps them."""
    return [cell for tier in tiers for cell in (tier.from_volume, tier.maker_fee_ppb, tier.taker_fee_ppb)]
