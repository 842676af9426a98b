"""The private paths about the past: fills, orders, funding.

Rules kept here:

1. Newest first, unless ``sortDirection`` is Asc. Times in filters are milliseconds, both ends included.
2. Filters come before ``limit`` and ``offset``; the headers tell how many there are in all.
3. Orders that still rest are in the history too.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.notices import FillRecord
from perpmaker.testnet.rest_call import Call, Page, check_symbol
from perpmaker.testnet.rest_content import Content, Contents
from perpmaker.testnet.rest_public import MARKET_TYPES
from perpmaker.testnet.rest_query import Query
from perpmaker.testnet.wire import millis

_SORTS = ("Asc", "Desc")
_LIQUIDATIONS = frozenset(("BookLiquidation", "Liquidation", "AllLiquidation"))
_FILL_TYPES = (
    "User", "BookLiquidation", "Adl", "Backstop", "Liquidation", "AllLiquidation", "CollateralConversion",
    "CollateralConversionAndSpotLiquidation",
)  # fmt: skip


_Record = TypeVar("_Record")


class HistoryRest:
    """Answers questions about the past of an account."""

    def __init__(self, testnet: Testnet, contents: Contents) -> None:
        self._testnet = testnet
        self._contents = contents

    def fills(self, call: Call) -> Page:
        query = call.query
        since_ms, until_ms = query.integer("from"), query.integer("to")
        order_id, fill_type = query.text("orderId"), query.word("fillType", _FILL_TYPES)
        found = [
            fill
            for fill in (call.account.books.fills if self._means_us(query) else ())
            if (order_id is None or str(fill.order_id) == order_id)
            and (since_ms is None or millis(fill.at_ns) >= since_ms)
            and (until_ms is None or millis(fill.at_ns) <= until_ms)
            and _is_of_type(fill, fill_type)
        ]
        return _page(query, found, self._contents.fill)

    def orders(self, call: Call) -> Page:
        query = call.query
        order_id = query.text("orderId")
        found = [
            order
            for order in (call.account.books.orders.values() if self._means_us(query) else ())
            if order_id is None or str(order.order_id) == order_id
        ]
        return _page(query, found, self._contents.past_order)

    def funding(self, call: Call) -> Page:
        symbol = call.query.text("symbol")
        if symbol is not None:
            check_symbol(self._testnet, symbol)
        account = call.account
        return _page(call.query, account.books.funding, lambda payment: self._contents.funding(account, payment))

    def _means_us(self, query: Query) -> bool:
        """Whether symbol, kind of market and strategy leave anything to look at."""
        symbol = query.text("symbol")
        if symbol is not None:
            check_symbol(self._testnet, symbol)
        query.word("marketType", MARKET_TYPES)
        kinds = query.texts("marketType")
        return (not kinds or "PERP" in kinds) and query.text("strategyId") is None


def _is_of_type(fill: FillRecord, fill_type: str | None) -> bool:
    if fill_type is None:
        return True
    return fill.system_order is None if fill_type == "User" else fill_type in _LIQUIDATIONS and bool(fill.system_order)


def _page(query: Query, records: Iterable[_Record], write: Callable[[_Record], Content]) -> Page:
    """Rule 1 and 2; ``records`` are oldest first."""
    limit, offset = query.page()
    rows = list(records)
    if query.word("sortDirection", _SORTS) != "Asc":
        rows.reverse()
    return Page([write(row) for row in rows[offset : offset + limit]], len(rows), limit, offset)
