"""The same comparison as JSON: exact decimals as text, counts and nanoseconds as numbers."""

import json
from collections.abc import Mapping
from typing import Any

from perpmaker.domain.instrument import Instrument
from perpmaker.report.attribution import Terms
from perpmaker.report.terms import group_name
from perpmaker.research.fidelity import Fidelity, Replayed
from perpmaker.research.fidelity_execution import Execution, QueueClass
from perpmaker.research.fidelity_figures import Figures
from perpmaker.research.fidelity_terms import Assumed, flags_of


def as_json(found: Fidelity) -> str:
    """Everything that is shown, indented."""
    instrument = found.run.instrument
    fit = found.fit
    return json.dumps(
        {
            "run": found.run.run_id,
            "mode": found.run.mode,
            "exchange": found.run.exchange,
            "symbol": found.run.symbol,
            "market_data": found.market_name,
            "own_orders": found.own.value,
            "own_rows": found.own_rows,
            "start_ns": found.span.start_ns,
            "end_ns": found.span.end_ns,
            "happened": _figures(found.real, instrument),
            "as_assumed": _replayed(found.before, instrument),
            "as_fitted": None if found.after is None else _replayed(found.after, instrument),
            "latency": None if found.latency is None else found.latency._asdict(),
            "queue": None if fit is None else {"low": fit.low, "high": fit.high, "tried": fit.tried},
            "flags": None if found.fitted is None else flags_of(found.fitted),
            "left_out": dict(found.left_out),
            "warnings": list(found.warnings),
        },
        indent=2,
        ensure_ascii=False,
    )


def _replayed(replayed: Replayed, instrument: Instrument) -> Mapping[str, Any]:
    return {
        "terms": _assumed(replayed.assumed),
        "same_orders": _execution(replayed.forced, instrument),
        "by_queue": [_queue(each, instrument) for each in replayed.queues],
        "by_itself": _figures(replayed.free, instrument),
        "filled_orders": {
            "both": replayed.matches.both,
            "only_happened": replayed.matches.only_real,
            "only_simulated": replayed.matches.only_simulated,
        },
    }


def _assumed(assumed: Assumed) -> Mapping[str, Any]:
    return {
        "order_latency_ns": assumed.order_latency_ns,
        "feed_latency_ns": assumed.feed_latency_ns,
        "queue_model": assumed.queue_model.value,
        "queue_exponent": assumed.exponent,
    }


def _execution(execution: Execution, instrument: Instrument) -> Mapping[str, Any]:
    return {
        "orders": execution.orders,
        "both": execution.both,
        "only_happened": execution.only_real,
        "only_simulated": execution.only_simulated,
        "volume_happened": _size(execution.real_lots, instrument),
        "volume_simulated": _size(execution.simulated_lots, instrument),
        "refused_only_by_venue": execution.refused_only_real,
        "refused_only_by_simulation": execution.refused_only_simulated,
        "median_lag_ns": execution.median_lag_ns,
        "fills_apart": _size(execution.distance.lots, instrument),
        "lags_ns": execution.distance.lag_ns,
        "verdict": execution.verdict,
    }


def _queue(each: QueueClass, instrument: Instrument) -> Mapping[str, Any]:
    sizes = {name: _size(getattr(each, f"{name}_lots"), instrument) for name in ("low", "high")}
    return sizes | {
        "orders": each.orders,
        "filled_happened": each.real_filled,
        "filled_simulated": each.simulated_filled,
        "wait_happened_ns": each.real_wait_ns,
        "wait_simulated_ns": each.simulated_wait_ns,
    }


def _figures(figures: Figures, instrument: Instrument) -> Mapping[str, Any]:
    levels = {
        group_name(group): {
            "orders": row.orders,
            "filled_orders": row.filled_orders,
            "volume": _size(row.lots, instrument),
        }
        for group, row in figures.levels.items()
    }
    return {
        "orders": figures.orders,
        "refused": figures.refused,
        "cancelled": figures.cancelled,
        "filled_orders": figures.filled_orders,
        "fills": figures.fills,
        "volume_maker": _size(figures.maker_lots, instrument),
        "volume_taker": _size(figures.taker_lots, instrument),
        "filled_per_order_hour": figures.fills_per_hour,
        "mean_abs_position": figures.abs_position_lots * float(instrument.lot_size),
        "position": _size(figures.position_lots, instrument),
        "levels": levels,
        "money": {name: f"{instrument.money(getattr(figures.terms, name)):f}" for name in Terms._fields},
        "profit": f"{instrument.money(figures.terms.total):f}",
    }


def _size(lots: int, instrument: Instrument) -> str:
    return f"{instrument.quantity(lots):f}"
