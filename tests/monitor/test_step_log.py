"""One id leads from what a run saw to what became of its orders."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from perpmaker.domain.commands import Cancel, Command, Notice, NoticeKind, Place
from perpmaker.domain.events import (
    BookUpdated,
    EndReason,
    Event,
    Filled,
    OrderAccepted,
    OrderCanceled,
    OutcomeUnknown,
    TimerFired,
)
from perpmaker.domain.orders import CancelReason, OrderKind, Side
from perpmaker.monitor import step_log
from perpmaker.monitor.logs import Log, LogSettings
from perpmaker.monitor.step_log import StepLog
from perpmaker.venues.credentials import Credentials
from perpmaker.venues.redaction import install_redaction, remove_redaction
from support.live_runs import paper_venue, rig
from support.maker_bench import instrument
from support.virtual_time import run_virtual, virtual_clock

SECRET = base64.b64encode(bytes(range(100, 132))).decode()
Lines = list[dict[str, Any]]


class Desk:
    """A log under test: told of steps, then read."""

    def __init__(self, file: Path, level: str = "info") -> None:
        self._file = file
        self._log = Log(LogSettings(file=file, level=level), self)
        self.steps = StepLog(self._log, instrument(), 7, {"market": "sol"})
        self.at_ns = 1_790_000_000_000_000_000

    def now_ns(self) -> int:
        return self.at_ns

    def step(self, event: Event, *commands: Command, took_ns: int = 55_000) -> None:
        self.steps.on_step(event.at_ns + took_ns, (event,), commands)

    def lines(self) -> Lines:
        self._log.close()
        return read(self._file)


def read(file: Path) -> Lines:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def place(order_id: int) -> Place:
    return Place(order_id, Side.BUY, 14_000, 10, OrderKind.LIMIT, True, False, 1)


def book(at_ns: int = 1_000) -> BookUpdated:
    return BookUpdated(at_ns, at_ns, 14_000, 10, 14_001, 10)


def fill(order_id: int, lots: int) -> Filled:
    return Filled(9_000, 9_000, order_id * 100 + lots, order_id, Side.BUY, 14_000, lots, True, 0)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "log")


def test_a_decision_says_what_it_was_made_on_how_long_it_took_and_what_it_wants(desk: Desk) -> None:
    desk.step(book(), place(1), place(2), Cancel(9))
    decision, *commands = desk.lines()
    assert decision == {
        "at": "1970-01-01T00:00:00.000056Z", "level": "info", "event": "decision", "market": "sol", "cause": "7-1",
        "on": "book", "bid": "140.00", "bid_quantity": "0.10", "ask": "140.01", "ask_quantity": "0.10", "took_us": 55,
        "places": 2, "cancels": 1,
    }  # fmt: skip
    assert [(line["event"], line["order"], line["cause"]) for line in commands] == [
        ("place", 1, "7-1"),
        ("place", 2, "7-1"),
        ("cancel", 9, "7-1"),
    ]


def test_news_of_an_order_carry_the_id_of_the_decision_that_placed_it(desk: Desk) -> None:
    desk.step(book(), place(1))
    desk.step(book(), place(2))
    desk.step(OrderAccepted(1, 1, 1))
    desk.step(OutcomeUnknown(1, 2))
    desk.step(fill(1, 10))
    news = [(line["event"], line["cause"]) for line in desk.lines() if line["event"] not in {"decision", "place"}]
    assert news == [("order_accepted", "7-1"), ("outcome_unknown", "7-2"), ("fill", "7-1")]


def test_a_fill_that_is_decided_on_names_both_decisions(desk: Desk) -> None:
    desk.step(book(), place(1))
    desk.step(fill(1, 10), place(2))
    told = next(line for line in desk.lines() if line["event"] == "fill")
    assert (told["cause"], told["led_to"]) == ("7-1", "7-2")


def test_a_cancelled_order_names_who_placed_it_and_who_cancelled_it(desk: Desk) -> None:
    desk.step(book(), place(1))
    desk.step(book(), Cancel(1))
    desk.step(OrderCanceled(1, 1, 1, 0, CancelReason.REQUESTED))
    told = {line["event"]: line for line in desk.lines()}
    assert (told["cancel"]["cause"], told["cancel"]["placed_by"]) == ("7-2", "7-1")
    assert (told["order_cancelled"]["cause"], told["order_cancelled"]["cancelled_by"]) == ("7-1", "7-2")


def test_a_fill_that_comes_after_the_end_of_its_order_still_has_its_cause(desk: Desk) -> None:
    desk.step(book(), place(1))
    desk.step(OrderCanceled(1, 1, 1, 10, CancelReason.REQUESTED))
    desk.step(fill(1, 10))
    assert desk.lines()[-1]["cause"] == "7-1"


def test_an_order_that_nobody_placed_has_no_cause(desk: Desk) -> None:
    desk.step(fill(55, 1))
    assert "cause" not in desk.lines()[-1]


def test_what_is_remembered_is_bounded_and_open_orders_are_never_forgotten(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_log, "_ENDED_KEPT", 5)
    desk.step(book(), place(1))
    for order_id in range(2, 100):
        desk.step(book(), place(order_id))
        desk.step(fill(order_id, 10) if order_id % 2 else OrderCanceled(1, 1, order_id, 0, CancelReason.VENUE))
    assert len(desk.steps._ended) == 5
    assert list(desk.steps._open) == [1]
    desk.step(fill(1, 4))
    assert list(desk.steps._open) == [1], "the rest of it may still trade"


def test_the_normal_course_is_a_matter_of_debugging(tmp_path: Path) -> None:
    for level, seen in (("info", ["decision", "place"]), ("debug", ["timer", "book", "decision", "place"])):
        desk = Desk(tmp_path / level, level)
        desk.step(TimerFired(1))
        desk.step(book(), place(1))
        told = desk.lines()
        assert [line["event"] for line in told] == seen
        assert all(line["cause"] == "7-2" for line in told if line["event"] != "timer")


def test_at_warning_only_what_needs_attention_is_left(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "log", "warning")
    desk.step(book(), place(1), Notice(NoticeKind.STOP_LOSS, 10, -5, "at 140"))
    desk.step(OutcomeUnknown(1, 1))
    desk.steps.note("balance", "nothing of note")
    desk.steps.note("reconciliation", "the position is another")
    told = desk.lines()
    assert [(line["event"], line.get("kind")) for line in told] == [
        ("notice", "stop loss"), ("outcome_unknown", None), ("note", "reconciliation"),
    ]  # fmt: skip
    assert [line.get("cause") for line in told] == ["7-1", "7-1", None]


def test_begin_and_end_are_told_with_settings_and_outcome(desk: Desk) -> None:
    desk.steps.started({"spread": "0.0003"})
    desk.steps.ended("duration reached", orders_left=0)
    desk.steps.ended("unrecoverable error", orders_left=None, error=ValueError("x"))
    begin, clean, unclean = desk.lines()
    assert (begin["event"], begin["tag"], begin["settings"]) == ("run_started", 7, {"spread": "0.0003"})
    assert (clean["level"], clean["orders_left"]) == ("info", 0)
    assert (unclean["level"], unclean["orders_left"], unclean["error"]) == ("error", "unknown", "ValueError('x')")


def test_what_breaks_in_the_log_is_said_once_and_ends_no_run(desk: Desk) -> None:
    class Unheard:
        at_ns = 1

    for _ in range(3):
        desk.step(Unheard(), place(1))  # type: ignore[arg-type]
    desk.step(book(), place(2))
    told = desk.lines()
    assert [line["event"] for line in told] == ["log_incomplete", "decision", "place"]
    assert told[0]["level"] == "error"


# --- a whole run ---


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two minutes on paper, in virtual time, every event logged; with a library and a remark that tell secrets."""
    file = tmp_path_factory.mktemp("log") / "log"

    async def play() -> None:
        clock = virtual_clock()
        venue = paper_venue(clock)
        units = (await venue.market()).instrument
        with Log(LogSettings(file=file, level="debug"), clock) as log:
            steps = StepLog(log, units, 7, {"market": None, "run": "3f2a"})
            trading = await rig(venue, clock, tag=7, observers=[steps], duration_s=120)
            steps.started({"spread": "0.0003"})
            steps.note("venue", f"signature {SECRET} refused")
            outcome = await trading.run.run()
            steps.ended(outcome.reason.value, orders_left=outcome.orders_left)

    install_redaction(Credentials(api_key=SecretStr("a-key-of-this-account"), secret=SecretStr(SECRET)))
    run_virtual(play)
    yield file
    remove_redaction()


