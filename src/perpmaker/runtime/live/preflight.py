"""The checklist before a live run, in this order; `perpmaker doctor` runs it alone.

     1. reachable     the venue answers, over a certificate that is valid
     2. clock         ours and the venue's agree, more or less
     3. symbol        the market exists; its tick, lot, minimum and maximum
     4. market        it is open for trading
     5. sizes         quantity and cap fit lot, minimum and maximum
     6. permissions   the keys are valid and may trade
     7. fees          a round trip earns more than its maker fees
     8. margin        there is equity, and a leverage
     9. position      what is held, and goes on
    10. orders        what rests: somebody else's, a dead run's, a running one's
    11. capacity      the balance carries the ladder, and the cap
    12. loss limits   there is at least one
    13. latches       no stop of an earlier run is in force

Rules kept here:

1. Nothing is sent but questions, and the cancellation of an order that does not exist: nothing else tells whether keys
   may trade. A question that fails is asked again where that may help; then the check that needs its answer has failed.
2. A failure is told once: whatever else needed the same answer is not checked, and says so.
3. The answers are kept: a start need not ask again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from perpmaker.domain.errors import PerpmakerError, UserError
from perpmaker.maker.settings import StrategySettings
from perpmaker.runtime.live import preflight_checks as checks
from perpmaker.runtime.live.preflight_checks import Check, Protections, Status
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import (
    AccountState,
    ClockReading,
    MarketSource,
    MarketTerms,
    Venue,
    VenueOrder,
    VenuePosition,
)

PATIENCE_S: Final = 15.0
"""For one question, however often it is asked."""

RETRY_S: Final = 5.0
"""A question that was answered with an error is asked again for so long."""

PAUSE_S: Final = 1.0

NO_ORDER: Final = "1"
"""A venue's number that no order of an account has."""

_Answer = TypeVar("_Answer")


