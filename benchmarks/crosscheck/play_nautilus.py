"""Plays a list of orders on nautilus_trader 1.221; runs in its own environment, ``python play_nautilus.py FOLDER``.

``FOLDER/job.json`` has the terms, ``FOLDER/rows.npz`` the market, ``FOLDER/orders.npz`` the requests. Each line of the
standard input asks for one run; its answer is ``FOLDER/fills.npz`` and a line with the seconds that the engine took.
Making its objects is not timed.

Its settings are as near to our exchange as they go: L2 book, trades execute (``trade_execution``), an order latency,
``prob_fill_on_limit`` 1, no slippage. It has no place in a queue.
"""

import json
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FillModel, LatencyModel
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USDC
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import (
    AccountType,
    AggressorSide,
    BookAction,
    BookType,
    OmsType,
    OrderSide,
    RecordFlag,
    TimeInForce,
)
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from perpmaker.simulation import market_events as me
from support.order_lists import CANCEL, OrderList

VENUE = Venue("TEST")
BUYS, SELLS = OrderSide.BUY, OrderSide.SELL


class Instruments:
    """Prices and sizes of one instrument, each object made once."""

    def __init__(self, tick_size: str, lot_size: str, maker_fee: str, taker_fee: str) -> None:
        self.tick, self.lot = Decimal(tick_size), Decimal(lot_size)
        self.price_digits = -int(self.tick.as_tuple().exponent)
        self.size_digits = -int(self.lot.as_tuple().exponent)
        self._prices: dict[int, Price] = {}
        self._sizes: dict[int, Quantity] = {}
        self.perpetual = CryptoPerpetual(
            instrument_id=InstrumentId(Symbol("PERP"), VENUE),
            raw_symbol=Symbol("PERP"),
            base_currency=Currency.from_str("SOL"),
            quote_currency=USDC,
            settlement_currency=USDC,
            is_inverse=False,
            price_precision=self.price_digits,
            size_precision=self.size_digits,
            price_increment=Price(self.tick, self.price_digits),
            size_increment=Quantity(self.lot, self.size_digits),
            margin_init=Decimal(0),
            margin_maint=Decimal(0),
            maker_fee=Decimal(maker_fee),
            taker_fee=Decimal(taker_fee),
            ts_event=0,
            ts_init=0,
        )

    def price(self, ticks: int) -> Price:
        if ticks not in self._prices:
            self._prices[ticks] = Price(ticks * self.tick, self.price_digits)
        return self._prices[ticks]

    def size(self, lots: int) -> Quantity:
        if lots not in self._sizes:
            self._sizes[lots] = Quantity(lots * self.lot, self.size_digits)
        return self._sizes[lots]


def data_of(rows: me.MarketChunk, instruments: Instruments) -> list[Any]:
    """Trades, and the level changes of each message as one batch; marks and funding are left out."""
    instrument_id = instruments.perpetual.id
    sides = {me.BID: BUYS, me.ASK: SELLS}
    aggressors = {me.BUY_TRADE: AggressorSide.BUYER, me.SELL_TRADE: AggressorSide.SELLER}
    data: list[Any] = []
    message: list[OrderBookDelta] = []
    for row, (ts_ns, coded, ticks, lots) in enumerate(zip(*(column.tolist() for column in rows), strict=True)):
        kind, is_last = coded & me.KIND_MASK, coded < me.MORE
        if kind in aggressors:
            price, size, trade_id = instruments.price(ticks), instruments.size(lots), TradeId(str(row))
            data.append(TradeTick(instrument_id, price, size, aggressors[kind], trade_id, ts_ns, ts_ns))
        elif kind in sides:
            action = BookAction.DELETE if lots == 0 else BookAction.UPDATE
            order = BookOrder(sides[kind], instruments.price(ticks), instruments.size(lots), ticks)
            flags = RecordFlag.F_LAST if is_last else 0
            message.append(OrderBookDelta(instrument_id, action, order, flags, row, ts_ns, ts_ns))
        if is_last and message:
            data.append(OrderBookDeltas(instrument_id, message))
            message = []
    return data


