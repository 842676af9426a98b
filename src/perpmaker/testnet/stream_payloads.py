"""What the streams say: every notice of the testnet as the payload that the exchange documents for it.

Rules kept here:

1. Fields and their names are those of the tag ``Streams`` of the OpenAPI document. A field that is documented as
   conditional is there under its condition and absent otherwise, never null.
2. Times are microseconds: ``E`` is when the message is made, ``T`` when the engine did it. K-lines have ISO 8601.
3. Prices, sizes and money are strings, ids of orders and positions too. The document's example of a position shows
   bare numbers where the exchange sends strings; here it is strings, which no client can misread by a rounding.
"""

from collections.abc import Sequence
from typing import Any, Final

from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT
from perpmaker.domain.orders import Side
from perpmaker.simulation.depth_book import Level
from perpmaker.testnet.klines import Candle, RollingStatistics
from perpmaker.testnet.notices import (
    BookTickerChanged,
    Liquidated,
    MarkPriceChanged,
    OrderChanged,
    OrderEvent,
    OrderRecord,
    OrderType,
    PositionEvent,
    PositionView,
    Traded,
)
from perpmaker.testnet.wire import Wire, micros, millis, naive_time, rate

Payload = dict[str, Any]

_SIDES: Final = {Side.BUY: "Bid", Side.SELL: "Ask"}


