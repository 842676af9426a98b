"""A person may pause quoting, let it go on, and have the position closed; limits and the end of the run go first."""

import pytest

from perpmaker.domain.commands import Cancel, NoticeKind, Place
from perpmaker.domain.events import CloseRequested, EndReason, QuotingPaused, StopRequested
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.domain.reasons import NotResting
from perpmaker.maker.market_maker import Phase
from perpmaker.maker.settings import AfterStop
from support.maker_bench import Bench, instrument, notices

SETTINGS = {
    "spread": "0.01",
    "quantity": "0.1",
    "max_orders": 2,
    "max_position": "5",
    "interval_s": "10",
    "stop_loss": "1",
}


def bench_at_100(**settings: object) -> Bench:
    bench = Bench(instrument(), **{**SETTINGS, **settings})
    bench.price("100")
    return bench


def pause(bench: Bench, *, is_paused: bool = True) -> None:
    bench.send(QuotingPaused(bench.now_ns, is_paused))


def close(bench: Bench) -> None:
    bench.send(CloseRequested(bench.now_ns))


def told(bench: Bench) -> list[tuple[NoticeKind, str]]:
    return [(notice.kind, notice.detail) for notice in notices(bench.sent)]


def execute_close(bench: Bench) -> None:
    """The venue executes the closing order."""
    order = next(order for order in bench.maker.orders if order.reduce_only)
    bench.execute(order.order_id, order.side, 10_000, order.remaining_lots)


def test_a_pause_takes_every_quote_off_at_once_and_says_why() -> None:
    bench = bench_at_100()
    assert len(bench.bids) == len(bench.asks) == 2
    pause(bench)
    assert bench.bids == bench.asks == []
    assert set(bench.maker.quoter.not_resting.values()) == {NotResting.PAUSED}
    assert bench.maker.is_paused
    assert bench.maker.phase is Phase.QUOTING
    assert (NoticeKind.NOT_QUOTING, NotResting.PAUSED.value) in told(bench)


def test_no_refresh_fill_or_price_quotes_while_it_is_paused() -> None:
    bench = bench_at_100()
    pause(bench)
    bench.refresh()
    bench.price("105")
    bench.execute(1, Side.BUY, 9_900, 10)  # a fill that was on its way
    bench.refresh()
    assert bench.bids == bench.asks == []


def test_it_quotes_around_the_price_of_the_moment_in_which_it_may_again() -> None:
    bench = bench_at_100()
    pause(bench)
    bench.price("200")
    pause(bench, is_paused=False)
    assert bench.bids == ["198", "196"]
    assert bench.asks == ["202", "204"]
    assert not bench.maker.is_paused


def test_a_stop_acts_during_a_pause_and_does_not_lift_it() -> None:
    bench = bench_at_100()
    bench.fill(Side.BUY, "99")
    pause(bench)
    bench.price("88")
    execute_close(bench)
    assert bench.maker.phase is Phase.COOLING_DOWN
    assert bench.maker.position.lots == 0
    bench.wait(10)
    assert bench.maker.phase is Phase.QUOTING
    assert bench.bids == bench.asks == []


@pytest.mark.parametrize(("held", "side"), [("0.3", Side.SELL), ("-0.3", Side.BUY)])
def test_a_request_to_close_cancels_the_quotes_closes_reduce_only_and_pauses(held: str, side: Side) -> None:
    bench = Bench(instrument(), acknowledges=False, **SETTINGS)
    bench.hold(held, "100")
    bench.price("100")
    quotes = [order.order_id for order in bench.maker.orders]
    before = len(bench.sent)
    close(bench)
    commands = bench.sent[before:]
    cancels = [command for command in commands if isinstance(command, Cancel)]
    places = [command for command in commands if isinstance(command, Place)]
    assert [cancel.order_id for cancel in cancels] == quotes
    assert [(p.side, p.kind, p.reduce_only, p.lots) for p in places] == [(side, OrderKind.MARKET, True, 30)]
    assert bench.maker.phase is Phase.CLOSING


def test_once_flat_it_says_so_and_waits_for_a_person() -> None:
    bench = bench_at_100()
    bench.hold("0.3", "100")
    close(bench)
    execute_close(bench)
    assert bench.maker.position.lots == 0
    assert bench.maker.phase is Phase.QUOTING
    assert bench.maker.is_paused
    kinds = [kind for kind, _ in told(bench)]
    assert kinds.index(NoticeKind.CLOSE_REQUESTED) < kinds.index(NoticeKind.CLOSED)
    bench.refresh()
    assert bench.bids == bench.asks == []
    pause(bench, is_paused=False)
    assert len(bench.bids) == len(bench.asks) == 2


def test_a_request_to_close_does_not_end_a_run_that_halts_after_a_stop() -> None:
    bench = bench_at_100(after_stop=AfterStop.HALT)
    bench.hold("0.3", "100")
    close(bench)
    execute_close(bench)
    assert not bench.maker.is_ending


def test_flat_a_request_to_close_only_pauses() -> None:
    bench = bench_at_100()
    close(bench)
    assert bench.maker.phase is Phase.QUOTING
    assert bench.maker.is_paused


def test_a_request_during_a_stop_does_not_send_a_second_closing_order() -> None:
    bench = Bench(instrument(), acknowledges=False, **SETTINGS)
    bench.hold("1", "100")
    bench.price("98")
    assert bench.maker.phase is Phase.CLOSING
    closing = [order for order in bench.maker.orders if order.reduce_only]
    close(bench)
    assert [order for order in bench.maker.orders if order.reduce_only] == closing
    assert bench.maker.is_paused


def test_a_run_that_is_ending_hears_neither() -> None:
    bench = Bench(instrument(), acknowledges=False, **SETTINGS)
    bench.hold("0.3", "100")
    bench.price("100")
    bench.send(StopRequested(bench.now_ns, EndReason.INTERRUPTED))
    before = [command for command in bench.sent if isinstance(command, Place)]
    close(bench)
    pause(bench, is_paused=False)
    assert bench.maker.phase is Phase.ENDING
    assert [command for command in bench.sent if isinstance(command, Place)] == before


def test_a_stop_of_the_run_while_closing_finishes_closing_first() -> None:
    bench = Bench(instrument(), acknowledges=False, **SETTINGS)
    bench.hold("0.3", "100")
    bench.price("100")
    close(bench)
    bench.send(StopRequested(bench.now_ns, EndReason.INTERRUPTED))
    assert bench.maker.phase is Phase.ENDING
    assert [order.remaining_lots for order in bench.maker.orders if order.reduce_only] == [30]
