"""Plays jobs on hftbacktest 2.4.4; runs in its own environment, ``python play_hftbacktest.py FOLDER``.

``FOLDER/jobs.json`` lists the jobs; the rows of a market are ``FOLDER/MARKET.npz``. Each line of the standard input is
the name of a job to play; its answer is ``FOLDER/NAME.answer.npz``, and then a line with its seconds of processor time.

A job is a `ladder` (its decisions are made here, compiled) or has a list of ``orders`` in ``FOLDER/NAME.orders.npz``
(decided elsewhere, carried out here at their times). Compiling comes first, before the first line is read, on the
beginning of the first job, and is not timed; neither is the conversion of rows to events.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from hftbacktest import GTX, LIMIT, NEW, NONE, BacktestAsset, HashMapMarketDepthBacktest
from numba import njit

from oracle.ladder import NO_ORDER, wanted_prices
from perpmaker.simulation.market_events import MarketChunk
from support.hft_arrays import event_array
from support.order_lists import CANCEL, OrderList

wanted = njit(wanted_prices)


@njit
def is_over(status: int) -> bool:
    return status not in (NEW, NONE)


@njit
def play_ladder(hbt: Any, positions: Any, interval_ns: int, offsets: Any, lean: int, cap: int, lot_size: float) -> int:
    """Decide once an interval, ``len(positions)`` times; returns the steps made, negative where a request failed."""
    levels = len(offsets)
    order_ids = np.zeros((2, levels), np.int64)
    prices = np.zeros((2, levels), np.int64)
    goals = np.zeros((2, levels), np.int64)
    next_id = 1
    for step in range(len(positions)):
        if hbt.elapse(interval_ns) != 0:
            return step
        position = round(hbt.position(0) / lot_size)
        positions[step] = position
        depth = hbt.depth(0)
        orders = hbt.orders(0)
        for side in range(2):
            for level in range(levels):
                if order_ids[side, level] != NO_ORDER:
                    order = orders.get(order_ids[side, level])
                    if order is None or (is_over(order.status)):
                        order_ids[side, level] = NO_ORDER
        hbt.clear_inactive_orders(0)
        if np.isnan(depth.best_bid) or np.isnan(depth.best_ask):
            continue
        wanted(depth.best_bid_tick, depth.best_ask_tick, position, offsets, lean, cap, goals[0], goals[1])
        for side in range(2):
            for level in range(levels):
                goal, order_id = goals[side, level], order_ids[side, level]
                if order_id != NO_ORDER:
                    if goal == prices[side, level]:
                        continue
                    if hbt.cancel(0, order_id, False) != 0:
                        return -step - 1
                    order_ids[side, level] = NO_ORDER
                if goal == NO_ORDER:
                    continue
                price = goal * depth.tick_size
                if side == 0:
                    status = hbt.submit_buy_order(0, next_id, price, lot_size, GTX, LIMIT, False)
                else:
                    status = hbt.submit_sell_order(0, next_id, price, lot_size, GTX, LIMIT, False)
                if status != 0:
                    return -step - 1
                order_ids[side, level] = next_id
                prices[side, level] = goal
                next_id += 1
    return len(positions)


@njit
def play_orders(
    hbt: Any, positions: Any, interval_ns: int, now_ns: int,
    at_ns: Any, code: Any, order_id: Any, side: Any, price_ticks: Any, lots: Any, tick_size: float, lot_size: float,
) -> int:  # fmt: skip
    """Carry out the list, and look at the position once an interval; returns as `play_ladder`.

    A look comes before what is sent at its time: that is the maker's answer to what it saw.
    """
    request = 0
    for step in range(len(positions)):
        look_ns = now_ns + interval_ns
        while request < len(at_ns) and at_ns[request] < look_ns:
            if at_ns[request] > now_ns:
                if hbt.elapse(at_ns[request] - now_ns) != 0:
                    return step
                now_ns = at_ns[request]
            price, quantity = price_ticks[request] * tick_size, lots[request] * lot_size
            if not carry_out(hbt, code[request], order_id[request], side[request], price, quantity):
                return -step - 1
            request += 1
        if hbt.elapse(look_ns - now_ns) != 0:
            return step
        now_ns = look_ns
        positions[step] = round(hbt.position(0) / lot_size)
    return len(positions)


@njit
def carry_out(hbt: Any, code: int, order_id: int, side: int, price: float, quantity: float) -> bool:
    """Send one request. A cancel of an order that is known to be over is not sent: nothing could come of it, but
    hftbacktest would book the fill of such an order a second time when the refusal comes back.
    """
    if code == CANCEL:
        order = hbt.orders(0).get(order_id)
        if order is not None and is_over(order.status):
            return True
        return hbt.cancel(0, order_id, False) == 0
    if side > 0:
        return hbt.submit_buy_order(0, order_id, price, quantity, GTX, LIMIT, False) == 0
    return hbt.submit_sell_order(0, order_id, price, quantity, GTX, LIMIT, False) == 0


def prepared(job: dict[str, Any], events: Any) -> Any:
    """A backtest of these events, at its beginning."""
    asset = (
        BacktestAsset()
        .data(events)
        .linear_asset(1.0)
        .constant_order_latency(job["order_latency_ns"], job["order_latency_ns"])
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(job["maker_fee"], job["taker_fee"])
        .tick_size(job["tick_size"])
        .lot_size(job["lot_size"])
    )
    return HashMapMarketDepthBacktest([asset])


def answer(folder: Path, job: dict[str, Any], events: Any, steps: int) -> dict[str, Any]:
    """Play a job for so many steps."""
    hbt = prepared(job, events)
    positions = np.zeros(steps, np.int64)
    interval_ns, lot_size = job["interval_ns"], job["lot_size"]
    if "offsets" in job:
        offsets = np.array(job["offsets"], np.int64)
        start = time.process_time()
        made = play_ladder(hbt, positions, interval_ns, offsets, job["lean"], job["cap"], lot_size)
    else:
        with np.load(folder / f"{job['name']}.orders.npz") as columns:
            orders = [columns[name] for name in OrderList._fields]
        start = time.process_time()
        made = play_orders(hbt, positions, interval_ns, job["start_ns"], *orders, job["tick_size"], lot_size)
    seconds = time.process_time() - start
    if made != steps:
        raise SystemExit(f"{job['name']}: ended at step {made} of {steps}")
    depth, values = hbt.depth(0), hbt.state_values(0)
    found = {
        "positions": positions, "seconds": seconds, "events": len(events),
        "cash": values.balance, "fee": values.fee, "fills": values.num_trades,
        "best_bid_ticks": depth.best_bid_tick, "best_ask_ticks": depth.best_ask_tick,
    }  # fmt: skip
    hbt.close()
    return found


def events_of(folder: Path, job: dict[str, Any]) -> Any:
    with np.load(folder / f"{job['market']}.npz") as columns:
        rows = MarketChunk(*(columns[name] for name in MarketChunk._fields))
    return event_array(rows, job["tick_size"], job["lot_size"], job["feed_latency_ns"])


def main(folder: Path) -> None:
    jobs = {job["name"]: job for job in json.loads((folder / "jobs.json").read_text())}
    held: tuple[str, Any] = ("", None)
    for kind in ("offsets", "start_ns"):
        first = next((job for job in jobs.values() if kind in job), None)
        if first is not None:
            if held[0] != first["market"]:
                held = (first["market"], events_of(folder, first))
            answer(folder, first, held[1], 2)
    for line in sys.stdin:
        job = jobs[line.strip()]
        if held[0] != job["market"]:
            held = (job["market"], events_of(folder, job))
        found = answer(folder, job, held[1], job["steps"])
        np.savez(folder / f"{job['name']}.answer.npz", **found)
        print(found["seconds"], flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
