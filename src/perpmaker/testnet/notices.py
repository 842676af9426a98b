"""What the testnet holds and tells: records of orders, fills and positions, and the notices that streams are made of.

Rules kept here:

1. Everything is immutable: a notice that is delivered late still says what was true when it was made.
2. Prices are ticks, sizes lots, money quanta, rates parts per billion, times ns of the testnet's clock (which is the
   engine time of the wire). `perpmaker.testnet.wire` turns them into the wire's strings.
3. Notices are given synchronously and in the order in which things happened. A listener must not call back.
4. Words that go over the wire are enums whose value is the wire's word.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from perpmaker.domain.orders import Side
from perpmaker.simulation.depth_book import Level


class OrderType(Enum):
    LIMIT = "Limit"
    MARKET = "Market"


class TimeInForce(Enum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class SelfTradePrevention(Enum):
    REJECT_TAKER = "RejectTaker"
    REJECT_MAKER = "RejectMaker"
    REJECT_BOTH = "RejectBoth"


class OrderStatus(Enum):
    """The wire's statuses, without those of trigger orders, which the testnet refuses."""

    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    EXPIRED = "Expired"

    @property
    def is_open(self) -> bool:
        return self in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


class ExpiryReason(Enum):
    """Why the exchange ended an order: the reasons of the document's ``OrderExpiryReason`` that occur here."""

    FILL_OR_KILL = "FillOrKill"
    IMMEDIATE_OR_CANCEL = "ImmediateOrCancel"
    INSUFFICIENT_LIQUIDITY = "InsufficientLiquidity"
    INSUFFICIENT_MARGIN = "InsufficientMargin"
    LIQUIDATION = "Liquidation"
    POST_ONLY_TAKER = "PostOnlyTaker"
    PRICE_IMPACT = "PriceImpact"
    REDUCE_ONLY_NOT_REDUCED = "ReduceOnlyNotReduced"
    SELF_TRADE_PREVENTION = "SelfTradePrevention"
    UNKNOWN = "Unknown"


class Origin(Enum):
    """Who caused an update of an order."""

    USER = "USER"
    LIQUIDATION = "LIQUIDATION_AUTOCLOSE"


class SystemOrder(Enum):
    """Kind of an order that the exchange itself has sent, or ended."""

    LIQUIDATION = "LiquidatePositionOnBook"
    BOOK_CLOSED = "OrderBookClosed"


class OrderEvent(Enum):
    """``e`` of the stream ``account.orderUpdate``."""

    ACCEPTED = "orderAccepted"
    CANCELLED = "orderCancelled"
    EXPIRED = "orderExpired"
    FILL = "orderFill"
    MODIFIED = "orderModified"


class PositionEvent(Enum):
    """``e`` of the stream ``account.positionUpdate``. A position that changes its side is adjusted."""

    OPENED = "positionOpened"
    ADJUSTED = "positionAdjusted"
    CLOSED = "positionClosed"


class OrderRecord(NamedTuple):
    """An order as it was at one moment.

    ``price_ticks`` is 0 for a market order. ``quote_quanta`` is the limit of a market order by quote quantity (0 for
    all others); its ``lots`` are what that would buy when it arrived. ``filled_quanta`` is the exact value of what was
    executed. ``lots`` of a reduce-only order may shrink (`OrderEvent.MODIFIED`).
    """

    order_id: int
    account: str
    client_id: int | None
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    self_trade_prevention: SelfTradePrevention
    price_ticks: int
    lots: int
    quote_quanta: int
    post_only: bool
    reduce_only: bool
    status: OrderStatus
    filled_lots: int
    filled_quanta: int
    created_ns: int
    updated_ns: int
    expiry_reason: ExpiryReason | None
    origin: Origin
    system_order: SystemOrder | None

    @property
    def left_lots(self) -> int:
        return self.lots - self.filled_lots


class FillRecord(NamedTuple):
    """One execution; ``fee_quanta`` < 0 is a rebate."""

    trade_id: int
    order_id: int
    client_id: int | None
    side: Side
    price_ticks: int
    lots: int
    is_maker: bool
    fee_quanta: int
    at_ns: int
    system_order: SystemOrder | None


class FundingRecord(NamedTuple):
    """One funding payment; positive was received."""

    at_ns: int
    amount_quanta: int
    rate_ppb: int


class PositionView(NamedTuple):
    """A position with its margin. Profit, fees and funding count from when it was opened.

    ``cost_quanta`` has the sign of the position. ``exposure_lots`` is signed, and includes the open orders of the side
    that would make the position largest.
    """

    position_id: int
    lots: int
    cost_quanta: int
    exposure_lots: int
    realized_quanta: int
    unrealized_quanta: int
    fees_quanta: int
    funding_quanta: int
    mark_milliticks: int
    initial_margin_ppb: int
    maintenance_margin_ppb: int
    opened_ns: int


class DepthChanged(NamedTuple):
    """Absolute levels that one message changed; 0 lots: the level is gone. Best level first on both sides."""

    at_ns: int
    first_update_id: int
    last_update_id: int
    bids: Sequence[Level]
    asks: Sequence[Level]


class BookTickerChanged(NamedTuple):
    """The best bid and offer; None where a side is empty."""

    at_ns: int
    update_id: int
    bid: Level | None
    ask: Level | None


class Traded(NamedTuple):
    """A public trade. Executions of accounts are public trades too."""

    at_ns: int
    trade_id: int
    price_ticks: int
    lots: int
    buyer_order_id: int
    seller_order_id: int
    is_buyer_maker: bool


class MarkPriceChanged(NamedTuple):
    at_ns: int
    mark_milliticks: int
    index_milliticks: int
    funding_rate_ppb: int
    next_funding_ns: int


class OrderChanged(NamedTuple):
    """News of an order of an account; ``fill`` only with `OrderEvent.FILL`."""

    at_ns: int
    event: OrderEvent
    order: OrderRecord
    fill: FillRecord | None


class PositionChanged(NamedTuple):
    at_ns: int
    event: PositionEvent
    account: str
    position: PositionView


class Liquidated(NamedTuple):
    """An execution of a liquidation; ``side`` is the side of the liquidation order."""

    at_ns: int
    side: Side
    price_ticks: int
    lots: int


class MarketStatus(Enum):
    """State of the order book. `DELISTED` is ours: the market is gone from every answer."""

    OPEN = "Open"
    CLOSED = "Closed"
    CANCEL_ONLY = "CancelOnly"
    LIMIT_ONLY = "LimitOnly"
    POST_ONLY = "PostOnly"
    DELISTED = "Delisted"

    @property
    def is_matching(self) -> bool:
        """Whether orders trade; otherwise the book stands still and what happens meanwhile is made up for later."""
        return self in (MarketStatus.OPEN, MarketStatus.LIMIT_ONLY, MarketStatus.POST_ONLY)


Notice = DepthChanged | BookTickerChanged | Traded | MarkPriceChanged | OrderChanged | PositionChanged | Liquidated

Listener = Callable[[Notice], None]
