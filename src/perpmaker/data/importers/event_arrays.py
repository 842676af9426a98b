"""Reading hftbacktest's event files as streams: the array ``data`` of an npz, or an npy, piece by piece.

Source of the layout: hftbacktest 2, ``types.py`` (`event_dtype`). Memory does not grow with the file, and nothing in
it is ever unpickled.
"""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perpmaker.domain.errors import RecordingError

FIELDS: Final = {
    "ev": "u8",
    "exch_ts": "i8",
    "local_ts": "i8",
    "px": "f8",
    "qty": "f8",
    "order_id": "u8",
    "ival": "i8",
    "fval": "f8",
}
_ARRAY: Final = "data.npy"
_ROWS: Final = 65_536


class Events(NamedTuple):
    """Some events of one file; ``first_row`` is the number of the first, counted from 0."""

    file: Path
    first_row: int
    rows: NDArray[Any]


def events_of(file: Path, on_bytes: Callable[[int], None] | None = None) -> Iterator[Events]:
    """The events of a file.

    Args:
        file: an npz with an array ``data``, or an npy.
        on_bytes: told after every piece how many bytes of the file have been read, about.

    Raises:
        RecordingError: the file is truncated or foreign, or its array is not one of events.
    """
    row = 0
    try:
        with _array_of(file) as stream:
            dtype, total = _header(file, stream)
            while row < total:
                wanted = min(_ROWS, total - row) * dtype.itemsize
                piece = _exactly(stream, wanted)
                if len(piece) < wanted:
                    raise RecordingError(f"{file} is truncated after {row} of {total} rows: fetch the file again")
                rows = np.frombuffer(piece, dtype)
                yield Events(file, row, rows)
                row += len(rows)
                if on_bytes is not None:
                    on_bytes(file.stat().st_size * row // total)
            _exactly(stream, 1)  # at its end an archive checks its sum
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise RecordingError(
            f"{file} is truncated or is not an npz, after {row} rows ({error}): fetch the file again"
        ) from None
    except OSError as error:
        raise RecordingError(f"{file} cannot be read: {error.strerror or error}") from None


@contextmanager
def _array_of(file: Path) -> Iterator[IO[bytes]]:
    if file.suffix == ".npy":
        with file.open("rb") as stream:
            yield stream
        return
    with zipfile.ZipFile(file) as archive:
        if _ARRAY not in archive.namelist():
            names = ", ".join(name.removesuffix(".npy") for name in archive.namelist()) or "none"
            raise RecordingError(f"{file} holds no array named data (it has {names}): it is not hftbacktest's")
        with archive.open(_ARRAY) as stream:
            yield stream


def _header(file: Path, stream: IO[bytes]) -> tuple[np.dtype[Any], int]:
    """The type of a row and their number."""
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
    except ValueError as error:
        raise RecordingError(f"{file} holds no numpy array ({error}): it is not hftbacktest's") from None
    found = {name: dtype.fields[name][0].str[1:] for name in dtype.names or ()} if dtype.fields else {}
    if found != FIELDS or len(shape) != 1:
        columns = ", ".join(f"{name} {kind}" for name, kind in found.items()) or str(dtype)
        wanted = ", ".join(f"{name} {kind}" for name, kind in FIELDS.items())
        raise RecordingError(f"{file} has the columns ({columns}) where hftbacktest's events have ({wanted})")
    return dtype, int(shape[0])


def _exactly(stream: IO[bytes], size: int) -> bytes:
    """So many bytes, fewer at the end."""
    pieces = []
    while size > 0 and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