@dataclass(slots=True, kw_only=True)
class Preflight:
    """The checklist, and what the venue answered; None where it did not."""

    checks: list[Check] = field(default_factory=list)
    clock: ClockReading | None = None
    terms: MarketTerms | None = None
    account: AccountState | None = None
    position: VenuePosition | None = None
    orders: list[VenueOrder] | None = None

    @property
    def is_ready(self) -> bool:
        """Nothing speaks against a start."""
        return self.refusal is None

    @property
    def refusal(self) -> str | None:
        """The first reason against a start, in one sentence; None where there is none."""
        return next((f"{name}: {detail}" for name, status, detail in self.checks if status is Status.FAILED), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known beside the venue.

    Attributes:
        latches: stops of earlier runs that are in force, one sentence each.
        running: tags of runs of ours that trade this market now.
        dead: tags of runs of ours that ended without cleaning up.
        price_milliticks: the price of now, for the margin; without it the venue's mark serves, where it tells one.
    """

    latches: Sequence[str] = ()
    running: Collection[int] = ()
    dead: Collection[int] = ()
    price_milliticks: int | None = None


NOTHING_KNOWN: Final = Known()
NO_PROTECTIONS: Final = Protections()


async def preflight(
    source: MarketSource,
    venue: Venue | None,
    settings: StrategySettings | None,
    protections: Protections = NO_PROTECTIONS,
    known: Known = NOTHING_KNOWN,
    *,
    is_paper: bool = False,
) -> Preflight:
    """Ask, and examine the answers.

    Args:
        source: the market; its streams need not be open.
        venue: the account on it (the same object, usually); None leaves out what needs keys.
        settings: what is to be run; None leaves out what depends on it.
        protections: limits on losses beside the strategy's.
        known: what the journal and the market data told.
        is_paper: the account is simulated: it has no keys that could lack anything.
    """
    found = Preflight()
    failures = await _ask_all(found, source, venue)
    price = known.price_milliticks or (found.position.mark_milliticks if found.position is not None else None)
    has_keys = venue is not None
    answers = {
        "host": source.name,
        "clock": found.clock,
        "terms": found.terms,
        "settings": settings,
        "account": found.account,
        "right to trade": True,  # a failure tells of none
        "is paper": is_paper,
        "position": found.position,
        "orders": found.orders,
        "price": price,
        "protections": protections,
        "running": known.running,
        "dead": known.dead,
        "latches": known.latches if has_keys else None,
    }
    why_not = _WHY_NOT if has_keys else {**_WHY_NOT, **dict.fromkeys(_OF_ACCOUNT, _NO_KEYS)}
    for name, examine, needs in _checks(settings):
        found.checks.append(_check(name, examine, needs, answers, failures, why_not))
    return found


def _checks(settings: StrategySettings | None) -> list[tuple[str, Callable[..., Check], tuple[str, ...]]]:
    """Name, function and what it is given, in the order of the checklist."""
    return [
        ("reachable", checks.reachable, ("host", "clock")),
        ("clock", checks.clock, ("clock",)),
        ("symbol", checks.symbol, ("terms",)),
        ("market", checks.market_open, ("terms",)),
        ("sizes", checks.sizes, ("settings", "terms")),
        ("permissions", checks.permissions, ("account", "right to trade", "is paper")),
        ("fees", checks.fees, ("settings", "account")),
        ("margin", checks.margin, ("terms", "account")),
        ("position", partial(checks.position, settings), ("terms", "position")),
        ("orders", checks.orders, ("orders", "running", "dead")),
        ("capacity", checks.capacity, ("settings", "terms", "account", "position", "price")),
        ("loss limits", checks.loss_limits, ("settings", "protections")),
        ("latches", checks.latches, ("latches",)),
    ]


_NO_KEYS: Final = "needs the account and its keys (--live)"
_OF_ACCOUNT: Final = ("account", "position", "orders", "latches")
_WHY_NOT: Final = {
    "clock": "the venue could not be asked",
    "terms": "the market is unknown",
    "settings": "depends on the strategy: give its flags",
    "account": "the account is unknown",
    "position": "the position is unknown",
    "orders": "the orders are unknown",
    "price": "there is no price to reckon with",
}


def _check(
    name: str,
    examine: Callable[..., Check],
    needs: tuple[str, ...],
    answers: dict[str, Any],
    failures: dict[str, PerpmakerError],
    why_not: dict[str, str],
) -> Check:
    for need in needs:
        if need in failures:
            return Check(name, Status.FAILED, str(failures.pop(need)))  # rule 2: told once
    lacking = next((need for need in needs if answers[need] is None), None)
    if lacking is not None:
        return Check(name, Status.SKIPPED, why_not[lacking])
    return examine(*(answers[need] for need in needs))


async def _ask_all(found: Preflight, source: MarketSource, venue: Venue | None) -> dict[str, PerpmakerError]:
    """Fill in the answers; returns the questions that have none, with their errors."""
    failures: dict[str, PerpmakerError] = {}

    async def ask(name: str, question: Callable[[], Awaitable[_Answer]]) -> _Answer | None:
        try:
            return await answered(question)
        except (VenueError, UserError) as error:
            failures[name] = error
            return None

    found.clock = await ask("clock", source.clock)
    if found.clock is None:
        return failures
    found.terms = await ask("terms", source.market)
    if venue is not None:
        found.account = await ask("account", venue.account)
    if venue is not None and found.terms is not None and found.account is not None:
        await ask("right to trade", partial(_may_trade, venue))
        found.position = await ask("position", venue.position)
        found.orders = await ask("orders", venue.open_orders)
    return failures


async def _may_trade(venue: Venue) -> None:
    """Cancel an order that does not exist: whoever may trade is told so, or nothing at all.

    Raises:
        VenueError: the keys may not trade, or only a person can mend what else there is.
    """
    try:
        await venue.cancel_venue_order(NO_ORDER)
    except VenueError as error:
        if error.reaction is Reaction.STOP:
            raise


async def answered(question: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Ask, and again where that may help, until patience ends.

    Raises:
        VenueError: the last answer that was none.
        UserError: there is no such market.
    """
    last = VenueError(f"there was no answer within {PATIENCE_S:g} s: try again", Reaction.RETRY, "Timeout")
    now_s = asyncio.get_running_loop().time
    give_up_s = now_s() + RETRY_S
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return await question()
                except VenueError as error:
                    last = error
                if last.reaction in (Reaction.STOP, Reaction.REFUSE) or now_s() >= give_up_s:
                    raise last
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        raise last from None
