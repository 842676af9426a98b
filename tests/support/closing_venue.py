"""A scripted venue whose market orders execute at once: what closing a position needs."""

from collections.abc import Sequence

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import OrderKind
from perpmaker.venues.port import Accepted, PlaceResult
from support.scripted_venue import ScriptedVenue

PRICE_TICKS = 9_990


class ClosingVenue(ScriptedVenue):
    """Reduce-only market orders execute at `PRICE_TICKS`, ``fills_at_most`` lots of each, without a fee."""

    fills_at_most = 10**9

    async def place(self, orders: Sequence[Place]) -> list[PlaceResult]:
        held = self.books.lots
        results = await super().place([order._replace(price_ticks=PRICE_TICKS) for order in orders])
        for order, result in zip(orders, results, strict=True):
            if isinstance(result, Accepted):
                assert order.reduce_only
                assert order.kind is OrderKind.MARKET
                (venue_id,) = [
                    name
                    for name, resting in self.resting.items()
                    if (resting.tag, resting.order_id) == (self.tag, order.order_id)
                ]
                self.execute(venue_id, min(order.lots, abs(held), self.fills_at_most))
                if venue_id in self.resting:
                    self.end(venue_id)
        return results

    def sent(self) -> list[Place]:
        """Every order that was asked for, as it was asked for."""
        return [order._replace(price_ticks=0) for orders in self.called("place") for order in orders]
