"""Everything that the market maker can be told.

Named tuples rather than dataclasses: immutable, standard library, and five times cheaper to make than a frozen
dataclass, which a replay of millions of events feels. ``at_ns`` is when the maker learns of it, ``venue_ns`` when
it happened at the venue. A side of the book with nothing on it has size 0 and its price means nothing.
"""

from enum import Enum
from typing import Final, NamedTuple

from perpmaker.domain.orders import CancelReason, RejectReason, Side

LIQUIDATION_ORDER_ID: Final = 0
"""The order of a fill with which the simulated exchange closed our position; no order of ours has this number."""


class BookUpdated(NamedTuple):
    """The best bid and offer, after one atomic message."""

    at_ns: int
    venue_ns: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class TradeSeen(NamedTuple):
    """A public trade; ``aggressor`` is the side that took liquidity."""

    at_ns: int
    venue_ns: int
    price_ticks: int
    lots: int
    aggressor: Side


class MarkUpdated(NamedTuple):
    """The venue's mark price, in thousandths of a tick."""

    at_ns: int
    venue_ns: int
    mark_milliticks: int


class GapStarted(NamedTuple):
    """Market data is blind from here: nothing seen before can be trusted."""

    at_ns: int
    venue_ns: int


class GapEnded(NamedTuple):
    """Market data flows again; the book that follows is whole."""

    at_ns: int
    venue_ns: int


class OrderAccepted(NamedTuple):
    at_ns: int
    venue_ns: int
    order_id: int


class OrderRejected(NamedTuple):
    at_ns: int
    venue_ns: int
    order_id: int
    reason: RejectReason


class OrderCanceled(NamedTuple):
    """The order is dead. ``filled_lots`` is the venue's own cumulative count: fills may still be on their way."""

    at_ns: int
    venue_ns: int
    order_id: int
    filled_lots: int
    reason: CancelReason


class CancelRejected(NamedTuple):
    """The venue does not know the order as open: it is filled or gone, and that news may still be on its way."""

    at_ns: int
    venue_ns: int
    order_id: int


class OutcomeUnknown(NamedTuple):
    """A request went unanswered (place or cancel). Never a rejection: it may have worked."""

    at_ns: int
    order_id: int


class Filled(NamedTuple):
    """One execution of ours. ``fill_id`` is unique per venue and symbol; ``fee_quanta`` < 0 is a rebate."""

    at_ns: int
    venue_ns: int
    fill_id: int
    order_id: int
    side: Side
    price_ticks: int
    lots: int
    is_maker: bool
    fee_quanta: int


class Liquidated(NamedTuple):
    """The simulated exchange closed our position, or a part of it, because its margin was gone.

    Told after the cancellations of our orders (`CancelReason.LIQUIDATION`) and after the executions: fills of
    `LIQUIDATION_ORDER_ID`, whose fee is the taker fee and the liquidation fee together. Both fields are signed:
    ``change_lots`` is what the executions add up to, ``left_lots`` the position that the book could not take.
    """

    at_ns: int
    venue_ns: int
    change_lots: int
    left_lots: int


class FundingPaid(NamedTuple):
    """Funding booked by the venue: positive was received, negative was paid."""

    at_ns: int
    venue_ns: int
    amount_quanta: int


class PositionCorrected(NamedTuple):
    """The venue holds another position than what we were told explains: held from before, or traded by somebody else.

    ``change_lots`` is signed; it is booked as if it had been executed at ``price_milliticks`` without a fee.
    """

    at_ns: int
    venue_ns: int
    change_lots: int
    price_milliticks: int


class BalanceCorrected(NamedTuple):
    """Money came into the account or left it that no fill, fee or funding explains: a deposit, a withdrawal.

    It changes what margin carries, and is neither profit nor loss.
    """

    at_ns: int
    venue_ns: int
    change_quanta: int


class TimerFired(NamedTuple):
    """Time has passed. ``is_refresh`` says that a refresh of `domain.commands.Wake` is due and was not passed over."""

    at_ns: int
    is_refresh: bool = False


class EndReason(Enum):
    """Why a run ended. Each has an exit code of its own, see `perpmaker.cli.exit_codes`."""

    DURATION = "duration reached"
    FEED_EXHAUSTED = "market data ended"
    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"
    STOP_LOSS = "stop loss, and --after-stop halt"
    TAKE_PROFIT = "take profit, and --after-stop halt"
    MAX_DRAWDOWN = "maximum drawdown"
    MAX_LOSS = "maximum loss of the run"
    MAX_DAILY_LOSS = "maximum loss of the day"
    BUDGET = "notional or margin budget of all markets"
    BUDGET_LOSS = "loss budget of all markets"
    LIQUIDATED = "liquidated"
    VENUE_STOPPED = "the venue needs a person"
    FAILED = "unrecoverable error"


class StopRequested(NamedTuple):
    """Somebody or something outside wants the run to end."""

    at_ns: int
    reason: EndReason


class QuotingLimited(NamedTuple):
    """A budget over several markets is used up (or is not any more): only what reduces the position may be quoted.

    ``why`` names the budget.
    """

    at_ns: int
    only_reducing: bool
    why: str


class QuotingPaused(NamedTuple):
    """Somebody wants nothing to be quoted any more (or everything again). The position stays, and so do its limits."""

    at_ns: int
    is_paused: bool


class CloseRequested(NamedTuple):
    """Somebody wants the position closed now; afterwards quoting is paused."""

    at_ns: int


class SettingsChanged(NamedTuple):
    """Somebody has changed the settings of a run while it goes on.

    ``terms`` are the new ones, whole: a `perpmaker.maker.settings.StrategyTerms`, which only the maker understands.
    ``told`` says what was and what is, a line each.
    """

    at_ns: int
    terms: "object"  # quoted for mypyc, which looks a bare `object` up among the names of this module
    told: str


Event = (
    BookUpdated
    | TradeSeen
    | MarkUpdated
    | GapStarted
    | GapEnded
    | OrderAccepted
    | OrderRejected
    | OrderCanceled
    | CancelRejected
    | OutcomeUnknown
    | Filled
    | Liquidated
    | FundingPaid
    | PositionCorrected
    | BalanceCorrected
    | TimerFired
    | StopRequested
    | QuotingLimited
    | QuotingPaused
    | CloseRequested
    | SettingsChanged
)
