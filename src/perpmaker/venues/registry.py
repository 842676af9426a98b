"""Exchanges by name.

Rules kept here:

1. ``backpack`` is spoken to in its own words; every other name is an exchange of ccxt by its id. ``ccxt:ID`` is always
   ccxt's, also for ``ccxt:backpack``.
2. A name that is none is answered with the nearest right one. A symbol is checked when the market is looked up
   (`perpmaker.venues.port.MarketSource.market`), which needs the network.
3. Backpack's markets of one process can share their connections (``pool``); every market of ccxt has its own.
4. ccxt is imported when it is asked for: it takes a second that Backpack does not need.
"""

import difflib
from random import Random
from typing import Final

from perpmaker.domain.errors import UnknownNameError
from perpmaker.venues.backpack.http import BASE_URL
from perpmaker.venues.backpack.market_source import NAME as BACKPACK
from perpmaker.venues.backpack.market_source import BackpackMarketSource
from perpmaker.venues.backpack.pool import BackpackPool
from perpmaker.venues.backpack.stream import WS_URL
from perpmaker.venues.backpack.venue import BackpackVenue
from perpmaker.venues.clock import Clock
from perpmaker.venues.credentials import Credentials
from perpmaker.venues.port import MarketSource, Venue

CCXT: Final = "ccxt:"


def open_source(
    exchange: str,
    symbol: str,
    clock: Clock,
    *,
    base_url: str | None = None,
    ws_url: str | None = None,
    random: Random | None = None,
    pool: BackpackPool | None = None,
) -> MarketSource:
    """Market data of one market; it has no keys and cannot trade. Nothing is connected yet.

    Raises:
        UnknownNameError: there is no such exchange.
    """
    if exchange == BACKPACK:
        return BackpackMarketSource(
            symbol, clock, base_url=base_url or BASE_URL, ws_url=ws_url or WS_URL, random=random, pool=pool
        )
    name = ccxt_id(exchange)
    from perpmaker.venues.ccxt_market import CcxtMarketSource  # noqa: PLC0415 - rule 4

    return CcxtMarketSource(name, symbol, clock, base_url=base_url, ws_url=ws_url, random=random)


def open_venue(
    exchange: str,
    symbol: str,
    credentials: Credentials,
    clock: Clock,
    *,
    base_url: str | None = None,
    ws_url: str | None = None,
    random: Random | None = None,
    pool: BackpackPool | None = None,
) -> Venue:
    """An account on one market. Nothing is connected yet.

    Raises:
        UnknownNameError: there is no such exchange.
        CredentialsError: the keys cannot be used.
    """
    if exchange == BACKPACK:
        return BackpackVenue(
            symbol,
            credentials,
            clock,
            base_url=base_url or BASE_URL,
            ws_url=ws_url or WS_URL,
            random=random,
            pool=pool,
        )
    name = ccxt_id(exchange)
    from perpmaker.venues.ccxt_venue import CcxtVenue  # noqa: PLC0415 - rule 4

    return CcxtVenue(name, symbol, credentials, clock, base_url=base_url, ws_url=ws_url, random=random)


def credentials_name(exchange: str) -> str:
    """The exchange whose keys are wanted: without the prefix that says how it is spoken to."""
    return exchange.removeprefix(CCXT)


def ccxt_id(exchange: str) -> str:
    """The id of an exchange that ccxt streams. Raises `UnknownNameError`."""
    from ccxt import pro  # noqa: PLC0415 - rule 4

    name = credentials_name(exchange)
    if name in pro.exchanges:
        return name
    near = difflib.get_close_matches(name.lower(), [BACKPACK, *pro.exchanges], n=1, cutoff=0.3)
    hint = f"did you mean {near[0]}?" if near else "see ccxt's list of exchanges with streams"
    raise UnknownNameError(f"--exchange {exchange}: there is no such exchange; {hint}")
