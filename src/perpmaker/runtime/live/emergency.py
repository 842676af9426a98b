"""What a person or a watchdog does at a venue when the run itself cannot: cancel our orders, close a position.

Rules kept here:

1. Only orders that carry one of the given tags are cancelled, each by the venue's own number. All others are counted,
   and left alone.
2. Only the venue's answers count. A cancel is believed when the order is no longer among those that rest.
3. While a request of a dead run could still take effect, "nothing rests" is not the last word: it is asked again.
4. A position is closed by reduce-only market orders, so that one too many can neither turn nor open anything; what is
   left is asked for after each of them.
5. An error that only a person can mend is raised at once, and so is a question that the venue refuses; unless
   somebody keeps watch (``persists``): then all is tried again, for ever where there is no patience. A change that is
   refused (too often asked, maintenance) is always tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Final, TypeVar

from perpmaker.domain.commands import Place
from perpmaker.domain.orders import OrderKind, RejectReason, Side
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Accepted, PlaceResult, Refused, Venue, VenueOrder, VenuePosition

PATIENCE_NS: Final = 60 * 10**9
QUESTION_S: Final = 15.0
"""The longest that one question or request may take."""

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0

_Answer = TypeVar("_Answer")
Tell = Callable[[str], None]
"""Told in sentences what is done and what stands in the way."""


@dataclass(slots=True)
class Canceled:
    """What cancelling came to.

    Attributes:
        asked: venue's numbers of the orders that were found and cancelled.
        left: orders of ours that still rest, by the venue's last word; None when it never told.
        others: orders of somebody else, which were left alone.
    """

    asked: set[str] = field(default_factory=set)
    left: list[VenueOrder] | None = None
    others: list[VenueOrder] = field(default_factory=list)

    @property
    def done(self) -> set[str]:
        """Those of them that rest no more, by the venue's last word."""
        return set() if self.left is None else self.asked - {order.venue_id for order in self.left}

    @property
    def is_clean(self) -> bool:
        return self.left == []


@dataclass(slots=True)
class Closed:
    """What closing came to.

    Attributes:
        orders: how many were sent.
        held: the position at the beginning; None when the venue never told.
        lots_left: the position by the venue's last word; None when it never told.
    """

    orders: int = 0
    held: VenuePosition | None = None
    lots_left: int | None = None

    @property
    def is_flat(self) -> bool:
        return self.lots_left == 0


@dataclass(slots=True)
class Effort:
    """How long and how stubbornly to try. ``patience_ns`` None is for ever."""

    clock: Clock
    tell: Tell
    patience_ns: int | None = PATIENCE_NS
    persists: bool = False
    _told: str = ""

    def deadline_ns(self) -> int | None:
        return None if self.patience_ns is None else self.clock.now_ns() + self.patience_ns

    def is_over(self, deadline_ns: int | None) -> bool:
        return deadline_ns is not None and self.clock.now_ns() >= deadline_ns

    def failed(self, error: VenueError, *, is_change: bool) -> None:
        """Say so once, and go on; or give up, by rule 5."""
        is_final = error.reaction is Reaction.STOP or (error.reaction is Reaction.REFUSE and not is_change)
        if is_final and not self.persists:
            raise error
        self.say(f"trying again: {error}")

    def say(self, sentence: str) -> None:
        """Tell, but not the same thing over and over."""
        if sentence != self._told:
            self._told = sentence
            self.tell(sentence)


