"""How well the wires of a run work, as the view shows it."""

from typing import Final

from perpmaker.monitor.view import Health, Latency
from perpmaker.runtime.live.executor import CANCEL, CANCEL_ALL, PLACE
from perpmaker.runtime.live.run import LiveRun
from perpmaker.runtime.live.vital_signs import Histogram, together

_NS_PER_MS: Final = 1_000_000
_ORDER_REQUESTS: Final = (PLACE, CANCEL, CANCEL_ALL)
"""What ``wire`` is of: a question may wait, an order may not."""

_CORRECTIONS: Final = ("position corrections", "balance corrections")


def health_of(run: LiveRun, now_ns: int) -> Health:
    """As of now."""
    signs, desk = run.signs, run.desk
    offset_ns = run.supervisor.clock_offset_ns
    wire = together(signs.wire[kind] for kind in _ORDER_REQUESTS if kind in signs.wire)
    held_back = {f"held back: {name}": count for name, count in run.checks.refusals.items()}
    return Health(
        book_age_ms=None if signs.book_ns is None else (now_ns - signs.book_ns) / _NS_PER_MS,
        decision=_latency(signs.decision),
        wire=_latency(wire),
        messages=run.market_messages,
        requests=run.requests,
        rejects={reason.value: count for reason, count in signs.rejects.items()},
        rate_headroom=desk.bucket.headroom(now_ns),
        clock_offset_ms=None if offset_ns is None else offset_ns / _NS_PER_MS,
        reconciled_at_ns=run.reconciled_ns,
        corrections=sum(desk.counts[name] for name in _CORRECTIONS),
        is_account_up=desk.is_account_up,
        blind_for=run.blind_for,
        counts={**desk.counts, **held_back},
    )


def _latency(histogram: Histogram) -> Latency:
    count = histogram.count
    return Latency(
        count=count,
        p50_ms=_ms(histogram.quantile_ns(0.5)),
        p99_ms=_ms(histogram.quantile_ns(0.99)),
        max_ms=_ms(histogram.max_ns) if count else None,
    )


def _ms(ns: int | None) -> float | None:
    return None if ns is None else ns / _NS_PER_MS