class Payloads:
    """Writes payloads of one market.

    Args:
        symbol: the market.
        quote: its quote currency, in which fees are paid.
        wire: writes the market's numbers.
    """

    def __init__(self, symbol: str, quote: str, wire: Wire) -> None:
        self._symbol = symbol
        self._quote = quote
        self._wire = wire

    def depth(
        self, now_ns: int, first_id: int, last_id: int, bids: Sequence[Level], asks: Sequence[Level], at_ns: int
    ) -> Payload:
        """Absolute levels; both ids are those of `perpmaker.testnet.notices.DepthChanged`."""
        head = self._head("depth", now_ns)
        return {
            **head,
            "a": self._levels(asks),
            "b": self._levels(bids),
            "U": first_id,
            "u": last_id,
            "T": micros(at_ns),
        }

    def book_ticker(self, now_ns: int, notice: BookTickerChanged) -> Payload:
        payload = self._head("bookTicker", now_ns)
        for level, price, quantity in ((notice.ask, "a", "A"), (notice.bid, "b", "B")):
            if level is not None:
                payload[price] = self._wire.price(level.price_ticks)
                payload[quantity] = self._wire.quantity(level.lots)
        return {**payload, "u": str(notice.update_id), "T": micros(notice.at_ns)}

    def trade(self, now_ns: int, notice: Traded) -> Payload:
        return {
            **self._head("trade", now_ns),
            "p": self._wire.price(notice.price_ticks),
            "q": self._wire.quantity(notice.lots),
            "b": str(notice.buyer_order_id),
            "a": str(notice.seller_order_id),
            "t": notice.trade_id,
            "T": micros(notice.at_ns),
            "m": notice.is_buyer_maker,
        }

    def mark_price(self, now_ns: int, notice: MarkPriceChanged) -> Payload:
        return {
            **self._head("markPrice", now_ns),
            "p": self._wire.mark(notice.mark_milliticks),
            "f": rate(notice.funding_rate_ppb),
            "i": self._wire.mark(notice.index_milliticks),
            "n": millis(notice.next_funding_ns),
            "T": micros(notice.at_ns),
        }

    def liquidation(self, now_ns: int, notice: Liquidated) -> Payload:
        return {
            "e": "liquidation",
            "E": micros(now_ns),
            "q": self._wire.quantity(notice.lots),
            "p": self._wire.price(notice.price_ticks),
            "S": _SIDES[notice.side],
            "s": self._symbol,
            "T": micros(notice.at_ns),
        }

    def ticker(self, now_ns: int, day: RollingStatistics) -> Payload:
        return {
            **self._head("ticker", now_ns),
            "o": self._wire.price(day.first_ticks),
            "c": self._wire.price(day.last_ticks),
            "h": self._wire.price(day.high_ticks),
            "l": self._wire.price(day.low_ticks),
            "v": self._wire.quantity(day.lots),
            "V": self._wire.money(day.quanta),
            "n": day.trades,
        }

    def kline(self, now_ns: int, candle: Candle, *, is_closed: bool) -> Payload:
        return {
            **self._head("kline", now_ns),
            "t": naive_time(candle.start_ns),
            "T": naive_time(candle.end_ns),
            "o": self._wire.price(candle.open_ticks),
            "c": self._wire.price(candle.close_ticks),
            "h": self._wire.price(candle.high_ticks),
            "l": self._wire.price(candle.low_ticks),
            "v": self._wire.quantity(candle.lots),
            "n": candle.trades,
            "X": is_closed,
        }

    def open_interest(self, now_ns: int, lots: int) -> Payload:
        return {**self._head("openInterest", now_ns), "o": self._wire.quantity(lots)}

    def order_update(self, now_ns: int, notice: OrderChanged) -> Payload:
        order = notice.order
        payload = {**self._head(notice.event.value, now_ns), **self._terms_of(order)}
        payload["X"] = order.status.value
        if notice.event is OrderEvent.EXPIRED and order.expiry_reason is not None:
            payload["R"] = order.expiry_reason.name
        payload["i"] = str(order.order_id)
        if notice.fill is not None:
            payload["t"] = notice.fill.trade_id
            payload["l"] = self._wire.quantity(notice.fill.lots)
            payload["L"] = self._wire.price(notice.fill.price_ticks)
            payload["m"] = notice.fill.is_maker
            payload["n"] = self._wire.money(notice.fill.fee_quanta)
            payload["N"] = self._quote
        payload["z"] = self._wire.quantity(order.filled_lots)
        payload["Z"] = self._wire.money(order.filled_quanta)
        payload["V"] = order.self_trade_prevention.value
        payload["T"] = micros(notice.at_ns)
        payload["O"] = order.origin.value
        payload["y"] = order.post_only
        return payload

    def position_update(self, now_ns: int, at_ns: int, event: PositionEvent | None, position: PositionView) -> Payload:
        """``event`` is None in the message that answers a subscription."""
        payload: Payload = {} if event is None else {"e": event.value}
        wire = self._wire
        exposure_lots = position.exposure_lots
        return payload | {
            "E": micros(now_ns),
            "s": self._symbol,
            "b": wire.entry_price(_break_even_quanta(position), position.lots),
            "B": wire.entry_price(position.cost_quanta, position.lots),
            "f": rate(position.initial_margin_ppb),
            "M": wire.mark(position.mark_milliticks),
            "m": rate(position.maintenance_margin_ppb),
            "q": wire.quantity(position.lots),
            "Q": wire.quantity(exposure_lots),
            "n": wire.money(abs(exposure_lots) * position.mark_milliticks * QUANTA_PER_MILLITICK_LOT),
            "i": str(position.position_id),
            "p": wire.money(position.realized_quanta),
            "P": wire.money(position.unrealized_quanta),
            "T": micros(at_ns),
        }

    def _head(self, event: str, now_ns: int) -> Payload:
        return {"e": event, "E": micros(now_ns), "s": self._symbol}

    def _levels(self, levels: Sequence[Level]) -> list[list[str]]:
        return [[self._wire.price(price), self._wire.quantity(lots)] for price, lots in levels]

    def _terms_of(self, order: OrderRecord) -> Payload:
        """What was asked for."""
        terms: Payload = {} if order.client_id is None else {"c": order.client_id}
        terms["S"] = _SIDES[order.side]
        terms["o"] = order.order_type.value.upper()
        terms["f"] = order.time_in_force.value
        if order.lots > 0:
            terms["q"] = self._wire.quantity(order.lots)
        if order.quote_quanta > 0:
            terms["Q"] = self._wire.money(order.quote_quanta)
        if order.order_type is OrderType.LIMIT:
            terms["p"] = self._wire.price(order.price_ticks)
        return terms


def _break_even_quanta(position: PositionView) -> int:
    """Value at which the position would have earned nothing since it was opened."""
    return position.cost_quanta - position.realized_quanta + position.fees_quanta - position.funding_quanta