def test_one_id_can_be_followed_from_the_book_to_the_fill(played: Path) -> None:
    told = read(played)
    filled = next(line for line in told if line["event"] == "fill")
    story = [line for line in told if line.get("cause") == filled["cause"]]
    seen, decision, *rest = story
    assert seen["event"] in {"book", "timer", "gap_ended"}
    assert (decision["event"], decision["on"]) == ("decision", seen["event"])
    about_it = [line["event"] for line in rest if line.get("order") == filled["order"]]
    assert about_it[:2] == ["place", "order_accepted"]
    assert "fill" in about_it
    placed = next(line for line in rest if line["event"] == "place" and line["order"] == filled["order"])
    assert (placed["side"], placed["price"]) == (filled["side"], filled["price"])
    assert [line["at"] for line in story] == sorted(line["at"] for line in story)


def test_every_order_of_a_run_leads_back_to_a_decision_and_to_its_end(played: Path) -> None:
    told = read(played)
    decided = {line["cause"] for line in told if line["event"] == "decision"}
    orders: dict[int, Lines] = {}
    for line in told:
        if line["event"] != "decision" and "order" in line:
            orders.setdefault(line["order"], []).append(line)
    assert len(orders) > 20
    for lines in orders.values():
        assert lines[0]["event"] == "place"
        causes = {line["cause"] for line in lines if line["event"] != "cancel"}
        assert len(causes) == 1
        assert causes <= decided
        assert {line["event"] for line in lines} & {"fill", "order_cancelled", "order_refused"}


def test_ids_are_unique_and_every_line_says_which_run_it_is_of(played: Path) -> None:
    told = read(played)
    decisions = [line["cause"] for line in told if line["event"] == "decision"]
    assert len(set(decisions)) == len(decisions)
    assert all(line["run"] == "3f2a" and "market" not in line for line in told)


def test_a_run_begins_and_ends_in_its_log(played: Path) -> None:
    told = read(played)
    assert told[0]["event"] == "run_started"
    assert (told[-1]["event"], told[-1]["reason"]) == ("run_ended", EndReason.DURATION.value)
    assert next(line for line in told if line["event"] == "halt")["reason"] == EndReason.DURATION.value


def test_no_secret_is_in_the_log_of_a_run(played: Path) -> None:
    text = played.read_text(encoding="utf-8")
    assert SECRET[:12] not in text
    assert "signature *** refused" in text


def test_numbers_in_it_are_text(played: Path) -> None:
    fills = [line for line in read(played) if line["event"] == "fill"]
    assert fills
    assert all(isinstance(fill[name], str) for fill in fills for name in ("price", "quantity", "fee"))
