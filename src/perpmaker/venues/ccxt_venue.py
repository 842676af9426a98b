"""An account on one linear perpetual of any exchange of ccxt with streams.

Rules kept here:

1. Market data is that of `CcxtMarketSource`, by an object of ccxt without keys; everything about the account goes
   through another one, with keys and exact numbers.
2. Questions about the past are `perpmaker.venues.ccxt_history`, orders `perpmaker.venues.ccxt_orders`, news
   `perpmaker.venues.ccxt_account_stream`. Here is only what holds them together.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any, Final

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import Side
from perpmaker.venues.ccxt_account_stream import CcxtAccountStream
from perpmaker.venues.ccxt_exchange import asked, errors_of, make_exchange
from perpmaker.venues.ccxt_history import CcxtHistory, KnownOrders
from perpmaker.venues.ccxt_market import CcxtMarketSource
from perpmaker.venues.ccxt_orders import CcxtOrders
from perpmaker.venues.ccxt_parse import Parser
from perpmaker.venues.ccxt_quirks import quirks_of
from perpmaker.venues.ccxt_terms import Contract, plain
from perpmaker.venues.client_ids import OwnId, client_ids
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

LOOK_BACK_NS: Final = 60_000_000_000
"""How far before the start of a run its orders are looked for."""

_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class _Desks:
    """What needs the market's grid, and so comes after the market was looked up."""

    contract: Contract
    parser: Parser
    known: KnownOrders
    history: CcxtHistory
    orders: CcxtOrders


class CcxtVenue(CcxtMarketSource):
    """`perpmaker.venues.port.Venue` for one account on one linear perpetual of an exchange of ccxt.

    Args:
        exchange_id: ccxt's id, e.g. ``hyperliquid``.
        symbol: ccxt's or the exchange's own.
        credentials: those that ccxt wants for this exchange.
        clock: our clock.
        base_url: replaces scheme and host of all REST addresses (a testnet).
        ws_url: the same for websockets.
        random: for the waits between attempts to connect.

    Raises:
        CredentialsError: there is no key at all.
    """

    def __init__(
        self,
        exchange_id: str,
        symbol: str,
        credentials: Credentials,
        clock: Clock,
        *,
        base_url: str | None = None,
        ws_url: str | None = None,
        random: Random | None = None,
    ) -> None:
        super().__init__(exchange_id, symbol, clock, base_url=base_url, ws_url=ws_url, random=random)
        self._private: Any = make_exchange(exchange_id, self.venue_clock, credentials, base_url=base_url, ws_url=ws_url)
        self._ids = client_ids(exchange_id)
        self._quirks = quirks_of(exchange_id)
        self._facts = VenueFacts(
            name=exchange_id,
            account=credentials.account_name(exchange_id),
            can_place_batch=bool(self._private.has.get("createOrders")),
            can_cancel_all=bool(self._private.has.get("cancelAllOrders")),
            request_life_ns=self._quirks.request_life_ns,
            requests_per_minute=max(1, int(_MINUTE_MS / self._private.rateLimit)),
            max_tag=self._ids.max_tag,
            max_order_id=self._ids.max_order_id,
        )
        self._tag: int | None = None
        self._run_began_ns = 0
        self._made: _Desks | None = None
        self._account_stream: CcxtAccountStream | None = None

    @property
    def facts(self) -> VenueFacts:
        return self._facts

    def begin_run(self, tag: int) -> None:
        self._ids.encode(OwnId(tag, 1))  # refuses a tag that does not fit
        self._tag = tag
        self._run_began_ns = self.venue_clock.now_ns()
        if self._account_stream is not None:
            self._account_stream.tag = tag

    async def open_account(self, listener: AccountListener) -> None:
        desks = await self._desks()
        stream = CcxtAccountStream(
            self._private,
            desks.contract.symbol,
            desks.parser,
            self._quirks,
            desks.history.fills,
            listener,
            self.venue_clock,
            self._random,
        )
        stream.tag = self._tag
        stream.on_order = desks.known.note_order
        self._account_stream = stream
        try:
            await stream.open()
        except BaseException:
            await self._close_account_stream()
            raise

    async def restart(self) -> None:
        await super().restart()
        if self._account_stream is not None:
            await self._account_stream.restart()

    async def close(self) -> None:
        await self._close_account_stream()
        await super().close()
        await self._private.close()

    async def account(self) -> AccountState:
        desks = await self._desks()
        with errors_of(self._private):
            return await self._quirks.account(self._private, desks.contract)

    async def position(self) -> VenuePosition:
        desks = await self._desks()
        exchange = self._private
        found = await asked(exchange, exchange.fetch_positions([desks.contract.symbol]))
        with errors_of(exchange):
            held = [each for each in found if each["symbol"] == desks.contract.symbol]
            lots = sum(desks.parser.position_lots(each) for each in held)
            if not lots:
                return VenuePosition(0, Decimal(0), None)
            entry, mark = held[0].get("entryPrice"), held[0].get("markPrice")
            return VenuePosition(
                lots,
                Decimal(plain(entry)),
                None if mark is None else desks.contract.instrument.price_to_milliticks(Decimal(plain(mark))),
            )

    async def open_orders(self) -> list[VenueOrder]:
        return await (await self._desks()).history.open_orders()

    async def order(self, order_id: int) -> VenueOrder | None:
        desks = await self._desks()
        return await desks.history.order(self._own(order_id), self._run_began_ns - LOOK_BACK_NS)

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
            contract = await self._known_contract()
            await asked(self._private, self._private.load_markets())
            parser = Parser(contract, self._ids, self._quirks)
            known = KnownOrders()
            history = CcxtHistory(self._private, contract.symbol, parser, self._quirks, known, self.venue_clock)
            orders = CcxtOrders(
                self._private,
                contract,
                self._ids,
                self._quirks,
                history,
                known,
                self.venue_clock,
                self._measure,
                self._touch,
            )
            self._made = _Desks(contract, parser, known, history, orders)
        return self._made

    def _own(self, order_id: int) -> OwnId:
        assert self._tag is not None, "an order of this run before begin_run"
        return OwnId(self._tag, order_id)

    def _touch(self, side: Side) -> int | None:
        best = self._book.best(side)
        return None if best is None else best.price_ticks

    async def _measure(self) -> None:
        with contextlib.suppress(VenueError):
            await self.clock()

    async def _close_account_stream(self) -> None:
        stream, self._account_stream = self._account_stream, None
        if stream is not None:
            await stream.close()
