"""The phases of a run: stops, gaps, contradictory news, and the end (rules 9 and 12)."""

from decimal import Decimal

import pytest

from perpmaker.domain.commands import Command, Halt, NoticeKind
from perpmaker.domain.events import (
    BookUpdated,
    CancelRejected,
    EndReason,
    Filled,
    FundingPaid,
    TimerFired,
    TradeSeen,
)
from perpmaker.domain.orders import OrderStatus, RejectReason, Side
from perpmaker.domain.reference import ReferencePrice
from perpmaker.maker.market_maker import Phase
from perpmaker.maker.settings import AfterStop
from support.maker_bench import SECOND_NS, Bench, cancels, instrument, notices, places

BUY, SELL = Side.BUY, Side.SELL
HALF_SECOND_NS = SECOND_NS // 2


def maker(position: str | None = None, **options: object) -> Bench:
    usual = {"spread": "0.01", "quantity": "0.1", "max_orders": 2, "max_position": "10", "interval_s": "10"}
    bench = Bench(instrument(), **{**usual, **options})
    if position is not None:
        bench.hold(position, "100")
    bench.price("100")
    return bench


def close_all(bench: Bench, price: int) -> list[Command]:
    """The closing order is filled at once."""
    order = next(order for order in bench.maker.orders if order.reduce_only)
    return bench.execute(order.order_id, order.side, price, order.lots)


def kinds(commands: list[Command]) -> list[NoticeKind]:
    return [notice.kind for notice in notices(commands)]


# --- stops ---


def test_after_a_stop_it_closes_cools_down_for_one_interval_and_quotes_again() -> None:
    bench = maker("5", stop_loss="1")
    bench.now_ns = 3 * SECOND_NS
    assert kinds(bench.mark("99.79")) == [NoticeKind.STOP_LOSS]
    assert bench.maker.phase is Phase.CLOSING
    close_all(bench, 9_979)
    assert bench.maker.phase is Phase.COOLING_DOWN
    assert bench.maker.wake().until_ns == 13 * SECOND_NS
    bench.now_ns = 13 * SECOND_NS - 1
    assert not bench.price("100")
    bench.now_ns = 13 * SECOND_NS
    assert kinds(bench.wait(0)) == [NoticeKind.QUOTING]
    assert (bench.maker.phase, bench.bids) == (Phase.QUOTING, ["99", "98"])


def test_a_refresh_while_cooling_down_quotes_nothing() -> None:
    bench = maker("5", stop_loss="1")
    bench.now_ns = 3 * SECOND_NS
    bench.mark("99.79")
    close_all(bench, 9_979)
    bench.now_ns = 10 * SECOND_NS
    assert not bench.send(TimerFired(bench.now_ns, is_refresh=True))


def test_a_take_profit_closes_in_the_same_way() -> None:
    bench = maker("-5", take_profit="5")
    assert kinds(bench.mark("98.99")) == [NoticeKind.TAKE_PROFIT]
    assert kinds(close_all(bench, 9_899)) == [NoticeKind.CLOSED]
    assert bench.maker.phase is Phase.COOLING_DOWN


def test_a_stop_is_decided_at_a_fill_too_not_only_at_a_new_mark() -> None:
    bench = maker("1", stop_loss="1")
    bench.mark("99.1")  # loses 0.9
    assert bench.maker.phase is Phase.QUOTING
    order = bench.order_at(BUY, "99")
    assert kinds(bench.execute(order, BUY, 10_100, 10)) == [NoticeKind.STOP_LOSS]  # 0.19 more


@pytest.mark.parametrize(
    ("options", "mark", "reason"),
    [
        ({"stop_loss": "1"}, "99.79", EndReason.STOP_LOSS),
        ({"take_profit": "1"}, "100.21", EndReason.TAKE_PROFIT),
    ],
)
def test_with_after_stop_halt_the_run_ends_once_flat(options: dict, mark: str, reason: EndReason) -> None:
    bench = maker("5", after_stop=AfterStop.HALT, **options)
    assert Halt(reason) not in bench.mark(mark)
    assert close_all(bench, 9_979)[-1] == Halt(reason)
    assert bench.maker.phase is Phase.ENDED


