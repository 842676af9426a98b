"""What the account did: executions, funding and ended orders, paged to the end.

Rules kept here:

1. These paths are rationed (`ration`): a page is as large as it may be, who asks for the same thing shares an answer,
   and an ended order that was seen once is kept.
2. What became of an order can be learnt from executions and position, too, though later: where the ration is low, the
   history of orders is not asked for, and the order counts as not known to it.
3. The history lags behind: that it does not have an order (yet) proves nothing.
"""

from collections import OrderedDict
from typing import Any, Final

import msgspec

from perpmaker.domain.events import FundingPaid
from perpmaker.venues.backpack import wire
from perpmaker.venues.backpack.errors import TOO_MANY, unreadable
from perpmaker.venues.backpack.own_news import OwnNews
from perpmaker.venues.backpack.private_http import PrivateHttp, Question
from perpmaker.venues.backpack.ration import Ration, Shared
from perpmaker.venues.backpack.terms import Grid
from perpmaker.venues.client_ids import UINT32, OwnId
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import OrderState, VenueFill, VenueFunding, VenueOrder
from perpmaker.venues.venue_clock import VenueClock

PAGE: Final = 1_000

MOST_PAGES: Final = 200
"""More than this in one answer is not a history but a server that repeats itself."""

MOST_KEPT: Final = 10_000

_FILLS: Final = wire.reader(list[wire.PastFill])
_ORDERS: Final = wire.reader(list[wire.PastOrder])
_FUNDING: Final = wire.reader(list[wire.FundingPayment])


class History:
    """The past of one account on one market."""

    def __init__(self, http: PrivateHttp, news: OwnNews, grid: Grid, clock: VenueClock) -> None:
        self._http = http
        self._news = news
        self._grid = grid
        self._clock = clock
        self._symbol = grid.instrument.symbol
        self._ended: OrderedDict[OwnId, VenueOrder] = OrderedDict()
        self._ration = Ration(clock.local_ns)
        self._fills = Shared(self._ration, self._ask_fills)
        self._payments = Shared(self._ration, self._ask_funding)
        self._orders = Shared(self._ration, self._ask_orders)

    async def fills(self, since_ns: int) -> list[VenueFill]:
        """Executions from ``since_ns`` (to the millisecond) on, oldest first."""
        from_ns = since_ns // 1_000_000 * 1_000_000
        return [fill for fill in await self._fills.answer(since_ns) if fill.fill.venue_ns >= from_ns]

    async def funding(self, since_ns: int) -> list[VenueFunding]:
        """Payments from ``since_ns`` on, oldest first."""
        return [paid for paid in await self._payments.answer(since_ns) if paid.payment.venue_ns >= since_ns]

    async def ended_order(self, own: OwnId) -> VenueOrder | None:
        """What became of an order that does not rest; None when the history does not have it, or was not asked.

        Raises:
            VenueError: no answer.
        """
        if own not in self._ended and self._ration.can_spare:
            await self._orders.answer(own.order_id)
        return self._ended.get(own)

    def close(self) -> None:
        """Nobody waits for an answer any more."""
        for shared in (self._fills, self._payments, self._orders):
            shared.close()

    async def _ask_fills(self, since_ns: int) -> list[VenueFill]:
        found: list[VenueFill] = []
        for number in range(MOST_PAGES):
            page = await self._page(
                Question.PAST_FILLS, _FILLS, number, "Asc", **{"from": max(0, since_ns // 1_000_000)}
            )
            found += (self._read(self._news.past_fill, fill) for fill in page)
            if len(page) < PAGE:
                return sorted(found, key=lambda fill: (fill.fill.venue_ns, fill.fill.fill_id))
        raise _endless("executions")

    async def _ask_funding(self, since_ns: int) -> list[VenueFunding]:
        found: list[VenueFunding] = []
        for number in range(MOST_PAGES):
            page = await self._page(Question.PAST_FUNDING, _FUNDING, number, "Desc")
            read = [self._read(self._payment, payment) for payment in page]
            found += (payment for payment in read if payment.payment.venue_ns >= since_ns)
            if len(page) < PAGE or read[-1].payment.venue_ns < since_ns:
                return sorted(found, key=lambda payment: payment.payment.venue_ns)
        raise _endless("funding payments")

    async def _ask_orders(self, since_order_id: int) -> None:
        """Read the history of orders, newest first, to the first that was sent before this one of the same run."""
        for number in range(MOST_PAGES):
            page = await self._page(Question.PAST_ORDERS, _ORDERS, number, "Desc")
            if self._keep(page) < since_order_id or len(page) < PAGE:
                return
        raise _endless("orders")

    def _keep(self, page: list[wire.PastOrder]) -> int:
        """Remember the ended orders of ours in a page; returns the smallest number of this run's."""
        smallest = 2**62
        for past in page:
            order = self._read(self._news.past_order, past)
            own = UINT32.decode(order.client_id)
            if own is None:
                continue
            if own.tag == self._news.tag:
                smallest = min(smallest, own.order_id)
            if order.state is not OrderState.OPEN:
                self._ended[own] = order
                if len(self._ended) > MOST_KEPT:
                    self._ended.popitem(last=False)
        return smallest

    async def _page(
        self, question: Question, decoder: "msgspec.json.Decoder[Any]", number: int, direction: str, **more: str | int
    ) -> list[Any]:
        if number:
            await self._ration.take()  # the first page is counted already
        try:
            body = await self._http.ask(
                question, symbol=self._symbol, limit=PAGE, offset=number * PAGE, sortDirection=direction, **more
            )
        except VenueError as error:
            if error.code != TOO_MANY:
                raise
            self._ration.exhausted()
            raise VenueError(f"{error} (its histories)", Reaction.RETRY, "HistoryRation") from error
        try:
            return decoder.decode(body)  # type: ignore[no-any-return]  # its type is that of the decoder
        except msgspec.DecodeError as error:
            raise unreadable("a history", error, is_change=False) from error

    def _payment(self, payment: wire.FundingPayment) -> VenueFunding:
        amount = self._grid.instrument.money_to_quanta(wire.decimal(payment.quantity))
        venue_ns = wire.utc_ns(payment.interval_end_timestamp)
        name = f"{payment.symbol}/{payment.subaccount_id or 0}/{payment.interval_end_timestamp}"
        return VenueFunding(name, FundingPaid(self._clock.local_ns(), venue_ns, amount))

    @staticmethod
    def _read(read: Any, item: Any) -> Any:
        try:
            return read(item)
        except (ArithmeticError, ValueError) as error:
            raise unreadable("a history", error, is_change=False) from error


def _endless(what: str) -> VenueError:
    return VenueError(
        f"Backpack's history of {what} does not end after {MOST_PAGES * PAGE} entries: ask for a shorter time",
        Reaction.REFUSE,
        "EndlessHistory",
    )
