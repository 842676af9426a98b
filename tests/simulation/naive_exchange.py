"""A short, naive exchange, written from the rules: dict books, lists, Python integers, everything looked at every time.

It answers for the compiled one in `test_oracle`. Clarity is all that counts here: nothing is cached, nothing is fast.
"""

import math
from dataclasses import dataclass, field

from perpmaker.domain.commands import FAR_FUTURE_NS, Cancel, Place, Wake
from perpmaker.domain.events import (
    BookUpdated,
    CancelRejected,
    Event,
    Filled,
    FundingPaid,
    GapEnded,
    GapStarted,
    Liquidated,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    TimerFired,
    TradeSeen,
)
from perpmaker.domain.money import (
    QUANTA_PER_MILLITICK_LOT,
    QUANTA_PER_TICK_LOT,
    RATE_SCALE,
    fee_quanta,
    notional_quanta,
)
from perpmaker.domain.orders import CancelReason, OrderKind, RejectReason, Side
from perpmaker.domain.reference import ReferencePrice
from perpmaker.simulation import market_events as m
from perpmaker.simulation.latency import LatencyPath, Path
from perpmaker.simulation.terms import ExchangeTerms, QueueModel

BIG = 10**15
DAY_NS = 86_400 * 10**9


@dataclass
class Order:
    order_id: int
    side: Side
    price: int
    left: int
    done: int
    reduce_only: bool
    ahead: float
    level: int
    traded: int = 0


