"""Every event and command has its line, exact."""

import io
import logging
import shlex
from decimal import Decimal
from typing import get_args

import pytest

from perpmaker.cli.lines import Lines
from perpmaker.domain import events as e
from perpmaker.domain.commands import Cancel, Halt, Notice, NoticeKind, Place
from perpmaker.domain.orders import CancelReason, OrderKind, RejectReason, Side
from perpmaker.monitor import event_words
from perpmaker.monitor.event_words import of_command, of_event
from support.maker_bench import Bench, instrument

UNITS = instrument()  # ticks and lots of 0.01
EVENTS = [
    e.BookUpdated(1, 1, 14_125, 20, 14_126, 30),
    e.TradeSeen(1, 1, 14_125, 7, Side.SELL),
    e.MarkUpdated(1, 1, 14_125_500),
    e.GapStarted(1, 1),
    e.GapEnded(1, 1),
    e.OrderAccepted(1, 1, 3),
    e.OrderRejected(1, 1, 3, RejectReason.POST_ONLY_WOULD_CROSS),
    e.OrderCanceled(1, 1, 3, 5, CancelReason.REQUESTED),
    e.CancelRejected(1, 1, 3),
    e.OutcomeUnknown(1, 3),
    e.Filled(1, 1, 99, 3, Side.BUY, 14_125, 10, True, 0),
    e.Liquidated(1, 1, -10, 2),
    e.FundingPaid(1, 1, -1_000),
    e.PositionCorrected(1, 1, 5, 14_125_000),
    e.BalanceCorrected(1, 1, 1_000),
    e.TimerFired(1, True),
    e.StopRequested(1, e.EndReason.TERMINATED),
    e.QuotingLimited(1, True, "notional"),
    e.QuotingPaused(1, True),
    e.CloseRequested(1),
    e.SettingsChanged(1, object(), "spread was 1, is 2"),
]


def test_every_event_that_there_is_has_a_line() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(e.Event))
    names = [of_event(event, UNITS).name for event in EVENTS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (EVENTS[0], {"bid": "141.25", "bid_quantity": "0.20", "ask": "141.26", "ask_quantity": "0.30"}),
        (EVENTS[1], {"price": "141.25", "quantity": "0.07", "aggressor": "sell"}),
        (EVENTS[2], {"price": "141.255"}),
        (EVENTS[6], {"order": "3", "reason": "post-only would cross"}),
        (EVENTS[7], {"order": "3", "reason": "requested", "filled": "0.05"}),
        (EVENTS[11], {"change": "-0.10", "left": "0.02"}),
    ],
)
def test_fields_are_in_the_traders_units(event: e.Event, fields: dict[str, str]) -> None:
    assert {key: str(value) for key, value in of_event(event, UNITS).fields.items()} == fields


def test_a_fill_says_everything_about_itself() -> None:
    price_ticks, lots = 14_125, 10
    fee_quanta = price_ticks * lots * 200_000 * 1_000  # 2 bp
    told = of_event(e.Filled(1, 1, 99, 3, Side.SELL, price_ticks, lots, False, fee_quanta), UNITS)
    assert {key: str(value) for key, value in told.fields.items()} == {
        "order": "3", "fill": "99", "side": "sell", "price": "141.25", "quantity": "0.10", "maker": "False",
        "fee": "0.002825",
    }  # fmt: skip


def test_an_empty_side_of_the_book_has_no_price() -> None:
    fields = of_event(e.BookUpdated(1, 1, 0, 0, 14_126, 30), UNITS).fields
    assert fields["bid"] is None
    assert str(fields["ask"]) == "141.26"


def test_market_data_and_timers_are_the_normal_course() -> None:
    quiet = {type(event) for event in EVENTS if event_words.level_of(event) == logging.DEBUG}
    assert quiet == {e.BookUpdated, e.TradeSeen, e.MarkUpdated, e.TimerFired}


@pytest.mark.parametrize(
    ("command", "level", "name"),
    [
        (Place(4, Side.BUY, 14_000, 10, OrderKind.LIMIT, True, False, 2), logging.INFO, "place"),
        (Cancel(4), logging.INFO, "cancel"),
        (Halt(e.EndReason.DURATION), logging.INFO, "halt"),
        (Notice(NoticeKind.QUOTING, 0, 0, ""), logging.INFO, "notice"),
        (Notice(NoticeKind.STOP_LOSS, 10, -5, ""), logging.WARNING, "notice"),
        (Notice(NoticeKind.ANOMALY, 0, 0, "an order that nobody sent"), logging.WARNING, "notice"),
    ],
)
def test_every_command_has_a_line(command: Place | Cancel | Halt | Notice, level: int, name: str) -> None:
    told = of_command(command, UNITS)
    assert (told.level, told.name) == (level, name)


def test_an_order_at_any_price_has_none() -> None:
    fields = of_command(Place(4, Side.SELL, 0, 10, OrderKind.MARKET, False, True), UNITS).fields
    assert fields["price"] is None
    assert fields["reduce_only"] is True
    assert fields["ladder_level"] is None


@pytest.mark.parametrize(
    "event", [EVENTS[3], EVENTS[4], EVENTS[6], EVENTS[10], EVENTS[12]], ids=lambda e: type(e).__name__
)
def test_the_lines_of_a_run_call_the_same_things_by_the_same_names(event: e.Event) -> None:
    shown = io.StringIO()
    Lines(Bench(UNITS, spread="0.01", quantity="0.1").maker, UNITS, shown).on_step(1, (event,), ())
    line = dict(word.split("=", 1) for word in shlex.split(shown.getvalue()))
    told = of_event(event, UNITS)
    assert line.pop("event") == told.name
    del line["at"]
    line.pop("position", None)  # the maker's own, which the log has in its notices
    assert line.items() <= {name: text_of(value) for name, value in told.fields.items()}.items()


def text_of(value: object) -> str:
    """As the log and the lines write it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value).lower() if isinstance(value, bool) else str(value)
