"""An emergency, with its record: what `perpmaker cancel`, `close` and `watchdog` do at the venue and write down.

Rules kept here:

1. Each is a run of its own in the journal, with a mode of its own name, a tag of its own for its closing orders, and
   reasons for what it did. Readers of live runs do not see it; its executions and its part of the day do count.
2. A run that died is finished in its own books as at the next start, where that works (who persists tries
   `BOOK_ATTEMPTS` times); where it does not, the next start will. It never keeps an order from being cancelled.
3. A journal that fails is told, and keeps nothing from being done at the venue.
4. The result of closing counts from the mark at which the position was found: what it had made before belongs to the
   run that made it.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, TypeVar

from perpmaker import __version__
from perpmaker.domain.errors import JournalError, UserError
from perpmaker.domain.events import PositionCorrected
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import MILLITICKS_PER_TICK
from perpmaker.domain.position import Position
from perpmaker.journal.live import TAGS_KEPT_NS, end_dead_run, recent_tags
from perpmaker.journal.processes import this_host
from perpmaker.journal.readers import load_run
from perpmaker.journal.recover_runs import recover_runs
from perpmaker.journal.writer import Journal, RunJournal, RunStart
from perpmaker.runtime.live.daily_loss import utc_day
from perpmaker.runtime.live.emergency import Canceled, Closed, Effort, cancel_ours, close_position
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import VenueError
from perpmaker.venues.port import Venue, VenueFill
from perpmaker.venues.redaction import redact

_MARKET_S: Final = 5.0
_SLACK_NS: Final = 5 * 10**9
"""Executions are asked for from this long before closing: our clock and the venue's differ a little."""


BOOK_ATTEMPTS: Final = 12
BOOK_PAUSE_S: Final = 10.0
"""A venue in trouble is given two minutes to tell what was executed; by then everything that had to be done is done."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What the journal is told of an emergency. ``mode`` is the command's name."""

    mode: str
    exchange: str
    symbol: str
    instrument: Instrument
    endpoint: str | None
    command_line: str


