"""Plans of faults: drawn from a seed, printed, kept as JSON, played against a server.

Rules kept here:

1. A plan is data. The same seed and arguments draw the same plan; a plan read back from its JSON is equal to it.
2. A random plan leaves ``quiet_s`` at the end in which nothing new begins and everything has ended, so that recovery
   can be seen.
3. A runner begins and ends faults at their times and nothing else; when it is stopped, it ends what is on.
"""

import asyncio
import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import msgspec

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.testnet.fault_kinds import FAULTS, FaultKind
from perpmaker.testnet.faults import Fault, Faults

SHORTEST_MS: Final = 500
LONGEST_MS: Final = 8_000


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults in order of their beginning, and the seed of the chances within them."""

    seed: int
    faults: tuple[Fault, ...]

    @property
    def end_ms(self) -> int:
        """When the last of them is over."""
        return max((fault.end_ms for fault in self.faults), default=0)

    def __str__(self) -> str:
        return "\n".join([f"faults of seed {self.seed}:", *map(str, self.faults)])

    def to_json(self) -> bytes:
        return msgspec.json.encode(self)


def read_plan(text: bytes | str) -> FaultPlan:
    """The opposite of `FaultPlan.to_json`.

    Raises:
        InvalidSettingError: it is not a plan.
    """
    try:
        return msgspec.json.decode(text, type=FaultPlan)
    except msgspec.MsgspecError as error:
        raise InvalidSettingError(f"the plan of faults cannot be read: {error}") from None


def random_plan(
    seed: int,
    duration_s: float,
    *,
    per_minute: float = 12.0,
    kinds: Collection[FaultKind] = tuple(FaultKind),
    quiet_s: float = 15.0,
) -> FaultPlan:
    """Draw a plan: every kind is equally likely, every size is drawn from its row.

    Args:
        seed: of the plan, and of the chances while it runs.
        duration_s: of the whole, the quiet end included.
        per_minute: faults that begin per minute, on average.
        kinds: what may go wrong.
        quiet_s: at the end, without any fault.
    """
    generator = random.Random(seed)  # noqa: S311 - reproducible mischief, no secret
    order = sorted(set(kinds), key=list(FaultKind).index)
    last_ms = int((duration_s - quiet_s) * 1000)
    count = round(per_minute * last_ms / 60_000)
    if not order or count < 1:
        return FaultPlan(seed, ())
    drawn = (_draw(generator, generator.choice(order), last_ms) for _ in range(count))
    return FaultPlan(seed, tuple(sorted(drawn, key=lambda fault: (fault.at_ms, fault.kind.value))))


def _draw(generator: random.Random, kind: FaultKind, last_ms: int) -> Fault:
    row = FAULTS[kind]
    at_ms = generator.randrange(last_ms)
    for_ms = min(generator.randint(SHORTEST_MS, LONGEST_MS), last_ms - at_ms) if row.lasts else 0
    return Fault(kind, generator.randint(*row.amounts), round(generator.uniform(*row.chances), 3), at_ms, for_ms)


class FaultRunner:
    """Plays a plan in the running loop, from the moment of `start`."""

    def __init__(self, faults: Faults, plan: FaultPlan) -> None:
        self.plan: Final = plan
        self._faults = faults
        self._timers: list[asyncio.TimerHandle] = []
        self._on: list[Fault] = []
        self._left = len(plan.faults)
        self._over = asyncio.Event()

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._faults.random.seed(self.plan.seed)
        if not self.plan.faults:
            self._over.set()
        self._timers = [loop.call_later(fault.at_ms / 1000, self._begin, fault) for fault in self.plan.faults]

    def stop(self) -> None:
        """End what is on; what has not begun never will."""
        for timer in self._timers:
            timer.cancel()
        for fault in list(self._on):
            self._end(fault)
        self._over.set()

    async def wait(self) -> None:
        """Until everything has begun and ended."""
        await self._over.wait()

    def _begin(self, fault: Fault) -> None:
        self._faults.begin(fault)
        self._on.append(fault)
        if fault.for_ms > 0:
            self._timers.append(asyncio.get_running_loop().call_later(fault.for_ms / 1000, self._end, fault))
        else:
            self._end(fault)

    def _end(self, fault: Fault) -> None:
        self._on.remove(fault)
        self._faults.end(fault)
        self._left -= 1
        if self._left == 0:
            self._over.set()
