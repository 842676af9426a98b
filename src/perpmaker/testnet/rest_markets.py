"""Which market of the exchange a request is about, and answers that are about all of them.

Rules kept here:

1. A request that names a symbol is answered by that market. One that names none of ours goes to the first, which says
   that it is wrong, in the words that the path has for it.
2. Lists without a symbol hold all markets, in the order in which they were opened; histories all of them by time.
3. Each order of a batch goes to its own market.
"""

from collections.abc import Callable, Mapping
from typing import Any

from perpmaker.testnet.api_errors import ApiError
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.rest_account import AccountRest
from perpmaker.testnet.rest_call import Call
from perpmaker.testnet.rest_content import Content, Contents
from perpmaker.testnet.rest_orders import OrderGate, OrderRest
from perpmaker.testnet.rest_public import PublicRest
from perpmaker.testnet.rest_query import Query


class PublicMarkets:
    """Answers public questions to the markets of a testnet."""

    def __init__(self, testnet: Testnet) -> None:
        self._markets = {market.instrument.symbol: PublicRest(market) for market in testnet.markets}
        self._first = self._markets[testnet.markets[0].instrument.symbol]

    def routes(self) -> dict[str, Callable[[Query], Any]]:
        """Handlers by path; all of them are GET."""
        return {
            "/api/v1/assets": self._assets,
            "/api/v1/collateral": self._first.collateral,
            "/api/v1/depth": lambda query: self._meant(query).depth(query),
            "/api/v1/fundingRates": lambda query: self._meant(query).funding_rates(query),
            "/api/v1/klines": lambda query: self._meant(query).klines(query),
            "/api/v1/market": lambda query: self._meant(query).market(query),
            "/api/v1/markets": lambda query: self._all(PublicRest.markets, query),
            "/api/v1/markPrices": lambda query: self._one_or_all(PublicRest.mark_prices, query),
            "/api/v1/openInterest": lambda query: self._one_or_all(PublicRest.open_interest, query),
            "/api/v1/securities": lambda _: [],
            "/api/v1/ticker": lambda query: self._meant(query).ticker(query),
            "/api/v1/tickers": lambda query: self._all(PublicRest.tickers, query),
            "/api/v1/trades": lambda query: self._meant(query).trades(query),
            "/api/v1/trades/history": lambda query: self._meant(query).trades(query),
        }

    def status(self) -> Content:
        """Answered even in maintenance."""
        return self._first.status()

    def _meant(self, query: Query) -> PublicRest:
        return self._markets.get(query.text("symbol") or "", self._first)

    def _all(self, ask: Callable[[PublicRest, Query], list[Content]], query: Query) -> list[Content]:
        return [content for market in self._markets.values() for content in ask(market, query)]

    def _one_or_all(self, ask: Callable[[PublicRest, Query], list[Content]], query: Query) -> list[Content]:
        return self._all(ask, query) if query.text("symbol") is None else ask(self._meant(query), query)

    def _assets(self, query: Query) -> list[Content]:
        found = {asset["symbol"]: asset for market in self._markets.values() for asset in market.assets(query)}
        return list(found.values())


class PrivateMarkets:
    """Answers questions and orders of accounts to the markets of a testnet."""

    def __init__(self, testnet: Testnet, contents: Mapping[str, Contents]) -> None:
        markets = {market.instrument.symbol: market for market in testnet.markets}
        self._first = next(iter(markets))
        self._accounts = {symbol: AccountRest(market, contents[symbol]) for symbol, market in markets.items()}
        self._orders = {symbol: OrderRest(market, contents[symbol]) for symbol, market in markets.items()}

    def gate_orders(self, gate: OrderGate) -> None:
        """Ask this before each order, also of a batch; an `ApiError` that it returns is the answer to that order."""
        for orders in self._orders.values():
            orders.order_gate = gate

    def account(self, call: Call) -> Content:
        return self._accounts[self._first].account(call)

    def update(self, call: Call) -> None:
        self._accounts[self._first].update(call)

    def capital(self, call: Call) -> Content:
        return self._accounts[self._first].capital(call)

    def collateral(self, call: Call) -> Content:
        return self._accounts[self._first].collateral(call)

    def max_order(self, call: Call) -> Content:
        symbol = self._asked(call)
        return self._accounts[symbol].max_order(_on(call, symbol))

    def positions(self, call: Call) -> list[Content]:
        return [
            position
            for symbol in self._asked_or_all(call)
            for position in self._accounts[symbol].positions(_on(call, symbol))
        ]

    def find(self, call: Call) -> Content:
        symbol = self._asked(call)
        return self._orders[symbol].find(_on(call, symbol))

    def find_all(self, call: Call) -> list[Content]:
        return [
            order for symbol in self._asked_or_all(call) for order in self._orders[symbol].find_all(_on(call, symbol))
        ]

    def execute(self, call: Call) -> Content:
        symbol = self._named(call.body)
        return self._orders[symbol].execute(_on(call, symbol))

    def execute_batch(self, call: Call) -> list[Content]:
        return [self._one_of_batch(call, content) for content in call.body]

    def cancel(self, call: Call) -> Content:
        symbol = self._named(call.body)
        return self._orders[symbol].cancel(_on(call, symbol))

    def cancel_all(self, call: Call) -> list[Content]:
        symbol = self._named(call.body)
        return self._orders[symbol].cancel_all(_on(call, symbol))

    def _one_of_batch(self, call: Call, content: object) -> Content:
        try:
            return {"operation": "Ok", **self.execute(call._replace(body=content))}
        except ApiError as error:
            return {"operation": "Err", **error.content}

    def _asked(self, call: Call) -> str:
        """Rule 1, of a question."""
        symbol = call.query.text("symbol")
        return symbol if symbol in self._orders else self._first

    def _asked_or_all(self, call: Call) -> list[str]:
        return list(self._orders) if call.query.text("symbol") is None else [self._asked(call)]

    def _named(self, body: object) -> str:
        """Rule 1, of a body."""
        symbol = body.get("symbol") if isinstance(body, dict) else None
        return symbol if isinstance(symbol, str) and symbol in self._orders else self._first


def _on(call: Call, symbol: str) -> Call:
    """The call, with what its account has on this market."""
    return call._replace(account=call.account.holder.accounts[symbol])
