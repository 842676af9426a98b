"""A market of Backpack as an instrument, and the two ways in which its name is written.

Rules kept here:

1. Only linear perpetuals can be traded: spot, dated, inverse, prediction and RFQ markets are refused by name.
2. A wrong symbol is answered with the nearest right one.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from perpmaker.domain.errors import InvalidSettingError, UnknownNameError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import rate_to_ppb
from perpmaker.venues.backpack.errors import unreadable
from perpmaker.venues.backpack.wire import Market, MarketName, reader
from perpmaker.venues.port import MarketTerms
from perpmaker.venues.steps import Steps

_MARKET: Final = reader(Market)
_NAMES: Final = reader(list[MarketName])
_PERPETUAL: Final = "PERP"
_OPEN: Final = "Open"


@dataclass(frozen=True, slots=True)
class Grid:
    """What is needed to read and write prices and sizes of one market."""

    instrument: Instrument
    ticks: Steps
    lots: Steps


def venue_symbol(symbol: str) -> str:
    """``SOL_USDC_PERP``, from itself or from ccxt's ``SOL/USDC:USDC``."""
    pair, has_settle, settle = symbol.partition(":")
    base, has_quote, quote = pair.partition("/")
    if has_settle and has_quote and quote == settle:
        return f"{base}_{quote}_PERP".upper()
    return symbol.strip().upper()


def read_market(body: bytes) -> MarketTerms:
    """The terms of a market.

    Raises:
        InvalidSettingError: it is not a linear perpetual.
        VenueError: it cannot be read.
    """
    try:
        market: Market = _MARKET.decode(body)
        if market.market_type != _PERPETUAL:
            raise InvalidSettingError(
                f"--symbol {market.symbol}: this is a {market.market_type} market, and only linear perpetuals can be "
                "traded: choose one whose name ends in _PERP"
            )
        instrument = Instrument(
            symbol=market.symbol,
            base=market.base_symbol,
            quote=market.quote_symbol,
            tick_size=Decimal(market.filters.price.tick_size),
            lot_size=Decimal(market.filters.quantity.step_size),
            min_quantity=Decimal(market.filters.quantity.min_quantity),
        )
        most = market.filters.quantity.max_quantity
        return MarketTerms(
            instrument=instrument,
            max_lots=None if most is None else instrument.quantity_to_lots(Decimal(most)),
            initial_margin_ppb=_ppb(None if market.imf_function is None else market.imf_function.base),
            maintenance_margin_ppb=_ppb(None if market.mmf_function is None else market.mmf_function.base),
            is_tradable=market.order_book_state == _OPEN,
            status=market.order_book_state,
        )
    except (msgspec.DecodeError, ArithmeticError, ValueError) as error:
        raise unreadable("a market", error, is_change=False) from error


def grid_of(instrument: Instrument) -> Grid:
    return Grid(instrument, Steps(instrument.tick_size, "price"), Steps(instrument.lot_size, "size"))


def unknown_symbol(symbol: str, markets: bytes) -> UnknownNameError:
    """The error for a symbol that is not among the exchange's markets; the nearest perpetual is named."""
    try:
        names: Sequence[MarketName] = _NAMES.decode(markets)
    except msgspec.DecodeError as error:
        raise unreadable("the list of markets", error, is_change=False) from error
    perpetuals = [market.symbol for market in names if market.market_type == _PERPETUAL]
    near = difflib.get_close_matches(symbol, perpetuals, n=1, cutoff=0.3)
    hint = f"did you mean {near[0]}?" if near else "see the exchange's list of perpetuals"
    return UnknownNameError(f"--symbol {symbol}: Backpack has no such market; {hint}")


def _ppb(fraction: str | None) -> int:
    """A margin fraction; all of the value where the exchange says nothing."""
    return rate_to_ppb(Decimal(1 if fraction is None else fraction))
