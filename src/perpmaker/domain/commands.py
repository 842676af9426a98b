"""Everything that the market maker can ask for, and when it wants to be asked again."""

from enum import Enum
from typing import NamedTuple

from perpmaker.domain.events import EndReason
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.domain.reference import ReferencePrice


class Place(NamedTuple):
    """Send an order. ``order_id`` is ours and unique in the run; a MARKET order has ``price_ticks`` 0.

    ``level`` is its place in the ladder, 1 the innermost; 0 for an order that closes the position.
    """

    order_id: int
    side: Side
    price_ticks: int
    lots: int
    kind: OrderKind
    post_only: bool
    reduce_only: bool
    level: int = 0


class Cancel(NamedTuple):
    order_id: int


class Halt(NamedTuple):
    """The run is over: every order is known to be dead. The last command that a maker gives."""

    reason: EndReason


class NoticeKind(Enum):
    """What a maker finds worth telling: docs/strategy.md explains each."""

    STOP_LOSS = "stop loss"
    TAKE_PROFIT = "take profit"
    MAX_DRAWDOWN = "maximum drawdown"
    MAX_LOSS = "maximum loss"
    LIQUIDATED = "liquidated"
    CLOSE_REQUESTED = "close requested"
    CLOSED = "position closed"
    QUOTING = "quoting"
    NOT_QUOTING = "not quoting"
    ENDING = "ending"
    ANOMALY = "anomaly"


class Notice(NamedTuple):
    """Nothing to do: something for the journal and the screen. What was decided is returned, never logged."""

    kind: NoticeKind
    position_lots: int
    unrealized_quanta: int
    detail: str


Command = Place | Cancel | Halt | Notice


class Wake(NamedTuple):
    """Until when, and within which prices, the maker need not be asked.

    A driver may keep every event to itself until the first of these (fills, rejections, gaps and funding always
    wake), and must then deliver, in order, what it kept:

    1. the time reaches ``until_ns``;
    2. the mark leaves ``[mark_low, mark_high]`` (milliticks, inclusive), checked at every price;
    3. the time reaches a refresh (``refresh_ns``, then every ``interval_ns``) and at that moment the reference
       price (of kind ``reference``) lies outside ``[reference_low, reference_high]`` (milliticks, inclusive), or the
       best ask is at or below ``bid_guard_ticks``, or the best bid is at or above ``ask_guard_ticks``, or a side of
       the book is empty.
       A refresh passed over in this way is over: the next one is an interval later;
    4. ``on_book`` and the best bid or offer changes;
    5. ``on_order`` and an order is accepted or cancelled.
    """

    until_ns: int
    refresh_ns: int
    interval_ns: int
    reference: ReferencePrice
    reference_low: int
    reference_high: int
    bid_guard_ticks: int
    ask_guard_ticks: int
    mark_low: int
    mark_high: int
    on_book: bool
    on_order: bool


FAR_FUTURE_NS = 2**62
"""Later than any time that a run can reach, and still an int64 when something is added to it."""

ANY_PRICE = 2**62
"""A price bound that nothing crosses: ``-ANY_PRICE`` below, ``ANY_PRICE`` above."""

ASLEEP = Wake(
    until_ns=FAR_FUTURE_NS,
    refresh_ns=FAR_FUTURE_NS,
    interval_ns=0,
    reference=ReferencePrice.MID,
    reference_low=-ANY_PRICE,
    reference_high=ANY_PRICE,
    bid_guard_ticks=-ANY_PRICE,
    ask_guard_ticks=ANY_PRICE,
    mark_low=-ANY_PRICE,
    mark_high=ANY_PRICE,
    on_book=False,
    on_order=False,
)
"""Nothing matters but what always wakes. For whoever drives an exchange without a maker, with ``_replace``."""
