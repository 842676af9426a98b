"""Records are handed over on the decision path and written behind it, by one thread, in batches.

Rules kept here:

1. Handing over a record costs an append. Turning it into a row, and the database, are the thread's work.
2. A batch is one transaction, written after `BATCH_ROWS` records or `BATCH_S` seconds, whichever is first. What was
   committed survives the death of the process.
3. The buffer is bounded. Full, it makes the caller wait, loses nothing, and the journal says that the run waited.
4. What is known as it stands (`perpmaker.journal.current`) is not queued: the newest value waits for the batch.
5. A failure of the thread is raised to the caller at its next record, flush or close: never silently lost.
"""

import time
from collections import deque
from threading import Event as Flag
from threading import Lock, Thread
from typing import Final

from sqlalchemy import Engine, Table

from perpmaker.domain.errors import JournalError
from perpmaker.journal.bulk import insert_rows
from perpmaker.journal.current import Current, write_current
from perpmaker.journal.database import first_line, name_of, translated_errors, writing
from perpmaker.journal.records import Reason, Record, Row, row_of

BATCH_ROWS: Final = 1_000
BATCH_S: Final = 1.0
CAPACITY: Final = 100_000
"""Records that may wait to be written: a few seconds of a run at full speed."""

_MOST_ROWS_A_TRANSACTION: Final = 10_000


class BatchWriter:
    """Writes the records of one run; for use by one thread. `close` must be called.

    Args:
        engine: where to; the thread takes a connection of its own.
        run_no: the run.
        first_seq: the number of its next row: 0, but where a run is continued.
        capacity: records that may wait, > 0.
        batch_s: the longest that a record waits for its batch, seconds.
    """

    def __init__(
        self, engine: Engine, run_no: int, first_seq: int = 0, capacity: int = CAPACITY, batch_s: float = BATCH_S
    ) -> None:
        self.waits = 0
        self.waited_s = 0.0
        self.rows_written = 0
        self._engine = engine
        self._run_no = run_no
        self._next_seq = first_seq  # the thread's, from here on
        self._capacity = capacity
        self._batch_s = batch_s
        self._buffer: deque[Record | Flag] = deque()  # a flag is raised when all before it is committed
        self._current = Current()
        self._current_lock = Lock()
        self._wake = Flag()
        self._space = Flag()
        self._closing = False
        self._error: JournalError | None = None
        self._thread = Thread(target=self._run, name=f"journal-{run_no}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Records that were handed over and are not written yet."""
        return len(self._buffer)

    def put(self, record: Record) -> None:
        """Hand over a record.

        Raises:
            JournalError: something before could not be written, or the writer is closed.
        """
        if self._error is not None or self._closing:
            self._refuse()
        buffer = self._buffer
        buffer.append(record)
        waiting = len(buffer)
        if waiting % BATCH_ROWS == 0:
            self._wake.set()
        if waiting >= self._capacity:
            self._wait_for_space(record)

    def keep(self, newer: Current) -> None:
        """Hand over what is now known as it stands, in place of what still waits.

        Raises:
            JournalError: as `put`.
        """
        if self._error is not None or self._closing:
            self._refuse()
        with self._current_lock:
            self._current = self._current.with_newer(newer)

    def flush(self) -> None:
        """Return when every record handed over is committed.

        Raises:
            JournalError: one of them could not be written, or the writer is closed.
        """
        if self._error is not None or self._closing:
            self._refuse()
        done = Flag()
        self._buffer.append(done)
        self._wake.set()
        while not done.wait(0.1):
            if self._error is not None:
                break
        if self._error is not None:
            self._refuse()

    def close(self) -> None:
        """Write what is left and end the thread; closing again does nothing.

        Raises:
            JournalError: something could not be written.
        """
        already_closed = self._closing
        self._closing = True
        self._wake.set()
        self._thread.join()
        if self._error is not None and not already_closed:
            self._refuse()

    def _refuse(self) -> None:
        if self._error is not None:
            raise JournalError(str(self._error)) from self._error
        raise JournalError(f"the journal {name_of(self._engine.url)} is closed: this run has ended")

    def _wait_for_space(self, record: Record) -> None:
        started = time.perf_counter()
        while len(self._buffer) >= self._capacity and self._error is None:
            self._space.clear()
            self._wake.set()
            self._space.wait(0.05)
        waited = time.perf_counter() - started
        self.waits += 1
        self.waited_s += waited
        text = f"the run waited {waited:.3f} s: {self._capacity} records were not written yet"
        self._buffer.append(Reason(record[0], "journal", text))

    def _run(self) -> None:
        try:
            with translated_errors(self._engine):
                while True:
                    closing = self._closing  # read before the buffer: what was put before closing is in it
                    while self._buffer or self._current:
                        self._write_batch()
                    if closing:
                        return
                    self._wake.wait(self._batch_s)
                    self._wake.clear()
        except JournalError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001  (a thread has nobody above it; rule 5)
            self._error = JournalError(f"the journal {name_of(self._engine.url)} failed: {first_line(error)}")
        finally:
            self._space.set()

    def _write_batch(self) -> None:
        """Write what waits, in one transaction."""
        number = min(len(self._buffer), _MOST_ROWS_A_TRANSACTION)
        batch = [self._buffer.popleft() for _ in range(number)]
        self._space.set()
        with self._current_lock:
            current, self._current = self._current, Current()
        rows: dict[Table, list[Row]] = {}
        flushes: list[Flag] = []
        for record in batch:
            if isinstance(record, Flag):
                flushes.append(record)
                continue
            made = row_of(record)
            if made is not None:
                table, row = made
                rows.setdefault(table, []).append((self._run_no, self._next_seq, *row))
                self._next_seq += 1
        if rows or current:
            with writing(self._engine) as connection:
                for table, its_rows in rows.items():
                    insert_rows(connection, table, its_rows)
                write_current(connection, self._run_no, current)
            self.rows_written += sum(map(len, rows.values()))
        for flush in flushes:
            flush.set()
