"""All bars of an import, brought into one series: order, duplicates, their length, what is missing.

Rules kept here:

1. Within a file time never goes back. Files may touch, and the bars that two of them share must be the same.
2. A bar that is there twice, each number the same, is one bar, and counted; two that differ are an error.
3. All bars have one length: the step that is the most frequent. A longer step is a hole if it is a whole number of
   lengths; any other is an error, and so is a stretch of `MOST_ALIKE` equal longer steps, or a file whose own most
   frequent step is another: those are bars of another length.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from perpmaker.data.importers.bar_tables import Table
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.moments import moment_text

MOST_ALIKE: Final = 10

_NS_PER_S: Final = 10**9


@dataclass(frozen=True, slots=True)
class FileBars:
    """The bars of one file: times in ns, prices in ticks (open, high, low, close), volume in lots."""

    table: Table
    times_ns: NDArray[np.int64]
    values: NDArray[np.int64]
    """int64[rows, 5]: open, high, low, close, volume."""


@dataclass(frozen=True, slots=True)
class BarSeries:
    """Bars in order of time, each once."""

    times_ns: NDArray[np.int64]
    values: NDArray[np.int64]
    length_ns: int
    duplicates: int


def check_file(bars: FileBars) -> None:
    """Raises `RecordingError` at the first bar whose numbers contradict each other, or whose time goes back."""
    opening, high, low, close, _ = bars.values.T
    for wrong, what in (
        (high < low, "the high is below the low"),
        ((opening > high) | (opening < low), "the open lies outside of low and high"),
        ((close > high) | (close < low), "the close lies outside of low and high"),
    ):
        if wrong.any():
            raise RecordingError(f"{bars.table.row(int(np.argmax(wrong)))}: {what}: fetch the file again")
    back = np.diff(bars.times_ns) < 0
    if back.any():
        index = int(np.argmax(back)) + 1
        raise RecordingError(
            f"{bars.table.row(index)}: time runs backwards, {moment_text(int(bars.times_ns[index]))} after "
            f"{moment_text(int(bars.times_ns[index - 1]))}: sort the file by time"
        )


def join(files: list[FileBars]) -> BarSeries:
    """All files as one series.

    Raises:
        RecordingError: two bars of one time differ, there are bars of several lengths, or there is only one bar.
    """
    files = sorted(files, key=lambda bars: int(bars.times_ns[0]))
    times = np.concatenate([bars.times_ns for bars in files])
    values = np.concatenate([bars.values for bars in files])
    of_file = np.repeat(np.arange(len(files)), [len(bars.times_ns) for bars in files])
    of_row = np.concatenate([np.arange(len(bars.times_ns)) for bars in files])
    order = np.argsort(times, kind="stable")
    times, values, of_file, of_row = times[order], values[order], of_file[order], of_row[order]

    def where(index: int) -> str:
        return files[int(of_file[index])].table.row(int(of_row[index]))

    length = _length(files)
    again = np.concatenate(([False], np.diff(times) == 0))
    differs = again & np.concatenate(([False], (np.diff(values, axis=0) != 0).any(axis=1)))
    if differs.any():
        index = int(np.argmax(differs))
        raise RecordingError(
            f"{where(index)}: the bar of {moment_text(int(times[index]))} is another one than that of "
            f"{where(index - 1)}: leave one of them out"
        )
    kept = np.flatnonzero(~again)
    times, values = times[kept], values[kept]
    _check_steps(np.diff(times), length, lambda index: where(int(kept[index])))
    return BarSeries(times, values, length, int(again.sum()))


def in_words(length_ns: int) -> str:
    """A length of bars as traders write it: ``1m``, ``5m``, ``1h``."""
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        if length_ns % (seconds * _NS_PER_S) == 0:
            return f"{length_ns // (seconds * _NS_PER_S)}{unit}"
    return f"{length_ns} ns"


def _most_frequent_step(times: NDArray[np.int64]) -> int | None:
    steps = np.diff(times)
    steps = steps[steps > 0]
    if not len(steps):
        return None
    found, counts = np.unique(steps, return_counts=True)
    return int(found[np.argmax(counts)])


def _length(files: list[FileBars]) -> int:
    """The length that all files agree on."""
    length: int | None = None
    first = files[0]
    for bars in files:
        own = _most_frequent_step(bars.times_ns)
        if own is not None and length is not None and own != length:
            raise RecordingError(
                f"{bars.table.row(0)}: bars of {in_words(own)}, where {first.table.file} has bars of "
                f"{in_words(length)}: import one length at a time"
            )
        if length is None and own is not None:
            length, first = own, bars
    if length is None:
        raise RecordingError(f"{first.table.row(0)}: of a single bar nobody knows the length: give at least two")
    return length


def _check_steps(steps: NDArray[np.int64], length: int, where: Callable[[int], str]) -> None:
    odd = steps % length != 0
    if odd.any():
        index = int(np.argmax(odd))
        raise RecordingError(
            f"{where(index + 1)}: this bar begins {steps[index] / _NS_PER_S:g} s after the one before, in bars of "
            f"{in_words(length)}: import one length at a time"
        )
    longer = steps != length
    alike = np.concatenate(([False], longer[1:] & (steps[1:] == steps[:-1])))
    run: int = 0
    for index in np.flatnonzero(alike).tolist():
        run = run + 1 if index and alike[index - 1] else 1
        if run >= MOST_ALIKE:
            raise RecordingError(
                f"{where(index - run)}: from here the bars are of {in_words(int(steps[index]))}, before they "
                f"are of {in_words(length)}: import one length at a time"
            )
