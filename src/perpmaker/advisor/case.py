"""What the advisor judges: settings on one market, one account, and what is known of that market.

Rules kept here:

1. Everything is optional but settings, instrument and a price: a check whose input is missing says nothing.
2. Money and prices are exact fractions of the quote currency. What was measured on a market is an estimate, a float.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import MILLITICKS_PER_TICK, RATE_SCALE
from perpmaker.maker.settings import StrategySettings, StrategyTerms

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Fees as shares of the value traded (negative is a rebate), balance in quote currency.

    ``maintenance_margin`` is a share of the position's value, 0 where the account is never liquidated.
    """

    maker_fee: Decimal
    taker_fee: Decimal
    balance: Decimal
    leverage: Decimal
    maintenance_margin: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a market was like while it was watched.

    Args:
        hours: of market data, gaps left out.
        spread: mean distance of best ask and best bid, as a share of the price.
        volatility_s: standard deviation of the price's move in one second as a share of the price, from 10 s returns.
        touches_per_hour: how often the price of level 1 was reached within a minute, both sides, 120 at most.
        funding_rate: mean rate of one settlement; None where none was seen.
        name: what it was measured on.
    """

    hours: float
    spread: float
    volatility_s: float
    touches_per_hour: float | None
    funding_rate: float | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """The very run, rehearsed on that market by the simulated exchange. Money in quote currency.

    ``last_milliticks`` is the last mark; ``fills_of_level`` are maker fills by level; ``edge_bp`` is what a maker fill
    was worth against the mid of its moment, ``adverse_bp`` what the mid took back of it within 5 s, both in basis
    points of the value traded.
    """

    hours: float
    last_milliticks: int
    fills: int
    fills_of_level: dict[int, int]
    volume: float
    fees: float
    profit: float
    stops: int
    takes: int
    time_at_cap: float
    uptime: float
    edge_bp: float | None
    adverse_bp: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question to the advisor. ``price_ticks`` is where the market stands."""

    settings: StrategySettings
    terms: StrategyTerms
    instrument: Instrument
    account: Account
    price_milliticks: int
    observed: Observed | None = None
    rehearsed: Rehearsed | None = None

    @property
    def price(self) -> Fraction:
        """Quote currency per unit of base currency."""
        return Fraction(self.price_milliticks, MILLITICKS_PER_TICK) * Fraction(self.instrument.tick_size)

    @property
    def half_spread(self) -> Fraction:
        """Distance of level 1 from the price, in quote currency."""
        return self.terms.half_spread * self.price

    @property
    def cap(self) -> Fraction:
        """The largest position, base currency."""
        return self.terms.max_position_lots * Fraction(self.instrument.lot_size)

    @property
    def order_size(self) -> Fraction:
        """What one level rests, base currency."""
        return self.terms.order_lots * Fraction(self.instrument.lot_size)

    @property
    def initial_margin(self) -> Fraction:
        """Margin that a unit of position value needs."""
        return Fraction(self.terms.margin_rate_ppb, RATE_SCALE)
