"""When the maker need not be asked: a driver that keeps events back as `Wake` allows must miss nothing."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perpmaker.domain.commands import FAR_FUTURE_NS, Cancel, Command, Halt, Place
from perpmaker.domain.events import (
    BookUpdated,
    Filled,
    FundingPaid,
    GapEnded,
    GapStarted,
    MarkUpdated,
    OrderAccepted,
    OrderCanceled,
    TimerFired,
    TradeSeen,
)
from perpmaker.domain.orders import CancelReason, Side
from perpmaker.domain.reference import ReferencePrice
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import Recenter, StrategySettings, StrategyTerms
from perpmaker.quoting.reference import reference_milliticks
from perpmaker.quoting.skew import SkewMode
from support.maker_bench import SECOND_NS, Bench, instrument

BUY, SELL = Side.BUY, Side.SELL
HALF_SECOND_NS = SECOND_NS // 2


class Driver:
    """Two makers with one history: one is asked about everything, the other only when its `wake` says so.

    Whatever is kept from the second must have made the first do nothing, and both must do the same ever after.
    """

    def __init__(self, terms: StrategyTerms, position: int) -> None:
        self.asked, self.woken = MarketMaker(terms, 0), MarketMaker(terms, 0)
        for one in (self.asked, self.woken):
            if position:
                one.position.apply_fill(BUY if position > 0 else SELL, 10_000, abs(position), 0)
        self.now_ns = 0
        self.fills = 0
        self.last_ticks = self.mark = 10_000
        self.book: BookUpdated | None = None
        self.kept: list[Any] = []
        self.is_over = False
        self.wake = self.woken.wake()
        self.refresh_ns = self.wake.refresh_ns

    def tell(self, event: Any, *, wakes: bool) -> None:
        commands = self.asked.on_event(event)
        if not wakes:
            assert not commands, f"{event} is inside {self.wake}"
            if not isinstance(event, TimerFired):
                self.kept.append(event)
            return
        kept, self.kept = self.kept, []
        heard = [command for each in [*kept, event] for command in self.woken.on_event(each)]
        assert heard == commands
        self.wake = self.woken.wake()
        self.refresh_ns = self.wake.refresh_ns
        for command in commands:
            self.acknowledge(command)

    def acknowledge(self, command: Command) -> None:
        now = self.now_ns
        if isinstance(command, Halt):
            self.is_over = True
        elif isinstance(command, Place) and command.reduce_only:
            price = self.mark // 1_000
            self.tell(self.filled(command.order_id, command.side, price, command.lots), wakes=True)
        elif isinstance(command, Place):
            self.tell(OrderAccepted(now, now, command.order_id), wakes=self.wake.on_order)
        elif isinstance(command, Cancel):
            order = self.asked.orders.get(command.order_id)
            assert order is not None
            canceled = OrderCanceled(now, now, command.order_id, order.filled_lots, CancelReason.REQUESTED)
            self.tell(canceled, wakes=self.wake.on_order)

    def filled(self, order_id: int, side: Side, price: int, lots: int) -> Filled:
        self.fills += 1
        return Filled(self.now_ns, self.now_ns, self.fills, order_id, side, price, lots, True, price * lots * 10**6)

    def see_book(self, mid: int, width: int, lots: tuple[int, int]) -> None:
        book = BookUpdated(self.now_ns, self.now_ns, mid - width, lots[0], mid + width, lots[1])
        if self.book is None or book[2:] != self.book[2:] or self.wake.on_book:
            self.book = book
            self.tell(book, wakes=self.wake.on_book)

    def see_mark(self, milliticks: int) -> None:
        self.mark = milliticks
        inside = self.wake.mark_low <= milliticks <= self.wake.mark_high
        self.tell(MarkUpdated(self.now_ns, self.now_ns, milliticks), wakes=not inside)

    def see_trade(self, ticks: int) -> None:
        self.last_ticks = ticks
        self.tell(TradeSeen(self.now_ns, self.now_ns, ticks, 1, BUY), wakes=False)

    def fill(self, index: int) -> None:
        quotes = [order for order in self.asked.orders if not order.reduce_only]
        if quotes:
            order = quotes[index % len(quotes)]
            self.tell(
                self.filled(order.order_id, order.side, order.price_ticks, 1 + index % order.remaining_lots), wakes=True
            )

    def gap(self) -> None:
        self.book = None
        self.tell(GapStarted(self.now_ns, self.now_ns), wakes=True)
        self.tell(GapEnded(self.now_ns, self.now_ns), wakes=True)

    def pass_time(self, ns: int) -> None:
        target = self.now_ns + ns
        while not self.is_over:
            due = min(self.wake.until_ns, self.refresh_ns)
            if due > target:
                break
            self.now_ns = max(self.now_ns, due)
            is_refresh = self.refresh_ns <= self.now_ns
            if is_refresh and self.wake.until_ns > self.now_ns and self.may_pass_over():
                self.refresh_ns += self.wake.interval_ns
                self.tell(TimerFired(self.now_ns, is_refresh=True), wakes=False)
            else:
                self.tell(TimerFired(self.now_ns, is_refresh=is_refresh), wakes=True)
        self.now_ns = max(self.now_ns, target)
        if not self.is_over:
            self.tell(TimerFired(self.now_ns), wakes=False)

    def may_pass_over(self) -> bool:
        wake, book = self.wake, self.book
        if book is None or not book.bid_lots or not book.ask_lots:
            return False
        price = reference_milliticks(wake.reference, book, self.last_ticks, self.mark)
        assert price is not None
        guarded = book.ask_ticks > wake.bid_guard_ticks and book.bid_ticks < wake.ask_guard_ticks
        return guarded and wake.reference_low <= price <= wake.reference_high


@st.composite
def drivers(draw: st.DrawFn) -> Driver:
    cap = draw(st.integers(10, 60))
    limit = st.sampled_from(["0", "0", "0.005", "0.2"]).map(Decimal)
    strategy = StrategySettings(
        spread=Decimal(draw(st.integers(1, 100))) / 10_000,
        quantity=Decimal(draw(st.integers(1, 10))) / 100,
        max_orders=draw(st.integers(1, 3)),
        max_position=Decimal(cap) / 100,
        position_threshold=Decimal(draw(st.integers(0, 20))) / 100,
        inventory_skew=Decimal(draw(st.integers(0, 2))) / 2,
        skew_mode=draw(st.sampled_from(SkewMode)),
        stop_loss=draw(limit),
        take_profit=draw(limit),
        max_drawdown=draw(limit),
        recenter=draw(st.sampled_from(Recenter)),
        max_drift=Decimal(draw(st.sampled_from(["0", "0.001"]))),
        reference=draw(st.sampled_from(ReferencePrice)),
        duration_s=Decimal(draw(st.sampled_from([0, 20]))),
        interval_s=Decimal(1),
    )
    needed = Decimal(cap) / 10  # what the whole cap needs at 100 and leverage 10: margin is often only just enough
    balance = draw(st.sampled_from([needed / 2, needed, needed * Decimal("1.001"), Decimal(1_000_000)]))
    return Driver(StrategyTerms.of(strategy, instrument(), balance, Decimal(10)), draw(st.integers(-cap, cap)))


small = st.integers(-12, 12)
thin = st.sampled_from([(0, 3), (3, 0), (1, 9)])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("see_book"), st.integers(9_950, 10_050), st.integers(1, 2), st.just((5, 7))),
        st.tuples(st.just("see_book"), st.integers(9_998, 10_002), st.just(1), thin),
        st.tuples(st.just("see_mark"), st.integers(9_950_000, 10_050_000)),
        st.tuples(st.just("see_mark"), st.integers(9_999_000, 10_001_000)),
        st.tuples(st.just("see_trade"), st.integers(9_990, 10_010)),
        st.tuples(st.just("pass_time"), st.sampled_from([1, HALF_SECOND_NS, SECOND_NS, 4 * SECOND_NS])),
        st.tuples(st.just("pass_time"), st.sampled_from([SECOND_NS, 2 * SECOND_NS])),
        st.tuples(st.just("fill"), st.integers(0, 30)),
        st.tuples(st.just("gap")),
    ),
    max_size=40,
)


@settings(max_examples=400)
@given(drivers(), steps)
def test_what_the_wake_allows_to_keep_back_would_have_changed_nothing(driver: Driver, history: list[tuple]) -> None:
    driver.see_trade(10_000)
    driver.see_mark(10_000_000)
    driver.see_book(10_000, 1, (5, 5))
    for name, *arguments in history:
        if driver.is_over:
            break
        getattr(driver, name)(*arguments)


def test_the_wake_ends_at_the_mark_at_which_margin_no_longer_carries_the_cap() -> None:
    bench = Bench(instrument(), balance="101", max_position="10", spread="0.01", quantity="0.1", max_orders=2)
    bench.price("100")
    assert bench.maker.wake().mark_high == 10_100_000  # ten at 101 and leverage 10 need all of it


def test_the_wake_ends_at_the_mark_at_which_the_stop_acts() -> None:
    bench = Bench(instrument(), max_position="10", spread="0.01", quantity="0.1", max_orders=2, stop_loss="1")
    bench.price("100")
    bench.execute(1, BUY, 10_000, 10)
    assert bench.maker.wake().mark_low == 9_000_001  # 0.1 bought at 100 has lost 1 at 90


@pytest.mark.parametrize(
    ("bid", "ask", "passes"), [(9_898, 9_901, True), (9_897, 9_900, False), (10_100, 10_102, False)]
)
def test_the_wake_guards_the_quotes_against_the_opposite_best(bid: int, ask: int, passes: bool) -> None:
    bench = Bench(instrument(), max_position="10", spread="0.01", quantity="0.1", max_orders=2, recenter=Recenter.FILL)
    bench.price("100")  # 99 / 101, and the ladder stays there whatever the price
    wake = bench.maker.wake()
    bench.send(BookUpdated(1, 1, bid, 5, ask, 5))
    assert (ask > wake.bid_guard_ticks and bid < wake.ask_guard_ticks) == passes
    assert bool(bench.refresh()) == (not passes), "what the guards pass over changes nothing"


def test_funding_that_costs_the_margin_of_the_cap_makes_the_next_refresh_count() -> None:
    bench = Bench(instrument(), balance="101", max_position="10", spread="0.01", quantity="0.1", max_orders=2)
    bench.price("100")  # the cap needs 100 here
    bench.send(FundingPaid(1, 1, bench.instrument.money_to_quanta(Decimal(-100))))
    wake = bench.maker.wake()
    assert wake.reference_low > wake.reference_high or not wake.mark_low <= 10_000_000 <= wake.mark_high
    bench.refresh()
    assert (bench.bids, bench.asks) == (["99"], ["101"])


@pytest.mark.parametrize(
    ("kind", "news"),
    [
        (ReferencePrice.LAST, TradeSeen(1, 1, 10_000, 1, BUY)),
        (ReferencePrice.MARK, MarkUpdated(1, 1, 10_000_000)),
    ],
)
def test_the_wake_lets_through_the_first_reference_price_that_it_waits_for(kind: ReferencePrice, news: Any) -> None:
    bench = Bench(instrument(), spread="0.01", quantity="0.1", max_position="5", reference=kind)
    bench.send(BookUpdated(0, 0, 9_999, 10, 10_001, 10))
    wake = bench.maker.wake()
    wakes = isinstance(news, MarkUpdated) and not wake.mark_low <= news.mark_milliticks <= wake.mark_high
    assert wakes or not bench.send(news), "it quotes when told, and says that it need not be told"


def test_in_a_gap_no_refresh_is_asked_for_however_long_it_lasts() -> None:
    bench = Bench(instrument(), spread="0.01", quantity="0.1", max_orders=1, max_position="5")
    bench.price("100")
    assert bench.maker.wake().refresh_ns < FAR_FUTURE_NS
    bench.gap(starts=True)
    assert bench.maker.wake().refresh_ns == FAR_FUTURE_NS
    bench.gap(starts=False)
    assert bench.maker.wake().refresh_ns < FAR_FUTURE_NS