def test_a_drawdown_closes_and_ends_the_run_whatever_after_stop_says() -> None:
    bench = maker("5", max_drawdown="1")
    assert kinds(bench.mark("99.79")) == [NoticeKind.MAX_DRAWDOWN]
    assert not bench.mark("120"), "once reached it stays reached"
    assert bench.maker.phase is Phase.CLOSING
    assert close_all(bench, 9_979)[-1] == Halt(EndReason.MAX_DRAWDOWN)


def test_a_drawdown_reached_while_a_stop_is_closing_ends_the_run() -> None:
    bench = maker("5", stop_loss="1", max_drawdown="2")
    bench.mark("99.79")
    assert kinds(bench.mark("99.5")) == [NoticeKind.MAX_DRAWDOWN]
    assert not kinds(bench.mark("99.4")), "said once"
    assert close_all(bench, 9_940)[-1] == Halt(EndReason.MAX_DRAWDOWN)


def test_funding_counts_towards_the_drawdown_at_once() -> None:
    bench = maker("5", max_drawdown="1")
    paid = bench.instrument.money_to_quanta(Decimal(-1))
    assert kinds(bench.send(FundingPaid(1, 1, paid))) == [NoticeKind.MAX_DRAWDOWN]


# --- gaps ---


def test_a_gap_takes_every_quote_off_and_says_so_once() -> None:
    bench = maker()
    commands = bench.gap(starts=True)
    assert cancels(commands) == [1, 2, 3, 4]
    assert kinds(commands) == [NoticeKind.NOT_QUOTING]
    assert not bench.gap(starts=True) + bench.refresh()
    assert (bench.bids, bench.asks) == ([], [])


def test_after_a_gap_it_quotes_with_the_first_book_and_not_before() -> None:
    bench = maker()
    bench.gap(starts=True)
    assert not places(bench.price("103")), "a book in a gap is not trusted"
    assert not places(bench.gap(starts=False))
    bench.now_ns = 1
    assert kinds(bench.price("110")) == [NoticeKind.QUOTING]
    assert (bench.bids, bench.asks) == (["108.9", "107.8"], ["111.1", "112.2"])


def test_nothing_is_quoted_while_a_side_of_the_book_is_empty_and_all_again_when_it_fills() -> None:
    bench = Bench(instrument(), spread="0.01", quantity="0.1", max_orders=1, max_position="5")
    assert not bench.send(BookUpdated(0, 0, 9_999, 0, 10_001, 10))
    assert not bench.send(BookUpdated(0, 0, 9_999, 10, 10_001, 0))
    assert len(places(bench.send(BookUpdated(0, 0, 9_999, 10, 10_001, 10)))) == 2


def test_after_a_gap_the_last_trade_from_before_it_is_not_trusted() -> None:
    bench = Bench(instrument(), spread="0.01", quantity="0.1", max_position="5", reference=ReferencePrice.LAST)
    bench.send(TradeSeen(0, 0, 10_000, 1, BUY))
    bench.price("100")
    bench.gap(starts=True)
    bench.gap(starts=False)
    assert not places(bench.price("150"))
    assert not places(bench.send(TradeSeen(0, 0, 15_000, 1, BUY))), "a trade only teaches"
    assert places(bench.price("150"))


# --- contradictory news ---


def test_a_fill_told_twice_counts_once() -> None:
    bench = maker()
    fill = Filled(1, 1, 77, 1, BUY, 9_900, 10, True, 5)
    assert bench.send(fill)
    assert not bench.send(fill)
    assert (bench.maker.position.lots, bench.maker.position.fees_quanta) == (10, 5)


def test_a_fill_of_an_order_that_we_do_not_know_is_booked_with_an_anomaly() -> None:
    bench = maker()
    commands = bench.send(Filled(1, 1, 77, 999, SELL, 10_100, 3, True, 5))
    assert bench.maker.position.lots == -3
    assert kinds(commands) == [NoticeKind.ANOMALY]
    assert "fill 77 of unknown order 999" in notices(commands)[0].detail


