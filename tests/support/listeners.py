"""Listeners that keep what they hear, for tests of venues."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from perpmaker.domain.events import BookUpdated, TradeSeen
from perpmaker.domain.orders import Side
from perpmaker.simulation.depth_book import DepthBook
from perpmaker.venues.port import MarketEvent, OwnEvent, Row


class Message(NamedTuple):
    event: MarketEvent | None
    rows: Sequence[Row]
    received_ns: int
    venue_ns: int


class _Heard:
    """Lets a test wait for something to be heard; there is no polling, and virtual time goes on meanwhile."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def until(self, condition: Callable[[], Any], timeout_s: float = 60.0) -> None:
        if condition():
            return
        reached = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, reached))
        async with asyncio.timeout(timeout_s):
            await reached

    def _look(self) -> None:
        for entry in list(self._waiting):
            condition, reached = entry
            if condition():
                self._waiting.remove(entry)
                if not reached.done():
                    reached.set_result(None)


class HeardMarket(_Heard):
    """The messages, and the book that their rows make."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self.book = DepthBook()

    def on_market(self, event: MarketEvent | None, rows: Sequence[Row], received_ns: int, venue_ns: int) -> None:
        self.messages.append(Message(event, tuple(rows), received_ns, venue_ns))
        for row in rows:
            self.book.apply(*row)
        self._look()

    def events(self, kind: type | None = None) -> list[Any]:
        told = [message.event for message in self.messages if message.event is not None]
        return told if kind is None else [event for event in told if isinstance(event, kind)]

    def trades(self, aggressor: Side) -> list[TradeSeen]:
        return [trade for trade in self.events(TradeSeen) if trade.aggressor is aggressor]

    @property
    def top(self) -> BookUpdated:
        """The best bid and offer as told last."""
        return self.events(BookUpdated)[-1]

    def touch(self) -> tuple[int, int, int, int]:
        """Best bid and offer by the rows."""
        bid, ask = self.book.best(Side.BUY), self.book.best(Side.SELL)
        return (*(bid or (0, 0)), *(ask or (0, 0)))


@dataclass
class HeardAccount(_Heard):
    own: list[OwnEvent] = field(default_factory=list)
    foreign: list[tuple[str | None, bool]] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    stream: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def on_own(self, event: OwnEvent) -> None:
        self.own.append(event)
        self._look()

    def on_foreign_order(self, client_id: str | None, *, is_open: bool) -> None:
        self.foreign.append((client_id, is_open))
        self._look()

    def on_position(self, lots: int, venue_ns: int) -> None:  # noqa: ARG002 - the protocol's
        self.positions.append(lots)
        self._look()

    def on_account_stream(self, *, is_up: bool) -> None:
        self.stream.append(is_up)
        self._look()

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.own if isinstance(event, kind)]
