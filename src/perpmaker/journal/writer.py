"""Opening the journal, and recording a run in it.

    with open_journal(url) as journal, journal.begin_run(about) as run:
        run.command(now_ns, command)
        run.event(event)
        run.end(summary)

A run that ends without `RunJournal.end` (its process was killed) stays in the journal without an end: every batch that
was written is there.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, insert, update

from perpmaker.domain.commands import Command
from perpmaker.domain.errors import JournalError
from perpmaker.domain.events import Event
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.position import Position
from perpmaker.journal import schema
from perpmaker.journal.batches import BatchWriter
from perpmaker.journal.current import Current
from perpmaker.journal.database import default_url, make_engine, name_of, parse_url, translated_errors, writing
from perpmaker.journal.migrate import ensure_schema
from perpmaker.journal.records import KEPT, Reason, Sample, Sent
from perpmaker.runtime.summary import Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """What is known of a run when it starts.

    ``mode`` is how it runs (``simulation``, ``backtest``, ``paper``, ``live``), ``settings`` are as they took effect by
    flag name, ``provenance`` tells where the market data came from. ``run_id`` must be unique; a random one by default.
    ``started_at_ns`` is the wall clock's when not given.

    Of a live run: ``account`` is the account's name that is no secret, ``tag`` what its client ids carry, ``endpoint``
    where its orders go; ``pid`` and ``host`` say where its process is.
    """

    version: str
    exchange: str
    symbol: str
    market_type: str
    mode: str
    seed: int | None
    command_line: str
    settings: Mapping[str, str]
    instrument: Instrument
    provenance: Mapping[str, str]
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started_at_ns: int = field(default_factory=time.time_ns)
    account: str | None = None
    tag: int | None = None
    pid: int | None = None
    host: str | None = None
    endpoint: str | None = None


class RunJournal:
    """Records one run; for use by one thread. Made by `Journal.begin_run` and `perpmaker.journal.live.reopen`.

    Every method raises `JournalError` when something recorded before could not be written.
    """

    def __init__(self, engine: Engine, run_no: int, run_id: str, *, account: str | None, first_seq: int = 0) -> None:
        self.run_id = run_id
        self.run_no = run_no
        self._engine = engine
        self._account = account
        self._writer = BatchWriter(engine, run_no, first_seq)

    @property
    def rows_written(self) -> int:
        """Rows committed so far."""
        return self._writer.rows_written

    @property
    def waiting(self) -> int:
        """Records that were handed over and are not written yet."""
        return self._writer.waiting

    @property
    def waited_s(self) -> float:
        """How long the run has waited for the journal because the buffer was full, seconds."""
        return self._writer.waited_s

    def command(self, ts_ns: int, command: Command) -> None:
        """A command that the maker gave at ``ts_ns``; a notice goes to the reasons."""
        self._writer.put(Sent(ts_ns, command))

    def event(self, event: Event) -> None:
        """An event that the maker was told; market data and timers are not kept."""
        if type(event) in KEPT:
            self._writer.put(event)

    def sample(self, ts_ns: int, position: Position, mark_milliticks: int, equity_quanta: int) -> None:
        """Position and equity at a moment; the position is copied."""
        realized, fees, funding = position.realized_quanta, position.fees_quanta, position.funding_quanta
        self._writer.put(Sample(ts_ns, position.lots, mark_milliticks, equity_quanta, realized, fees, funding))

    def reason(self, ts_ns: int, kind: str, text: str) -> None:
        """Why something was done, or not."""
        self._writer.put(Reason(ts_ns, kind, text))

    def heartbeat(self, at_ns: int) -> None:
        """The process lives: committed within about a second, for whoever watches it from another process."""
        self._writer.keep(Current(heartbeat_ns=at_ns))

    def daily_result(self, utc_day: str, profit: Decimal) -> None:
        """What the run has earned so far on a UTC day (``2026-11-24``), in quote currency; replaces what was said.

        Raises:
            ValueError: the run belongs to no account.
        """
        if self._account is None:
            raise ValueError(f"run {self.run_id} belongs to no account: it has no result of the day")
        self._writer.keep(Current(profits={utc_day: profit}))

    def flush(self) -> None:
        """Return when everything recorded so far is committed."""
        self._writer.flush()

    def end(self, summary: Summary, ended_at_ns: int | None = None) -> None:
        """Write what is left, then the summary: the run is over. The end is now by the wall clock when not given."""
        self._writer.close()
        values = {
            "ended_at_ns": time.time_ns() if ended_at_ns is None else ended_at_ns,
            "end_reason": summary.run.end_reason.value,
            "summary": summary.as_json(),
        }
        with translated_errors(self._engine), writing(self._engine) as connection:
            connection.execute(update(schema.runs).where(schema.runs.c.run_no == self.run_no).values(values))

    def close(self) -> None:
        """Write what is left; the run stays without an end if `end` was not called."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            self.close()
        except JournalError:
            if error is None:  # otherwise the first error is on its way already, and says more
                raise


class Journal:
    """A journal that is open and up to date. Made by `open_journal`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.name = name_of(engine.url)

    def begin_run(self, about: RunStart) -> RunJournal:
        """Write that a run has started, and record it from here on.

        Raises:
            JournalError: the journal cannot be written, or has a run of this id already.
        """
        instrument = about.instrument
        values = {
            "id": about.run_id,
            "started_at_ns": about.started_at_ns,
            "version": about.version,
            "exchange": about.exchange,
            "symbol": about.symbol,
            "market_type": about.market_type,
            "mode": about.mode,
            "seed": about.seed,
            "command_line": about.command_line,
            "settings": dict(about.settings),
            "instrument": {
                "symbol": instrument.symbol,
                "base": instrument.base,
                "quote": instrument.quote,
                "tick_size": str(instrument.tick_size),
                "lot_size": str(instrument.lot_size),
                "min_quantity": str(instrument.min_quantity),
                "quantum": f"{instrument.money(1):f}",
            },
            "provenance": dict(about.provenance),
            "account": about.account,
            "tag": about.tag,
            "pid": about.pid,
            "host": about.host,
            "endpoint": about.endpoint,
        }
        with translated_errors(self.engine), writing(self.engine) as connection:
            made = connection.execute(insert(schema.runs).values(values)).inserted_primary_key
        assert made is not None
        return RunJournal(self.engine, int(made[0]), about.run_id, account=about.account)

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def open_journal(url: str | None = None) -> Journal:
    """Open a journal, creating or upgrading it when needed.

    Args:
        url: ``sqlite:///FILE``, the path of a SQLite file, or ``postgresql://USER@HOST/DATABASE``; without it the
            SQLite file in the user's data folder.

    Raises:
        JournalError: it cannot be opened, is not a journal, or was written by a newer version.
    """
    engine = make_engine(parse_url(default_url() if url is None else url))
    try:
        with translated_errors(engine):
            ensure_schema(engine)
    except BaseException:
        engine.dispose()
        raise
    return Journal(engine)
