"""Faults on demand: what can go wrong between a bot and its exchange, and what of it is going wrong just now.

Rules kept here:

1. Nothing goes wrong unless asked for. A fault is a kind, a size and a chance; `FAULTS` says what each kind does, which
   unit its amount has, and whether it lasts or happens once.
2. Chance comes from one seeded generator, so the same requests at the same times meet the same faults.
3. A fault happens outside of the exchange's books: an order is executed or it is not, and the books say which.
4. What has struck is counted by kind, so that a test can prove that it did.

Plans of many faults over time: `fault_plan`.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from perpmaker.testnet.fault_kinds import FAULTS, FaultKind


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; its place in time only means something within a plan.

    Args:
        kind: what goes wrong.
        amount: how much, in the unit of its row in `FAULTS`.
        chance: share of requests, messages or orders that are struck, 0 to 1.
        at_ms: when it begins, from the start of the plan.
        for_ms: how long it lasts; 0 for what happens once.
    """

    kind: FaultKind
    amount: int = 0
    chance: float = 1.0
    at_ms: int = 0
    for_ms: int = 0

    @property
    def end_ms(self) -> int:
        return self.at_ms + self.for_ms

    def __str__(self) -> str:
        row = FAULTS[self.kind]
        when = f"{self.at_ms / 1000:9.3f} s" + (f" for {self.for_ms / 1000:6.3f} s" if row.lasts else " " * 13)
        much = f" {self.amount} {row.unit}" if row.unit else ""
        often = f" chance {self.chance:.2f}" if self.chance < 1 else ""
        return f"{when}  {self.kind.value}{much}{often}"


FaultListener = Callable[[Fault, bool], None]
"""Told when a fault begins (True) and when it ends (False)."""


class Faults:
    """What is going wrong now."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)  # noqa: S311 - reproducible mischief, no secret
        self.struck: Counter[FaultKind] = Counter()
        self.listeners: list[FaultListener] = []
        self._active: dict[FaultKind, list[Fault]] = {}

    def begin(self, fault: Fault) -> None:
        """From now on, until `end`; what happens once happens now."""
        if FAULTS[fault.kind].lasts:
            self._active.setdefault(fault.kind, []).append(fault)
        for listener in self.listeners:
            listener(fault, True)

    def end(self, fault: Fault) -> None:
        """Put it right. A fault that is not on is none of our business."""
        running = self._active.get(fault.kind, [])
        if fault not in running:
            return
        running.remove(fault)
        if not running:
            del self._active[fault.kind]
        for listener in self.listeners:
            listener(fault, False)

    def end_all(self) -> None:
        for fault in self.active:
            self.end(fault)

    @contextmanager
    def during(self, kind: FaultKind, amount: int = 0, chance: float = 1.0) -> Iterator[None]:
        """A fault that lasts as long as the block."""
        fault = Fault(kind, amount, chance)
        self.begin(fault)
        try:
            yield
        finally:
            self.end(fault)

    @property
    def active(self) -> list[Fault]:
        return [fault for faults in self._active.values() for fault in faults]

    def is_on(self, kind: FaultKind) -> bool:
        return kind in self._active

    def strikes(self, kind: FaultKind) -> Fault | None:
        """Whether it happens this time; the latest of its kind decides. Counts."""
        running = self._active.get(kind)
        if running is None:
            return None
        fault = running[-1]
        if fault.chance < 1 and self.random.random() >= fault.chance:
            return None
        self.struck[kind] += 1
        return fault

    def amount(self, kind: FaultKind) -> int:
        """How much of it there is, without chance and without counting; 0 while it is off."""
        running = self._active.get(kind)
        return running[-1].amount if running else 0
