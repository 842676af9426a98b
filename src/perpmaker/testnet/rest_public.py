"""The public paths: what everybody may ask.

Lists are in the order of the real exchange: trades and funding rates newest first, candles oldest first, both sides of
the depth by rising price (so the best bid is the last).
"""

from decimal import Decimal
from typing import Final

from perpmaker.domain.money import RATE_SCALE, notional_quanta
from perpmaker.domain.orders import Side
from perpmaker.testnet.api_errors import ApiError, ErrorCode
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.klines import INTERVALS_NS, WINDOWS_NS, RollingStatistics
from perpmaker.testnet.notices import MarketStatus, Traded
from perpmaker.testnet.rest_call import Page
from perpmaker.testnet.rest_content import Content, margin_function
from perpmaker.testnet.rest_query import Query
from perpmaker.testnet.wire import Wire, micros, millis, naive_time, rate

MARKET_TYPES: Final = ("SPOT", "PERP", "IPERP", "DATED", "PREDICTION", "RFQ")

_DEPTH_LIMITS: Final = ("5", "10", "20", "50", "100", "500", "1000")
_DEFAULT_DEPTH: Final = 1_000
_MOST_RATES: Final = 10_000
_RATE_BOUND_BP: Final = 150
_POSITION_LIMIT: Final = "1000000000"
_SECOND_NS: Final = 10**9
_PERCENT_STEP: Final = Decimal("0.000001")


