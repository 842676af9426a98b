"""What the testnet charges and allows. All of it can be chosen; the defaults are those of SOL_USDC_PERP on Backpack.

Rates and fractions are whole parts per billion, times ns. Money is quote currency as a Decimal: it becomes quanta when
the market is known.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.money import RATE_SCALE

HOUR_NS: Final = 3_600 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class TestnetTerms:
    """Terms of the market and of every account.

    Args:
        speed: seconds of the market per second of the clock. Funding comes faster with it, time stamps do not.
        balance: quote currency on every account at the start.
        maker_fee_ppb: fee on what rested, negative is a rebate.
        taker_fee_ppb: fee on what took.
        initial_margin_ppb: position value that must be covered to open, e.g. 0.02 is leverage 50.
        maintenance_margin_ppb: position value that must be covered, or the account is liquidated.
        liquidation_fee_ppb: on the value of a position that was liquidated.
        leverage: the limit that an account starts with; it may lower the margin that is needed no further than
            ``initial_margin_ppb``.
        max_lots: largest order, None for no limit.
        min_price_ticks: lowest price of an order.
        max_price_ticks: highest price of an order, None for no limit.
        mark_band_ppb: how far a limit price may lie beyond the mark, as a fraction of it, on the aggressive side and
            on the passive one.
        impact_ppb: how far a market order may walk from the best price.
        max_open_orders: orders that may rest on one account and market, up to 256.
        funding_interval_ns: of market time.
        funding_rate_ppb: rate of an interval until the feed tells one.
        rest_per_minute: requests of one account.
        history_per_minute: requests of one account to history paths (``/wapi``).
        auto_lend: whether idle quote currency is shown as lent, as real accounts have it: ``available`` is then 0 in
            ``/capital`` though the money carries margin.

    Raises:
        InvalidSettingError: a value outside its range.
    """

    __test__ = False  # no test class, whatever its name says

    speed: float = 1.0
    balance: Decimal = Decimal(10_000)
    maker_fee_ppb: int = 200_000
    taker_fee_ppb: int = 500_000
    initial_margin_ppb: int = 20_000_000
    maintenance_margin_ppb: int = 12_500_000
    liquidation_fee_ppb: int = 5_000_000
    leverage: Decimal = Decimal(20)
    max_lots: int | None = None
    min_price_ticks: int = 1
    max_price_ticks: int | None = None
    mark_band_ppb: int = 100_000_000
    impact_ppb: int = 30_000_000
    max_open_orders: int = 200
    funding_interval_ns: int = HOUR_NS
    funding_rate_ppb: int = 12_500
    rest_per_minute: int = 2_000
    history_per_minute: int = 30
    auto_lend: bool = False

    def __post_init__(self) -> None:
        if not self.speed > 0:
            raise InvalidSettingError(f"the speed must be above 0, got {self.speed}")
        if not self.balance.is_finite() or self.balance < 0:
            raise InvalidSettingError(f"the balance must be 0 or more, got {self.balance}")
        if not self.leverage.is_finite() or self.leverage < 1:
            raise InvalidSettingError(f"the leverage must be a number of at least 1, got {self.leverage}")
        if not 0 < self.maintenance_margin_ppb <= self.initial_margin_ppb <= RATE_SCALE:
            raise InvalidSettingError(
                "the maintenance margin must be above 0 and at most the initial margin, which is at most 100 %; got "
                f"{self.maintenance_margin_ppb} and {self.initial_margin_ppb} parts per billion"
            )
        for name in ("mark_band_ppb", "impact_ppb"):
            if not 0 < getattr(self, name) < RATE_SCALE:
                raise InvalidSettingError(f"{name} must lie between 0 and 10**9, got {getattr(self, name)}")
        if not 1 <= self.max_open_orders <= 256:
            raise InvalidSettingError(f"1 to 256 orders may rest, {self.max_open_orders} were asked for")
        for name in ("funding_interval_ns", "rest_per_minute", "history_per_minute", "min_price_ticks"):
            if getattr(self, name) <= 0:
                raise InvalidSettingError(f"{name} must be above 0, got {getattr(self, name)}")