@dataclass(slots=True)
class Rescue:
    """Acts on one account's market, and writes down what it does. A context: it ends its record on the way out.

    Attributes:
        effort: made for this: what it tells goes to the journal, too.
        did: one sentence each, for the end of the record.
    """

    journal: Journal
    occasion: Occasion
    venue: Venue
    clock: Clock
    say: Callable[[str], None]
    patience_ns: int | None
    persists: bool = False
    random_below: Callable[[int], int] = secrets.randbelow
    did: list[str] = field(default_factory=list)
    effort: Effort = field(init=False)
    _record: RunJournal | None = None
    _tag: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self.effort = Effort(self.clock, self.tell, self.patience_ns, self.persists)
        self._tag = 1 + self.random_below(self.venue.facts.max_tag)
        try:
            self._begin()
        except JournalError as error:
            self.say(f"what is done now is not recorded: {error}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        end = "; ".join(self.did) or ("nothing was done" if error is None else f"failed: {type(error).__name__}")
        try:
            self._stack.__exit__(kind, error, tb)
            if self._record is not None:
                end_dead_run(self.journal, load_run(self.journal, self._record.run_id), end)
        except JournalError as trouble:
            self.say(f"what was done is not recorded: {trouble}")

    def _begin(self) -> None:
        facts = self.venue.facts
        self._tag = self._free_tag(facts.account, facts.max_tag)
        about = RunStart(
            version=__version__,
            exchange=self.occasion.exchange,
            symbol=self.occasion.symbol,
            market_type="perp",
            mode=self.occasion.mode,
            seed=None,
            command_line=redact(self.occasion.command_line),
            settings={},
            instrument=self.occasion.instrument,
            provenance={"venue": facts.name},
            started_at_ns=self.clock.now_ns(),
            account=facts.account,
            tag=self._tag,
            host=this_host(),
            endpoint=self.occasion.endpoint,
        )
        self._record = self._stack.enter_context(self.journal.begin_run(about))

    def tell(self, sentence: str) -> None:
        """Say it, and keep it."""
        self.say(sentence)
        self._keep(lambda record: record.reason(self.clock.now_ns(), self.occasion.mode, redact(sentence)))

    async def cancel(self, tags: Collection[int], settled_ns: int) -> Canceled:
        """Cancel what carries these tags; see `perpmaker.runtime.live.emergency.cancel_ours`.

        Raises:
            VenueError: only a person can mend it, and the effort does not persist.
        """
        report = await cancel_ours(self.venue, tags, self.effort, settled_ns=settled_ns)
        self._did(_told_of_cancels(report))
        if report.others:
            names = ", ".join(order.client_id or order.venue_id for order in report.others[:5])
            self.tell(f"{_orders(len(report.others))} of somebody else as before ({names})")
        return report

    async def close(self) -> Closed:
        """Close the position; see `perpmaker.runtime.live.emergency.close_position`.

        Raises:
            VenueError: only a person can mend it, and the effort does not persist.
        """
        since_ns = self.clock.now_ns() - _SLACK_NS
        report = await close_position(self.venue, self._tag, self.effort, max_lots=await self._max_lots())
        quantity, base = self.occasion.instrument.quantity, self.occasion.instrument.base
        if report.held is None or report.lots_left is None:
            self._did("the venue never told the position: look there by hand")
        elif report.held.lots == 0:
            self._did("the position was flat")
        elif report.is_flat:
            self._did(f"closed a position of {quantity(report.held.lots):+} {base} with {_orders(report.orders)}")
        else:
            self._did(f"a position of {quantity(report.lots_left):+} {base} is left: close it at the venue")
        if report.orders:
            await self._book(report, since_ns)
        return report

    async def finish_books(self) -> None:
        """Book what dead runs missed, and end them, as the next start would (rule 2)."""
        occasion = self.occasion
        try:
            found = await self._told(
                lambda: recover_runs(
                    self.journal,
                    self.venue,
                    occasion.instrument,
                    symbol=occasion.symbol,
                    run_id="" if self._record is None else self._record.run_id,
                    clock=self.clock,
                )
            )
        except (VenueError, UserError) as error:
            self.tell(f"the books of the run are finished at the next start: {error}")
        else:
            for note in found.notes:
                self.tell(note)

    async def _max_lots(self) -> int | None:
        """The venue's largest order; None where it does not tell quickly, then it refuses what is too large."""
        try:
            async with asyncio.timeout(_MARKET_S):
                return (await self.venue.market()).max_lots
        except (TimeoutError, VenueError, UserError):
            return None

    async def _book(self, report: Closed, since_ns: int) -> None:
        try:
            told = await self._told(lambda: self.venue.fills(since_ns))
            executions = [each for each in told if each.tag == self._tag]
        except VenueError as error:
            self.tell(f"the closing executions are not in the journal, the venue did not tell them: {error}")
            return
        if report.held is None or not executions:
            return
        now_ns = self.clock.now_ns()
        price = report.held.mark_milliticks or executions[0].fill.price_ticks * MILLITICKS_PER_TICK
        taken_over = PositionCorrected(now_ns, now_ns, report.held.lots, price)
        profit = self.occasion.instrument.money(_books(taken_over, executions).profit_quanta(price))

        def write(record: RunJournal) -> None:
            record.event(taken_over)
            for execution in executions:
                record.event(execution.fill._replace(at_ns=now_ns))
            record.daily_result(utc_day(now_ns), profit)

        self._keep(write)

    async def _told(self, question: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """What the venue tells of the past. Raises `VenueError` where it does not, not even after a while."""
        for _ in range(BOOK_ATTEMPTS - 1 if self.persists else 0):
            try:
                return await question()
            except VenueError as error:
                self.effort.say(f"the books wait for the venue: {error}")
            await asyncio.sleep(BOOK_PAUSE_S)
        return await question()

    def _keep(self, write: Callable[[RunJournal], None]) -> None:
        """Write something down; rule 3."""
        if self._record is None:
            return
        try:
            write(self._record)
        except JournalError as error:
            self._record = None
            self.say(f"what is done from now on is not recorded: {error}")

    def _did(self, sentence: str) -> None:
        self.did.append(sentence)
        self.tell(sentence)

    def _free_tag(self, account: str, most: int) -> int:
        """A tag that no recent run of this account has; where all are taken, any."""
        taken = recent_tags(self.journal, account, self.clock.now_ns() - TAGS_KEPT_NS)
        free = [tag for tag in range(1, min(most, 4_096) + 1) if tag not in taken]
        return free[self.random_below(len(free))] if free else 1 + self.random_below(most)


def _books(taken_over: PositionCorrected, executions: list[VenueFill]) -> Position:
    books = Position()
    books.apply_correction(taken_over.change_lots, taken_over.price_milliticks)
    for _, _, fill in executions:
        books.apply_fill(fill.side, fill.price_ticks, fill.lots, fill.fee_quanta)
    return books


def _told_of_cancels(report: Canceled) -> str:
    done = f"cancelled {_orders(len(report.done))} of ours"
    if report.left is None:
        return f"{done}; the venue could not be asked whether any is left: look there by hand"
    if report.left:
        numbers = ", ".join(order.venue_id for order in report.left)
        return f"{done}; {len(report.left)} still rest ({numbers}): cancel them at the venue"
    return f"{done}; none is left, by the venue's own count"


def _orders(count: int) -> str:
    return f"{count} order{'' if count == 1 else 's'}"
