"""An account on one market of Backpack.

Rules kept here:

1. Market data is that of `BackpackMarketSource`; questions are asked by `questions` and `history`, orders sent by
   `order_desk`, and news come by `account_stream`. Here is only what holds them together.
2. Requests are stamped with the exchange's clock, which is measured before the first and whenever one was refused for
   its time.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from perpmaker.domain.commands import Place
from perpmaker.venues.backoff import Backoff
from perpmaker.venues.backpack.account_stream import AccountStream
from perpmaker.venues.backpack.history import History
from perpmaker.venues.backpack.http import BASE_URL
from perpmaker.venues.backpack.market_source import NAME, BackpackMarketSource
from perpmaker.venues.backpack.order_desk import OrderDesk
from perpmaker.venues.backpack.own_news import OwnNews
from perpmaker.venues.backpack.pool import BackpackPool
from perpmaker.venues.backpack.private_http import PrivateHttp
from perpmaker.venues.backpack.questions import Questions
from perpmaker.venues.backpack.signing import WINDOW_MS, Signer
from perpmaker.venues.backpack.stream import WS_URL
from perpmaker.venues.client_ids import UINT32, OwnId
from perpmaker.venues.clock import Clock
from perpmaker.venues.credentials import Credentials
from perpmaker.venues.errors import VenueError
from perpmaker.venues.port import (
    AccountListener,
    AccountState,
    CancelResult,
    PlaceResult,
    VenueFacts,
    VenueFill,
    VenueFunding,
    VenueOrder,
    VenuePosition,
)

REQUESTS_PER_MINUTE: Final = 2_000
"""The exchange's limit for one subaccount."""

LIFE_MARGIN_NS: Final = 2_000_000_000
"""Beyond the window of a signature: for what the measured clock may be wrong by, and for requests under way inside."""


@dataclass(frozen=True, slots=True)
class _Desks:
    """What needs the market's grid, and so comes after the market was looked up."""

    news: OwnNews
    questions: Questions
    history: History
    orders: OrderDesk


class BackpackVenue(BackpackMarketSource):
    """`perpmaker.venues.port.Venue` for one account on one market of Backpack.

    Args:
        symbol: ``SOL_USDC_PERP`` or ccxt's ``SOL/USDC:USDC``.
        credentials: API key (base64 of the public key) and secret (base64 of the seed).
        clock: our clock.
        base_url: REST address.
        ws_url: websocket address.
        random: for the waits between attempts to connect.
        pool: connections that other markets use, too; its own if not given.

    Raises:
        CredentialsError: the keys are missing or malformed.
    """

    def __init__(
        self,
        symbol: str,
        credentials: Credentials,
        clock: Clock,
        *,
        base_url: str = BASE_URL,
        ws_url: str = WS_URL,
        random: Random | None = None,
        pool: BackpackPool | None = None,
    ) -> None:
        super().__init__(symbol, clock, base_url=base_url, ws_url=ws_url, random=random, pool=pool)
        self._signer = Signer(credentials, self.venue_clock)
        self._private = PrivateHttp(self._signer, self._measure, base_url, self._pool.http)
        self._facts = VenueFacts(
            name=NAME,
            account=credentials.account_name(NAME),
            can_place_batch=True,
            can_cancel_all=True,
            request_life_ns=WINDOW_MS * 1_000_000 + LIFE_MARGIN_NS,
            requests_per_minute=REQUESTS_PER_MINUTE,
            max_tag=UINT32.max_tag,
            max_order_id=UINT32.max_order_id,
            signs_at_once=True,
        )
        self._private_stream = self._pool.stream(ws_url, self._random, self._facts.account)
        self._tag: int | None = None
        self._may_trade = False  # asked until it is known
        self._made: _Desks | None = None
        self._account_stream: AccountStream | None = None

    @property
    def facts(self) -> VenueFacts:
        return self._facts

    def begin_run(self, tag: int) -> None:
        UINT32.encode(OwnId(tag, 1))  # refuses a tag that does not fit
        self._tag = tag
        if self._made is not None:
            self._made.news.tag = tag

    async def open_account(self, listener: AccountListener) -> None:
        desks = await self._desks()
        self._account_stream = AccountStream(
            self.symbol, desks.news, self._signer, listener, self._measure, self._private_stream, Backoff(self._random)
        )
        try:
            await self._account_stream.open()
        except BaseException:
            await self._close_account_stream()
            raise

    async def restart(self) -> None:
        """The market's stream, which always has something to say, decides for the account's, too."""
        alone = self._is_alone_silent
        self._restart_market(alone=alone)
        if self._account_stream is not None:
            self._account_stream.restart(alone=alone)

    async def close(self) -> None:
        await self._close_account_stream()
        if self._made is not None:
            self._made.history.close()
        await super().close()

    async def account(self) -> AccountState:
        desks = await self._desks()
        state = await desks.questions.account()
        if not self._may_trade:
            self._may_trade = await desks.orders.may_trade()
        return replace(state, can_trade=state.can_trade and self._may_trade)

    async def position(self) -> VenuePosition:
        return await (await self._desks()).questions.position()

    async def open_orders(self) -> list[VenueOrder]:
        return await (await self._desks()).questions.open_orders()

    async def order(self, order_id: int) -> VenueOrder | None:
        desks = await self._desks()
        own = self._own(order_id)
        resting = await desks.questions.open_order(own)
        if resting is not None:
            return resting
        return await desks.history.ended_order(own)

    async def fills(self, since_ns: int) -> list[VenueFill]:
        return await (await self._desks()).history.fills(since_ns)

    async def funding(self, since_ns: int) -> list[VenueFunding]:
        return await (await self._desks()).history.funding(since_ns)

    async def place(self, orders: Sequence[Place]) -> list[PlaceResult]:
        assert self._made is not None, "an order before the market was looked up"
        assert self._tag is not None, "an order before begin_run"
        return await self._made.orders.place(self._tag, orders)

    async def cancel(self, order_id: int) -> CancelResult:
        assert self._made is not None, "a cancellation before the market was looked up"
        return await self._made.orders.cancel(self._own(order_id))

    async def cancel_venue_order(self, venue_id: str) -> bool:
        return await (await self._desks()).orders.cancel_venue_order(venue_id)

    async def cancel_all(self) -> bool:
        return await (await self._desks()).orders.cancel_all()

    async def _desks(self) -> _Desks:
        if self._made is None:
            grid = await self._known_grid()
            news = OwnNews(grid, self.venue_clock.local_ns)
            news.tag = self._tag
            self._made = _Desks(
                news,
                Questions(self._private, grid, news),
                History(self._private, news, grid, self.venue_clock),
                OrderDesk(self._private, grid, news, self.venue_clock),
            )
        if not self.venue_clock.is_measured:
            await self.clock()
        return self._made

    def _own(self, order_id: int) -> OwnId:
        assert self._tag is not None, "an order of this run before begin_run"
        return OwnId(self._tag, order_id)

    async def _measure(self) -> None:
        with contextlib.suppress(VenueError):
            await self.clock()

    async def _close_account_stream(self) -> None:
        stream, self._account_stream = self._account_stream, None
        if stream is not None:
            await stream.close()
