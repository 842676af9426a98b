"""Every metric of a run: its name, its kind, what it means, and where in a `RunView` it stands.

Rules kept here:

1. Names follow Prometheus: base units at the end (seconds, ratio; ``quote`` and ``base`` are the market's currencies),
   ``_total`` for what only grows.
2. Exact decimals become floats here, and only here: a chart needs no last digit. Whoever does needs the journal.
3. What is not known has no sample, never a zero. What can be counted has its zero from the start, so that the first one
   is seen as an increase.
4. The table of docs/metrics.md is this one; a test compares them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from perpmaker.domain.orders import RejectReason, Side
from perpmaker.journal.records import SIDE_NAMES
from perpmaker.maker.market_maker import Phase
from perpmaker.monitor.view import Level, RunView

COMMON: Final = ("exchange", "symbol", "market", "mode")
"""Labels of everything that is of one market."""

LIMITS: Final = ("max_drawdown", "max_loss", "max_daily_loss")
"""Settings that are limits to a loss, quote currency; 0 is off."""

STATES: Final = ("resting", "on its way", "being cancelled", "outcome unknown", "none")

ABOUT: Final = ("run_id", "fleet_id", "version", "base", "quote", "tick_size", "lot_size")

_MS_PER_S: Final = 1_000
_NS_PER_S: Final = 1_000_000_000

Value = str | float | bool | None
Samples = Iterable[tuple[tuple[str, ...], Value]]


class Family(NamedTuple):
    """One metric of a market: ``labels`` come after `COMMON`.

    ``kind`` is a word of Prometheus: gauge, counter, info or stateset. Of an info the labels are what it tells.
    """

    name: str
    kind: str
    help: str
    read: Callable[[RunView], Samples]
    labels: tuple[str, ...] = ()


def number(value: Value) -> float | None:
    """Rule 2; None stays None."""
    return None if value is None else float(value)


def _gauge(name: str, help_: str, read: Callable[[RunView], Value]) -> Family:
    """Of one value."""
    return Family(name, "gauge", help_, lambda view: [((), read(view))])


def _counter(name: str, help_: str, read: Callable[[RunView], Value]) -> Family:
    """Of one count."""
    return Family(name, "counter", help_, lambda view: [((), read(view))])


def _labelled(name: str, help_: str, read: Callable[[RunView], Samples], *labels: str, kind: str = "gauge") -> Family:
    return Family(name, kind, help_, read, labels)


def _since_1970_s(at_ns: int | None) -> float | None:
    return None if at_ns is None else at_ns / _NS_PER_S


def _of_ms_s(of_ms: float | None) -> float | None:
    return None if of_ms is None else of_ms / _MS_PER_S


def _by_name(values: Mapping[str, Value]) -> Samples:
    return [((name,), value) for name, value in values.items()]


def _about(view: RunView) -> Samples:
    about = view.about
    told = (about.run_id, about.fleet_id or "", about.version, about.base, about.quote, about.tick_size, about.lot_size)
    return [(told, True)]


def _end(view: RunView) -> Samples:
    return [] if view.end_reason is None else [((view.end_reason,), True)]


def _limits(view: RunView) -> Samples:
    found = {name: _amount(view.settings.get(name, "")) for name in LIMITS}
    return [((name,), limit) for name, limit in found.items() if limit > 0]


def _amount(setting: str) -> float:
    """0 for what is no amount: a setting is shown as it was typed."""
    try:
        return float(setting)
    except ValueError:
        return 0.0


def _capped(view: RunView) -> Samples:
    return [((name,), view.position.capped_side == name) for name in SIDE_NAMES.values()]


def _best(view: RunView) -> Samples:
    return [((SIDE_NAMES[Side.BUY],), view.bid), ((SIDE_NAMES[Side.SELL],), view.ask)]


def _orders(read: Callable[[Level], str | None]) -> Callable[[RunView], Samples]:
    """Of every level with an order. One level has one sample, whatever stands there twice: the last."""

    def samples(view: RunView) -> Samples:
        found = {(one.side, str(one.level)): read(one) for one in view.levels if one.state is not None}
        return list(found.items())

    return samples


def _level_states(view: RunView) -> Samples:
    found = dict.fromkeys(((side, state) for side in SIDE_NAMES.values() for state in STATES), 0)
    for level in view.levels:
        key = level.side, level.state or STATES[-1]
        found[key] = found.get(key, 0) + 1
    return list(found.items())


def _why_not(view: RunView) -> Samples:
    found: dict[tuple[str, ...], int] = {}
    for level in view.levels:
        if level.why is not None:
            found[level.side, level.why] = found.get((level.side, level.why), 0) + 1
    return list(found.items())


def _fills(view: RunView) -> Samples:
    return [((SIDE_NAMES[Side.BUY],), view.counts.buys), ((SIDE_NAMES[Side.SELL],), view.counts.sells)]


def _rejects(view: RunView) -> Samples:
    return _by_name({**{reason.value: 0 for reason in RejectReason}, **view.health.rejects})


_RUN: Final = (
    _gauge("perpmaker_run_up", "1 while the run goes on, 0 when it is over.", lambda v: not v.is_over),
    _labelled("perpmaker_run_info", "Which run this is.", _about, *ABOUT, kind="info"),
    _labelled(
        "perpmaker_run_phase",
        "What the run is at: 1 for its phase, 0 for the others.",
        lambda v: [((phase.value,), v.phase == phase.value) for phase in Phase],
        kind="stateset",
    ),
    _gauge("perpmaker_run_paused", "1 while a person has paused quoting.", lambda v: v.is_paused),
    _labelled("perpmaker_run_end_info", "Why the run is ending or has ended.", _end, "reason", kind="info"),
    _gauge(
        "perpmaker_run_start_timestamp_seconds", "When the run began.", lambda v: _since_1970_s(v.about.started_at_ns)
    ),
    _gauge(
        "perpmaker_run_due_timestamp_seconds",
        "When the run will have lasted as long as it was asked to.",
        lambda v: _since_1970_s(v.about.ends_at_ns),
    ),
    _gauge(
        "perpmaker_view_timestamp_seconds",
        "When all of this was looked at; it grows every second while the run lives.",
        lambda v: _since_1970_s(v.at_ns),
    ),
)

_MONEY: Final = (
    _gauge("perpmaker_equity_quote", "Equity as the run counts it, at the mark.", lambda v: v.profit.equity),
    _gauge("perpmaker_equity_start_quote", "The same when the run began.", lambda v: v.profit.equity_start),
    _gauge("perpmaker_net_profit_quote", "What the run has made, all included.", lambda v: v.profit.net),
    _gauge(
        "perpmaker_realized_profit_quote", "Of what was closed, before fees and funding.", lambda v: v.profit.realized
    ),
    _gauge("perpmaker_unrealized_profit_quote", "Of the open position, at the mark.", lambda v: v.profit.unrealized),
    _gauge("perpmaker_fees_quote", "Fees; what was paid is negative.", lambda v: v.profit.fees),
    _gauge("perpmaker_funding_quote", "Funding; what was paid is negative.", lambda v: v.profit.funding),
    _labelled(
        "perpmaker_profit_term_quote",
        "Parts of the net profit, which add up to it.",
        lambda v: _by_name(v.profit.terms),
        "term",
    ),
    _gauge(
        "perpmaker_max_drawdown_quote", "The largest fall of equity from its highest.", lambda v: v.profit.max_drawdown
    ),
    _labelled("perpmaker_loss_limit_quote", "Limits to a loss that are set.", _limits, "limit"),
    _counter("perpmaker_traded_volume_quote_total", "Value of all executions.", lambda v: v.counts.volume),
)

_POSITION: Final = (
    _gauge("perpmaker_position_base", "The position; short is negative.", lambda v: v.position.quantity),
    _gauge("perpmaker_position_target_base", "What the run leans towards.", lambda v: v.position.target),
    _gauge(
        "perpmaker_position_threshold_base", "How far from the target the skew begins.", lambda v: v.position.threshold
    ),
    _gauge("perpmaker_position_cap_base", "What the position never exceeds.", lambda v: v.position.cap),
    _gauge("perpmaker_entry_price_quote", "Average price of the position.", lambda v: v.position.entry_price),
    _labelled("perpmaker_side_capped", "1 where the cap leaves no room for an order.", _capped, "side"),
)

_QUOTING: Final = (
    _gauge("perpmaker_mark_price_quote", "Mark price of the venue.", lambda v: v.mark),
    _labelled("perpmaker_best_price_quote", "Best bid (buy) and best offer (sell) of the market.", _best, "side"),
    _gauge("perpmaker_reference_price_quote", "The price that is quoted around.", lambda v: v.skew.reference),
    _gauge("perpmaker_reservation_price_quote", "The same, shifted by the skew.", lambda v: v.skew.reservation),
    _gauge("perpmaker_skew_ticks", "How far the ladder leans; below zero towards selling.", lambda v: v.skew.ticks),
    _labelled(
        "perpmaker_order_price_quote",
        "Price of our order on a level, 1 the innermost.",
        _orders(lambda level: level.price),
        "side",
        "level",
    ),
    _labelled(
        "perpmaker_order_size_base",
        "What is left of that order.",
        _orders(lambda level: level.quantity),
        "side",
        "level",
    ),
    _labelled(
        "perpmaker_order_queue_ahead_base",
        "What is ahead of it in the queue, an estimate.",
        _orders(lambda level: level.queue_ahead),
        "side",
        "level",
    ),
    _labelled("perpmaker_levels", "Levels by the state of their order.", _level_states, "side", "state"),
    _labelled("perpmaker_levels_not_resting", "Levels without an order by the reason.", _why_not, "side", "why"),
)

_EXECUTION: Final = (
    _labelled("perpmaker_fills_total", "Executions of ours.", _fills, "side", kind="counter"),
    _counter("perpmaker_orders_placed_total", "Orders sent.", lambda v: v.counts.orders_placed),
    _counter("perpmaker_orders_cancelled_total", "Orders cancelled.", lambda v: v.counts.orders_cancelled),
    _labelled(
        "perpmaker_orders_rejected_total",
        "Orders refused by the venue, or held back by our own checks.",
        _rejects,
        "reason",
        kind="counter",
    ),
    _counter("perpmaker_stops_total", "Times that a stop loss acted.", lambda v: v.counts.stops),
    _counter("perpmaker_takes_total", "Times that a take profit acted.", lambda v: v.counts.takes),
)

_WIRES: Final = (
    _counter("perpmaker_requests_total", "Orders and cancels sent; a batch is one.", lambda v: v.health.requests),
    _labelled(
        "perpmaker_wire_events_total",
        "What went over the wires, in the words of the last line of a run.",
        lambda v: _by_name(v.health.counts),
        "event",
        kind="counter",
    ),
    _counter("perpmaker_market_messages_total", "Messages of market data.", lambda v: v.health.messages),
    _gauge(
        "perpmaker_rate_limit_headroom_ratio",
        "Share of the rate limit that is left, 0 to 1.",
        lambda v: v.health.rate_headroom,
    ),
    _gauge(
        "perpmaker_clock_offset_seconds",
        "What must be added to our clock to get the venue's.",
        lambda v: _of_ms_s(v.health.clock_offset_ms),
    ),
    _gauge("perpmaker_account_stream_up", "1 while the private stream works.", lambda v: v.health.is_account_up),
    _gauge(
        "perpmaker_book_age_seconds",
        "Time since the last sign of life of the book.",
        lambda v: _of_ms_s(v.health.book_age_ms),
    ),
    _gauge(
        "perpmaker_blind",
        "1 while nothing is quoted because the market or the account is not known.",
        lambda v: bool(v.health.blind_for),
    ),
    _labelled(
        "perpmaker_blind_reason",
        "1 for every reason for that, while it lasts.",
        lambda v: [((why,), True) for why in dict.fromkeys(v.health.blind_for)],
        "reason",
    ),
    _gauge(
        "perpmaker_last_reconciliation_timestamp_seconds",
        "When the account was last compared with the venue.",
        lambda v: _since_1970_s(v.health.reconciled_at_ns),
    ),
    _counter(
        "perpmaker_corrections_total",
        "Times that such a comparison has corrected us.",
        lambda v: v.health.corrections,
    ),
)

FAMILIES: Final = (*_RUN, *_MONEY, *_POSITION, *_QUOTING, *_EXECUTION, *_WIRES)
"""Of one market, in the order of docs/metrics.md."""
