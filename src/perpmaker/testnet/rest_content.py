"""What orders, fills, payments and positions look like in answers, field by field as the document has them.

A field that an object does not have is left out, not null. Numbers are decimal strings, times of orders milliseconds,
times in histories ISO 8601 without a zone.
"""

from typing import Any, Final

from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT, RATE_SCALE
from perpmaker.testnet.account import Account
from perpmaker.testnet.notices import FillRecord, FundingRecord, OrderRecord, OrderType, PositionView
from perpmaker.testnet.rest_query import SIDE_WORDS
from perpmaker.testnet.wire import Wire, millis, naive_time, rate

Content = dict[str, Any]


class Contents:
    """Writes the records of one market."""

    def __init__(self, instrument: Instrument) -> None:
        self._symbol: Final = instrument.symbol
        self._quote: Final = instrument.quote
        self.wire: Final = Wire(instrument)

    def order(self, order: OrderRecord) -> Content:
        """``OrderType``: an order as the order paths answer it."""
        wire = self.wire
        content: Content = {
            "orderType": order.order_type.value,
            "id": str(order.order_id),
            "createdAt": millis(order.created_ns),
            "executedQuantity": wire.quantity(order.filled_lots),
            "executedQuoteQuantity": wire.money(order.filled_quanta),
            "quantity": wire.quantity(order.lots),
            "reduceOnly": order.reduce_only,
            "timeInForce": order.time_in_force.value,
            "selfTradePrevention": order.self_trade_prevention.value,
            "side": SIDE_WORDS[order.side],
            "status": order.status.value,
            "symbol": self._symbol,
        }
        if order.order_type is OrderType.LIMIT:
            content["price"] = wire.price(order.price_ticks)
            content["postOnly"] = order.post_only
        if order.quote_quanta:
            content["quoteQuantity"] = wire.money(order.quote_quanta)
        if order.client_id is not None:
            content["clientId"] = order.client_id
        return content

    def past_order(self, order: OrderRecord) -> Content:
        """``Order``: the same in the history."""
        content = self.order(order)
        del content["reduceOnly"]
        content["createdAt"] = naive_time(order.created_ns)
        if order.expiry_reason is not None:
            content["expiryReason"] = order.expiry_reason.value
        if order.system_order is not None:
            content["systemOrderType"] = order.system_order.value
        return content

    def fill(self, fill: FillRecord) -> Content:
        """``OrderFill``."""
        content: Content = {
            "fee": self.wire.money(fill.fee_quanta),
            "feeSymbol": self._quote,
            "isMaker": fill.is_maker,
            "orderId": str(fill.order_id),
            "price": self.wire.price(fill.price_ticks),
            "quantity": self.wire.quantity(fill.lots),
            "side": SIDE_WORDS[fill.side],
            "symbol": self._symbol,
            "timestamp": naive_time(fill.at_ns),
            "tradeId": fill.trade_id,
        }
        if fill.client_id is not None:
            content["clientId"] = str(fill.client_id)
        if fill.system_order is not None:
            content["systemOrderType"] = fill.system_order.value
        return content

    def funding(self, account: Account, payment: FundingRecord) -> Content:
        """``FundingPayment``."""
        return {
            "userId": account.holder.user_id,
            "symbol": self._symbol,
            "quantity": self.wire.money(payment.amount_quanta),
            "intervalEndTimestamp": naive_time(payment.at_ns),
            "fundingRate": rate(payment.rate_ppb),
        }

    def position(self, account: Account, view: PositionView) -> Content:
        """``FuturePositionWithMargin``."""
        wire = self.wire
        break_even_quanta = view.cost_quanta - view.realized_quanta + view.fees_quanta - view.funding_quanta
        exposure_quanta = abs(view.exposure_lots) * view.mark_milliticks * QUANTA_PER_MILLITICK_LOT
        return {
            "breakEvenPrice": wire.entry_price(break_even_quanta, view.lots),
            "cumulativeFundingPayment": wire.money(view.funding_quanta),
            "cumulativeInterest": "0",
            "entryPrice": wire.entry_price(view.cost_quanta, view.lots),
            "estLiquidationPrice": wire.mark(_liquidation_milliticks(account, view)),
            "imf": rate(view.initial_margin_ppb),
            "imfFunction": margin_function(view.initial_margin_ppb),
            "markPrice": wire.mark(view.mark_milliticks),
            "mmf": rate(view.maintenance_margin_ppb),
            "mmfFunction": margin_function(view.maintenance_margin_ppb),
            "netCost": wire.money(view.cost_quanta),
            "netExposureNotional": wire.money(exposure_quanta),
            "netExposureQuantity": wire.quantity(view.exposure_lots),
            "netQuantity": wire.quantity(view.lots),
            "pnlRealized": wire.money(view.realized_quanta),
            "pnlUnrealized": wire.money(view.unrealized_quanta),
            "positionId": str(view.position_id),
            "symbol": self._symbol,
            "userId": account.holder.user_id,
        }


def margin_function(fraction_ppb: int) -> Content:
    """A margin fraction that does not grow with the position, as the document's square root function."""
    return {"type": "sqrt", "base": rate(fraction_ppb), "factor": "0"}


def _liquidation_milliticks(account: Account, view: PositionView) -> int:
    """The mark at which the equity is the maintenance margin, rounded down; 0 when there is none above zero.

    All other marks stay where they are.
    """
    lots_ppb = view.lots * RATE_SCALE - abs(view.lots) * view.maintenance_margin_ppb
    if not lots_ppb:
        return 0
    value_quanta = view.lots * view.mark_milliticks * QUANTA_PER_MILLITICK_LOT
    owed_scaled = value_quanta * account.units_per_quantum * RATE_SCALE - account.holder.spare_scaled(account)
    return max(0, owed_scaled // (lots_ppb * QUANTA_PER_MILLITICK_LOT * account.units_per_quantum))
