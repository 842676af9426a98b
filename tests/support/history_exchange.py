"""An exchange as ccxt shows it, with a past and with faults: no network, no keys, no sleeping.

    exchange = HistoryExchange(bars=range(0, 600))
    exchange.faults = {3: ccxt.NetworkError("cut")}      # the third request for a page

Bars are of one minute, their prices told by their number; trades are one a second. The market is SOL/USDC:USDC, tick
0.01, lot 0.1, minimum 0.2.
"""

import asyncio
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import ccxt

from perpmaker.data.fetch.request import FetchKind, FetchRequest

T0_MS = 1_767_571_200_000
"""2026-01-05 00:00 UTC."""
MINUTE_MS = 60_000


def bar(number: int) -> list[Any]:
    """Bar so many minutes after `T0_MS`."""
    opened = Decimal(10_000 + number % 7) / 100
    return [T0_MS + number * MINUTE_MS, opened, opened + 2, opened - 1, opened + 1, Decimal(number % 5 + 1) / 10]


def trade(number: int, at_ms: int | None = None, **more: Any) -> dict[str, Any]:
    """A trade so many seconds after `T0_MS`."""
    return {
        "timestamp": T0_MS + number * 1_000 if at_ms is None else at_ms,
        "id": str(number),
        "side": "buy" if number % 3 else "sell",
        "price": Decimal(10_000 + number % 7) / 100,
        "amount": Decimal(number % 5 + 1) / 10,
    } | more


def rate(number: int) -> dict[str, Any]:
    """The rate so many times eight hours after `T0_MS`."""
    return {"timestamp": T0_MS + number * 8 * 60 * MINUTE_MS, "fundingRate": Decimal(number % 5 - 2) / 10_000}


class HistoryExchange:
    """What `perpmaker.venues.history.ccxt_source` uses of an object of ccxt.

    Attributes:
        faults: errors by the number of the request for a page, counted from 1.
        asked: ``(since, limit)`` of every request for a page.
        heeds_time: answers from ``since`` on; otherwise with the newest rows.
        before_answer: called before every page.
    """

    id = "scripted"
    precisionMode = ccxt.TICK_SIZE  # noqa: N815 - ccxt's name

    def __init__(
        self,
        *,
        bars: Iterable[int] = (),
        trades: Iterable[dict[str, Any]] = (),
        rates: Iterable[int] = (),
        page: int = 100,
    ) -> None:
        self.has: dict[str, Any] = {"fetchOHLCV": True, "fetchTrades": True, "fetchFundingRateHistory": True}
        self.timeframes = {"1m": "1m", "5m": "5m", "15": "15m", "1w": "1w", "1M": "1M"}
        self.bars = [bar(number) for number in bars]
        self.trades = list(trades)
        self.rates = [rate(number) for number in rates]
        self.page = page
        self.faults: dict[int, Exception] = {}
        self.asked: list[tuple[int, int]] = []
        self.heeds_time = True
        self.before_answer: Callable[[], None] = lambda: None
        self.spoil: Callable[[list[Any]], list[Any]] = lambda rows: rows
        self.is_closed = False
        self.market = {
            "id": "SOL_USDC_PERP", "symbol": "SOL/USDC:USDC", "base": "SOL", "quote": "USDC", "settle": "USDC",
            "swap": True, "linear": True, "inverse": False, "contractSize": Decimal(1),
            "precision": {"price": Decimal("0.01"), "amount": Decimal("0.1")},
            "limits": {"amount": {"min": Decimal("0.2")}},
        }  # fmt: skip
        self.markets = {"SOL/USDC:USDC": self.market}

    def parse_timeframe(self, timeframe: str) -> int:
        return ccxt.Exchange.parse_timeframe(timeframe)

    def feature_value(self, _symbol: str, _method: str, _name: str) -> int:
        return self.page

    async def load_markets(self) -> dict[str, Any]:
        return self.markets

    async def fetch_ohlcv(self, _symbol: str, _timeframe: str, since: int, limit: int) -> list[Any]:
        await asyncio.sleep(0)
        return self._answer(self.bars, lambda row: row[0], since, limit)

    async def fetch_trades(self, _symbol: str, since: int, limit: int) -> list[Any]:
        await asyncio.sleep(0)
        return self._answer(self.trades, lambda row: row["timestamp"], since, limit)

    async def fetch_funding_rate_history(self, _symbol: str, since: int, limit: int) -> list[Any]:
        await asyncio.sleep(0)
        return self._answer(self.rates, lambda row: row["timestamp"], since, limit)

    async def close(self) -> None:
        self.is_closed = True

    def _answer(self, rows: list[Any], time_of: Callable[[Any], int], since: int, limit: int) -> list[Any]:
        self.asked.append((since, limit))
        self.before_answer()
        if len(self.asked) in self.faults:
            raise self.faults[len(self.asked)]
        if not self.heeds_time:
            return self.spoil(rows[-limit:])
        return self.spoil([row for row in rows if time_of(row) >= since][:limit])


def request_of(
    kind: FetchKind, minutes: int, *, from_minute: int = 0, endpoint: str = "", symbol: str = "SOL/USDC:USDC"
) -> FetchRequest:
    """A request of so many minutes from `T0_MS` on."""
    return FetchRequest(
        "scripted",
        symbol,
        kind,
        T0_MS + from_minute * MINUTE_MS,
        T0_MS + minutes * MINUTE_MS,
        "1m" if kind == "bars" else "",
        endpoint,
    )
