"""Records the market that it hears, while or without trading.

Rules kept here:

1. The recording begins with the first whole book; it clears both sides before it states them, and so does every book
   after a gap. What comes earlier, or within a gap, is counted and left out.
2. Times are those of our clock at reception; a time that would go back is held at the latest before it.
3. A row is on disk, in a recording that can be read, at most ``flush_ns`` after it was heard, and everything is after
   `close`. Nothing is read back and no thread is used: a flush takes a few milliseconds.
4. A recorder that cannot write says so once, in `failure` and to ``on_failure``, and records no more. It never
   disturbs who is told beside it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from perpmaker import __version__
from perpmaker.data.format import Provenance, RecordingInfo
from perpmaker.data.parts_writer import PartsWriter
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.events import BookUpdated, GapStarted
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import market_events as me
from perpmaker.venues.alarm import Alarm
from perpmaker.venues.clock import Clock
from perpmaker.venues.port import MarketEvent, Row

IMPORTER: Final = "record"
"""The name under which live recordings say where they come from."""

FLUSH_NS: Final = 30 * 10**9

_LOST: Final = "the stream was lost"
_CLEARS: Final = ((me.CLEAR_BIDS, 0, 0), (me.CLEAR_ASKS, 2**62, 0))
_GAP_KINDS: Final = (me.GAP_START, me.GAP_END)


class Recorder:
    """A `perpmaker.venues.port.MarketListener`.

    Args:
        dest: folder of the recording; one that was begun by `perpmaker record` is gone on with.
        instrument: what is traded.
        venue: name of the exchange, for the description.
        clock: our clock, the one that messages are stamped with.
        flush_ns: how long a row may wait.
        on_failure: told the sentence when the recording cannot be written any more.

    Raises:
        RecordingError: the destination exists and cannot be gone on with, or its parent does not exist.
    """

    def __init__(
        self,
        dest: Path,
        instrument: Instrument,
        venue: str,
        clock: Clock,
        *,
        flush_ns: int = FLUSH_NS,
        on_failure: Callable[[str], None] = lambda _: None,
    ) -> None:
        provenance = Provenance(
            importer=IMPORTER,
            importer_version=1,
            program=f"perpmaker {__version__}",
            options={"exchange": venue, "symbol": instrument.symbol},
            sources=[],
            depth="every-change",
            trade_side="recorded",
            clock="clock of the recording machine at reception, nanoseconds",
        )
        self._writer = PartsWriter(dest, instrument, provenance)
        self._clock = clock
        self._flush_ns = flush_ns
        self._on_failure = on_failure
        self._alarm = Alarm(clock, self._flush)
        self._sees = False
        self.failure: str | None = None
        """Why nothing is recorded any more."""

    @property
    def rows(self) -> int:
        """Rows heard so far, those of earlier sessions included."""
        return self._writer.rows

    @property
    def info(self) -> RecordingInfo | None:
        """The description of what is on disk; None before the first flush."""
        return self._writer.info

    def on_market(self, event: MarketEvent | None, rows: Sequence[Row], received_ns: int, venue_ns: int) -> None:
        if self.failure is not None:
            return
        at_ns = max(received_ns, self._writer.last_ns or 0)
        try:
            self._record(event, [row for row in rows if self._is_possible(row)], at_ns, venue_ns)
        except RecordingError as error:
            self._fail(error)
            return
        if self._writer.waiting and not self._alarm.is_set:
            self._alarm.set(self._clock.now_ns() + self._flush_ns)

    def close(self) -> None:
        """Write what is left."""
        self._flush()

    def _record(self, event: MarketEvent | None, rows: list[Row], at_ns: int, venue_ns: int) -> None:
        writer = self._writer
        if isinstance(event, GapStarted):
            if self._sees:
                writer.start_gap(at_ns, venue_ns, _LOST)
            self._sees = False
        elif isinstance(event, BookUpdated) and not self._sees:
            if writer.in_gap:
                writer.end_gap(at_ns, venue_ns)
            self._sees = True
            writer.message(at_ns, venue_ns, [*_CLEARS, *(row for row in rows if tuple(row) not in _CLEARS)])
        elif self._sees:
            writer.message(at_ns, venue_ns, rows)
        elif rows:
            where = "in a gap" if writer.in_gap else "before the first book"
            writer.dropped[f"messages {where}"] += 1

    def _is_possible(self, row: Row) -> bool:
        """Gaps are told by events; a mark that is not positive is no mark."""
        if row.kind == me.MARK and row.price <= 0:
            self._writer.dropped["marks that are not positive"] += 1
            return False
        return row.kind not in _GAP_KINDS

    def _flush(self) -> None:
        self._alarm.set(None)
        if self.failure is not None:
            return
        try:
            self._writer.flush()
        except RecordingError as error:
            self._fail(error)

    def _fail(self, error: RecordingError) -> None:
        self.failure = str(error)
        self._alarm.set(None)
        self._on_failure(self.failure)