class PublicRest:
    """Answers public questions to one market; each method takes the query and returns the content of the answer."""

    def __init__(self, testnet: Testnet) -> None:
        self._testnet = testnet
        self._wire = Wire(testnet.instrument)
        self._symbol = testnet.instrument.symbol

    def status(self) -> Content:
        """Answered even in maintenance."""
        if self._testnet.in_maintenance:
            return {"status": "Maintenance", "message": "The testnet is under maintenance"}
        return {"status": "Ok"}

    def markets(self, query: Query) -> list[Content]:
        wanted = query.texts("marketType")
        for word in wanted:
            if word not in MARKET_TYPES:
                query.word("marketType", MARKET_TYPES)
        if (wanted and "PERP" not in wanted) or self._is_gone():
            return []
        return [self._market()]

    def market(self, query: Query) -> Content:
        self._check_symbol(query.required("symbol"))
        return self._market()

    def depth(self, query: Query) -> Content:
        self._check_symbol(query.required("symbol"))
        limit = int(query.word("limit", _DEPTH_LIMITS) or _DEFAULT_DEPTH)
        market, price, quantity = self._testnet.market, self._wire.price, self._wire.quantity
        bids = [[price(ticks), quantity(lots)] for ticks, lots in market.book.levels(Side.BUY, limit)]
        asks = [[price(ticks), quantity(lots)] for ticks, lots in market.book.levels(Side.SELL, limit)]
        return {
            "asks": asks,
            "bids": bids[::-1],
            "lastUpdateId": str(market.book.update_id),
            "timestamp": micros(market.updated_ns),
        }

    def trades(self, query: Query) -> list[Content]:
        self._check_symbol(query.required("symbol"))
        limit, offset = query.page()
        newest = reversed(self._testnet.market.trades)
        return [self._trade(trade) for place, trade in enumerate(newest) if offset <= place < offset + limit]

    def klines(self, query: Query) -> list[Content]:
        self._check_symbol(query.required("symbol"))
        query.required("interval")
        query.required("startTime")
        interval = query.word("interval", INTERVALS_NS.keys()) or ""
        start_s = query.integer("startTime") or 0
        end_s = query.integer("endTime")
        if query.word("priceType", ("Last", "Index", "Mark")) in ("Index", "Mark"):
            raise ApiError(ErrorCode.NOT_IMPLEMENTED, "This testnet has candles of the last price only")
        end_ns = self._testnet.clock.now_ns() if end_s is None else end_s * _SECOND_NS
        if end_ns < start_s * _SECOND_NS:
            raise ApiError(ErrorCode.INVALID_RANGE, "endTime is before startTime")
        price = self._wire.price
        return [
            {
                "start": naive_time(candle.start_ns),
                "end": naive_time(candle.end_ns),
                "open": price(candle.open_ticks),
                "high": price(candle.high_ticks),
                "low": price(candle.low_ticks),
                "close": price(candle.close_ticks),
                "volume": self._wire.quantity(candle.lots),
                "quoteVolume": self._wire.money(candle.quanta),
                "trades": str(candle.trades),
            }
            for candle in self._testnet.klines.between(interval, start_s * _SECOND_NS, end_ns)
        ]

    def ticker(self, query: Query) -> Content:
        self._check_symbol(query.required("symbol"))
        return self._ticker(query)

    def tickers(self, query: Query) -> list[Content]:
        return [] if self._is_gone() else [self._ticker(query)]

    def mark_prices(self, query: Query) -> list[Content]:
        symbol, market = query.text("symbol"), self._testnet.market
        if symbol is not None:
            self._check_symbol(symbol, "Symbol not found")
        if query.word("marketType", MARKET_TYPES) not in (None, "PERP") or self._is_gone():
            return []
        return [
            {
                "fundingRate": rate(market.funding_rate_ppb),
                "indexPrice": self._wire.mark(market.index_milliticks),
                "markPrice": self._wire.mark(market.mark_milliticks),
                "nextFundingTimestamp": millis(market.next_funding_ns),
                "symbol": self._symbol,
            }
        ]

    def funding_rates(self, query: Query) -> Page:
        """The running interval first, with its estimated rate."""
        self._check_symbol(query.required("symbol"))
        limit, offset = query.page(_MOST_RATES)
        market = self._testnet.market
        rates = [(market.next_funding_ns, market.funding_rate_ppb)]
        rates += [(past.at_ns, past.rate_ppb) for past in reversed(self._testnet.funding_rates)]
        rows = [
            {"symbol": self._symbol, "intervalEndTimestamp": naive_time(end_ns), "fundingRate": rate(ppb)}
            for end_ns, ppb in rates[offset : offset + limit]
        ]
        return Page(rows, len(rates), limit, offset)

    def open_interest(self, query: Query) -> list[Content]:
        symbol = query.text("symbol")
        if symbol is not None:
            self._check_symbol(symbol)
        if self._is_gone():
            return []
        lots = self._testnet.open_interest_lots
        now_ms = millis(self._testnet.clock.now_ns())
        return [{"symbol": self._symbol, "openInterest": self._wire.quantity(lots), "timestamp": now_ms}]

    def assets(self, _query: Query) -> list[Content]:
        instrument = self._testnet.instrument
        return [
            {
                "symbol": symbol,
                "displayName": symbol,
                "tokens": [
                    {
                        "blockchain": "Solana",
                        "displayName": symbol,
                        "depositEnabled": False,
                        "minimumDeposit": "0",
                        "withdrawEnabled": False,
                        "minimumWithdrawal": "0",
                        "withdrawalFee": "0",
                    }
                ],
            }
            for symbol in (instrument.base, instrument.quote)
        ]

    def collateral(self, _query: Query) -> list[Content]:
        terms = self._testnet.terms
        return [
            {
                "symbol": self._testnet.instrument.quote,
                "imfFunction": margin_function(terms.initial_margin_ppb),
                "mmfFunction": margin_function(terms.maintenance_margin_ppb),
                "haircutFunction": {"weight": "1", "kind": {"type": "identity"}},
            }
        ]

    def _is_gone(self) -> bool:
        return self._testnet.market_status is MarketStatus.DELISTED

    def _check_symbol(self, symbol: str, message: str = "Invalid market symbol") -> None:
        if symbol != self._symbol or self._is_gone():
            raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, message)

    def _market(self) -> Content:
        testnet = self._testnet
        instrument, terms = testnet.instrument, testnet.terms
        return {
            "symbol": self._symbol,
            "baseSymbol": instrument.base,
            "quoteSymbol": instrument.quote,
            "marketType": "PERP",
            "filters": {"price": self._price_filter(), "quantity": self._quantity_filter()},
            "imfFunction": margin_function(terms.initial_margin_ppb),
            "mmfFunction": margin_function(terms.maintenance_margin_ppb),
            "fundingInterval": millis(terms.funding_interval_ns),
            "fundingRateUpperBound": str(_RATE_BOUND_BP),
            "fundingRateLowerBound": str(-_RATE_BOUND_BP),
            "openInterestLimit": _POSITION_LIMIT,
            "orderBookState": testnet.market_status.value,
            "createdAt": naive_time(testnet.started_ns),
            "visible": True,
        }

    def _price_filter(self) -> Content:
        terms, wire = self._testnet.terms, self._wire
        content: Content = {
            "minPrice": wire.price(terms.min_price_ticks),
            "tickSize": wire.price(1),
            "maxImpactMultiplier": rate(RATE_SCALE + terms.impact_ppb),
            "minImpactMultiplier": rate(RATE_SCALE - terms.impact_ppb),
            "meanMarkPriceBand": {
                "maxMultiplier": rate(RATE_SCALE + terms.mark_band_ppb),
                "minMultiplier": rate(RATE_SCALE - terms.mark_band_ppb),
            },
        }
        if terms.max_price_ticks is not None:
            content["maxPrice"] = wire.price(terms.max_price_ticks)
        return content

    def _quantity_filter(self) -> Content:
        terms, quantity = self._testnet.terms, self._wire.quantity
        content: Content = {"minQuantity": quantity(self._testnet.instrument.min_lots), "stepSize": quantity(1)}
        if terms.max_lots is not None:
            content["maxQuantity"] = quantity(terms.max_lots)
        return content

    def _trade(self, trade: Traded) -> Content:
        return {
            "id": trade.trade_id,
            "price": self._wire.price(trade.price_ticks),
            "quantity": self._wire.quantity(trade.lots),
            "quoteQuantity": self._wire.money(notional_quanta(trade.price_ticks, trade.lots)),
            "timestamp": millis(trade.at_ns),
            "isBuyerMaker": trade.is_buyer_maker,
        }

    def _ticker(self, query: Query) -> Content:
        """Without a single trade the mark stands for the prices."""
        window = query.word("interval", WINDOWS_NS.keys()) or "1d"
        found = self._testnet.klines.statistics(window, self._testnet.clock.now_ns())
        mark_ticks = self._testnet.mark_milliticks // 1_000
        stats = found or RollingStatistics(*(mark_ticks,) * 4, 0, 0, 0)
        change = stats.last_ticks - stats.first_ticks
        percent = (Decimal(change) / stats.first_ticks).quantize(_PERCENT_STEP) if stats.first_ticks else Decimal(0)
        price = self._wire.price
        return {
            "symbol": self._symbol,
            "firstPrice": price(stats.first_ticks),
            "lastPrice": price(stats.last_ticks),
            "priceChange": price(change),
            "priceChangePercent": f"{percent:f}",
            "high": price(stats.high_ticks),
            "low": price(stats.low_ticks),
            "volume": self._wire.quantity(stats.lots),
            "quoteVolume": self._wire.money(stats.quanta),
            "trades": str(stats.trades),
        }
