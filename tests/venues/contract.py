"""What the contract's tests share: a story is run in virtual time on a venue that has been opened."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from perpmaker.domain.commands import Place
from perpmaker.domain.events import Filled
from perpmaker.domain.orders import OrderKind, Side
from support.venue_rigs import RIGS, Rig
from support.virtual_time import run_virtual

FAR_BID, FAR_ASK = 9_900, 10_100
"""Prices at which an order rests for as long as it likes."""

Story = Callable[[Rig], Awaitable[Any]]


def tell(name: str, story: Story, *, is_opened: bool = True) -> Any:
    """Run a story on one of the rigs, opened unless told."""

    async def run() -> Any:
        async with RIGS[name]() as rig:
            if is_opened:
                await rig.start()
            return await story(rig)

    return run_virtual(run)


def needs(rig: Rig, *names: str) -> None:
    """Skip where the venue cannot have this."""
    for name in names:
        if getattr(rig, name) is None:
            pytest.skip(f"this venue has no {name}")


def bid(order_id: int, price: int = FAR_BID, lots: int = 10, *, reduce_only: bool = False) -> Place:
    return Place(order_id, Side.BUY, price, lots, OrderKind.LIMIT, True, reduce_only)


def ask(order_id: int, price: int = FAR_ASK, lots: int = 10, *, reduce_only: bool = False) -> Place:
    return Place(order_id, Side.SELL, price, lots, OrderKind.LIMIT, True, reduce_only)


def market(order_id: int, side: Side, lots: int, *, reduce_only: bool = False) -> Place:
    return Place(order_id, side, 0, lots, OrderKind.MARKET, False, reduce_only)


async def filled(rig: Rig, order_id: int, lots: int) -> list[Filled]:
    """Wait until the stream has told executions of so many lots of an order."""

    def fills() -> list[Filled]:
        return [fill for fill in rig.told.of(Filled) if fill.order_id == order_id]

    await rig.told.until(lambda: sum(fill.lots for fill in fills()) >= lots)
    return fills()


def without_times(fill: Filled) -> tuple[Any, ...]:
    """All of an execution but when it was told and stamped."""
    return fill[2:]
