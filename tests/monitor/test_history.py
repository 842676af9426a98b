"""What is kept of a run: its lines in the journal's words, its charts bounded however long it goes on."""

from decimal import Decimal
from itertools import pairwise

import pytest
from pydantic import SecretStr

from perpmaker.domain.commands import Notice, NoticeKind
from perpmaker.domain.events import (
    BalanceCorrected,
    EndReason,
    Event,
    Filled,
    FundingPaid,
    GapStarted,
    OrderRejected,
    PositionCorrected,
    QuotingLimited,
    SettingsChanged,
    StopRequested,
    TradeSeen,
)
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import RejectReason, Side
from perpmaker.monitor.history import MOST_ITEMS, MOST_OLD, MOST_RECENT, History
from perpmaker.monitor.view import Item, Sample
from perpmaker.venues.credentials import Credentials
from perpmaker.venues.redaction import install_redaction, remove_redaction

S = 10**9
SOL = Instrument("SOL_USDC_PERP", "SOL", "USDC", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))


def point(now_ns: int) -> Sample:
    return Sample(now_ns, "100.00", "100.00", [], [], "0.00", "0.00")


@pytest.fixture
def history() -> History:
    return History(SOL, point)


def told(history: History, *events: Event) -> list[tuple[str, str, str]]:
    history.on_step(S, events, [])
    return [(item.kind, item.text, item.severity) for item in history.items]


def test_a_fill_is_a_line_with_its_figures(history: History) -> None:
    told(history, Filled(5, 4, 9, 1, Side.SELL, 10_001, 12, True, 24 * 10**11))
    assert list(history.items) == [
        Item(
            seq=1,
            at_ns=5,
            kind="fill",
            text="sold 0.12 at 100.01",
            side="sell",
            price="100.01",
            quantity="0.12",
            fee="-0.00024",
            is_maker=True,
        )
    ]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (GapStarted(1, 1), ("gap", "market data gap started", "warning")),
        (QuotingLimited(1, True, "notional"), ("quoting limited", "only reducing: notional", "warning")),
        (StopRequested(1, EndReason.INTERRUPTED), ("stop requested", "interrupted", "info")),
        (SettingsChanged(1, None, "spread 1 -> 2"), ("settings changed", "spread 1 -> 2", "info")),
        (FundingPaid(1, 1, -(10**14)), ("funding", "paid 0.01 USDC", "info")),
        (PositionCorrected(1, 1, -20, 9_999_500), ("correction", "position by -0.20 SOL at 99.995 USDC", "warning")),
        (BalanceCorrected(1, 1, 10**16), ("correction", "balance by 1.00 USDC", "warning")),
        (
            OrderRejected(1, 1, 7, RejectReason.POST_ONLY_WOULD_CROSS),
            ("refused", "order 7: post-only would cross", "warning"),
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, tuple) and hasattr(value, "_fields") else None,
)
def test_what_happens_to_a_run_is_a_line(history: History, event: Event, line: tuple[str, str, str]) -> None:
    assert told(history, event) == [line]


@pytest.mark.parametrize("reason", [RejectReason.PRE_TRADE, RejectReason.BUDGET, RejectReason.OTHER])
def test_a_refusal_that_is_told_otherwise_is_no_second_line(history: History, reason: RejectReason) -> None:
    assert told(history, OrderRejected(1, 1, 7, reason)) == []


def test_the_market_is_no_line(history: History) -> None:
    assert told(history, TradeSeen(1, 1, 100, 1, Side.BUY)) == []


def test_what_the_maker_tells_and_what_the_wires_note_are_lines(history: History) -> None:
    history.on_step(S, [], [Notice(NoticeKind.STOP_LOSS, 1, 2, ""), Notice(NoticeKind.CLOSED, 0, 0, "flat")])
    history.note(2 * S, "venue", "the keys were revoked")
    history.note(3 * S, "control", "ann: pause: quoting is paused")
    lines = [(item.seq, item.at_ns, item.kind, item.severity) for item in history.items]
    assert lines == [
        (1, S, "stop loss", "warning"),
        (2, S, "position closed", "info"),
        (3, 2 * S, "venue", "error"),
        (4, 3 * S, "control", "info"),
    ]


def test_secrets_are_taken_out(history: History) -> None:
    install_redaction(Credentials(api_key=SecretStr("a-very-secret-key"), secret=SecretStr("another-secret-one")))
    try:
        history.note(1, "venue", "refused: a-very-secret-key")
        told(history, SettingsChanged(1, None, "another-secret-one"))
    finally:
        remove_redaction()
    assert [item.text for item in history.items] == ["refused: ***", "***"]


def test_the_newest_lines_are_kept_and_their_numbers_have_no_holes(history: History) -> None:
    for number in range(MOST_ITEMS + 50):
        history.note(number, "note", str(number))
    assert len(history.items) == MOST_ITEMS
    assert history.first_seq == 51
    assert [item.seq for item in history.items] == list(range(51, MOST_ITEMS + 51))
    assert [item.seq for item in history.items_from(MOST_ITEMS + 49)] == [MOST_ITEMS + 49, MOST_ITEMS + 50]
    assert history.items_from(history.next_seq) == []
    assert history.items_from(1) == list(history.items)


def test_there_is_one_point_a_second_at_most(history: History) -> None:
    for step in range(50):
        history.on_step(S + step * S // 10, [], [])
    assert [sample.at_ns for sample in history.samples] == [S, 2 * S, 3 * S, 4 * S, 5 * S]
    history.take_sample(5 * S + S // 2)
    assert len(history.samples) == 5


def test_without_a_price_there_is_no_point_yet_and_it_is_asked_for_again() -> None:
    prices: list[Sample | None] = [None, None, point(S)]
    history = History(SOL, lambda _: prices.pop(0))
    for step in range(3):
        history.on_step(S + step, [], [])
    assert history.samples == [point(S)]


@pytest.mark.parametrize("seconds", [100, 600, 2_000, 10_000, 86_400])
def test_charts_are_bounded_whole_and_fine_at_their_end(seconds: int) -> None:
    history = History(SOL, point)
    for second in range(1, seconds + 1):
        history.on_step(second * S, [], [])
    times = [sample.at_ns // S for sample in history.samples]
    assert len(times) <= MOST_RECENT + MOST_OLD
    assert times[0] == 1
    assert times[-1] == seconds
    assert times == sorted(set(times))
    recent = times[-min(seconds, MOST_RECENT) :]
    assert recent == list(range(recent[0], seconds + 1))
    gaps = [after - before for before, after in pairwise(times)]
    assert max(gaps) <= max(1, 2 * 2 * seconds // MOST_OLD), "the old part is even"


def test_points_since_a_moment_are_the_newest(history: History) -> None:
    for second in range(1, 2_001):
        history.on_step(second * S, [], [])
    assert [sample.at_ns for sample in history.samples_after(1_998 * S)] == [1_999 * S, 2_000 * S]
    assert history.samples_after(history.last_sample_ns) == []
