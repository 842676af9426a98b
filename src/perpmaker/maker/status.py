"""What a person wants to see of a maker: its ladder level by level, and why a level is not resting. Read only."""

from typing import NamedTuple

from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.domain.orders import OrderStatus, Side
from perpmaker.domain.reasons import NotResting
from perpmaker.execution.own_orders import Order
from perpmaker.maker.market_maker import MarketMaker


class LevelStatus(NamedTuple):
    """One level: its order if there is one (on its way, resting or being cancelled), else the reason why not."""

    side: Side
    level: int
    order_id: int | None
    price_ticks: int
    lots: int
    status: OrderStatus | None
    not_resting: NotResting | None


def ladder_status(maker: MarketMaker, side: Side) -> list[LevelStatus]:
    """Every level of one side, innermost first."""
    serving = _newest_by_level(maker, side)
    return [_level(maker, side, level, serving) for level in range(1, maker.state.terms.levels + 1)]


def skew_ticks(maker: MarketMaker) -> float:
    """How far the ladder leans now, in ticks: below zero when it leans towards selling."""
    anchor = maker.quoter.anchor_milliticks
    return 0.0 if anchor is None else float(-maker.quoter.skew * anchor / MILLITICKS_PER_TICK)


def _newest_by_level(maker: MarketMaker, side: Side) -> dict[int, Order]:
    return {order.level: order for order in maker.orders if order.side is side and not order.reduce_only}


def _level(maker: MarketMaker, side: Side, level: int, serving: dict[int, Order]) -> LevelStatus:
    order = serving.get(level)
    if order is None:
        reason = maker.quoter.not_resting.get((side, level), NotResting.FILLED)
        return LevelStatus(side, level, None, 0, 0, None, reason)
    return LevelStatus(side, level, order.order_id, order.price_ticks, order.remaining_lots, order.status, None)