async def cancel_ours(venue: Venue, tags: Collection[int], effort: Effort, *, settled_ns: int = 0) -> Canceled:
    """Cancel every order that carries one of the tags, until the venue says that none rests.

    Args:
        venue: the account on the market.
        tags: of the runs whose orders are ours.
        effort: how long to try.
        settled_ns: from when on no request of those runs can take effect any more, by our clock.

    Raises:
        VenueError: only a person can mend it, and the effort does not persist.
    """
    report = Canceled()
    deadline_ns = effort.deadline_ns()
    pause_s = FIRST_PAUSE_S
    while True:
        await _cancel_once(venue, tags, report, effort)
        now_ns = effort.clock.now_ns()
        if report.is_clean and now_ns >= settled_ns:
            return report
        if effort.is_over(deadline_ns) and now_ns >= settled_ns:
            return report
        wait_s = max(0, settled_ns - now_ns) / 10**9 if report.is_clean else pause_s
        await asyncio.sleep(wait_s + 1e-6)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def _cancel_once(venue: Venue, tags: Collection[int], report: Canceled, effort: Effort) -> None:
    """Look, and cancel what is ours."""
    report.left = None  # unknown until the answer is there
    try:
        resting = await _answered(venue.open_orders)
    except VenueError as error:
        effort.failed(error, is_change=False)
        return
    ours = [order for order in resting if order.tag in tags]
    report.others = [order for order in resting if order.tag not in tags]
    report.left = ours
    report.asked |= {order.venue_id for order in ours}
    answers = await asyncio.gather(*(_cancel(venue, order) for order in ours))  # at once: every second may cost money
    for answer in answers:
        if answer is not None:
            effort.failed(answer, is_change=True)


async def _cancel(venue: Venue, order: VenueOrder) -> VenueError | None:
    try:
        await _answered(lambda: venue.cancel_venue_order(order.venue_id))
    except VenueError as error:
        return error
    return None


async def close_position(venue: Venue, tag: int, effort: Effort, *, max_lots: int | None = None) -> Closed:
    """Close the whole position of the market with reduce-only market orders, until the venue says that it is flat.

    Args:
        venue: the account on the market.
        tag: for the closing orders; no other run may use it. Their numbers count from 1.
        effort: how long to try.
        max_lots: the venue's largest order; None for no bound.

    Raises:
        VenueError: only a person can mend it, and the effort does not persist.
    """
    report = Closed()
    deadline_ns = effort.deadline_ns()
    pause_s = FIRST_PAUSE_S
    venue.begin_run(tag)
    while True:
        await _look(venue, report, effort)
        if report.is_flat or effort.is_over(deadline_ns):
            return report
        if report.lots_left is not None and await _close_once(venue, report, effort, max_lots):
            return report
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def _look(venue: Venue, report: Closed, effort: Effort) -> None:
    """Ask for the position; without an answer it is unknown."""
    report.lots_left = None
    try:
        position = await _answered(venue.position)
    except VenueError as error:
        effort.failed(error, is_change=False)
        return
    report.held, report.lots_left = report.held or position, position.lots


async def _close_once(venue: Venue, report: Closed, effort: Effort, max_lots: int | None) -> bool:
    """Send one order; True where another would fare no better."""
    assert report.lots_left
    report.orders += 1
    side = Side.SELL if report.lots_left > 0 else Side.BUY
    lots = abs(report.lots_left) if max_lots is None else min(abs(report.lots_left), max_lots)
    order = Place(report.orders, side, 0, lots, OrderKind.MARKET, post_only=False, reduce_only=True)

    async def place() -> list[PlaceResult]:
        return await venue.place([order])

    try:
        (result,) = await _answered(place)
    except VenueError as error:  # no answer within bounds; a venue never raises for what it may have done
        effort.failed(error, is_change=True)
        return False
    if isinstance(result, Accepted):
        return False
    effort.say(f"the closing order of {lots} lots: {result.detail}")
    return isinstance(result, Refused) and result.reason is RejectReason.BELOW_MINIMUM


async def _answered(question: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """The answer, within bounds: an emergency never hangs on one question."""
    try:
        async with asyncio.timeout(QUESTION_S):
            return await question()
    except TimeoutError:
        raise VenueError(
            f"the venue did not answer within {QUESTION_S:g} s: look there by hand, too", Reaction.UNKNOWN, "Timeout"
        ) from None