def test_a_fill_before_the_acknowledgement_and_one_after_the_cancel_are_booked() -> None:
    bench = maker(acknowledges=False)
    bench.execute(1, BUY, 9_900, 4)
    bench.accept(1)
    bench.gap(starts=True)
    bench.canceled(1, filled=7)
    assert bench.maker.orders.exposure_lots(BUY) == 3 + 10, "three are counted by the venue and not told yet"
    bench.execute(1, BUY, 9_900, 3)
    assert bench.maker.position.lots == 7
    assert bench.maker.orders.exposure_lots(BUY) == 10


def test_a_refused_cancel_leaves_the_order_exposed_and_is_asked_again_at_the_next_refresh() -> None:
    bench = maker(acknowledges=False)
    bench.price("101")
    assert 1 in cancels(bench.refresh())
    bench.send(CancelRejected(bench.now_ns, bench.now_ns, 1))
    order = bench.maker.orders.get(1)
    assert order is not None
    assert order.status is OrderStatus.UNKNOWN
    assert cancels(bench.refresh()) == [1]


def test_time_never_runs_backwards_in_the_maker() -> None:
    bench = maker()
    bench.wait(5)
    bench.send(BookUpdated(SECOND_NS, 0, 9_999, 1, 10_001, 1))
    assert bench.maker.state.now_ns == 5 * SECOND_NS


# --- the end ---


def test_it_halts_only_when_every_order_is_known_to_be_dead() -> None:
    bench = maker(acknowledges=False)
    assert cancels(bench.stop()) == [1, 2, 3, 4]
    assert bench.maker.is_ending
    said: list[Command] = []
    said += bench.canceled(1)
    said += bench.reject(2, RejectReason.OTHER)
    said += bench.execute(3, BUY, 9_800, 10)
    said += bench.unanswered(4)
    assert Halt(EndReason.INTERRUPTED) not in said
    assert cancels(bench.wait(1)) == [4], "what is unknown is asked again"
    assert bench.canceled(4) == [Halt(EndReason.INTERRUPTED)]


def test_the_halt_waits_for_fills_that_a_cancellation_counted() -> None:
    bench = maker(acknowledges=False)
    bench.stop()
    said = [command for order_id in (1, 2, 3) for command in bench.canceled(order_id)]
    said += bench.canceled(4, filled=2)
    assert Halt(EndReason.INTERRUPTED) not in said
    assert bench.execute(4, SELL, 10_200, 2) == [Halt(EndReason.INTERRUPTED)]


def test_the_duration_ends_the_run() -> None:
    bench = maker(duration_s="30")
    assert bench.maker.wake().until_ns == 30 * SECOND_NS
    bench.now_ns = 30 * SECOND_NS - 1
    assert not bench.wait(0)
    bench.now_ns += 1
    bench.wait(0)
    assert bench.sent[-1] == Halt(EndReason.DURATION)


def test_the_first_reason_to_end_is_the_one_that_counts() -> None:
    bench = maker(acknowledges=False)
    bench.stop(EndReason.TERMINATED)
    assert not bench.stop(EndReason.INTERRUPTED)
    said = [command for order_id in (1, 2, 3, 4) for command in bench.canceled(order_id)]
    assert said == [Halt(EndReason.TERMINATED)]


def test_after_the_end_nothing_is_said_or_sent_any_more() -> None:
    bench = maker()
    bench.stop()
    assert not bench.price("50") + bench.refresh() + bench.stop()


def test_a_fill_that_comes_after_the_end_is_booked_and_starts_nothing() -> None:
    bench = maker(stop_loss="1", max_drawdown="1")
    bench.stop()
    bench.mark("100")
    assert not places(bench.send(Filled(1, 1, 77, 1, BUY, 10_200, 100, True, 0)))
    assert (bench.maker.phase, bench.maker.position.lots) == (Phase.ENDED, 100)
    assert not bench.mark("50") + bench.wait(1)


def test_ending_sends_no_new_quote() -> None:
    bench = maker(acknowledges=False)
    bench.stop()
    assert not places(bench.price("105") + bench.execute(1, BUY, 9_900, 10) + bench.wait(10))
