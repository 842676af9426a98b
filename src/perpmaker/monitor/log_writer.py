"""Behind the log: the queue in which lines wait, the thread that writes them, and the file that does not grow.

Rules kept here:

1. Handing over never waits: where there is no room, the line is dropped and counted, and the next line that is written
   is followed by one that says so.
2. The thread survives whatever a line holds.
3. The files are bounded, and readable by their user only.
4. A log that cannot be written any more is said once, on the standard error, and the run goes on.
5. A file is held by the process that writes it: two would move it away under each other.
6. The end waits for `END_PATIENCE_S` at most, whatever disk or terminal do.
"""

import contextlib
import logging
import os
import queue
import sys
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from typing import IO, Any, Final, TextIO

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.monitor.log_lines import NAME
from perpmaker.venues.redaction import redact

if sys.platform != "win32":
    import fcntl

FILE_BYTES: Final = 20_000_000
FILES_KEPT: Final = 9
"""Beside the newest: 200 MB in all."""

END_PATIENCE_S: Final = 5.0


class Entrance(QueueHandler):
    """Hands lines over; those of libraries from warnings on.

    Attributes:
        dropped: lines for which there was no room.
    """

    def __init__(self, waiting: "queue.Queue[Any]", level: int) -> None:
        super().__init__(waiting)
        self.dropped = 0
        of_libraries = max(level, logging.WARNING)
        self.addFilter(lambda record: record.name == NAME or record.levelno >= of_libraries)

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """As it is: to make it text is the thread's work."""
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


class Writer(QueueListener):
    """The thread.

    Args:
        waiting: what is to be written.
        output: where to.
        entrance: knows how much is missing.
        formatter: makes a text of a record.
    """

    def __init__(
        self, waiting: "queue.Queue[Any]", output: logging.Handler, entrance: Entrance, formatter: logging.Formatter
    ) -> None:
        super().__init__(waiting)
        self._output = output
        self._entrance = entrance
        self._formatter = formatter
        self._told_dropped = 0
        self._is_open = True

    def handle(self, record: logging.LogRecord) -> None:
        self._write(record)
        missing = self._entrance.dropped - self._told_dropped
        if missing:
            self._told_dropped += missing
            self._write(_remark(f"{missing} lines are missing here: they came faster than they could be written"))

    def enqueue_sentinel(self) -> None:
        self.queue.put(self._sentinel, timeout=END_PATIENCE_S)  # type: ignore[attr-defined]

    def stop(self) -> None:
        """Rule 6. A thread that still waits for the disk is left behind: it is a daemon, and holds nothing up."""
        thread, self._is_open = self._thread if self._is_open else None, False
        if thread is None:
            return
        try:
            self.enqueue_sentinel()
        except queue.Full:
            return
        thread.join(END_PATIENCE_S)
        if not thread.is_alive():
            with contextlib.suppress(OSError):  # a full disk says it again at the close
                self._output.close()

    def _write(self, record: logging.LogRecord) -> None:
        try:
            text = self._formatter.format(record)
        except Exception as error:  # noqa: BLE001 - rule 2
            why = f"a line of {record.name} cannot be shown: {type(error).__name__}"
            text = self._formatter.format(_remark(why))
        # The output looks at the text twice, for its length and to write it: it gets one that is finished.
        self._output.handle(logging.LogRecord(record.name, record.levelno, "", 0, text, (), None))


def _remark(text: str) -> logging.LogRecord:
    """A line of the log about itself."""
    return logging.LogRecord(f"{NAME}.log", logging.WARNING, "", 0, text, (), None)


def stderr_output(stderr: TextIO) -> logging.Handler:
    """The standard error, or what stands in for it."""
    return _Stream(stderr)


def file_output(path: Path, file_bytes: int, files_kept: int) -> logging.Handler:
    """A file of at most so many bytes, and so many older ones beside it.

    Raises:
        InvalidSettingError: it cannot be written, or another process writes it.
    """
    try:
        return _File(path, file_bytes, files_kept)
    except BlockingIOError:
        raise InvalidSettingError(
            f"--log-file {path}: another process writes it; give every process a file of its own"
        ) from None
    except OSError as error:
        raise InvalidSettingError(f"--log-file {path} cannot be written: {error.strerror}") from error


class _Stream(logging.StreamHandler[TextIO]):
    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """The standard error is gone: there is nowhere to say it."""


class _File(RotatingFileHandler):
    def __init__(self, path: Path, file_bytes: int, files_kept: int) -> None:
        self._shown = path
        self._is_failing = False
        super().__init__(path, maxBytes=file_bytes, backupCount=files_kept, encoding="utf-8")

    def _open(self) -> Any:
        stream = open(self.baseFilename, "a", encoding="utf-8", opener=_private)  # noqa: SIM115 - kept open
        try:
            _hold(stream)
        except OSError:
            stream.close()
            raise
        return stream

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Rule 4."""
        if not self._is_failing:
            self._is_failing = True
            why = redact(str(sys.exc_info()[1]))
            sys.stderr.write(f"perpmaker: --log-file {self._shown}: lines could not be written: {why}\n")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _hold(stream: IO[str]) -> None:
    """Raises BlockingIOError where another process holds it."""
    if sys.platform != "win32":
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
