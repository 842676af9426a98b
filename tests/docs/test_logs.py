"""docs/logs.md is complete and true: events, levels, fields, bounds."""

import json
import logging
import re
from pathlib import Path
from typing import Any, get_args

from docs.documents import code_names, page, rows, section
from monitor.test_event_words import EVENTS, UNITS
from perpmaker.domain.commands import Cancel, Halt, Place
from perpmaker.domain.events import BookUpdated, EndReason, Event, Filled, OrderAccepted, TimerFired
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.monitor import log_writer, logs
from perpmaker.monitor.event_words import of_command, of_event
from perpmaker.monitor.logs import Log, LogSettings
from perpmaker.monitor.step_log import StepLog
from support.maker_bench import instrument

PAGE = page("docs/logs.md")
LEVELS = {name: row[1] for row in rows(section(PAGE, "Events")) for name in code_names(row[0])}  # by event


def test_every_event_has_its_row_with_its_level() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))
    for event in EVENTS:
        told = of_event(event, UNITS)
        assert LEVELS[told.name] == logging.getLevelName(told.level).lower()


def test_every_command_has_its_row() -> None:
    commands = (
        Place(4, Side.BUY, 14_000, 10, OrderKind.LIMIT, True, False, 2), Cancel(4), Halt(EndReason.DURATION),
    )  # fmt: skip
    for command in commands:
        assert LEVELS[of_command(command, UNITS).name] == "info"


def test_nothing_has_a_row_that_is_never_said() -> None:
    said = {of_event(event, UNITS).name for event in EVENTS}
    of_the_log = {"run_started", "run_ended", "decision", "note", "log_incomplete"}
    assert set(LEVELS) == said | of_the_log | {"place", "cancel", "halt", "notice"}


def test_the_levels_are_those_of_the_program() -> None:
    row = next(row for row in rows(section(PAGE, "Lines")) if row[0] == "`level`")
    assert code_names(row[1]) == list(logs.LEVELS)


def test_the_example_is_what_a_run_would_write(tmp_path: Path) -> None:
    shown = [json.loads(line) for line in section(PAGE, "Lines").splitlines() if line.startswith("{")]
    assert [set(line) for line in shown] == [set(line) for line in written(tmp_path / "log")]
    told = {name for row in rows(section(PAGE, "Lines")) for name in code_names(row[0])}
    assert {"at", "level", "event", "run", "cause", "on", "took_us", "led_to", "order", "ladder_level"} <= told


def written(file: Path) -> list[dict[str, Any]]:
    """The story of the example, told by the program."""

    class Clock:
        def now_ns(self) -> int:
            return 0

    with Log(LogSettings(file=file), Clock()) as log:
        steps = StepLog(log, instrument(), 7, {"run": "3f2a", "market": None})
        place = Place(97, Side.BUY, 14_120, 10, OrderKind.LIMIT, True, False, 1)
        steps.on_step(61_000, (BookUpdated(0, 0, 14_125, 10, 14_126, 10),), (place,))
        steps.on_step(1, (OrderAccepted(1, 1, 97),), ())
        steps.on_step(2, (Filled(2, 2, 5512, 97, Side.BUY, 14_120, 10, True, 0),), (Cancel(98),))
        steps.on_step(3, (TimerFired(3),), ())
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()][:4]


def test_the_bounds_that_are_stated_are_the_real_ones() -> None:
    files = section(PAGE, "Files")
    assert f"A file of {log_writer.FILE_BYTES // 10**6} MB" in files
    assert f"`run.log.{log_writer.FILES_KEPT}`" in files
    assert f"{log_writer.FILE_BYTES * (log_writer.FILES_KEPT + 1) // 10**6} MB" in files
    assert f"When {logs.MOST_WAITING:,} lines wait" in files


def test_the_flags_that_are_named_are_shown_in_use() -> None:
    shown = re.findall(r"--log-\w+", PAGE.split("## Which one", 1)[0])
    assert set(shown) == {"--log-file", "--log-level", "--log-format"}
