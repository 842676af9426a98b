"""What the parts of a live run share: the maker and how it is told, the venue, the clock, and what is worth noting.

Rules kept here:

1. Every question to the venue goes through `Desk.ask`: it waits for the rate limit, and its answer is not waited for
   longer than `QUESTION_PATIENCE_S`. No answer is a `VenueError`, whatever became of the request.
2. A venue that says that it was asked too often is believed: the token bucket is emptied.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, ParamSpec, TypeVar

from perpmaker.domain.events import EndReason, Event
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import OrderStatus
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.runtime.live.rate_limit import RateLimit
from perpmaker.runtime.live.vital_signs import VitalSigns
from perpmaker.venues.clock import Clock
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import Venue

QUESTION_PATIENCE_S: Final = 10.0

QUESTION: Final = "question"
"""The kind of request that asks something, in `VitalSigns.wire`."""

_ASKED_TOO_OFTEN: Final = frozenset({"TOO_MANY_REQUESTS", "RateLimitExceeded", "DDoSProtection"})

_P = ParamSpec("_P")
_Answer = TypeVar("_Answer")


@dataclass(slots=True)
class Desk:
    """One run's table.

    Attributes:
        tell: hands events to the maker, in order; what it commands is carried out at once.
        note: something for journal and screen: a kind (one or two words) and a sentence.
        request_stop: asks for a clean end.
        tag: of this run, in the client ids of its orders.
        has_foreign_orders: somebody else was seen to trade on this account and market during this run.
        is_account_up: the private stream is known to work.
        is_account_known: and what the account held was asked for since it works.
        clock_offset_ns: what must be added to our clock to get the venue's, as last measured.
        mark_ns: when the last mark price came.
        resting: orders that the venue has confirmed, until their end is told.
        cancelling: orders whose cancel is under way: sent, or about to be, and not answered.
        counts: what was sent and what happened, by name.
        signs: how fast it went.
        settled_elsewhere: quanta that our other markets on this account have settled since they all started.
    """

    instrument: Instrument
    maker: MarketMaker
    venue: Venue
    clock: Clock
    bucket: RateLimit
    tag: int
    tell: Callable[[Event], None]
    note: Callable[[str, str], None]
    request_stop: Callable[[EndReason], None]
    has_foreign_orders: bool = False
    is_account_up: bool = False
    is_account_known: bool = False
    clock_offset_ns: int = 0
    mark_ns: int = 0
    resting: set[int] = field(default_factory=set)
    cancelling: set[int] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    signs: VitalSigns = field(default_factory=VitalSigns)
    settled_elsewhere: Callable[[], int] = lambda: 0

    def status(self, order_id: int) -> OrderStatus | None:
        """Where the maker believes this order to be; None for one that it does not know (any more)."""
        order = self.maker.orders.get(order_id)
        return None if order is None else order.status

    def is_open(self, order_id: int) -> bool:
        """Whether the maker still counts with this order."""
        status = self.status(order_id)
        return status is not None and status.is_open

    def venue_now_ns(self) -> int:
        """The time by the venue's clock: what its histories are stamped with."""
        return self.clock.now_ns() + self.clock_offset_ns

    async def ask(self, question: Callable[_P, Awaitable[_Answer]], *args: _P.args, **kwargs: _P.kwargs) -> _Answer:
        """Ask the venue, as soon as the rate limit allows it.

        Raises:
            VenueError: it was not answered, or not in time.
        """
        while True:
            wait_ns = self.bucket.take_for_question(self.clock.now_ns())
            if not wait_ns:
                break
            await asyncio.sleep(wait_ns / 1e9)
        sent_ns = self.clock.now_ns()
        try:
            async with asyncio.timeout(QUESTION_PATIENCE_S):
                answer = await question(*args, **kwargs)
        except TimeoutError:
            raise VenueError(
                f"{self.venue.facts.name} gave no answer within {QUESTION_PATIENCE_S:g} s", Reaction.RETRY, "Timeout"
            ) from None
        self.answered(QUESTION, sent_ns)
        return answer

    def answered(self, kind: str, sent_ns: int) -> None:
        """A request of this kind, sent then, was answered now."""
        self.signs.wire[kind].add(self.clock.now_ns() - sent_ns)

    def see_foreigner(self) -> None:
        """Somebody else trades here: nothing that could touch their orders is done from now on."""
        if not self.has_foreign_orders:
            self.has_foreign_orders = True
            self.note("foreign orders", "somebody else trades on this market with this account: left alone")

    def venue_failed(self, doing: str, error: VenueError) -> None:
        """A question went unanswered: count it, and end the run where only a person can mend it."""
        self.counts[f"failed: {doing}"] += 1
        if error.code in _ASKED_TOO_OFTEN:
            self.bucket.drain(self.clock.now_ns())
        if error.reaction is Reaction.STOP:
            self.note("venue", f"{doing}: {error}")
            self.request_stop(EndReason.VENUE_STOPPED)
