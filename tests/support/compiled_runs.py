"""Prints, as JSON, how this process runs the maker, and what it makes of fixed runs and of settings that are wrong.

Usage: python compiled_runs.py. Compiled and plain must print the same but for the first word.
"""

import copy
import dataclasses
import json
import pickle
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np

from perpmaker import compiled
from perpmaker.domain.errors import PerpmakerError
from perpmaker.domain.reference import ReferencePrice
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.presets import preset
from perpmaker.maker.settings import AfterStop, Recenter, StrategyTerms
from perpmaker.quoting.skew import SkewMode
from perpmaker.risk.budgets import BudgetLimits
from perpmaker.runtime.replay import Replay
from perpmaker.simulation import market_events as m
from perpmaker.simulation.exchange import SimulatedExchange
from perpmaker.simulation.market_events import MarketChunk
from perpmaker.simulation.terms import ExchangeTerms
from support import runs
from support.walking_market import WalkingMarket

S = 1_000_000_000
GAPS_S = ((30, 40), (90, 91))

MARKET_CASES: dict[str, dict[str, Any]] = {
    "one level": {"max_orders": 1},
    "levels": {"max_orders": 5, "max_position": "3", "position_threshold": "0.2"},
    "no skew": {"inventory_skew": "0"},
    "printed skew": {"skew_mode": SkewMode.PRINTED, "inventory_skew": "1", "target_position": "0.5"},
    "micro price": {"reference": ReferencePrice.MICRO},
    "last price": {"reference": ReferencePrice.LAST},
    "mark price": {"reference": ReferencePrice.MARK},
    "recenter at fills": {"recenter": Recenter.FILL, "max_drift": "0.001"},
    "stop": {"stop_loss": "0.01", "take_profit": "0.02"},
    "stop and halt": {"stop_loss": "0.01", "after_stop": AfterStop.HALT},
    "drawdown": {"max_drawdown": "0.05"},
    "loss": {"max_loss": "0.05"},
    "closed at the end": {"close_on_exit": True},
    "margin": {"balance": "60", "leverage": "2", "quantity": "0.2"},
    "liquidation": {
        "balance": "6", "leverage": "30", "quantity": "0.6", "max_position": "2", "inventory_skew": "0",
        "maintenance_ppb": 33_300_000,
    },
}  # fmt: skip

WRONG: tuple[dict[str, Any], ...] = (
    {"spread": "0"}, {"spread": "NaN"}, {"quantity": "-1"}, {"max_orders": 0}, {"max_orders": 51}, {"interval_s": "0"},
    {"target_position": "2"}, {"spread": "0.6"}, {"quantity": "0.001"}, {"max_position": "0.001"},
)  # fmt: skip


class GappedMarket:
    """The walking market with stretches in which its recording was blind."""

    instrument = WalkingMarket.instrument

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def chunks(self) -> Iterator[MarketChunk]:
        (rows,) = WalkingMarket(self._seed, 125).chunks()
        edges = [(at_s, kind) for gap in GAPS_S for at_s, kind in zip(gap, (m.GAP_START, m.GAP_END), strict=True)]
        for at_s, kind in edges:
            before = int(np.searchsorted(rows.ts_ns, at_s * S))
            row = (at_s * S, kind, 0, 0)
            rows = MarketChunk(*(np.insert(column, before, cell) for column, cell in zip(rows, row, strict=True)))
        is_seen = np.ones(len(rows.ts_ns), bool)
        for start_s, end_s in GAPS_S:
            is_seen &= (rows.ts_ns <= start_s * S) | (rows.ts_ns >= end_s * S) | (rows.kind == m.GAP_START)
        yield MarketChunk(*(column[is_seen] for column in rows))


def played(seed: int, case: dict[str, Any]) -> dict[str, Any]:
    settings = dict(case)
    leverage = Decimal(settings.pop("leverage", "10"))
    balance, maintenance_ppb = Decimal(settings.pop("balance", "10000")), settings.pop("maintenance_ppb", 0)
    market = GappedMarket(seed)
    terms = StrategyTerms.of(runs.strategy(**settings), market.instrument, balance, leverage)
    exchange = SimulatedExchange(
        market,
        ExchangeTerms(
            maker_fee_ppb=200_000, taker_fee_ppb=500_000, balance_quanta=terms.balance_quanta, leverage=leverage,
            feed_latency_ns=10_000_000, order_latency_ns=10_000_000, maintenance_margin_ppb=maintenance_ppb,
        ),
    )  # fmt: skip
    maker, sent = MarketMaker(terms, exchange.now_ns), runs.Sent()
    outcome = Replay(maker, exchange, [sent]).run()
    return {
        "orders": sent.fingerprint(),
        "commands": len(sent.commands),
        "notices": sorted({notice.kind.value for notice in sent.notices()}),
        "events": sorted({type(event).__name__ for event in sent.events}),
        "end": outcome.reason.value,
        "maker": repr((maker.position, maker.phase, maker.end_reason, maker.state.reference())),
        "terms": repr(terms),
    }


def refused(wrong: dict[str, Any]) -> str:
    try:
        settings = runs.strategy(**wrong)
        StrategyTerms.of(settings, WalkingMarket.instrument, Decimal(100), Decimal(10))
    except PerpmakerError as error:
        return f"{type(error).__mro__} {error}"
    return "accepted"


def misused() -> list[str]:
    """What programs see that use the maker as they should not."""
    settings = runs.strategy()
    found = []
    for attempt in (lambda: preset("none"), lambda: dataclasses.replace(settings, spread=Decimal(2))):
        try:
            attempt()
        except PerpmakerError as error:
            found.append(f"{type(error).__name__} {error}")
    return found


def kept() -> list[str]:
    """What is sent to other processes must arrive as it was."""
    settings, instrument = runs.strategy(), WalkingMarket.instrument
    terms = StrategyTerms.of(settings, instrument, Decimal(100), Decimal(10))
    sent = (settings, instrument, terms, BudgetLimits(max_notional=Decimal(5)))
    for one in sent:
        assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one  # noqa: S301 - our own
    return [repr(one) for one in sent]


def main() -> None:
    print(
        json.dumps(
            {
                "maker": "compiled" if compiled.is_served() else "plain",
                "runs": {name: [played(seed, case) for seed in (1, 2)] for name, case in MARKET_CASES.items()},
                "refused": [refused(wrong) for wrong in WRONG],
                "misused": misused(),
                "kept": kept(),
            }
        )
    )


if __name__ == "__main__":
    main()
