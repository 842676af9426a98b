"""Profiles: what one synthetic market is like, in units a trader can check.

Rules kept here:

1. A profile states intensities and sizes, never outcomes: spread, volatility and depth follow from the flow, and
   ``docs/synthetic-market.md`` shows them measured, beside the recordings that the figures were fitted to.
2. Rates are per second, distances in ticks or basis points (bp) of the starting price, sizes in lots.
"""

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation.synthetic_memory import FARTHEST, QUANTILES

_HOMING_S: Final = 2 * 86_400
"""The fair price is drawn back to its start over two days, so that a run of months stays near what was fitted."""


@dataclass(frozen=True, slots=True)
class MarketProfile:
    """The order flow of one synthetic market.

    Args:
        instrument: symbol, tick and lot.
        price: the price at the start, quote per base.
        volatility_bp: median standard deviation of the fair price over ten seconds, bp.
        volatility_swing: standard deviation of the logarithm of that volatility over time.
        volatility_memory_s: time in which a swing of volatility dies down to a third (1/e).
        jumps_per_hour: jumps of the fair price per hour, > 0.
        jump_bp: standard deviation of a jump, bp.
        visits_per_s: looks at a level per second, both sides together; most become a limit order or a cancel.
        touch_share: part of the visits that goes to the price one tick from the opposite best, 0..1.
        distance_power: the other visits fall off with distance d from the opposite best as d ** -power.
        max_distance_ticks: farthest new order from the opposite best.
        order_lots: median lots of a limit order or cancel beyond the touch.
        touch_order_lots: the same at one tick from the opposite best, where fewer and larger orders keep the queue.
        order_swing: standard deviation of the logarithm of its size.
        touch_lots: lots around which the price one tick from the opposite best balances.
        depth: (distance in bp, lots per bp): density of the balance beyond the touch up to that distance, nearest
            first; the last density holds on to the farthest level.
        trades_per_s: market orders per second, those called forth by others included.
        trade_clustering: how many market orders one market order calls forth, 0..1.
        trade_calm_s: time in which that excitement dies down to a third (1/e).
        activity_power: all base rates grow with (volatility / its median) to this power.
        trade_lots: median lots of a market order.
        trade_swing: standard deviation of the logarithm of its size.
        informed: 0..1, how surely market orders go towards the fair price.
        stale_ticks: makers withdraw a best quote when the fair price has passed it by more than this.
        follow: 0..1, chance that the other side closes the gap in the same message.
        funding_ppb: mean of the hourly funding rate, parts per billion.
        funding_swing_ppb: its standard deviation.

    Raises:
        InvalidSettingError: a share lies outside its range, or a rate or size is not positive.
    """

    instrument: Instrument
    price: Decimal
    volatility_bp: float
    visits_per_s: float
    trades_per_s: float
    max_distance_ticks: int
    order_lots: float
    touch_order_lots: float
    touch_lots: float
    depth: tuple[tuple[float, float], ...]
    trade_lots: float
    stale_ticks: float
    volatility_swing: float = 0.3
    volatility_memory_s: float = 180.0
    jumps_per_hour: float = 2.0
    jump_bp: float = 8.0
    touch_share: float = 0.3
    distance_power: float = 0.5
    order_swing: float = 1.0
    trade_clustering: float = 0.6
    trade_calm_s: float = 2.0
    activity_power: float = 1.0
    trade_swing: float = 2.1
    informed: float = 0.6
    follow: float = 0.9
    funding_ppb: float = 12_500.0
    funding_swing_ppb: float = 10_000.0

    def __post_init__(self) -> None:
        for name in ("touch_share", "trade_clustering", "informed", "follow"):
            value = getattr(self, name)
            if not 0.0 <= value < 1.0:
                raise InvalidSettingError(f"synthetic profile: {name} must be at least 0 and below 1, got {value}")
        for name in (
            "volatility_bp", "visits_per_s", "trades_per_s", "max_distance_ticks", "order_lots", "touch_order_lots",
            "touch_lots",            "trade_lots", "volatility_memory_s", "jumps_per_hour", "trade_calm_s",
        ):  # fmt: skip
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise InvalidSettingError(f"synthetic profile: {name} must be a positive number, got {value}")
        if self.max_distance_ticks > min(FARTHEST, self.price_ticks // 2):
            raise InvalidSettingError(
                f"synthetic profile: max_distance_ticks must be at most {FARTHEST} and at most half the "
                f"price of {self.price_ticks} ticks, got {self.max_distance_ticks}"
            )

    @property
    def price_ticks(self) -> int:
        """The price at the start, whole ticks."""
        return int(self.price / self.instrument.tick_size)

    @property
    def ticks_per_bp(self) -> float:
        return self.price_ticks * 1e-4

    def settings(self) -> dict[str, float]:
        """The profile in ticks, lots and seconds, under the names of the kernel's fields."""
        ticks = self.ticks_per_bp
        return {
            "home": float(self.price_ticks),
            "homing": 1.0 / _HOMING_S,
            "farthest": self.max_distance_ticks,
            "volatility": self.volatility_bp * ticks / math.sqrt(10.0),
            "log_volatility_sd": self.volatility_swing,
            "log_volatility_memory": math.exp(-1.0 / self.volatility_memory_s),
            "jumps": self.jumps_per_hour / 3_600.0,
            "jump_sd": self.jump_bp * ticks,
            "visits": self.visits_per_s,
            "touch_share": self.touch_share,
            "touch_order_lots": self.touch_order_lots,
            "order_lots": self.order_lots,
            "order_sd": self.order_swing,
            "orders": self.trades_per_s * (1.0 - self.trade_clustering),
            "branching": self.trade_clustering,
            "calming": 1.0 / self.trade_calm_s,
            "activity_power": self.activity_power,
            "trade_lots": self.trade_lots,
            "trade_sd": self.trade_swing,
            "informed": self.informed,
            "stale": self.stale_ticks,
            "follow": self.follow,
            "funding_ppb": self.funding_ppb,
            "funding_sd_ppb": self.funding_swing_ppb,
        }

    def balance(self) -> NDArray[np.float64]:
        """[distance from the opposite best, ticks]: lots around which a level there balances; none at 0."""
        beyond = range(2, self.max_distance_ticks + 1)
        return np.array([0.0, self.touch_lots, *(self._density(distance) / self.ticks_per_bp for distance in beyond)])

    def quantiles(self) -> NDArray[np.float64]:
        """Inverse of the distribution function of d ** -power on 1 .. farthest, in closed form.

        The farthest quantile is a hair short of farthest + 1, because the kernel rounds down.
        """
        power, end = 1.0 - self.distance_power, self.max_distance_ticks + 0.999
        shares = (i / QUANTILES for i in range(QUANTILES + 1))
        if abs(power) < 1e-9:
            return np.array([math.pow(end, share) for share in shares])
        return np.array([math.pow(1.0 + share * (math.pow(end, power) - 1.0), 1.0 / power) for share in shares])

    def _density(self, distance: int) -> float:
        """Lots per bp at so many ticks from the opposite best."""
        for upto_bp, lots_per_bp in self.depth:
            if distance <= upto_bp * self.ticks_per_bp:
                return lots_per_bp
        return self.depth[-1][1]


def _perpetual(base: str, tick: str, lot: str) -> Instrument:
    return Instrument(f"{base}_USDC_PERP", base, "USDC", Decimal(tick), Decimal(lot), Decimal(lot))


_SOL: Final = MarketProfile(
    instrument=_perpetual("SOL", "0.01", "0.01"),
    price=Decimal(150),
    volatility_bp=3.9,
    visits_per_s=50.0,
    trades_per_s=6.0,
    max_distance_ticks=255,
    order_lots=3_000.0,
    touch_lots=125_000.0,
    depth=((5.0, 310_000.0), (10.0, 270_000.0), (25.0, 190_000.0)),
    trade_lots=94.0,
    trade_swing=2.4,
    stale_ticks=1.8,
    touch_order_lots=10_000.0,
    touch_share=0.2,
)

_BTC: Final = MarketProfile(
    instrument=_perpetual("BTC", "0.1", "0.001"),
    price=Decimal(64_000),
    volatility_bp=1.75,
    visits_per_s=910.0,
    trades_per_s=20.5,
    max_distance_ticks=4_000,
    order_lots=150.0,
    touch_lots=18_000.0,
    depth=((5.0, 15_200.0), (10.0, 26_600.0), (25.0, 18_000.0)),
    trade_lots=12.0,
    stale_ticks=80.0,
    touch_order_lots=800.0,
    touch_share=0.1,
)

_ETH: Final = MarketProfile(
    instrument=_perpetual("ETH", "0.01", "0.001"),
    price=Decimal(3_420),
    volatility_bp=2.1,
    visits_per_s=740.0,
    trades_per_s=28.0,
    max_distance_ticks=2_500,
    order_lots=1_000.0,
    touch_lots=118_000.0,
    depth=((5.0, 215_000.0), (10.0, 340_000.0), (25.0, 280_000.0)),
    trade_lots=41.0,
    trade_swing=2.47,
    stale_ticks=45.0,
    touch_order_lots=5_000.0,
    touch_share=0.1,
)

_NEXO: Final = MarketProfile(
    instrument=_perpetual("NEXO", "0.001", "0.01"),
    price=Decimal("1.219"),
    volatility_bp=1.15,
    visits_per_s=1.0,
    trades_per_s=0.14,
    max_distance_ticks=120,
    order_lots=22_000.0,
    touch_lots=34_000.0,
    depth=((10.0, 6_000.0), (25.0, 26_000.0), (200.0, 10_000.0)),
    trade_lots=2_990.0,
    trade_swing=1.3,
    stale_ticks=1.5,
    jumps_per_hour=1.0,
    jump_bp=15.0,
    informed=0.4,
    touch_order_lots=12_000.0,
    touch_share=0.25,
    distance_power=0.8,
)

_BTC_THIN: Final = replace(
    _BTC,
    instrument=Instrument("BTC_USD_PERP", "BTC", "USD", Decimal("0.1"), Decimal("0.0001"), Decimal("0.0001")),
    price=Decimal(93_750),
    volatility_bp=1.4,
    visits_per_s=38.0,
    trades_per_s=2.2,
    max_distance_ticks=1_000,
    touch_share=0.08,
    order_lots=600.0,
    touch_lots=1_900.0,
    depth=((2.0, 3_800.0), (5.0, 300.0), (25.0, 100.0)),
    trade_lots=10.0,
    stale_ticks=120.0,
    distance_power=0.8,
    touch_order_lots=1_200.0,
)

_ETH_THIN: Final = replace(
    _ETH,
    instrument=Instrument("ETH_USD_PERP", "ETH", "USD", Decimal("0.1"), Decimal("0.0001"), Decimal("0.0001")),
    price=Decimal(3_354),
    volatility_bp=4.8,
    visits_per_s=68.0,
    trades_per_s=5.8,
    max_distance_ticks=300,
    order_lots=100_000.0,
    touch_lots=2_200_000.0,
    depth=((5.0, 32_000_000.0), (25.0, 1_000_000.0)),
    trade_lots=1_495.0,
    trade_swing=2.25,
    stale_ticks=6.0,
    distance_power=0.7,
    touch_order_lots=300_000.0,
    touch_share=0.1,
)

PROFILES: Final[dict[str, MarketProfile]] = {
    profile.instrument.symbol: profile for profile in (_SOL, _BTC, _ETH, _NEXO, _BTC_THIN, _ETH_THIN)
}
"""The markets that can be run by name."""

BENCHMARK_DAY: Final = replace(_SOL, visits_per_s=22.0, trades_per_s=17.1)
"""SOL with so much trading that 24 hours hold about 5 million rows, 30 % of them trades."""
