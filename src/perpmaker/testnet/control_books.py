"""The exchange's own books of an account on one market as JSON: what a bot's journal is held against.

``balance`` and ``equity`` are those of the account on all markets, everything else is this market's alone. Money,
prices and sizes are exact decimal strings, times ns. ``risked`` is the venue's own count for "never beyond the cap",
see `perpmaker.testnet.exposure`; the run ``0`` stands for all runs together.
"""

from typing import Any

from perpmaker.domain.orders import Side
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.exposure import Exposure, ExposureWatch
from perpmaker.testnet.notices import FillRecord, OrderRecord
from perpmaker.testnet.wire import Wire, money_text


def books_of(testnet: Testnet, exposure: ExposureWatch, name: str) -> dict[str, Any]:
    """Everything that is known of an account on this market; the testnet must have been advanced to now."""
    wire = Wire(testnet.instrument)
    account = testnet.accounts[name]
    books = account.books
    position = books.position
    return {
        "account": name,
        "symbol": testnet.instrument.symbol,
        "at_ns": testnet.clock.now_ns(),
        "position": wire.quantity(position.lots),
        "entry_price": wire.entry_price(position.cost_quanta, position.lots),
        "balance": money_text(account.holder.balance_units),
        "equity": money_text(account.holder.equity_units),
        "deposited": wire.money(books.start_quanta),
        "transferred": wire.money(books.transfers_quanta),
        "realized": wire.money(position.realized_quanta),
        "fees": wire.money(position.fees_quanta),
        "funding": wire.money(position.funding_quanta),
        "open_orders": [_order(wire, order) for order in books.open_orders()],
        "fills": [_fill(wire, fill) for fill in books.fills],
        "risked": {str(tag): _risked(wire, run) for tag, run in exposure.runs(name).items()},
    }


def _order(wire: Wire, order: OrderRecord) -> dict[str, Any]:
    return {
        "id": str(order.order_id),
        "client_id": order.client_id,
        "side": _side(order.side),
        "price": wire.price(order.price_ticks),
        "quantity": wire.quantity(order.lots),
        "filled": wire.quantity(order.filled_lots),
        "reduce_only": order.reduce_only,
        "created_ns": order.created_ns,
    }


def _fill(wire: Wire, fill: FillRecord) -> dict[str, Any]:
    return {
        "id": fill.trade_id,
        "order_id": str(fill.order_id),
        "client_id": fill.client_id,
        "side": _side(fill.side),
        "price": wire.price(fill.price_ticks),
        "quantity": wire.quantity(fill.lots),
        "fee": wire.money(fill.fee_quanta),
        "is_maker": fill.is_maker,
        "at_ns": fill.at_ns,
    }


def _risked(wire: Wire, run: Exposure) -> dict[str, str]:
    return {
        "position_long": wire.quantity(run.position_long),
        "position_short": wire.quantity(run.position_short),
        "possible_long": wire.quantity(run.possible_long),
        "possible_short": wire.quantity(run.possible_short),
        "settled_long": wire.quantity(run.settled_long),
        "settled_short": wire.quantity(run.settled_short),
    }


def _side(side: Side) -> str:
    return "Bid" if side is Side.BUY else "Ask"
