"""The history of a market of any exchange of ccxt.

Rules kept here:

1. No keys. Numbers are read as `Decimal` from the exchange's text: where an exchange sends a bare number, ccxt reads a
   double first, whose shortest decimal is that number.
2. ccxt's own pauses between requests are on: unlike a market maker a fetch is in no hurry.
3. Amounts of trades are in contracts of ccxt and become base currency here. Volumes of bars are taken as base currency.
4. Only what the exchange itself has: bars that ccxt would put together from trades are refused.
5. Backpack tells trades and funding rates newest first, by offset and not by time. They are walked back to the
   beginning in one go, and are one page.
"""

import re
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final

from perpmaker.data.fetch.pages import Paging
from perpmaker.data.fetch.request import FetchRequest, Row
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.instrument import Instrument
from perpmaker.venues.ccxt_exchange import asked, errors_of, make_exchange
from perpmaker.venues.ccxt_terms import contract_of, find_market, plain
from perpmaker.venues.clock import Clock
from perpmaker.venues.history.source import Answer
from perpmaker.venues.venue_clock import VenueClock

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS

_TIMEFRAME: Final = re.compile(r"[0-9]+[smhd]")
"""Some exchanges list other spellings besides."""

_METHODS: Final = {"bars": "fetchOHLCV", "trades": "fetchTrades", "funding": "fetchFundingRateHistory"}
_LIMITS: Final = {"bars": 500, "trades": 1_000, "funding": 100}
"""Rows asked for at once, where ccxt does not know how many the exchange gives."""

_SPANS_MS: Final = {"trades": _HOUR_MS, "funding": 7 * _DAY_MS}
"""No exchange answers for less from a time on."""

_BY_OFFSET: Final = frozenset({"backpack"})
_OFFSET_LIMIT: Final = 1_000


class CcxtHistorySource:
    """`perpmaker.venues.history.source.HistorySource` over an exchange of ccxt.

    Args:
        exchange_id: ccxt's id.
        request: which market and kind.
        clock: our clock.
        exchange: an object of ccxt to use; made here where there is none.
    """

    def __init__(self, exchange_id: str, request: FetchRequest, clock: Clock, *, exchange: Any = None) -> None:
        if exchange is None:
            exchange = make_exchange(exchange_id, VenueClock(clock), base_url=request.endpoint or None)
            exchange.number = Decimal  # rule 1
            exchange.enableRateLimit = True  # rule 2
        self._exchange = exchange
        self._request = request
        self._market: dict[str, Any] = {}
        self._paging = Paging(0, 0, 0)

    @property
    def name(self) -> str:
        return str(self._exchange.id)

    @property
    def paging(self) -> Paging:
        return self._paging

    async def instrument(self) -> Instrument:
        exchange, request = self._exchange, self._request
        bar_ms = self._bar_ms()
        if exchange.has.get(_METHODS[request.kind]) is not True:
            raise InvalidSettingError(
                f"--kind {request.kind}: {exchange.id} has no such history in ccxt: choose another exchange"
            )
        await asked(exchange, exchange.load_markets())
        self._market = find_market(exchange, request.symbol)
        limit = self._limit()
        self._paging = Paging(bar_ms, limit, _SPANS_MS.get(request.kind, bar_ms * limit))
        with errors_of(exchange):
            return contract_of(exchange, self._market, None).instrument

    async def page(self, since_ms: int, to_ms: int, limit: int) -> Answer:
        exchange, symbol, kind = self._exchange, self._market["symbol"], self._request.kind
        if kind == "bars":
            bars = await asked(exchange, exchange.fetch_ohlcv(symbol, self._request.timeframe, since_ms, limit))
            with errors_of(exchange):
                return Answer([_bar(bar) for bar in bars])
        fetch = exchange.fetch_trades if kind == "trades" else exchange.fetch_funding_rate_history
        read = self._trade if kind == "trades" else _rate
        if exchange.id in _BY_OFFSET:
            return Answer(await self._walked_back(fetch, read, since_ms, to_ms), is_whole=True)
        found = await asked(exchange, fetch(symbol, since_ms, limit))
        with errors_of(exchange):
            return Answer([read(each) for each in found])

    async def close(self) -> None:
        await self._exchange.close()

    def _bar_ms(self) -> int:
        """The length of a bar, 0 for other kinds."""
        exchange, timeframe = self._exchange, self._request.timeframe
        if self._request.kind != "bars":
            return 0
        named = [name for name in exchange.timeframes or {} if _TIMEFRAME.fullmatch(name)]
        known = [name for name in named if exchange.parse_timeframe(name) * 1_000 <= _DAY_MS]
        if timeframe not in known:
            raise InvalidSettingError(
                f"--timeframe {timeframe}: {exchange.id} has no such bars of a day at most; it has {', '.join(known)}"
            )
        return int(exchange.parse_timeframe(timeframe)) * 1_000

    def _limit(self) -> int:
        kind = self._request.kind
        told = self._exchange.feature_value(self._market["symbol"], _METHODS[kind], "limit")
        return int(told) if told else _LIMITS[kind]

    def _trade(self, trade: dict[str, Any]) -> Row:
        contracts = Decimal(plain(trade["amount"]))
        amount = contracts * Decimal(plain(self._market.get("contractSize") or 1))
        number = str(trade.get("id") or "")
        side = str(trade.get("side") or "")
        return Row(int(trade["timestamp"]), (side, _text(trade["price"]), f"{amount:f}", number))

    async def _walked_back(
        self, fetch: Callable[..., Awaitable[Any]], read: Callable[[dict[str, Any]], Row], since_ms: int, to_ms: int
    ) -> list[Row]:
        """Everything from ``since_ms`` to ``to_ms``. What is new meanwhile shifts the offsets: rows come twice then."""
        exchange, symbol = self._exchange, self._market["symbol"]
        kept: dict[Row, None] = {}
        offset = 0
        while True:
            found = await asked(exchange, fetch(symbol, None, _OFFSET_LIMIT, {"offset": offset}))
            with errors_of(exchange):
                rows = [read(each) for each in found]
            kept.update(dict.fromkeys(row for row in rows if since_ms <= row.ts_ms < to_ms))
            if not rows or min(row.ts_ms for row in rows) < since_ms:
                return list(kept)
            offset += len(rows)


def _bar(bar: list[Any]) -> Row:
    return Row(int(bar[0]), tuple(_text(number) for number in bar[1:6]))


def _rate(entry: dict[str, Any]) -> Row:
    return Row(int(entry["timestamp"]), (_text(entry["fundingRate"]),))


def _text(number: Any) -> str:
    """A number of ccxt as plain decimal text, no exponent."""
    return f"{Decimal(plain(number)):f}"
