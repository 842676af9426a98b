"""What can be asked about an account on one market of Backpack.

Rules kept here:

1. A question answers, or raises `VenueError`. Nothing is taken for flat or empty but what the exchange says is.
2. The exchange says "flat" by its documented 404 with a code; a 404 without one is a wrong address.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

from perpmaker.venues.backpack import wire
from perpmaker.venues.backpack.errors import NOT_FOUND, unreadable
from perpmaker.venues.backpack.own_news import OwnNews
from perpmaker.venues.backpack.private_http import PrivateHttp, Question
from perpmaker.venues.backpack.terms import Grid
from perpmaker.venues.client_ids import UINT32, OwnId
from perpmaker.venues.errors import VenueError
from perpmaker.venues.port import AccountState, VenueOrder, VenuePosition

_BASIS_POINTS: Final = 10_000

_ORDER: Final = wire.reader(wire.OpenOrder)
_ORDERS: Final = wire.reader(list[wire.OpenOrder])
_POSITIONS: Final = wire.reader(list[wire.Position])
_ACCOUNT: Final = wire.reader(wire.Account)
_COLLATERAL: Final = wire.reader(wire.Collateral)


class Questions:
    """Asks, and reads the answers.

    Args:
        http: signed requests.
        grid: how prices and sizes are read.
        news: reads orders.
    """

    def __init__(self, http: PrivateHttp, grid: Grid, news: OwnNews) -> None:
        self._http = http
        self._grid = grid
        self._news = news
        self._symbol = grid.instrument.symbol

    async def account(self) -> AccountState:
        collateral: wire.Collateral = await self._ask(Question.COLLATERAL, _COLLATERAL)
        account: wire.Account = await self._ask(Question.ACCOUNT, _ACCOUNT)
        try:
            equity = wire.decimal(collateral.net_equity)
            return AccountState(
                equity=equity,
                balance=equity - wire.decimal(collateral.pnl_unrealized),
                free_margin=wire.decimal(collateral.net_equity_available),
                maker_fee=wire.decimal(account.futures_maker_fee) / _BASIS_POINTS,
                taker_fee=wire.decimal(account.futures_taker_fee) / _BASIS_POINTS,
                leverage=wire.decimal(account.leverage_limit),
                can_trade=not account.liquidating,
            )
        except ValueError as error:
            raise unreadable("an account", error, is_change=False) from error

    async def position(self) -> VenuePosition:
        try:
            found: list[wire.Position] = await self._ask(Question.POSITION, _POSITIONS, symbol=self._symbol)
        except VenueError as error:
            if error.code != NOT_FOUND:
                raise
            found = []  # the documented answer for a flat position
        held = [position for position in found if position.symbol == self._symbol]
        if not held:
            return VenuePosition(0, Decimal(0), None)
        try:
            mark = self._grid.instrument.price_to_milliticks(wire.decimal(held[0].mark_price))
            return VenuePosition(self._grid.lots.signed(held[0].net_quantity), wire.decimal(held[0].entry_price), mark)
        except ValueError as error:
            raise unreadable("a position", error, is_change=False) from error

    async def open_orders(self) -> list[VenueOrder]:
        found: list[wire.OpenOrder] = await self._ask(Question.OPEN_ORDERS, _ORDERS, symbol=self._symbol)
        return [self._read_order(order) for order in found if order.symbol == self._symbol]

    async def open_order(self, own: OwnId) -> VenueOrder | None:
        """The order, if it rests; None when the exchange says that it does not."""
        try:
            found: wire.OpenOrder = await self._ask(
                Question.OPEN_ORDER, _ORDER, symbol=self._symbol, clientId=UINT32.encode(own)
            )
        except VenueError as error:
            if error.code != NOT_FOUND:
                raise
            return None
        return self._read_order(found)

    async def _ask(self, question: Question, decoder: "msgspec.json.Decoder[Any]", **parameters: str | int) -> Any:
        body = await self._http.ask(question, **parameters)
        try:
            return decoder.decode(body)
        except msgspec.DecodeError as error:
            raise unreadable("an answer", error, is_change=False) from error

    def _read_order(self, order: wire.OpenOrder) -> VenueOrder:
        try:
            return self._news.open_order(order)
        except ValueError as error:
            raise unreadable("an order", error, is_change=False) from error
