"""The log: exact, redacted, bounded, and never waited for."""

import base64
import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.monitor import log_writer, logs
from perpmaker.monitor.log_lines import utc_text
from perpmaker.monitor.logs import Log, LogSettings
from perpmaker.venues.credentials import Credentials
from perpmaker.venues.redaction import install_redaction, remove_redaction

SECRET = base64.b64encode(bytes(range(100, 132))).decode()


class StoppedClock:
    def now_ns(self) -> int:
        return 1_790_000_000_123_456_789


@pytest.fixture
def secrets() -> Iterator[None]:
    install_redaction(Credentials(api_key=SecretStr("a-key-of-this-account"), secret=SecretStr(SECRET)))
    yield
    remove_redaction()


def opened(file: Path | None, **settings: Any) -> Log:
    return Log(LogSettings(file=file, **settings), StoppedClock())


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_a_line_says_when_how_important_and_what_then_the_rest_in_its_order(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as log:
        log.logger.info("place", side="buy", price=Decimal("141.250"), reduce_only=None)
    text = (tmp_path / "log").read_text()
    assert text == (
        '{"at": "2026-09-21T14:13:20.123456Z", "level": "info", "event": "place", "side": "buy", "price": "141.250"}\n'
    )


def test_no_field_passes_for_the_time_or_the_level(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as log:
        log.logger.info("x", at="never", level="error")
    assert lines(tmp_path / "log")[0] == {"at": "2026-09-21T14:13:20.123456Z", "level": "info", "event": "x"}


def test_a_line_may_bring_its_own_time(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as log:
        log.logger.info("fill", at_ns=1_790_000_001_000_001_999)
    assert lines(tmp_path / "log")[0]["at"] == "2026-09-21T14:13:21.000001Z"


def test_the_time_of_a_negative_moment_is_right_too() -> None:
    assert utc_text(-1) == "1969-12-31T23:59:59.999999Z"


@pytest.mark.parametrize("number", ["0.000000012", "1E+3", "123456789012345678901234567890.123456789", "-0.10"])
def test_numbers_are_exact_decimal_text(tmp_path: Path, number: str) -> None:
    with opened(tmp_path / "log") as log:
        log.logger.info("x", value=Decimal(number))
    assert lines(tmp_path / "log")[0]["value"] == f"{Decimal(number):f}"


@pytest.mark.parametrize(("level", "written"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_lines_below_the_level_are_not_written(tmp_path: Path, level: str, written: int) -> None:
    with opened(tmp_path / "log", level=level) as log:
        for name in ("debug", "info", "warning", "error"):
            getattr(log.logger, name)("x")
    assert len(lines(tmp_path / "log")) == written


def test_the_console_form_is_for_people_and_one_line_each() -> None:
    stderr = io.StringIO()
    with Log(LogSettings(is_json=False), StoppedClock(), stderr=stderr) as log:
        log.logger.info("note", text="first\nfalse line", price=Decimal("0.10"))
    told = stderr.getvalue()
    assert told.count("\n") == 1
    assert "2026-09-21T14:13:20.123456Z" in told
    assert "price=0.10" in told
    assert "\x1b" not in told


def test_a_file_is_readable_by_its_user_only(tmp_path: Path) -> None:
    with opened(tmp_path / "log"):
        assert (tmp_path / "log").stat().st_mode & 0o077 == 0


# --- secrets ---


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("is_json", [True, False])
def test_no_secret_is_in_it_wherever_it_stood(tmp_path: Path, is_json: bool) -> None:
    with opened(tmp_path / "log", is_json=is_json) as log:
        log.logger.info("note", text=f"refused {SECRET}", nested={"key": [SECRET]}, error=ValueError(SECRET))
        log.logger.info(SECRET)
        logging.getLogger("aiohttp").warning("sent %s", SECRET)
        try:
            int(SECRET)
        except ValueError:
            logging.getLogger("aiohttp").exception("failed")
    text = (tmp_path / "log").read_text()
    assert SECRET[:12] not in text
    assert text.count("***") >= 6


@pytest.mark.usefixtures("secrets")
def test_lines_stay_structured_although_logging_is_redacted(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as log:
        log.logger.info("fill", price=Decimal("1.5"), order=7)
    assert lines(tmp_path / "log")[0] == {
        "at": "2026-09-21T14:13:20.123456Z", "level": "info", "event": "fill", "price": "1.5", "order": 7,
    }  # fmt: skip


# --- libraries ---


def test_warnings_of_libraries_are_in_it_with_their_name_and_nothing_less(tmp_path: Path) -> None:
    with opened(tmp_path / "log", level="debug"):
        logging.getLogger("asyncio").warning("slow %s", "callback")
        logging.getLogger("asyncio").info("chatter")
    assert [(line["event"], line["logger"], line["level"]) for line in lines(tmp_path / "log")] == [
        ("slow callback", "asyncio", "warning")
    ]


def test_the_traceback_of_a_library_is_in_it(tmp_path: Path) -> None:
    with opened(tmp_path / "log"):
        try:
            int("broken")
        except ValueError:
            logging.getLogger("asyncio").exception("a task")
    (line,) = lines(tmp_path / "log")
    assert "ValueError: invalid literal" in line["exception"]


def test_what_libraries_say_on_the_standard_error_they_still_say_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # as in the program; pytest has its own there
    with opened(tmp_path / "log"):
        logging.getLogger("asyncio").error("lost")
    assert capsys.readouterr().err == "lost\n"


def test_after_its_end_nothing_of_it_is_left(tmp_path: Path) -> None:
    before = list(logging.getLogger().handlers), threading.active_count()
    log = opened(tmp_path / "log")
    log.close()
    log.close()
    assert (list(logging.getLogger().handlers), threading.active_count()) == before


# --- bounds ---


def test_the_files_never_hold_more_than_their_bound_and_the_newest_lines_are_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "log", file_bytes=2_000, files_kept=3) as log:
        for number in range(500):
            log.logger.info("line", number=number)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["log", "log.1", "log.2", "log.3"]
    assert all(file.stat().st_size <= 2_000 for file in files)
    kept = [line["number"] for file in (files[3], files[2], files[1], files[0]) for line in lines(file)]
    assert kept == list(range(kept[0], 500))


class SlowDisk(io.StringIO):
    """Takes nothing until it is allowed to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_write = threading.Event()

    def write(self, text: str) -> int:
        self.may_write.wait(10)
        return super().write(text)


def test_a_slow_disk_delays_nobody_and_the_log_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST_WAITING", 10)
    disk = SlowDisk()
    log = Log(LogSettings(), StoppedClock(), stderr=disk)
    for number in range(100):
        log.logger.info("line", number=number)  # would hang here
    assert log.waiting == 10
    assert log.dropped >= 89
    disk.may_write.set()
    log.close()
    told = [json.loads(line) for line in disk.getvalue().splitlines()]
    assert len([line for line in told if line["event"] == "line"]) == 100 - log.dropped
    assert f"{log.dropped} lines are missing here" in "".join(line["event"] for line in told)


def test_the_end_does_not_wait_for_a_disk_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "END_PATIENCE_S", 0.05)
    disk = SlowDisk()
    log = Log(LogSettings(), StoppedClock(), stderr=disk)
    log.logger.info("line")
    log.close()
    assert not disk.may_write.is_set()
    disk.may_write.set()


def test_a_line_that_cannot_be_shown_does_not_end_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own would raise

    class Unshowable:
        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

    with opened(tmp_path / "log") as log:
        log.logger.info("x", value=Unshowable())
        logging.getLogger("library").warning("%d", "text")
        log.logger.info("after")
    assert lines(tmp_path / "log")[-1]["event"] == "after"


# --- files that cannot be written ---


def test_a_folder_that_is_not_there_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match=r"^--log-file .*/none/log cannot be written: No such file"):
        opened(tmp_path / "none" / "log")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match="Is a directory"):
        opened(tmp_path)


def test_a_file_that_another_process_writes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "log"
    code = (
        "import sys, pathlib\n"
        "from perpmaker.monitor.logs import Log, LogSettings\n"
        "from perpmaker.venues.clock import SystemClock\n"
        f"log = Log(LogSettings(file=pathlib.Path({str(file)!r})), SystemClock())\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(InvalidSettingError, match="another process writes it"):
            opened(file)
    finally:
        other.communicate("")
    opened(file).close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full is /dev/full")
def test_a_full_disk_is_said_once_and_the_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with opened(Path("/dev/full")) as log:
        for _ in range(5):
            log.logger.info("line")
    err = capsys.readouterr().err
    assert err.count("lines could not be written") == 1
    assert "No space left" in err


def test_a_second_run_goes_on_in_the_same_file(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with opened(tmp_path / "log") as log:
            log.logger.info(name)
    assert [line["event"] for line in lines(tmp_path / "log")] == ["first", "second"]
