"""One object of ccxt, set up so that it can be trusted: no pauses of its own, our clock, exact numbers, our errors.

Rules kept here:

1. The public object has no keys: it cannot reach an account whatever is called on it. Books, trades and marks come
   from it. Their numbers are floats, because some of ccxt's books mix numbers read in two ways; the shortest decimal
   that gives a float is the text that the exchange sent, and the grid of the market proves it.
2. The private object reads numbers as `Decimal`: no price, size or fee of ours passes through a float.
3. ccxt's own pauses between requests are off (the executor has a budget of requests), and its time stamps are ours,
   corrected by what was measured of the exchange's clock.
4. ccxt's own fees and referrals are off: by default it has the user sign away a "builder fee" on Hyperliquid, Aster and
   Lighter, and a referrer on Hyperliquid.
5. Every error of ccxt comes out as a `VenueError` (`perpmaker.venues.ccxt_errors`). What breaks inside ccxt when an
   answer is not what it expects (a KeyError, a TypeError) counts as an answer that cannot be read.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

from ccxt import pro

from perpmaker.venues.ccxt_errors import venue_error
from perpmaker.venues.credentials import Credentials
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.redaction import redact
from perpmaker.venues.venue_clock import VenueClock

TIMEOUT_MS: Final = 10_000


def make_exchange(
    exchange_id: str,
    clock: VenueClock,
    credentials: Credentials | None = None,
    *,
    base_url: str | None = None,
    ws_url: str | None = None,
) -> Any:
    """An exchange of ``ccxt.pro``, public without credentials and private with them."""
    exchange = getattr(pro, exchange_id)({"enableRateLimit": False, "timeout": TIMEOUT_MS, "newUpdates": True})
    if credentials is not None:
        exchange.number = Decimal
        for name, value in _keys(credentials):
            setattr(exchange, name, value)
        if exchange_id == "apex":
            exchange.options["seeds"] = exchange.privateKey  # what ApeX calls its omni key
    exchange.options |= {
        "builderFee": False,
        "refSet": True,
        "timeDifference": 0,
    }  # rule 4; the clock is corrected here
    if hasattr(exchange, "handle_builder_fee_approval"):
        exchange.handle_builder_fee_approval = _no_approval
    exchange.milliseconds = lambda: clock.now_ns() // 1_000_000
    exchange.microseconds = lambda: clock.now_ns() // 1_000
    exchange.seconds = lambda: clock.now_ns() // 1_000_000_000
    if base_url is not None or ws_url is not None:
        exchange.urls["api"] = _pointed(exchange.urls["api"], base_url, ws_url)
    return exchange


async def asked(exchange: Any, request: Awaitable[Any], *, is_change: bool = False) -> Any:
    """The answer to a request of ccxt. Raises `VenueError`."""
    with errors_of(exchange, is_change=is_change):
        return await request


@contextlib.contextmanager
def errors_of(exchange: Any, *, is_change: bool = False) -> Iterator[None]:
    """Turns what ccxt raises into a `VenueError`."""
    try:
        yield
    except VenueError:
        raise
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # ccxt cancels what it was waiting for when it closes a connection: nobody asked for that here.
        raise VenueError(f"{exchange.id} ended a stream: subscribe again", Reaction.RETRY, "StreamEnded") from None
    except (LookupError, TypeError, AttributeError, ArithmeticError, ValueError) as error:
        raise VenueError(
            f"{exchange.id} answered with what cannot be read ({type(error).__name__}: {redact(str(error))[:120]}): "
            "ask again; an order must be looked up first",
            Reaction.UNKNOWN if is_change else Reaction.RETRY,
            "Unreadable",
        ) from error
    except Exception as error:  # ccxt's tree has no root but Exception, and aiohttp's comes through it
        raise venue_error(exchange.id, error, is_change=is_change) from error


async def drop_streams(exchange: Any) -> None:
    """Close every websocket; the next ``watch`` opens another. Whoever watches must have been cancelled before."""
    clients = list((exchange.clients or {}).values())
    exchange.clients = {}
    for client in clients:
        for future in client.futures.values():
            future.cancel()
        with contextlib.suppress(Exception):  # a connection that is broken already
            await client.close()
    for name in ("orderbooks", "trades", "tickers", "orders", "myTrades", "positions"):
        if isinstance(getattr(exchange, name, None), dict):
            setattr(exchange, name, {})
        elif getattr(exchange, name, None) is not None:
            setattr(exchange, name, None)


async def _no_approval(*_arguments: Any) -> bool:
    return True


def _keys(credentials: Credentials) -> Iterator[tuple[str, str]]:
    names = {
        "apiKey": credentials.api_key,
        "secret": credentials.secret,
        "password": credentials.password,
        "walletAddress": credentials.wallet_address,
        "privateKey": credentials.private_key,
    }
    return ((name, value.get_secret_value()) for name, value in names.items() if value is not None)


def _pointed(urls: Any, base_url: str | None, ws_url: str | None) -> Any:
    """The addresses of an exchange, with another scheme and host."""
    if isinstance(urls, dict):
        return {name: _pointed(url, base_url, ws_url) for name, url in urls.items()}
    if not isinstance(urls, str):
        return urls
    new = ws_url if urls.startswith("ws") else base_url
    if new is None:
        return urls
    parts = urlsplit(urls)
    return new.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")
