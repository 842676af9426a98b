"""Reading csv sources as streams, plain or gzipped, with every complaint naming the file and the row.

Rows count from 1, the line of the column names being row 0. Values stay text, so that they can be scaled exactly. A
value in quotes, which the sources here never need, is an error of the number that it was to be.
"""

import gzip
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final, NamedTuple

from perpmaker.domain.errors import RecordingError

GZIP_SUFFIX: Final = ".gz"
_REPORT_EVERY: Final = 8_192


class Line(NamedTuple):
    """A row of a file: its number and the values of the columns wanted."""

    number: int
    values: list[str]


def header_of(file: Path) -> list[str]:
    """The names of the columns.

    Raises:
        RecordingError: the file cannot be read, or is empty.
    """
    for text in _text_lines(file, None):
        return text.split(",")
    raise RecordingError(f"{file} is empty: leave it out")


def csv_lines(file: Path, columns: Sequence[str], on_bytes: Callable[[int], None] | None = None) -> Iterator[Line]:
    """The rows of a file, as the values of ``columns``.

    Args:
        file: plain csv, or gzipped where its name ends so.
        columns: names that the first line must have, in any order, others beside them or not.
        on_bytes: told now and then how many bytes of the file have been read.

    Raises:
        RecordingError: the file is truncated or foreign, lacks a column, or a row has too many or too few values.
    """
    lines = _text_lines(file, on_bytes)
    header = next(lines, None)
    if header is None:
        raise RecordingError(f"{file} is empty: leave it out")
    names = header.split(",")
    for name in columns:
        if name not in names:
            raise RecordingError(f"{file} has no column {name}: it is not a file of this kind of source")
    places = [names.index(name) for name in columns]
    width = len(names)
    for number, text in enumerate(lines, 1):
        values = text.split(",")
        if len(values) != width:
            raise RecordingError(
                f"{file}, row {number} has {len(values)} values where the first line names {width} columns: the file "
                "is truncated or foreign, fetch it again"
            )
        yield Line(number, [values[place] for place in places])


def _text_lines(file: Path, on_bytes: Callable[[int], None] | None) -> Iterator[str]:
    number = 0
    try:
        is_gzip = file.name.endswith(GZIP_SUFFIX)
        with file.open("rb") as raw, gzip.open(raw) if is_gzip else nullcontext(raw) as lines:
            for number, line in enumerate(lines):
                if not line.endswith(b"\n") and not line.strip():
                    return
                yield (line if number else line.removeprefix(BOM_UTF8)).decode().rstrip("\r\n")
                if on_bytes is not None and number % _REPORT_EVERY == 0:
                    on_bytes(raw.tell())
            if on_bytes is not None:
                on_bytes(file.stat().st_size)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RecordingError(
            f"{file} is truncated or is not gzip, after row {number} ({error}): fetch the file again"
        ) from None
    except UnicodeDecodeError:
        raise RecordingError(f"{file}, row {number} is no text: it is not a csv file") from None
    except OSError as error:
        raise RecordingError(f"{file} cannot be read: {error.strerror}") from None
