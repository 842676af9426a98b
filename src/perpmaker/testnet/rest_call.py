"""A private request that has been verified, and what its handlers share."""

from typing import Any, NamedTuple

from perpmaker.testnet.account import Account
from perpmaker.testnet.api_errors import ApiError, ErrorCode
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.notices import MarketStatus
from perpmaker.testnet.rest_query import Query


class Call(NamedTuple):
    """Who asks, and what. ``body`` is plain objects, None without a body."""

    account: Account
    query: Query
    body: Any


class Page(NamedTuple):
    """A part of a list, with what the headers say of the whole."""

    rows: list[Any]
    total: int
    limit: int
    offset: int


def check_symbol(testnet: Testnet, symbol: str) -> None:
    """Raises `ApiError` unless it is the market's, listed or not: the past of a delisted one may be asked for."""
    if symbol != testnet.instrument.symbol:
        raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Invalid market symbol")


def check_listed(testnet: Testnet, symbol: str) -> None:
    """Raises `ApiError` unless it is the market's, and there is one."""
    check_symbol(testnet, symbol)
    if testnet.market_status is MarketStatus.DELISTED:
        raise ApiError(ErrorCode.INVALID_MARKET, "Market is not listed")
