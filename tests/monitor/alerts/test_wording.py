"""How messages read."""

from decimal import Decimal

from perpmaker.domain.commands import Notice, NoticeKind
from perpmaker.domain.events import EndReason
from perpmaker.domain.orders import Side
from perpmaker.monitor.alerts.kinds import STALE, STOP, Severity
from perpmaker.monitor.alerts.wording import MOST_CHARACTERS, message, name_of, of_end, of_notice, of_standing
from perpmaker.runtime.outcome import Outcome
from support.alert_posts import SOL, about, fill, summary

NOON_NS = 1_767_614_400 * 10**9  # 2026-01-05 12:00:00


def test_a_message_says_whose_it_is_what_it_is_and_when() -> None:
    made = message(STALE, "LIVE SOL_USDC_PERP on backpack", "no book for 3.0 s", NOON_NS, "3f2a")
    assert made.title == "LIVE SOL_USDC_PERP on backpack: stale book"
    assert made.body == "no book for 3.0 s\n2026-01-05 12:00:00 UTC, run 3f2a"
    assert made.severity is Severity.WARNING


def test_a_run_is_named_by_mode_and_market() -> None:
    assert name_of(about()) == "LIVE SOL_USDC_PERP on backpack"
    assert name_of(about(mode="paper", market="sol")) == "PAPER sol SOL_USDC_PERP on backpack"


def test_a_long_text_is_cut_and_what_stands_at_the_end_of_a_message_is_not() -> None:
    made = message(STOP, "x", "y" * 10**5, NOON_NS, "3f2a")
    assert len(made.body) == MOST_CHARACTERS
    assert made.body.endswith(" …\n2026-01-05 12:00:00 UTC, run 3f2a")


def test_a_notice_tells_position_and_profit_then() -> None:
    notice = Notice(NoticeKind.STOP_LOSS, -120, SOL.money_to_quanta(Decimal("-3.4")), "")
    assert of_notice(notice, SOL) == "position -1.20 SOL, unrealized -3.40 USDC"
    closed = Notice(NoticeKind.CLOSED, 0, 0, "flat after stop loss")
    assert of_notice(closed, SOL) == "flat after stop loss\nposition 0.00 SOL, unrealized 0.00 USDC"


def test_the_end_tells_the_summary() -> None:
    told = of_end(summary(fills=(fill(1), fill(2, Side.SELL, 10_100, 4))), Outcome(EndReason.DURATION, 0), None, SOL)
    assert told.splitlines() == [
        "ended after 3 h 0 min: duration reached",
        "net +0.04 USDC: realized +0.04, unrealized 0.00, fees 0.00, funding 0.00",
        "2 fills, volume 14.04 USDC, maximum drawdown 0.00",
        "position +0.06 SOL",
    ]


def test_the_end_tells_what_broke_and_what_is_left() -> None:
    failed = Outcome(EndReason.FAILED, 2)
    told = of_end(summary(EndReason.FAILED), failed, ValueError("no such key"), SOL).splitlines()
    assert told[1:3] == [
        "unrecoverable error: ValueError: no such key",
        "2 orders still rest at the exchange: cancel them there",
    ]
    unknown = of_end(summary(), Outcome(EndReason.DURATION, None), None, SOL).splitlines()
    assert unknown[1].startswith("the exchange could not be asked whether orders still rest")


def test_a_result_that_is_not_known_is_not_zero() -> None:
    assert of_standing(20, None, SOL) == "position +0.20 SOL, net unknown"
    assert of_standing(0, SOL.money_to_quanta(Decimal("1.5")), SOL) == "position 0.00 SOL, net +1.50 USDC"
