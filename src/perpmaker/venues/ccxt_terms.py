"""A market of ccxt as an instrument.

Rules kept here:

1. Only linear perpetuals: spot, dated, inverse and quanto contracts are refused, each with its sentence. Prices in USD
   that are settled in a dollar coin count as linear; the coin is then the currency of all money.
2. ccxt counts sizes in contracts. A lot is the smallest difference of contracts, times what one contract is.
3. A smallest order by value is turned into a smallest size at the price of the moment, with a tenth to spare.
4. A symbol may be ccxt's or the exchange's own; a wrong one is answered with the nearest right one.
"""

import difflib
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

import ccxt

from perpmaker.domain.errors import InvalidSettingError, UnknownNameError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import RATE_SCALE
from perpmaker.venues.port import MarketTerms
from perpmaker.venues.steps import Steps

_DOLLARS: Final = frozenset({"USD", "USDC", "USDT", "USDE", "DAI"})
_SPARE: Final = Decimal("1.1")


@dataclass(frozen=True, slots=True)
class Contract:
    """How prices and sizes of one market are read and written. ``contracts`` counts contracts of ccxt, not base."""

    symbol: str
    """ccxt's, for its methods."""
    instrument: Instrument
    ticks: Steps
    contracts: Steps

    def lots_of(self, contracts: Any) -> int:
        """Whole lots; raises `ValueError` for what is not on the grid."""
        return self.contracts.whole(plain(contracts))

    def ticks_of(self, price: Any) -> int:
        """Whole ticks; raises `ValueError` for what is not on the grid."""
        return self.ticks.whole(plain(price))


def plain(number: Any) -> str:
    """A number of ccxt (text, `Decimal` or float) as decimal text."""
    if isinstance(number, float):
        return repr(number)
    return number if isinstance(number, str) else str(number)


def find_market(exchange: Any, symbol: str) -> dict[str, Any]:
    """The market of that name.

    Raises:
        UnknownNameError: there is none.
        InvalidSettingError: it is not a linear perpetual.
    """
    wanted = symbol.strip()
    found = [
        market
        for market in exchange.markets.values()
        if wanted.upper() in (str(market["symbol"]).upper(), str(market["id"]).upper())
    ]
    swaps = [market for market in found if market.get("swap")]
    if not found:
        names = [
            market["symbol"] for market in exchange.markets.values() if market.get("swap") and market.get("linear")
        ]
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.3)
        hint = f"did you mean {near[0]}?" if near else "see the exchange's list of perpetuals"
        raise UnknownNameError(f"--symbol {symbol}: {exchange.id} has no such market; {hint}")
    market: dict[str, Any] = (swaps or found)[0]
    _check_kind(symbol, market)
    return market


def contract_of(exchange: Any, market: dict[str, Any], price: Decimal | None) -> Contract:
    """The grid of a market.

    Args:
        exchange: whose market it is.
        market: from `find_market`.
        price: the price of the moment, for a smallest order by value; None where there is no such rule.

    Raises:
        ValueError: ccxt does not know the steps.
    """
    size = Decimal(plain(market.get("contractSize") or 1))
    tick = _step(exchange, market["precision"]["price"])
    step = _step(exchange, market["precision"]["amount"])
    lot = step * size
    least = max(_least(market, "amount") * size, lot)
    cost = least_cost(market)
    if cost and price:
        least = max(least, cost * _SPARE / price)
    instrument = Instrument(
        symbol=market["id"],
        base=market["base"],
        quote=market["settle"],
        tick_size=tick,
        lot_size=lot,
        min_quantity=(least / lot).to_integral_value(ROUND_CEILING) * lot,
    )
    return Contract(market["symbol"], instrument, Steps(tick, "price"), Steps(step, "size"))


def terms_of(market: dict[str, Any], contract: Contract) -> MarketTerms:
    """The terms of a market. What the exchange does not say of margin counts as all of the value."""
    limits = market.get("limits") or {}
    most = (limits.get("amount") or {}).get("max")
    leverage = (limits.get("leverage") or {}).get("max")
    margin = int(RATE_SCALE / Decimal(plain(leverage))) if leverage else RATE_SCALE
    is_active = market.get("active") is not False
    return MarketTerms(
        instrument=contract.instrument,
        max_lots=None if most is None else int(Decimal(plain(most)) / contract.contracts.step),
        initial_margin_ppb=margin,
        maintenance_margin_ppb=margin,
        is_tradable=is_active,
        status="active" if is_active else "inactive",
    )


def least_cost(market: dict[str, Any]) -> Decimal:
    """The smallest order by value, quote currency; 0 where there is no such rule."""
    return _least(market, "cost")


def _least(market: dict[str, Any], what: str) -> Decimal:
    least = ((market.get("limits") or {}).get(what) or {}).get("min")
    return Decimal(plain(least)) if least else Decimal(0)


def _step(exchange: Any, precision: Any) -> Decimal:
    if precision is None:
        raise ValueError("ccxt does not know the smallest steps of this market")
    if exchange.precisionMode == ccxt.TICK_SIZE:
        return Decimal(plain(precision))
    if exchange.precisionMode == ccxt.DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(Decimal(plain(precision))))
    raise ValueError(f"{exchange.id} counts significant digits, which leaves no fixed tick")


def _check_kind(symbol: str, market: dict[str, Any]) -> None:
    settle, quote = market.get("settle"), market.get("quote")
    if not market.get("swap"):
        kind = "spot market" if market.get("spot") else f"{market.get('type')} market"
        wrong = f"this is a {kind}, and only perpetuals can be traded"
    elif market.get("inverse"):
        wrong = "this is an inverse contract, settled in its base currency, and only linear ones can be traded"
    elif not market.get("linear") or not (settle == quote or {settle, quote} <= _DOLLARS):
        wrong = f"this contract is settled in {settle} and not in {quote} (quanto), and only linear ones can be traded"
    else:
        return
    raise InvalidSettingError(f"--symbol {symbol}: {wrong}: choose one like {market['base']}/USDC:USDC")
