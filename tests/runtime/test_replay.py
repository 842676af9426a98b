"""Whole runs on the simulated exchange: what must hold of every one of them."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perpmaker.domain.commands import Command, NoticeKind, Place, Wake
from perpmaker.domain.errors import PerpmakerError
from perpmaker.domain.events import EndReason, Event, OrderCanceled
from perpmaker.domain.orders import Side
from perpmaker.domain.reference import ReferencePrice
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import AfterStop, Recenter, StrategySettings
from perpmaker.quoting.skew import SkewMode
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.terms import QueueModel
from support import runs

strategy_settings = st.fixed_dictionaries(
    {
        "spread": st.integers(0, 8).map(lambda half_bp: Decimal(half_bp) / 20_000 + Decimal("0.00001")),
        "quantity": st.integers(1, 40).map(lambda lots: Decimal(lots) / 100),
        "max_orders": st.integers(1, 3),
        "max_position": st.integers(1, 200).map(lambda lots: Decimal(lots) / 100),
        "position_threshold": st.integers(0, 50).map(lambda lots: Decimal(lots) / 100),
        "inventory_skew": st.integers(0, 4).map(lambda quarters: Decimal(quarters) / 4),
        "skew_mode": st.sampled_from(SkewMode),
        "reference": st.sampled_from(ReferencePrice),
        "recenter": st.sampled_from(Recenter),
        "max_drift": st.sampled_from([Decimal(0), Decimal(0), Decimal("0.0005")]),
        "stop_loss": st.sampled_from([Decimal(0), Decimal(0), Decimal("0.05"), Decimal("0.5")]),
        "take_profit": st.sampled_from([Decimal(0), Decimal(0), Decimal("0.05"), Decimal("0.5")]),
        "after_stop": st.sampled_from(AfterStop),
        "max_drawdown": st.sampled_from([Decimal(0), Decimal(0), Decimal(0), Decimal("0.25")]),
        "close_on_exit": st.booleans(),
        "interval_s": st.sampled_from([Decimal("0.3"), Decimal(1), Decimal(5)]),
        "duration_s": st.just(Decimal(60)),
    }
).map(lambda values: runs.strategy(**values))
seeds = st.integers(1, 50)
latencies = st.sampled_from([0, 1_000_000, 20_000_000, 400_000_000])


class CapWatch:
    """Checks at every step, by the exchange's own count, that nothing which could fill leads beyond the cap.

    What could fill rests at the exchange or is on its way there: a request is for one order latency.
    """

    def __init__(self, maker: MarketMaker, exchange: SimulatedExchange) -> None:
        self.maker = maker
        self.exchange = exchange
        self.flying: list[tuple[int, Place]] = []

    def on_step(self, now_ns: int, _events: Sequence[Event], commands: Sequence[Command]) -> None:
        cap = self.maker.state.terms.max_position_lots
        arrival_ns = now_ns + self.exchange.terms.order_latency_ns
        quotes = [c for c in commands if isinstance(c, Place) and not c.reduce_only]
        self.flying = [(due, place) for due, place in self.flying if due > now_ns]
        self.flying += [(arrival_ns, place) for place in quotes]
        could = {Side.BUY: 0, Side.SELL: 0}
        for place in (place for _, place in self.flying):
            could[place.side] += place.lots
        for resting in self.exchange.open_orders():
            could[resting.side] += resting.lots
        position = self.exchange.position_lots
        assert position + could[Side.BUY] <= cap
        assert position - could[Side.SELL] >= -cap
        for place in quotes:
            book = self.maker.state.book
            assert book is not None
            assert place.post_only
            assert place.price_ticks * place.side < (book.ask_ticks if place.side is Side.BUY else -book.bid_ticks)


@settings(max_examples=60)
@given(strategy_settings, seeds, latencies, st.sampled_from(QueueModel))
def test_every_run_keeps_its_cap_its_books_and_leaves_nothing_behind(
    strategy: StrategySettings, seed: int, latency_ns: int, queue_model: QueueModel
) -> None:
    run = runs.run(strategy, runs.synthetic(seed), observers=[CapWatch], latency_ns=latency_ns, queue_model=queue_model)
    assert run.outcome.orders_left == 0
    assert len(run.maker.orders) == 0
    assert run.maker.position == run.statistics.position
    assert run.maker.position.lots == run.exchange.position_lots
    start = run.maker.state.terms.balance_quanta
    mark = run.exchange.mark_milliticks
    assert mark is not None
    assert start + run.maker.position.profit_quanta(mark) == run.exchange.equity_quanta, "two books, one truth"
    if strategy.close_on_exit or run.outcome.reason is EndReason.MAX_DRAWDOWN:
        assert run.exchange.position_lots == 0


@settings(max_examples=60)
@given(strategy_settings, seeds, latencies, latencies)
def test_asking_the_maker_only_when_it_says_so_changes_nothing(
    strategy: StrategySettings, seed: int, latency_ns: int, feed_latency_ns: int
) -> None:
    options = {"latency_ns": latency_ns, "feed_latency_ns": feed_latency_ns}
    woken = runs.run(strategy, runs.synthetic(seed), **options)
    asked = runs.run(strategy, runs.synthetic(seed), maker_class=runs.AskedAlways, **options)
    assert woken.sent.commands == asked.sent.commands
    assert woken.outcome == asked.outcome


def test_flat_after_every_stop() -> None:
    class FlatWatch(CapWatch):
        closed = 0

        def on_step(self, _now_ns: int, _events: Sequence[Event], commands: Sequence[Command]) -> None:
            for notice in runs.Sent([(0, c) for c in commands]).notices():
                if notice.kind is NoticeKind.CLOSED:
                    FlatWatch.closed += 1
                    assert self.exchange.position_lots == 0
                    assert not self.exchange.open_orders()

    run = runs.run(
        runs.strategy(stop_loss="0.01", take_profit="0.01", duration_s="1800"), runs.synthetic(), observers=[FlatWatch]
    )
    assert FlatWatch.closed == run.statistics.stops + run.statistics.takes
    assert FlatWatch.closed > 5


def test_after_a_stop_nothing_is_quoted_for_one_interval() -> None:
    run = runs.run(runs.strategy(stop_loss="0.01", interval_s="10", duration_s="1800"), runs.synthetic())
    closed_at = [at for at, c in run.sent.commands if getattr(c, "kind", None) is NoticeKind.CLOSED]
    placed_at = [at for at, c in run.sent.commands if isinstance(c, Place)]
    assert closed_at
    for at in closed_at:
        assert not [t for t in placed_at if at < t < at + 10_000_000_000]


def test_after_stop_halt_ends_the_run_with_its_own_reason() -> None:
    run = runs.run(runs.strategy(stop_loss="0.01", after_stop=AfterStop.HALT, duration_s="1800"), runs.synthetic())
    assert run.outcome.reason is EndReason.STOP_LOSS
    assert run.exchange.position_lots == 0


def test_a_drawdown_from_the_peak_closes_and_ends_the_run() -> None:
    run = runs.run(runs.strategy(max_drawdown="0.05", duration_s="3600"), runs.synthetic())
    assert run.outcome.reason is EndReason.MAX_DRAWDOWN
    assert run.exchange.position_lots == 0


def test_a_run_with_no_time_left_in_its_data_ends_cleanly() -> None:
    feed = runs.SyntheticMarket(runs.PROFILES["SOL_USDC_PERP"], 1, duration_ns=30_000_000_000)
    run = runs.run(runs.strategy(duration_s="0"), feed)
    assert run.outcome.reason is EndReason.FEED_EXHAUSTED
    assert run.outcome.orders_left == 0


def test_too_little_margin_leaves_outer_levels_out_and_goes_on() -> None:
    run = runs.run(runs.strategy(max_orders=3), runs.synthetic(), balance="4", leverage="10")
    assert run.outcome.reason is EndReason.DURATION
    assert run.statistics.orders_placed > 0


def test_a_crash_of_the_maker_leaves_no_order_behind() -> None:
    class Broken(MarketMaker):
        def on_event(self, event: Event) -> list[Command]:
            if self.state.now_ns - self._start_ns > 20_000_000_000:
                raise RuntimeError("bug")
            return super().on_event(event)

    exchanges: list[SimulatedExchange] = []

    class Remember:
        def __init__(self, _maker: MarketMaker, exchange: SimulatedExchange) -> None:
            exchanges.append(exchange)

        def on_step(self, *_: object) -> None:
            pass

    with pytest.raises(RuntimeError, match="bug"):
        runs.run(runs.strategy(), runs.synthetic(), maker_class=Broken, observers=[Remember])
    assert not exchanges[0].open_orders()


def test_an_end_that_is_never_confirmed_fails_instead_of_lasting_for_ever() -> None:
    class Forgetful(MarketMaker):
        """Takes no notice of cancellations, so its orders never die."""

        def on_event(self, event: Event) -> list[Command]:
            return [] if isinstance(event, OrderCanceled) else super().on_event(event)

    with pytest.raises(PerpmakerError, match="not confirmed dead"):
        runs.run(runs.strategy(), runs.synthetic(), maker_class=Forgetful)


def test_a_maker_that_asks_for_a_time_that_is_over_fails_instead_of_standing_still() -> None:
    class Stuck(MarketMaker):
        def wake(self) -> Wake:
            return super().wake()._replace(until_ns=self._start_ns)

    with pytest.raises(PerpmakerError, match="stood still"):
        runs.run(runs.strategy(), runs.synthetic(), maker_class=Stuck)