class Listed(Strategy):
    """Sends what the list says, when it says so, and keeps what is filled or refused."""

    def __init__(self, orders: OrderList, instruments: Instruments) -> None:
        super().__init__()
        self._requests = list(zip(*(column.tolist() for column in orders), strict=True))
        self._instruments = instruments
        self._next = 0
        self.fills: list[tuple[int, int, int, int, int]] = []
        self.refused: list[int] = []

    def on_start(self) -> None:
        self.subscribe_order_book_deltas(self._instruments.perpetual.id, BookType.L2_MBP)
        self.subscribe_trade_ticks(self._instruments.perpetual.id)
        for at_ns in sorted({request[0] for request in self._requests}):
            self.clock.set_time_alert_ns(f"request {at_ns}", at_ns, self._send)

    def _send(self, _event: Any) -> None:
        at_ns = self._requests[self._next][0]
        while self._next < len(self._requests) and self._requests[self._next][0] == at_ns:
            self._carry_out(*self._requests[self._next][1:])
            self._next += 1

    def _carry_out(self, code: int, order_id: int, side: int, ticks: int, lots: int) -> None:
        name = ClientOrderId(f"O-{order_id}")
        if code == CANCEL:
            order = self.cache.order(name)
            if order is not None and not order.is_closed:
                self.cancel_order(order)
            return
        order = self.order_factory.limit(
            self._instruments.perpetual.id,
            BUYS if side > 0 else SELLS,
            self._instruments.size(lots),
            self._instruments.price(ticks),
            time_in_force=TimeInForce.GTC,
            post_only=True,
            client_order_id=name,
        )
        self.submit_order(order)

    def on_order_filled(self, event: Any) -> None:
        ticks = int(event.last_px.as_decimal() / self._instruments.tick)
        lots = int(event.last_qty.as_decimal() / self._instruments.lot)
        side = 1 if event.order_side == BUYS else -1
        self.fills.append((event.ts_event, int(str(event.client_order_id)[2:]), side, ticks, lots))

    def on_order_rejected(self, event: Any) -> None:
        self.refused.append(int(str(event.client_order_id)[2:]))


def play(job: dict[str, Any], data: list[Any], orders: OrderList, instruments: Instruments) -> Any:
    """One run of the engine; returns its strategy and the seconds that it took."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False))
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        starting_balances=[Money(10**9, USDC)],
        base_currency=USDC,
        default_leverage=Decimal(10),
        fill_model=FillModel(prob_fill_on_limit=1.0, prob_slippage=0.0, random_seed=1),
        latency_model=LatencyModel(base_latency_nanos=job["order_latency_ns"]),
        book_type=BookType.L2_MBP,
        trade_execution=True,
    )
    engine.add_instrument(instruments.perpetual)
    engine.add_data(data, sort=False)
    strategy = Listed(orders, instruments)
    engine.add_strategy(strategy)
    start = time.process_time()
    engine.run()
    seconds = time.process_time() - start
    engine.dispose()
    return strategy, seconds


def main(folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text())
    instruments = Instruments(job["tick_size"], job["lot_size"], job["maker_fee"], job["taker_fee"])
    with np.load(folder / "rows.npz") as columns:
        data = data_of(me.MarketChunk(*(columns[name] for name in me.MarketChunk._fields)), instruments)
    with np.load(folder / "orders.npz") as columns:
        orders = OrderList(*(columns[name] for name in OrderList._fields))
    for _ in sys.stdin:
        strategy, seconds = play(job, data, orders, instruments)
        fills = np.array(strategy.fills, np.int64).reshape(-1, 5)
        np.savez(folder / "fills.npz", fills=fills, refused=np.array(strategy.refused, np.int64))
        print(seconds, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
