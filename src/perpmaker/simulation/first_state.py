"""The state of a simulated exchange before its first row: the terms, written into the cells of `kernel_state`."""

import numpy as np
from numpy.typing import NDArray

from perpmaker.domain.money import QUANTA_PER_MILLITICK_LOT, QUANTA_PER_TICK_LOT
from perpmaker.simulation import kernel_state as at
from perpmaker.simulation.fee_tiers import FeeTier, cells_of
from perpmaker.simulation.latency import Latency, Lognormal, Path, first_draws
from perpmaker.simulation.terms import ExchangeTerms, QueueModel

_DAY_NS = 86_400 * 10**9


def first_state(terms: ExchangeTerms, min_lots: int, start_ns: int) -> NDArray[np.int64]:
    """The vector ``state`` of a `Core`, with the tables of latencies behind its cells."""
    feed, answer = _table_of(terms.feed_latency_ns), _table_of(terms.order_latency_ns)
    state = np.array([0] * at.STATE_CELLS + feed + answer, np.int64)
    state[at.NOW] = start_ns
    state[at.LAST_INSTANT] = start_ns - 1
    state[at.MARGIN] = terms.initial_margin_ppb
    state[at.MAINTENANCE] = terms.maintenance_margin_ppb
    state[at.LIQUIDATION_FEE] = terms.liquidation_fee_ppb
    state[at.MIN_LOTS] = min_lots
    state[at.BAR_SHARE] = terms.bar_volume_share_ppb
    state[at.BAR_HALF_SPREAD] = terms.bar_half_spread_ppb
    state[at.POWER_MODEL] = int(terms.queue_model is QueueModel.POWER)
    state[at.CASH], state[at.CASH_REST] = divmod(terms.balance_quanta, QUANTA_PER_MILLITICK_LOT)
    state[at.PEAK] = state[at.CASH]
    state[at.NEXT_FILL] = 1
    for side in (at.BUYS, at.SELLS):
        state[at.OWN_LOW_OF_SIDE + side] = at.NO_PRICE_ABOVE
        state[at.OWN_HIGH_OF_SIDE + side] = at.NO_PRICE_BELOW
    _set_fees(state, terms, start_ns)
    state[at.FEED_LATENCY] = _set_path(
        state[at.FEED_PATH :], terms.feed_latency_ns, first_draws(terms.seed, Path.FEED), at.STATE_CELLS
    )
    state[at.ORDER_LATENCY] = _set_path(
        state[at.ANSWER_PATH :],
        terms.order_latency_ns,
        first_draws(terms.seed, Path.ANSWER),
        at.STATE_CELLS + len(feed),
    )
    return state


def _set_fees(state: NDArray[np.int64], terms: ExchangeTerms, start_ns: int) -> None:
    """The first fill of a day looks at the volume of the days before it; without tiers no day is ever over."""
    state[at.MAKER_FEE] = terms.maker_fee_ppb
    state[at.TAKER_FEE] = terms.taker_fee_ppb
    state[at.FEE_DAY_END] = at.FAR
    if not terms.fee_tiers:
        return
    tiers = (FeeTier(0, terms.maker_fee_ppb, terms.taker_fee_ppb), *terms.fee_tiers)
    cells = cells_of(tiers)
    state[at.TIERS : at.TIERS + len(cells)] = cells
    state[at.TIER_COUNT] = len(tiers)
    state[at.FEE_DAY] = start_ns // _DAY_NS - 1
    state[at.FEE_DAY_END] = 0
    state[at.DAY_VOLUME] = terms.volume_quanta // QUANTA_PER_TICK_LOT


def _table_of(latency: Latency) -> list[int]:
    if isinstance(latency, int):
        return []
    return latency.quantiles() if isinstance(latency, Lognormal) else [*latency.ts_ns, *latency.latency_ns]


def _set_path(path: NDArray[np.int64], latency: Latency, start: tuple[int, int], table: int) -> int:
    """Describe a path whose latency varies; returns what stands in its latency cell."""
    if isinstance(latency, int):
        return latency
    path[at.IS_DRAWN] = int(isinstance(latency, Lognormal))
    path[at.TABLE] = table
    path[at.SIZE] = len(latency.quantiles() if isinstance(latency, Lognormal) else latency.ts_ns)
    path[at.LOW], path[at.HIGH] = start
    return at.VARIES
