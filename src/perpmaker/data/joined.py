"""Recordings of one instrument, played one after another as one market.

Rules kept here:

1. They are put in order of time by themselves. Two that overlap are refused: which of them would be right? So are two
   of different grades: one run has one set of fill rules; and bars of two lengths, since those rules work per bar.
2. Where a recording begins more than `LONGEST_SILENCE_NS` after the one before it has ended, nobody knows what happened
   between: the market is a gap there (`GAP_START` with the last row, `GAP_END` before the next).
3. Otherwise the book goes on: what the first left is what the second changes, unless it states the book anew.
4. A gap in which a recording ends lasts until the next one begins.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest
from typing import Final

import numpy as np

from perpmaker.data.format import Gap, utc
from perpmaker.data.reader import Recording
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.moments import moment_text
from perpmaker.simulation.market_events import GAP_END, GAP_START, MarketChunk

LONGEST_SILENCE_NS: Final = 5_000_000_000
"""A quiet market, or the moment in which a recorder begins its next file: up to here nothing counts as missing."""

_HOLE: Final = "between two recordings"


class JoinedRecordings:
    """A `MarketFeed` of one or several recordings.

    Args:
        recordings: in any order, at least one.

    Raises:
        RecordingError: they are of different instruments, grades or lengths of bars, or overlap.
    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self.recordings = sorted(recordings, key=lambda recording: recording.info.first_ns)
        for one, other in pairwise(self.recordings):
            _check_pair(one, other)

    @property
    def instrument(self) -> Instrument:
        return self.recordings[0].instrument

    @property
    def first_ns(self) -> int:
        return self.recordings[0].info.first_ns

    @property
    def last_ns(self) -> int:
        return self.recordings[-1].info.last_ns

    @property
    def holes(self) -> list[Gap]:
        """Stretches between two recordings of which there is no data."""
        return [
            Gap(one.info.last_ns, other.info.first_ns, _HOLE)
            for one, other in pairwise(self.recordings)
            if other.info.first_ns - one.info.last_ns > LONGEST_SILENCE_NS
        ]

    @property
    def gaps(self) -> list[Gap]:
        """Everything that is missing, in order of time: the recordings' own gaps, and the holes between them."""
        holes = self.holes
        starts = {hole.start_ns for hole in holes}
        found = list(holes)
        for one, other in zip_longest(self.recordings, self.recordings[1:]):
            last_ns = one.info.last_ns
            end_ns = last_ns if last_ns in starts else None if other is None else other.info.first_ns
            found += [Gap(gap.start_ns, gap.end_ns or end_ns, gap.reason) for gap in one.gaps]
        return sorted((gap for gap in found if gap.start_ns != gap.end_ns), key=lambda gap: gap.start_ns)

    def chunks(self) -> Iterator[MarketChunk]:
        """The rows of all of them.

        Raises:
            RecordingError: while iterating, at the first row that breaks the format's rules.
        """
        before: Recording | None = None
        for recording in self.recordings:
            if before is not None:
                yield from _between(before, recording)
            yield from recording.chunks()
            before = recording


def _check_pair(one: Recording, other: Recording) -> None:
    if one.instrument != other.instrument:
        raise RecordingError(
            f"{one.path} is of {_steps(one.instrument)}, {other.path} of {_steps(other.instrument)}: only recordings "
            "of one instrument in the same steps can be joined"
        )
    depths = one.info.provenance.depth, other.info.provenance.depth
    if depths[0] != depths[1]:
        raise RecordingError(
            f"{one.path} is of grade {depths[0]}, {other.path} of grade {depths[1]}: orders fill by other rules there, "
            "run them one by one"
        )
    clocks = one.info.provenance.clock, other.info.provenance.clock
    if depths[0] == "bars" and clocks[0] != clocks[1]:  # where the importer of bars says of which length they are
        raise RecordingError(
            f"{one.path} ({clocks[0]}) and {other.path} ({clocks[1]}) are not alike: give bars of one length"
        )
    if other.info.first_ns < one.info.last_ns:
        raise RecordingError(
            f"{one.path} ({_span(one)}) and {other.path} ({_span(other)}) overlap from "
            f"{moment_text(other.info.first_ns)}: leave one of them out"
        )


def _steps(instrument: Instrument) -> str:
    return f"{instrument.symbol} in steps of {instrument.tick_size} and {instrument.lot_size}"


def _span(recording: Recording) -> str:
    return f"{utc(recording.info.first_ns)} to {utc(recording.info.last_ns)} UTC"


def _between(one: Recording, other: Recording) -> Iterator[MarketChunk]:
    """What says that the market was out of sight from the one to the other, if it was."""
    last_ns, first_ns = one.info.last_ns, other.info.first_ns
    is_blind = bool(one.gaps) and one.gaps[-1].end_ns is None
    if is_blind:
        rows = [(first_ns, GAP_END)]
    elif first_ns - last_ns > LONGEST_SILENCE_NS:
        rows = [(last_ns, GAP_START), (first_ns, GAP_END)]
    else:
        return
    times, kinds = zip(*rows, strict=True)
    nothing = np.zeros(len(rows), np.int64)
    yield MarketChunk(np.array(times, np.int64), np.array(kinds, np.uint8), nothing, nothing.copy())
