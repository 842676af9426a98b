"""Closing a position: what leaves at once, what is tried again and when, and when it is done (rules 9 and 12)."""

import pytest

from perpmaker.domain.commands import Cancel, Halt, NoticeKind, Place
from perpmaker.domain.events import EndReason
from perpmaker.domain.orders import CancelReason, OrderKind, RejectReason, Side
from perpmaker.maker.closer import RETRY_NS
from perpmaker.maker.market_maker import CLOSE_PATIENCE_NS, Phase
from support.maker_bench import Bench, cancels, instrument, notices, places


def quoting(position: str = "5", **settings: object) -> Bench:
    """A maker that quotes two levels a side around 100 with a position entered there."""
    options = {"spread": "0.01", "quantity": "0.1", "max_orders": 2, "max_position": "10", "interval_s": "10"}
    bench = Bench(instrument(), **{**options, **settings})
    bench.hold(position, "100")
    bench.price("100")
    return bench


def stopped(position: str = "5", **settings: object) -> tuple[Bench, Place]:
    """The same, just stopped out; and its closing order."""
    bench = quoting(position, stop_loss="1", **settings)
    commands = bench.mark("99.79" if float(position) > 0 else "100.21")
    return bench, closing_orders(commands)[0]


def closing_orders(commands: list) -> list[Place]:
    return [place for place in places(commands) if place.reduce_only]


@pytest.mark.parametrize(("position", "side", "mark"), [("5", Side.SELL, "99.79"), ("-5", Side.BUY, "100.21")])
def test_a_stop_closes_the_whole_position_with_one_reduce_only_market_order(
    position: str, side: Side, mark: str
) -> None:
    closing = closing_orders(quoting(position, stop_loss="1").mark(mark))
    assert [order[1:] for order in closing] == [(side, 0, 500, OrderKind.MARKET, False, True, 0)]


def test_cancels_and_the_closing_order_leave_together_cancels_first() -> None:
    bench = quoting(stop_loss="1")
    quotes = [order.order_id for order in bench.maker.orders]
    commands = bench.mark("99.79")
    assert cancels(commands) == quotes
    assert [type(command) for command in commands[:5]] == [Cancel] * 4 + [Place]
    assert bench.maker.phase is Phase.CLOSING


def test_one_closing_order_at_a_time() -> None:
    bench, _ = stopped()
    later = bench.mark("99.5") + bench.wait(1) + bench.wait(5) + bench.price("99")
    assert not places(later)


def test_a_fill_of_the_closing_order_that_leaves_nothing_ends_the_closing() -> None:
    bench, close = stopped()
    commands = bench.execute(close.order_id, Side.SELL, 9_978, 500)
    assert [notice.kind for notice in notices(commands)] == [NoticeKind.CLOSED]
    assert bench.maker.phase is Phase.COOLING_DOWN


def test_what_a_closing_order_left_open_is_closed_after_the_retry_time_and_not_before() -> None:
    bench, close = stopped()
    bench.execute(close.order_id, Side.SELL, 9_978, 300)
    at_once = bench.canceled(close.order_id, 300, CancelReason.IMMEDIATE_REMAINDER)
    bench.now_ns = RETRY_NS - 1
    assert not places(at_once + bench.mark("99.7"))
    assert bench.maker.wake().until_ns == RETRY_NS
    bench.now_ns = RETRY_NS
    assert [order.lots for order in closing_orders(bench.wait(0))] == [200]


def test_a_rejected_closing_order_is_sent_again_after_the_retry_time_for_ever() -> None:
    bench, close = stopped()
    for attempt in range(1, 100):
        assert not places(bench.reject(close.order_id, RejectReason.NO_MARKET))
        bench.now_ns = attempt * RETRY_NS
        (close,) = closing_orders(bench.wait(0))
        assert close.lots == 500


def test_a_quote_that_fills_while_closing_is_closed_too() -> None:
    bench = quoting(stop_loss="1", acknowledges=False)
    bid = bench.order_at(Side.BUY, "99")
    (close,) = closing_orders(bench.mark("99.79"))
    bench.execute(bid, Side.BUY, 9_900, 10)
    bench.execute(close.order_id, Side.SELL, 9_978, 500)
    assert bench.maker.phase is Phase.CLOSING
    assert [order.lots for order in closing_orders(bench.wait(1))] == [10]


def test_closing_is_not_done_while_a_quote_could_still_fill() -> None:
    bench = quoting(stop_loss="1", acknowledges=False)
    quotes = [order.order_id for order in bench.maker.orders]
    (close,) = closing_orders(bench.mark("99.79"))
    bench.execute(close.order_id, Side.SELL, 9_978, 500)
    for order_id in quotes:
        assert bench.maker.phase is Phase.CLOSING
        bench.canceled(order_id)
    assert bench.maker.phase is Phase.COOLING_DOWN


def test_a_quote_of_unknown_outcome_is_cancelled_at_every_retry_until_it_is_known() -> None:
    bench = quoting(stop_loss="1", acknowledges=False)
    first = bench.order_at(Side.BUY, "99")
    bench.mark("99.79")
    bench.unanswered(first)
    assert not cancels(bench.mark("99.7"))
    assert cancels(bench.wait(1)) == [first]
    bench.unanswered(first)
    assert cancels(bench.wait(1)) == [first]


def test_in_a_gap_the_close_waits_and_goes_out_with_the_first_retry_after_it() -> None:
    bench = quoting(stop_loss="1")
    bench.gap(starts=True)
    during = bench.mark("99.79") + bench.wait(1) + bench.wait(30)
    assert bench.maker.phase is Phase.CLOSING
    assert not places(during)
    bench.gap(starts=False)
    bench.price("99")
    assert [order.lots for order in closing_orders(bench.wait(1))] == [500]


def test_close_on_exit_closes_at_the_end_and_halts_when_flat() -> None:
    bench = quoting(close_on_exit=True)
    (close,) = closing_orders(bench.stop())
    commands = bench.execute(close.order_id, Side.SELL, 9_999, 500)
    assert commands == [Halt(EndReason.INTERRUPTED)]


def test_without_close_on_exit_the_position_stays() -> None:
    bench = quoting()
    bench.stop()
    assert not closing_orders(bench.sent)
    assert bench.sent[-1] == Halt(EndReason.INTERRUPTED)
    assert bench.maker.position.lots == 500


def test_close_on_exit_gives_up_after_its_patience_without_a_market_and_says_so() -> None:
    bench = quoting(close_on_exit=True)
    bench.gap(starts=True)
    bench.stop()
    bench.now_ns = CLOSE_PATIENCE_NS - 1
    assert not bench.wait(0)
    assert bench.maker.wake().until_ns <= CLOSE_PATIENCE_NS
    bench.now_ns = CLOSE_PATIENCE_NS
    said, halt = bench.wait(0)
    assert (said.kind, halt) == (NoticeKind.ANOMALY, Halt(EndReason.INTERRUPTED))
    assert said.position_lots == 500
    assert "stays" in said.detail


def test_giving_up_still_waits_for_a_closing_order_that_may_fill() -> None:
    bench = quoting(close_on_exit=True)
    (close,) = closing_orders(bench.stop())
    bench.now_ns = CLOSE_PATIENCE_NS
    assert Halt(EndReason.INTERRUPTED) not in bench.wait(0)
    assert bench.reject(close.order_id, RejectReason.NO_MARKET) == [Halt(EndReason.INTERRUPTED)]