@dataclass
class NaiveExchange:
    rows: list[tuple[int, int, int, int]]
    terms: ExchangeTerms
    min_lots: int
    now: int = 0
    last_instant: int = -1
    end_told: bool = False
    next_row: int = 0
    books: dict[Side, dict[int, int]] = field(default_factory=lambda: {Side.BUY: {}, Side.SELL: {}})
    stated: set[tuple[Side, int]] = field(default_factory=set)
    top: tuple[int, int, int, int] = (0, 0, 0, 0)
    in_gap: bool = False
    mark: int | None = None
    mark_recorded: bool = False
    position: int = 0
    cash: int = 0
    peak: int = 0
    drawdown: int = 0
    fills: int = 0
    orders: list[Order] = field(default_factory=list)
    requests: list[tuple[int, Place | Cancel]] = field(default_factory=list)
    views: list[Event] = field(default_factory=list)
    responses: list[Event] = field(default_factory=list)
    seen: dict[type, Event] = field(default_factory=dict)
    told_book: tuple[int, int, int, int] = (0, 0, 0, 0)
    told_mark: int | None = None
    trade_untold: bool = False
    is_margin_news: bool = False

    def __post_init__(self):
        self.now = self.rows[0][0]
        self.last_instant = self.now - 1
        self.cash = self.peak_cash = self.terms.balance_quanta
        self.peak = self.cash // QUANTA_PER_MILLITICK_LOT
        self.volumes = {self.now // DAY_NS - 1: self.terms.volume_quanta // QUANTA_PER_TICK_LOT}
        feed, order, seed = self.terms.feed_latency_ns, self.terms.order_latency_ns, self.terms.seed
        self.feed_path = LatencyPath(feed, seed, Path.FEED)
        self.request_path = LatencyPath(order, seed, Path.REQUEST)
        self.answer_path = LatencyPath(order, seed, Path.ANSWER)

    # --- what the maker does ---

    def submit(self, commands):
        due = self.request_path.due_ns(self.now)
        self.requests += [(due, command) for command in commands]

    def advance(self, wake: Wake) -> list[Event]:
        until = max(wake.until_ns, self.now)
        refresh = wake.refresh_ns
        while refresh <= self.last_instant:
            refresh = refresh + wake.interval_ns if wake.interval_ns > 0 else FAR_FUTURE_NS
        kept: list[Event] = []
        stop = False
        timer = is_refresh = False
        while True:
            times = [until, refresh]
            times += [self.rows[self.next_row][0]] if self.next_row < len(self.rows) else []
            times += [self.requests[0][0]] if self.requests else []
            times += [queue[0].at_ns for queue in (self.views, self.responses) if queue]
            if stop and min(times) > self.now:
                break
            if len(times) == 2 and self.next_row == len(self.rows) and min(times) > self.now:
                if not self.end_told:
                    self.end_told = timer = True
                    break
                if refresh < FAR_FUTURE_NS and not self.refresh_needed(wake):
                    refresh = FAR_FUTURE_NS
                    continue
                if min(until, refresh) >= FAR_FUTURE_NS:
                    timer = True
                    break
            self.now = min(times)
            while self.next_row < len(self.rows) and self.rows[self.next_row][0] == self.now:
                self.row(*self.rows[self.next_row])
                self.next_row += 1
            self.look_at_margin()
            while self.requests and self.requests[0][0] == self.now:
                self.arrive(self.requests[0][1])
                self.requests.pop(0)
                self.look_at_margin()
            while self.views and self.views[0].at_ns == self.now:
                stop |= self.see(self.views.pop(0), wake, kept)
            while self.responses and self.responses[0].at_ns == self.now:
                answer = self.responses.pop(0)
                kept.append(answer)
                quiet = isinstance(answer, OrderAccepted) or (
                    isinstance(answer, OrderCanceled) and answer.reason is CancelReason.REQUESTED
                )
                stop |= wake.on_order or not quiet
            if refresh == self.now:
                if self.refresh_needed(wake):
                    timer = is_refresh = stop = True
                    refresh = FAR_FUTURE_NS
                else:
                    refresh = refresh + wake.interval_ns if wake.interval_ns > 0 else FAR_FUTURE_NS
            if until == self.now:
                timer = stop = True
                until = FAR_FUTURE_NS
        self.last_instant = self.now
        return self.tell(kept, timer, is_refresh)

    def see(self, event, wake, kept) -> bool:
        if isinstance(event, GapStarted | GapEnded | FundingPaid):
            kept.append(event)
            return True
        self.seen[type(event)] = event
        if isinstance(event, BookUpdated):
            return wake.on_book
        if isinstance(event, TradeSeen):
            self.trade_untold = True
            return False
        return not wake.mark_low <= event.mark_milliticks <= wake.mark_high

    def refresh_needed(self, wake) -> bool:
        book = self.seen.get(BookUpdated)
        if book is None or not book.bid_lots or not book.ask_lots:
            return True
        if book.ask_ticks <= wake.bid_guard_ticks or book.bid_ticks >= wake.ask_guard_ticks:
            return True
        bid, ask = book.bid_ticks, book.ask_ticks
        if wake.reference is ReferencePrice.MID:
            price = (bid + ask) * 500
        elif wake.reference is ReferencePrice.MICRO:
            price = bid * 1000 + (ask - bid) * 1000 * book.bid_lots // (book.bid_lots + book.ask_lots)
        elif wake.reference is ReferencePrice.LAST:
            trade = self.seen.get(TradeSeen)
            if trade is None:
                return True
            price = trade.price_ticks * 1000
        else:
            mark = self.seen.get(MarkUpdated)
            if mark is None:
                return True
            price = mark.mark_milliticks
        return not wake.reference_low <= price <= wake.reference_high

    def tell(self, kept, timer, is_refresh):
        book = self.seen.get(BookUpdated)
        if book is not None and book[2:] != self.told_book:
            self.told_book = book[2:]
            kept.append(book)
        if self.trade_untold:
            self.trade_untold = False
            kept.append(self.seen[TradeSeen])
        mark = self.seen.get(MarkUpdated)
        if mark is not None and mark.mark_milliticks != self.told_mark:
            self.told_mark = mark.mark_milliticks
            kept.append(mark)
        if timer:
            kept.append(TimerFired(self.now, is_refresh))
        ranks = {
            GapStarted: 0,
            GapEnded: 0,
            FundingPaid: 0,
            BookUpdated: 1,
            TradeSeen: 2,
            MarkUpdated: 3,
            TimerFired: 5,
        }
        return sorted(kept, key=lambda event: (event.at_ns, ranks.get(type(event), 4)))

    # --- the market ---

    def show(self, event_type, *fields):
        self.views.append(event_type(self.feed_path.due_ns(self.now), self.now, *fields))

    def respond(self, event_type, *fields):
        self.responses.append(event_type(self.answer_path.due_ns(self.now), self.now, *fields))

    def row(self, _ts, coded_kind, price, lots):
        kind = coded_kind & m.KIND_MASK
        if self.in_gap:
            if kind == m.GAP_END:
                self.in_gap = False
                self.show(GapEnded)
            return
        if kind == m.GAP_START:
            self.gap()
            return
        bids, asks = self.books[Side.BUY], self.books[Side.SELL]
        if kind in (m.BEST_BID, m.BEST_ASK):
            side = Side.BUY if kind == m.BEST_BID else Side.SELL
            if lots == 0:
                self.clear(side, lambda _level: True)
            else:
                self.clear(side, lambda level: (level - price) * side > 0)
                self.state(side, price, lots)
        elif kind == m.BID:
            self.state(Side.BUY, price, lots)
        elif kind == m.ASK:
            self.state(Side.SELL, price, lots)
        elif kind == m.CLEAR_BIDS:
            self.clear(Side.BUY, lambda level: level >= price)
        elif kind == m.CLEAR_ASKS:
            self.clear(Side.SELL, lambda level: level <= price)
        elif kind in (m.BUY_TRADE, m.SELL_TRADE):
            aggressor = Side.BUY if kind == m.BUY_TRADE else Side.SELL
            self.trade(aggressor.opposite, price, lots)
            self.show(TradeSeen, price, lots, aggressor)
        elif kind == m.MARK and price > 0:
            self.mark_recorded = True
            self.set_mark(price)
        elif kind == m.FUNDING:
            amount = -self.position * (price if price > 0 else self.mark or 0) * lots
            self.cash += amount
            self.look_at_drawdown()
            self.show(FundingPaid, amount)
        assert all(lots > 0 for book in (bids, asks) for lots in book.values())
        if not coded_kind & m.MORE:
            self.message_end()

    def state(self, side, price, lots):
        self.books[side].pop(price, None)
        if lots:
            self.books[side][price] = lots
        self.stated.add((side, price))

    def clear(self, side, which):
        for price in [price for price in self.books[side] if which(price)]:
            del self.books[side][price]
        self.stated |= {(side, order.price) for order in self.orders if order.side is side and which(order.price)}

    def best(self, side) -> int | None:
        book = self.books[side]
        if not book:
            return None
        return max(book) if side is Side.BUY else min(book)

    def current_top(self):
        bid, ask = self.best(Side.BUY), self.best(Side.SELL)
        return (bid or 0, self.books[Side.BUY].get(bid, 0), ask or 0, self.books[Side.SELL].get(ask, 0))

    def set_mark(self, mark, show=True) -> bool:
        changed = mark != self.mark
        self.mark = mark
        if changed:
            self.look_at_drawdown()
        if changed and show:
            self.show(MarkUpdated, mark)
        return changed

    def note_top(self, between=lambda: None):
        """The mark moves, then what is ``between`` happens, then the maker is sent the book and the mark."""
        before, self.top = self.top, self.current_top()
        moved = False
        if self.top != before and not self.mark_recorded and self.top[1] and self.top[3]:
            moved = self.set_mark((self.top[0] + self.top[2]) * 500, show=False)
        between()
        if self.top != before:
            self.show(BookUpdated, *self.top)
        if moved:
            self.show(MarkUpdated, self.mark)

    def message_end(self):
        self.note_top(self.crossings_and_queues)

    def crossings_and_queues(self):
        for side in (Side.BUY, Side.SELL):
            other = self.best(side.opposite)
            for order in list(self.orders):
                if order.side is side and other is not None and (order.price - other) * side >= 0 and order.left:
                    self.fill_resting(order, order.left)
        for order in self.orders:
            if (order.side, order.price) in self.stated:
                self.level_stated(order)
        self.stated.clear()

    def level_stated(self, order):
        new = self.books[order.side].get(order.price, 0)
        change = order.level - new - order.traded
        if self.terms.queue_model is QueueModel.POWER and change > 0:
            n, front, back = self.terms.power_exponent, order.ahead, order.level - order.ahead
            weight = math.pow(max(back, 0.0), n)
            prob = weight / (weight + math.pow(max(front, 0.0), n))
            order.ahead = front - (1.0 - prob) * change + min(back - prob * change, 0.0)
        order.ahead = min(order.ahead, float(new))
        order.level, order.traded = new, 0

    def trade(self, side, price, lots):
        left = lots
        for order in list(self.orders):
            if order.side is not side or not order.left:
                continue
            if (order.price - price) * side > 0:
                self.fill_resting(order, order.left)
            elif order.price == price:
                order.traded += lots
                order.ahead -= left
                if order.ahead <= -0.5:
                    ours = math.floor(-order.ahead)
                    order.ahead = 0.0
                    if ours:
                        left -= self.fill_resting(order, ours)

    # --- our orders and our account ---

    def fill_resting(self, order, lots) -> int:
        lots = min(lots, order.left, abs(self.position) if order.reduce_only else lots)
        order.left -= lots
        order.done += lots
        if not order.left:
            self.orders.remove(order)
        self.book_fill(order.order_id, order.side, order.price, lots, True)
        return lots

    def book_fill(self, order_id, side, price, lots, maker):
        self.fills += 1
        fee = fee_quanta(price, lots, self.fee_rate(maker) + (0 if order_id else self.terms.liquidation_fee_ppb))
        today = self.now // DAY_NS
        self.volumes[today] = self.volumes.get(today, 0) + price * lots
        self.cash -= side * notional_quanta(price, lots) + fee
        self.position += side * lots
        self.look_at_drawdown()
        self.respond(Filled, self.fills, order_id, side, price, lots, maker, fee)
        for order in list(self.orders):
            if order.reduce_only and order.side * self.position >= 0:
                self.end(order, CancelReason.REDUCE_ONLY)

    def fee_rate(self, maker) -> int:
        today = self.now // DAY_NS
        volume = sum(lots for day, lots in self.volumes.items() if today - 30 <= day < today) * QUANTA_PER_TICK_LOT
        rates = (self.terms.maker_fee_ppb, self.terms.taker_fee_ppb)
        for tier in self.terms.fee_tiers:
            if volume >= tier.from_quanta:
                rates = (tier.maker_fee_ppb, tier.taker_fee_ppb)
        return rates[0] if maker else rates[1]

    def look_at_margin(self):
        """Rules 15 and 16 of the fill rules."""
        if not self.is_margin_news:
            return
        self.is_margin_news = False
        needed = abs(self.position) * (self.mark or 0) * QUANTA_PER_MILLITICK_LOT * self.terms.maintenance_margin_ppb
        if not needed or self.equity * RATE_SCALE >= needed:
            return
        for order in list(self.orders):
            self.end(order, CancelReason.LIQUIDATION)
        held = self.position
        self.take(0, Side.SELL if held > 0 else Side.BUY, abs(held), lambda: True)
        if self.position != held:
            self.respond(Liquidated, self.position - held, self.position)
        self.note_top()
        self.is_margin_news = False

    def end(self, order, reason):
        order.left = 0
        self.orders.remove(order)
        self.respond(OrderCanceled, order.order_id, order.done, reason)

    @property
    def equity(self):
        return self.cash + self.position * (self.mark or 0) * QUANTA_PER_MILLITICK_LOT

    def look_at_drawdown(self):
        self.is_margin_news = True
        equity = self.equity // QUANTA_PER_MILLITICK_LOT
        self.peak = max(self.peak, equity)
        self.drawdown = max(self.drawdown, self.peak - equity)

    def gap(self):
        self.in_gap = True
        self.mark_recorded = False
        coming = [order.order_id for order in self.orders]
        for _, command in self.requests:
            if isinstance(command, Place):
                coming.append(command.order_id)
            elif command.order_id not in coming:
                self.respond(CancelRejected, command.order_id)
        for order in list(self.orders):
            self.end(order, CancelReason.MARKET_GAP)
        for _, command in self.requests:
            if isinstance(command, Place):
                self.respond(OrderRejected, command.order_id, RejectReason.MARKET_GAP)
        self.requests.clear()
        self.books = {Side.BUY: {}, Side.SELL: {}}
        self.stated.clear()
        self.show(GapStarted)
        if self.top != (0, 0, 0, 0):
            self.top = (0, 0, 0, 0)
            self.show(BookUpdated, *self.top)

    def arrive(self, command):
        if isinstance(command, Cancel):
            order = next((order for order in self.orders if order.order_id == command.order_id), None)
            if order is None:
                self.respond(CancelRejected, command.order_id)
            else:
                self.end(order, CancelReason.REQUESTED)
            return
        lots = command.lots
        may_fill = min(lots, abs(self.position)) if command.reduce_only else lots
        reason = self.objection(command, lots)
        if reason is not None:
            self.respond(OrderRejected, command.order_id, reason)
            return
        self.respond(OrderAccepted, command.order_id)
        side = command.side
        is_market = command.kind is OrderKind.MARKET
        taken = self.take(command.order_id, side, may_fill, lambda: is_market or self.crosses(command))
        left = may_fill - taken
        if taken == may_fill < lots:
            self.respond(OrderCanceled, command.order_id, taken, CancelReason.REDUCE_ONLY)
        elif left and command.kind is OrderKind.LIMIT:
            level = self.books[side].get(command.price_ticks, 0)
            order = Order(
                command.order_id,
                side,
                command.price_ticks,
                lots - taken,
                taken,
                command.reduce_only,
                float(level),
                level,
            )
            self.orders.append(order)
        elif left:
            self.respond(OrderCanceled, command.order_id, taken, CancelReason.IMMEDIATE_REMAINDER)
        self.note_top()

    def take(self, order_id, side, lots, may_take) -> int:
        left, book = lots, self.books[side.opposite]
        while left and book and may_take():
            price = self.best(side.opposite)
            part = min(left, book[price])
            book[price] -= part
            if not book[price]:
                del book[price]
            for order in self.orders:
                if order.side is side.opposite and order.price == price:
                    order.level = book.get(price, 0)
                    order.ahead = min(max(order.ahead - part, 0.0), float(order.level))
            left -= part
            self.book_fill(order_id, side, price, part, False)
        return lots - left

    def crosses(self, command) -> bool:
        best = self.best(command.side.opposite)
        return best is not None and (command.price_ticks - best) * command.side >= 0

    def objection(self, command, lots):
        side = command.side
        if self.in_gap:
            return RejectReason.MARKET_GAP
        if command.lots < self.min_lots:
            return RejectReason.BELOW_MINIMUM
        limited = command.kind is not OrderKind.MARKET
        if command.post_only and command.kind is not OrderKind.LIMIT:
            return RejectReason.OTHER
        if limited and (not 1 <= command.price_ticks <= 10**9 or command.lots * command.price_ticks > BIG):
            return RejectReason.OTHER
        if command.lots > BIG:
            return RejectReason.OTHER
        if self.mark is None:
            return RejectReason.NO_MARKET
        if command.reduce_only and side * self.position >= 0:
            return RejectReason.REDUCE_ONLY_WOULD_INCREASE
        if command.post_only and self.crosses(command):
            return RejectReason.POST_ONLY_WOULD_CROSS
        if command.kind is OrderKind.MARKET and self.best(side.opposite) is None:
            return RejectReason.NO_MARKET
        if not command.reduce_only and not self.has_margin(side, lots):
            return RejectReason.INSUFFICIENT_MARGIN
        if command.kind is OrderKind.LIMIT and len(self.orders) == 256:
            return RejectReason.OTHER
        return None

    def has_margin(self, side, lots) -> bool:
        open_lots = {each: sum(order.left for order in self.orders if order.side is each) for each in Side}
        open_lots[side] += lots
        if open_lots[side] <= -side * self.position:
            return True
        exposure = max(abs(self.position + open_lots[Side.BUY]), abs(self.position - open_lots[Side.SELL]))
        if exposure * self.mark > BIG * 1000:
            return False
        needed = exposure * self.mark * QUANTA_PER_MILLITICK_LOT * self.terms.initial_margin_ppb
        return needed <= self.equity * RATE_SCALE
