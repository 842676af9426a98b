"""The rules of `kernel_bars` once more, written from their text: lists, sorting, every path walked with copies.

Clock, delivery, account and form checks are those of `NaiveExchange`; what a bar does to orders is only here.
"""

from dataclasses import dataclass, field

from perpmaker.domain.commands import Place
from perpmaker.domain.events import (
    BookUpdated,
    FundingPaid,
    GapEnded,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
)
from perpmaker.domain.orders import CancelReason, OrderKind, Side
from perpmaker.simulation import market_events as m
from simulation.naive_exchange import NaiveExchange, Order

BILLION = 10**9


@dataclass
class Bar:
    open: int
    left: int
    high: int = 0
    low: int = 0
    close: int = 0
    points: list[int] = field(default_factory=list)
    rested: list[Order] = field(default_factory=list)


@dataclass
class NaiveBarExchange(NaiveExchange):
    bar: Bar | None = None
    is_under_way: bool = False
    price: int = 0

    def row(self, _ts, coded_kind, price, lots):
        kind = coded_kind & m.KIND_MASK
        if self.in_gap:
            if kind == m.GAP_END:
                self.in_gap = False
                self.show(GapEnded)
        elif kind == m.GAP_START:
            self.gap()
            self.is_under_way = False
        elif kind == m.FUNDING:
            amount = -self.position * (price if price > 0 else self.mark or 0) * lots
            self.cash += amount
            self.look_at_drawdown()
            self.show(FundingPaid, amount)
        elif kind == m.MARK:
            self.mark_recorded = True
            self.set_mark(price)
        elif kind == m.BAR_OPEN:
            self.bar = Bar(price, lots * self.terms.bar_volume_share_ppb // BILLION)
            self.size = max(1, self.bar.left)
        elif kind == m.BAR_HIGH:
            self.bar.high = price
        elif kind == m.BAR_LOW:
            self.bar.low = price
        elif kind == m.BAR_CLOSE:
            self.bar.close = price
            self.begin()
        elif kind == m.BAR_STEP and self.is_under_way:
            self.step()

    def half(self, price):
        return max(1, -(-price * self.terms.bar_half_spread_ppb // BILLION))

    def begin(self):
        self.is_under_way = True
        opening, fills = self.bar.open, self.fills
        for order in self.reached(self.orders, opening):
            self.give(order)
        self.go(opening)
        if self.top[1] == 0 or not self.top[0] <= opening <= self.top[2] or self.fills > fills:
            self.show_book(opening)

    def step(self):
        bar = self.bar
        if not bar.points:
            bar.rested = list(self.orders)
            bar.points = [*self.worse_path(), bar.close]
        point, fills = bar.points.pop(0), self.fills
        if bar.points:
            side = Side.BUY if point == bar.low and self.is_low(point) else Side.SELL
            for order in self.reached([order for order in bar.rested if order.side is side], point):
                self.give(order)
            self.go(point)
            if self.fills > fills:
                self.show_book(point)
        else:
            self.is_under_way = False
            self.go(point)
            self.show_book(point)

    def is_low(self, point):
        """Which of the extremes this one is, also where both are the same price."""
        del point
        return self.low_first == (len(self.bar.points) == 2)

    def worse_path(self):
        bar = self.bar
        if self.position:
            self.low_first = self.position > 0
        else:
            (low_worth, low_lots), (high_worth, high_lots) = self.try_path(Side.BUY), self.try_path(Side.SELL)
            by_distance = bar.open - bar.low >= bar.high - bar.open
            self.low_first = (low_worth, low_lots, not by_distance) <= (high_worth, high_lots, by_distance)
        return [bar.low, bar.high] if self.low_first else [bar.high, bar.low]

    def try_path(self, first: Side):
        """What a path is worth at the close, and the lots that its first extreme fills."""
        left, worth, lots_first = self.bar.left, 0, 0
        for side in (first, first.opposite):
            point = self.bar.low if side is Side.BUY else self.bar.high
            for order in self.reached([order for order in self.orders if order.side is side], point):
                part = min(order.left, left)
                left -= part
                worth += side * (self.bar.close - order.price) * part
                lots_first += part if side is first else 0
        return worth, lots_first

    def reached(self, orders, point):
        """Orders that the way to this point goes through, in the order in which it does."""
        through = [order for order in orders if (order.price - point) * order.side > 0]
        return sorted(through, key=lambda order: -order.price * order.side)

    def give(self, order):
        lots = min(order.left, self.bar.left)
        if lots == 0:
            return
        if not self.mark_recorded:
            self.mark = order.price * 1000
        self.bar.left -= self.fill_resting(order, lots)

    def go(self, price):
        self.price = price
        if not self.mark_recorded and self.mark != price * 1000:
            self.mark = price * 1000
            if self.position:
                self.look_at_drawdown()
            self.show(MarkUpdated, self.mark)

    def show_book(self, price):
        top = (max(1, price - self.half(price)), self.size, price + self.half(price), self.size)
        if top != self.top:
            self.top = top
            self.show(BookUpdated, *top)

    def best(self, side):
        """Of the book that the maker saw last."""
        if not self.top[1]:
            return None
        return self.top[2] if side is Side.SELL else self.top[0]

    def taken_at(self, side):
        """What an order of this side gets that takes now."""
        return self.price + self.half(self.price) if side is Side.BUY else max(1, self.price - self.half(self.price))

    def take(self, order_id, side, lots, _may_take=None):
        taken = min(lots, self.bar.left) if self.top[1] else 0
        if taken:
            self.bar.left -= taken
            self.book_fill(order_id, side, self.taken_at(side), taken, False)
        return taken

    def note_top(self, between=None):
        """Nothing that happens between two points of a bar changes the book that it shows."""

    def arrive(self, command):
        if not isinstance(command, Place):
            super().arrive(command)
            return
        lots = command.lots
        may_fill = min(lots, abs(self.position)) if command.reduce_only else lots
        reason = self.objection(command, lots)
        if reason is not None:
            self.respond(OrderRejected, command.order_id, reason)
            return
        self.respond(OrderAccepted, command.order_id)
        taken, price = 0, self.taken_at(command.side)
        is_within_limit = command.kind is OrderKind.MARKET or (command.price_ticks - price) * command.side >= 0
        if not command.post_only and is_within_limit:
            taken = self.take(command.order_id, command.side, may_fill)
        if taken == may_fill < lots:
            self.respond(OrderCanceled, command.order_id, taken, CancelReason.REDUCE_ONLY)
        elif taken < lots and command.kind is OrderKind.LIMIT:
            left = lots - taken
            self.orders.append(
                Order(command.order_id, command.side, command.price_ticks, left, taken, command.reduce_only, 0.0, 0)
            )
        elif taken < lots:
            self.respond(OrderCanceled, command.order_id, taken, CancelReason.IMMEDIATE_REMAINDER)
