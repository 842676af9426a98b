"""What the simulated exchange charges, when it liquidates, how far away it is, and how it estimates queues.

Rates are whole parts per billion; the initial margin fraction is rounded up, so a margin check never lets through what
the exact fraction would refuse.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.money import QUANTA_PER_TICK_LOT, RATE_SCALE
from perpmaker.simulation.fee_tiers import MAX_VOLUME, FeeTier, check_fee, check_tiers
from perpmaker.simulation.latency import Latency, check_latency, longest_ns

MAX_NOTIONAL: Final = 10**15
"""Ticks x lots that a balance or an exposure may reach: everything below stays exact in 64 bits."""

MAX_POWER_EXPONENT: Final = 20.0
"""Beyond this the POWER estimate could leave the range of a float, and says nothing new anyway."""


class QueueModel(Enum):
    """How the place of a resting order in the queue of its level is estimated."""

    RISK_AVERSE = "risk-averse"  # only trades at the level move it up
    POWER = "power"  # unexplained decreases are split between front and back by a power law


@dataclass(frozen=True, slots=True)
class ExchangeTerms:
    """The terms of one account on the simulated exchange.

    Args:
        maker_fee_ppb: fee on resting orders, parts per billion of the notional; negative is a rebate.
        taker_fee_ppb: fee on orders that take.
        balance_quanta: money at the start, >= 0.
        leverage: position value that one unit of equity carries, >= 1.
        feed_latency_ns: how much later the maker sees market data, see `simulation.latency`.
        order_latency_ns: one way; a request on its way in and its answer on the way out have the same terms, and where
            these are a distribution each draws for itself.
        queue_model: see `QueueModel`.
        power_exponent: exponent of the POWER model, above 0 and up to 20.
        bar_volume_share_ppb: share of a bar's volume that all our fills of it may take together, above 0, at most 1.
        maintenance_margin_ppb: share of the position's value that the equity must not fall below, at most the initial
            margin; 0 is no liquidation.
        liquidation_fee_ppb: on the notional of what a liquidation closes, beside the taker fee.
        fee_tiers: fees by the volume of the last 30 days, see `simulation.fee_tiers`; none: the fees above hold.
        volume_quanta: value traded in the 30 days before the start, >= 0; it counts as traded on the day before.
        seed: of drawn latencies.
        bar_half_spread_ppb: distance of the best bid and offer from a bar's price that is assumed, from 0 to 10 %.

    Raises:
        InvalidSettingError: a value is outside its range.
    """

    maker_fee_ppb: int
    taker_fee_ppb: int
    balance_quanta: int
    leverage: Decimal
    feed_latency_ns: Latency = 0
    order_latency_ns: Latency = 0
    queue_model: QueueModel = QueueModel.RISK_AVERSE
    power_exponent: float = 3.0
    bar_volume_share_ppb: int = 100_000_000
    bar_half_spread_ppb: int = 100_000
    maintenance_margin_ppb: int = 0
    liquidation_fee_ppb: int = 0
    fee_tiers: tuple[FeeTier, ...] = ()
    volume_quanta: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        check_fee("maker fee", self.maker_fee_ppb)
        check_fee("taker fee", self.taker_fee_ppb)
        check_tiers(self.fee_tiers)
        if not 0 <= self.balance_quanta <= MAX_NOTIONAL * QUANTA_PER_TICK_LOT:
            raise InvalidSettingError(
                f"the balance must be between 0 and {MAX_NOTIONAL} tick-lots, got {self.balance_quanta} quanta"
            )
        if not self.leverage.is_finite() or self.leverage < 1:
            raise InvalidSettingError(f"the leverage must be a number of at least 1, got {self.leverage}")
        check_latency("feed latency", self.feed_latency_ns)
        check_latency("order latency", self.order_latency_ns)
        if not 0 < self.bar_volume_share_ppb <= RATE_SCALE:
            raise InvalidSettingError(
                "the share of a bar's volume must be above 0 and at most 100 %, got "
                f"{self.bar_volume_share_ppb} parts per billion"
            )
        if not 0 <= self.bar_half_spread_ppb <= RATE_SCALE // 10:
            raise InvalidSettingError(
                "the half spread assumed for bars must be between 0 and 10 %, got "
                f"{self.bar_half_spread_ppb} parts per billion"
            )
        if not 0 < self.power_exponent <= MAX_POWER_EXPONENT:
            raise InvalidSettingError(
                f"the exponent of the queue model must be above 0 and at most 20, got {self.power_exponent}"
            )
        if not 0 <= self.maintenance_margin_ppb <= self.initial_margin_ppb:
            raise InvalidSettingError(
                f"the maintenance margin must lie between 0 and the initial margin of {self.initial_margin_ppb} parts "
                f"per billion (1 / leverage), got {self.maintenance_margin_ppb}"
            )
        if not 0 <= self.liquidation_fee_ppb < RATE_SCALE:
            raise InvalidSettingError(
                f"the liquidation fee must lie between 0 and 100 %, got {self.liquidation_fee_ppb} parts per billion"
            )
        if not 0 <= self.volume_quanta <= MAX_VOLUME * QUANTA_PER_TICK_LOT:
            raise InvalidSettingError(
                f"the volume of the last 30 days must be between 0 and {MAX_VOLUME} tick-lots, got "
                f"{self.volume_quanta} quanta"
            )

    @property
    def initial_margin_ppb(self) -> int:
        """Margin that a unit of position value needs: 1 / leverage, rounded up to a part per billion."""
        numerator, denominator = self.leverage.as_integer_ratio()
        return -(-RATE_SCALE * denominator // numerator)

    @property
    def longest_order_latency_ns(self) -> int:
        """No request and no answer is longer on its way."""
        return longest_ns(self.order_latency_ns)
