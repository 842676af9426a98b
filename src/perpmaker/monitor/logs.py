"""The log: structured lines in a file that is begun anew when it has grown large, or on the standard error.

Rules kept here:

1. Who logs never waits. A line is handed over in memory; one thread makes it text and writes it (`log_writer`). What it
   cannot keep up with is dropped, and the log says how many lines are missing.
2. Lines of libraries are in it, too, from warnings on. What they show on the standard error without a log they show
   there with one.
3. One process has one log; what it holds of several markets says of which.
"""

import logging
import queue
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import FilteringBoundLogger, Processor

from perpmaker.monitor.log_lines import NAME, formatter
from perpmaker.monitor.log_writer import FILE_BYTES, FILES_KEPT, Entrance, Writer, file_output, stderr_output
from perpmaker.venues.clock import Clock

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
MOST_WAITING: Final = 10_000
"""Lines that were not written yet; a few megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is written, and where: ``level`` is one of `LEVELS`; without ``file`` it is the standard error.

    A file has ``file_bytes`` at most, and ``files_kept`` older ones beside it.
    """

    level: str = "info"
    is_json: bool = True
    file: Path | None = None
    file_bytes: int = FILE_BYTES
    files_kept: int = FILES_KEPT


class Log:
    """An open log; `close` it, or use it as a context manager.

    Args:
        settings: what, and where.
        clock: the time of day, for lines that do not bring their own.
        stderr: stands in for the standard error.

    Attributes:
        logger: writes lines: ``logger.info("what", key=value)``. A line may bring ``at_ns``, when it happened.
        level: from which on lines are written, a number of `logging`.

    Raises:
        InvalidSettingError: the file cannot be written, or another process writes it.
    """

    def __init__(self, settings: LogSettings, clock: Clock, *, stderr: TextIO | None = None) -> None:
        self.level: Final = LEVELS[settings.level]
        if settings.file is None:
            output = stderr_output(stderr or sys.stderr)
        else:
            output = file_output(settings.file, settings.file_bytes, settings.files_kept)
        self._waiting: queue.Queue[Any] = queue.Queue(MOST_WAITING)
        self._entrance = Entrance(self._waiting, self.level)
        self._writer = Writer(self._waiting, output, self._entrance, formatter(is_json=settings.is_json))
        source = _Source(NAME, self.level)
        source.addHandler(self._entrance)
        self.logger: FilteringBoundLogger = structlog.wrap_logger(
            source,
            processors=[_stamped_by(clock), ProcessorFormatter.wrap_for_formatter],
            wrapper_class=structlog.make_filtering_bound_logger(self.level),
            cache_logger_on_first_use=True,
        )
        self._attached = _attach(self._entrance, is_on_stderr=settings.file is None)
        self._writer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def waiting(self) -> int:
        """Lines handed over and not written yet; for any thread."""
        return self._waiting.qsize()

    @property
    def dropped(self) -> int:
        """Lines that were not written because too many waited; for any thread."""
        return self._entrance.dropped

    def close(self) -> None:
        """Write what waits, and end the thread; closing again does nothing."""
        root = logging.getLogger()
        for handler in self._attached:
            root.removeHandler(handler)
        self._attached.clear()
        self._writer.stop()


class _Source(logging.Logger):
    """A logger outside of the tree, which makes its records itself.

    The factory that `perpmaker.venues.redaction` installs makes a text of every message at once; these are fields until
    the thread has them, and are redacted there.
    """

    def makeRecord(  # noqa: N802 - the library's name
        self, name: str, level: int, fn: str, lno: int, msg: object, *rest: Any
    ) -> logging.LogRecord:
        record = logging.LogRecord(name, level, fn, lno, msg, (), None)
        record.__dict__.update(rest[3])  # what structlog's formatter wants to know: after args, exc_info and func
        return record

    def findCaller(self, *_: object, **__: object) -> tuple[str, int, str, None]:  # noqa: N802 - as above
        return "", 0, "", None  # a look at the stack costs more than the rest, and no line shows it


def _stamped_by(clock: Clock) -> Processor:
    def stamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if "at_ns" not in event:
            event["at_ns"] = clock.now_ns()
        return event

    return stamp


def _attach(entrance: logging.Handler, *, is_on_stderr: bool) -> list[logging.Handler]:
    """Rule 2; returns what is to be taken off again."""
    root = logging.getLogger()
    attached = [entrance]
    if not root.handlers and logging.lastResort is not None and not is_on_stderr:
        attached.append(logging.lastResort)
    for handler in attached:
        root.addHandler(handler)
    return attached
