"""One seeded schedule of mischief: a market, a bot's settings, what goes wrong when, and who else is on the account.

Rules kept here:

1. Everything follows from the seed; a schedule is data, and prints itself.
2. Faults begin after `SETTLED_S` and have ended `CALM_S` before the planned end of the run: recovery can be seen.
3. Kinds are drawn evenly, so that over a few hundred seeds every kind strikes often, alone and beside others.
"""

import random
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from perpmaker.domain.orders import Side
from perpmaker.maker.settings import AfterStop, Recenter, StrategySettings
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.testnet.fault_kinds import FaultKind
from perpmaker.testnet.fault_plan import FaultPlan, random_plan
from perpmaker.testnet.terms import TestnetTerms

SYMBOL = "SOL_USDC_PERP"
RUN_S = 120
CALM_S = 30
SETTLED_S = 4
ACCOUNTS = 3

PROFILE = replace(PROFILES[SYMBOL], visits_per_s=9.0, trades_per_s=4.0, volatility_bp=14.0, touch_lots=4_000.0)
"""SOL with few messages and much movement: fills come within seconds, and a run of minutes stays small."""

OTHER_RUN_TAG = 1000

STRANGER_ID = (OTHER_RUN_TAG << 22) + 77
"""The client id of an order of another run of this program, on the same account."""

WEB_PAGE_ID = 4_711
"""A stranger's client id: below 2**22, nobody's of this program."""


@dataclass(frozen=True, slots=True)
class ForeignOrder:
    """An order that somebody else rests on the bot's account before it starts, so far from the market."""

    side: Side
    away: Decimal
    lots: int
    client_id: int | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """One run; ``plan`` counts from `SETTLED_S` after the start of the run."""

    seed: int
    strategy: StrategySettings
    terms: TestnetTerms
    plan: FaultPlan
    foreign: tuple[ForeignOrder, ...]

    @property
    def market(self) -> SyntheticMarket:
        return SyntheticMarket(PROFILE, self.seed)

    @property
    def is_shared(self) -> bool:
        """Whether somebody else has orders on the account: then the bot is told so."""
        return bool(self.foreign) or FaultKind.FOREIGN_ORDER in self.kinds

    @property
    def kinds(self) -> frozenset[FaultKind]:
        return frozenset(fault.kind for fault in self.plan.faults)

    def __str__(self) -> str:
        words = ", ".join(f"{name} {value}" for name, value in _told(self.strategy).items())
        others = ", ".join(f"{order.side.name} {order.away} away" for order in self.foreign) or "none"
        return f"seed {self.seed}: {words}; foreign orders: {others}\n{self.plan}"


def schedule(seed: int, *, kinds: frozenset[FaultKind] = frozenset(FaultKind), run_s: int = RUN_S) -> Schedule:
    """The schedule of a seed; ``kinds`` narrows it down to what is suspected."""
    generator = random.Random(f"chaos {seed}")
    levels = generator.randint(1, 3)
    quantity = generator.choice([Decimal("0.1"), Decimal("0.3"), Decimal("0.5")])
    strategy: dict[str, Any] = {
        "spread": generator.choice([Decimal("0.0002"), Decimal("0.0004"), Decimal("0.0008")]),
        "quantity": quantity,
        "max_orders": levels,
        "max_position": quantity * generator.choice([1, 2, 4]) + generator.choice([0, Decimal("0.05")]),
        "position_threshold": quantity * generator.choice([0, 1]),
        "inventory_skew": generator.choice([Decimal(0), Decimal("0.5"), Decimal(1)]),
        "interval_s": generator.choice([Decimal(1), Decimal(2), Decimal(5)]),
        "recenter": generator.choice([Recenter.INTERVAL, Recenter.INTERVAL, Recenter.FILL]),
        "stop_loss": generator.choice([Decimal(0), Decimal(0), Decimal("0.1")]),
        "take_profit": generator.choice([Decimal(0), Decimal(0), Decimal("0.1")]),
        "after_stop": AfterStop.REQUOTE,
        "close_on_exit": generator.random() < 0.25,
        "duration_s": Decimal(run_s),
    }
    balance = generator.choice([Decimal(10_000), Decimal(10_000), Decimal(60)])
    return Schedule(
        seed,
        StrategySettings(**strategy),
        TestnetTerms(balance=balance, funding_interval_ns=generator.choice([3_600, 37]) * 10**9),
        random_plan(
            seed,
            run_s - SETTLED_S,
            per_minute=generator.choice([6.0, 12.0, 20.0]),
            kinds=kinds,
            quiet_s=CALM_S,
        ),
        tuple(_foreign(generator)),
    )


def _foreign(generator: random.Random) -> list[ForeignOrder]:
    if generator.random() < 0.4:
        return []
    ids = [None, WEB_PAGE_ID, STRANGER_ID]
    sides = [Side.BUY, Side.SELL, generator.choice(list(Side))]
    kept = generator.sample(range(3), generator.randint(1, 3))
    return [ForeignOrder(sides[n], Decimal(generator.randint(30, 60)) / 1000, 2, ids[n]) for n in sorted(kept)]


def _told(strategy: StrategySettings) -> dict[str, str]:
    names = (
        "spread", "quantity", "max_orders", "max_position", "inventory_skew", "interval_s", "recenter", "stop_loss",
        "take_profit", "close_on_exit",
    )  # fmt: skip
    return {name: str(getattr(getattr(strategy, name), "value", getattr(strategy, name))) for name in names}
