"""Invariants of the market maker under a venue at its worst: thousands of generated histories, shrunk on failure."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from perpmaker.domain.orders import OrderStatus
from perpmaker.maker.market_maker import MarketMaker, Phase
from perpmaker.maker.settings import Recenter, StrategySettings, StrategyTerms
from perpmaker.quoting.skew import SkewMode
from support.chaos_venue import ChaosVenue
from support.maker_bench import instrument

MARKET = instrument()

strategies_ = st.builds(
    lambda spread_bp, quantity, orders, cap, target, threshold, skew, mode, recenter, stop, drawdown, close: (
        StrategySettings(
            spread=Decimal(spread_bp) / 10_000,
            quantity=Decimal(quantity) / 100,
            max_orders=orders,
            max_position=Decimal(cap) / 100,
            target_position=Decimal(min(target, cap)) / 100,
            position_threshold=Decimal(threshold) / 100,
            inventory_skew=Decimal(skew) / 4,
            skew_mode=mode,
            recenter=recenter,
            stop_loss=Decimal(stop) / 10,
            take_profit=Decimal(stop) / 5,
            max_drawdown=Decimal(drawdown) / 10,
            close_on_exit=close,
            duration_s=Decimal(0),
            interval_s=Decimal(1),
        )
    ),
    st.integers(1, 200),
    st.integers(1, 20),
    st.integers(1, 4),
    st.integers(1, 60),
    st.integers(0, 10),
    st.integers(0, 20),
    st.integers(0, 4),
    st.sampled_from(SkewMode),
    st.sampled_from(Recenter),
    st.sampled_from([0, 0, 1, 5]),
    st.sampled_from([0, 0, 3]),
    st.booleans(),
)

number = st.integers(0, 63)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("price"), st.integers(-300, 300)),
        st.tuples(st.just("time"), st.sampled_from([1, 1_000_000, 300_000_000, 1_000_000_000, 2_500_000_000])),
        st.tuples(st.just("process"), number, number),
        st.tuples(st.just("process"), number, number),
        st.tuples(st.just("fill"), number, number),
        st.tuples(st.just("deliver"), number, st.booleans()),
        st.tuples(st.just("deliver"), number, st.booleans()),
        st.tuples(st.just("gap"), st.booleans()),
        st.tuples(st.just("pause"), st.booleans()),
        st.tuples(st.just("close")),
    ),
    min_size=5,
    max_size=80,
)


def play(strategy: StrategySettings, history: list[tuple], balance: int = 1_000_000) -> ChaosVenue:
    terms = StrategyTerms.of(strategy, MARKET, Decimal(balance), Decimal(10))
    venue = ChaosVenue(MarketMaker(terms, start_ns=0), terms.max_position_lots)
    venue.move_price(0)
    for name, *arguments in history:
        if venue.halted is not None:
            break
        match name:
            case "price":
                venue.move_price(*arguments)
            case "time":
                venue.pass_time(*arguments)
            case "process":
                venue.process_request(*arguments)
            case "fill":
                venue.fill(*arguments)
            case "deliver":
                venue.deliver(arguments[0], twice=arguments[1])
            case "gap":
                venue.gap(starts=arguments[0])
            case "pause":
                venue.pause(is_paused=arguments[0])
            case "close":
                venue.close()
    return venue


@settings(max_examples=2_000)
@given(strategies_, actions)
def test_never_beyond_the_cap_never_crossing_and_no_order_is_forgotten(
    strategy: StrategySettings, history: list[tuple]
) -> None:
    venue = play(strategy, history)
    if venue.halted is None:
        venue.stop()
    venue.settle()
    assert venue.maker.phase is Phase.ENDED
    assert not venue.live, "an order rests at the venue after the end"
    assert len(venue.maker.orders) == 0
    assert venue.maker.position.lots == venue.position, "maker and venue disagree on the position"
    for order_id, fate in venue.final.items():
        order = venue.maker.orders.get(order_id)
        assert order is not None
        assert order.status is OrderStatus(fate), f"order {order_id} is {fate} at the venue"


@settings(max_examples=500)
@given(strategies_, actions, st.integers(1, 200))
def test_the_same_holds_when_margin_is_short(strategy: StrategySettings, history: list[tuple], balance: int) -> None:
    venue = play(strategy, history, balance)
    if venue.halted is None:
        venue.stop()
    venue.settle()
    assert not venue.live


@settings(max_examples=1_000)
@given(strategies_, actions)
def test_nothing_is_sent_again_when_nothing_changed(strategy: StrategySettings, history: list[tuple]) -> None:
    venue = play(strategy, history)
    if venue.halted is not None or venue.is_blind:
        return
    for _ in range(20):  # let the venue answer everything, so that the ladder comes to rest
        while venue.requests:
            venue.process_request(0, 2)
        while venue.news:
            venue.deliver(0, twice=False)
        venue.pass_time(1_000_000_000)
    if venue.maker.phase is not Phase.QUOTING or any(o.status is OrderStatus.UNKNOWN for o in venue.maker.orders):
        return
    before = len(venue.placed)
    assert not venue.requests
    venue.tell_market()
    venue.pass_time(5_000_000_000)
    assert not venue.requests, "an unchanged market made the maker send something"
    assert len(venue.placed) == before
