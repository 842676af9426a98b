"""The private paths about the past: fills, orders, funding.

Rules kept here:

1. Newest first, unless ``sortDirection`` is Asc. Times in filters are milliseconds, both ends included.
2. Filters come before ``limit`` and ``offset``; the headers tell how many there are in all.
3. Orders that still rest are in the history too.
4. Without a symbol it is the past on all markets, by time.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar

from perpmaker.testnet.api_errors import ApiError, ErrorCode
from perpmaker.testnet.books import AccountBooks
from perpmaker.testnet.notices import FillRecord
from perpmaker.testnet.rest_call import Call, Page
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


class _Past(NamedTuple, Generic[_Record]):
    """Something that has happened, and who writes it."""

    at_ns: int
    contents: Contents
    record: _Record


class HistoryRest:
    """Answers questions about the past of an account.

    Args:
        contents: writes the records of each market, by symbol.
    """

    def __init__(self, contents: Mapping[str, Contents]) -> None:
        self._contents = contents

    def fills(self, call: Call) -> Page:
        query = call.query
        since_ms, until_ms = query.integer("from"), query.integer("to")
        order_id, fill_type = query.text("orderId"), query.word("fillType", _FILL_TYPES)
        found = [
            _Past(fill.at_ns, contents, fill)
            for contents, books in self._meant(call)
            for fill in books.fills
            if (order_id is None or str(fill.order_id) == order_id)
            and (since_ms is None or millis(fill.at_ns) >= since_ms)
            and (until_ms is None or millis(fill.at_ns) <= until_ms)
            and _is_of_type(fill, fill_type)
        ]
        return _page(query, found, lambda past: past.contents.fill(past.record))

    def orders(self, call: Call) -> Page:
        query = call.query
        order_id = query.text("orderId")
        found = [
            _Past(order.created_ns, contents, order)
            for contents, books in self._meant(call)
            for order in books.orders.values()
            if order_id is None or str(order.order_id) == order_id
        ]
        return _page(query, found, lambda past: past.contents.past_order(past.record))

    def funding(self, call: Call) -> Page:
        found = [
            _Past(payment.at_ns, contents, payment)
            for contents, books in self._of_symbol(call)
            for payment in books.funding
        ]
        return _page(call.query, found, lambda past: past.contents.funding(call.account, past.record))

    def _meant(self, call: Call) -> list[tuple[Contents, AccountBooks]]:
        """What symbol, kind of market and strategy leave to look at."""
        query, found = call.query, self._of_symbol(call)
        query.word("marketType", MARKET_TYPES)
        kinds = query.texts("marketType")
        return found if (not kinds or "PERP" in kinds) and query.text("strategyId") is None else []

    def _of_symbol(self, call: Call) -> list[tuple[Contents, AccountBooks]]:
        """Raises `ApiError` where a symbol is none of ours; the past of a delisted one may be asked for."""
        symbol, accounts = call.query.text("symbol"), call.account.holder.accounts
        if symbol is not None and symbol not in self._contents:
            raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, "Invalid market symbol")
        return [(contents, accounts[name].books) for name, contents in self._contents.items() if symbol in (None, name)]


def _is_of_type(fill: FillRecord, fill_type: str | None) -> bool:
    if fill_type is None:
        return True
    return fill.system_order is None if fill_type == "User" else fill_type in _LIQUIDATIONS and bool(fill.system_order)


def _page(query: Query, found: Iterable[_Past[_Record]], write: Callable[[_Past[_Record]], Content]) -> Page:
    """Rules 1, 2 and 4; of each market the oldest comes first."""
    limit, offset = query.page()
    rows = sorted(found, key=lambda past: past.at_ns)
    if query.word("sortDirection", _SORTS) != "Asc":
        rows.reverse()
    return Page([write(row) for row in rows[offset : offset + limit]], len(rows), limit, offset)
