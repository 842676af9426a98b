"""Which recordings are meant: folders as they are typed, sorted into markets.

A recording is taken as it is; a folder that is none is looked into, and all recordings directly in it are taken. What
has a description counts as one, also where that is damaged: a day that cannot be read must not be left out in silence.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from perpmaker.data.format import INFO_FILE, read_info
from perpmaker.domain.errors import RecordingError, UnknownNameError


def recordings_by_symbol(paths: Iterable[Path]) -> Mapping[str, list[Path]]:
    """The recordings of each instrument, by symbol; symbols in order, recordings in the order given.

    Raises:
        UnknownNameError: a path does not exist.
        RecordingError: a path holds no recording, or its description cannot be read.
    """
    found: dict[str, list[Path]] = {}
    for path in paths:
        for recording in _recordings_at(path):
            found.setdefault(read_info(recording).instrument.symbol, []).append(recording)
    return dict(sorted(found.items()))


def _recordings_at(path: Path) -> list[Path]:
    if not path.exists():
        raise UnknownNameError(
            f"--data {path}: there is no such recording; give a folder made by `perpmaker data import`, or one that "
            "holds some"
        )
    if _is_described(path) or not path.is_dir():
        return [path]
    inside = sorted(folder for folder in path.iterdir() if folder.is_dir() and _is_described(folder))
    if not inside:
        raise RecordingError(
            f"--data {path}: neither a recording nor a folder that holds some; make one with `perpmaker data import`"
        )
    return inside


def _is_described(folder: Path) -> bool:
    return (folder / INFO_FILE).is_file()
