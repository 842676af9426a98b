"""How long a message is on its way: always the same, drawn from a distribution, or as it was recorded.

Rules kept here:

1. There are three paths: market data to the maker, requests to the exchange, answers back. Each draws for itself; the
   latter two have the same terms. What is submitted together is one message.
2. Messages of one path never overtake one another: one arrives when its latency is over, or with the message before it
   if that is later.
3. `Lognormal` is kept as `QUANTILES` latencies of equal probability, whole nanoseconds, and one of them is drawn for
   each message: integers alone, so compiled and interpreted runs agree to the last bit. A draw is P. L'Ecuyer's
   combination of two generators modulo a prime (Communications of the ACM 31, 1988), which 64 bits hold; its start
   follows from the seed of the terms and the path.
4. `Recorded`: the latency whose time is the last at or before the message leaves; before the first, the first.

The kernel has a twin of `LatencyPath` in `kernel_rings`: change both.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b
from statistics import NormalDist
from typing import Final

from perpmaker.domain.errors import InvalidSettingError

LONGEST_NS: Final = 3_600 * 10**9
"""No message is longer on its way."""

QUANTILES: Final = 4_096
_MAX_SIGMA: Final = 5.0

LOW_FACTOR: Final = 40_014
LOW_MODULUS: Final = 2_147_483_563
HIGH_FACTOR: Final = 40_692
HIGH_MODULUS: Final = 2_147_483_399


class Path(Enum):
    """Which way a message goes."""

    FEED = "feed"
    REQUEST = "request"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Latencies whose logarithm is normally distributed.

    Args:
        median_ns: half of the messages are faster, above 0 and at most an hour.
        sigma: standard deviation of the logarithm, 0 to 5.
        cap_ns: no message takes longer; None is an hour.

    Raises:
        InvalidSettingError: a value is outside its range.
    """

    median_ns: int
    sigma: float
    cap_ns: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.median_ns <= LONGEST_NS:
            raise InvalidSettingError(f"a median latency must be above 0 and at most an hour, got {self.median_ns} ns")
        if not 0 <= self.sigma <= _MAX_SIGMA:
            raise InvalidSettingError(f"the sigma of a latency must lie between 0 and {_MAX_SIGMA}, got {self.sigma}")
        if self.cap_ns is not None and not self.median_ns <= self.cap_ns <= LONGEST_NS:
            raise InvalidSettingError(
                f"the cap of a latency must lie between its median and an hour, got {self.cap_ns} ns"
            )

    def __str__(self) -> str:
        """As the command line takes it."""
        cap = "" if self.cap_ns is None else f":{self.cap_ns}ns"
        return f"lognormal:{self.median_ns}ns:{self.sigma}{cap}"

    def quantiles(self) -> list[int]:
        """The latencies that are drawn from, ascending."""
        cap = self.cap_ns or LONGEST_NS
        points = ((place + 0.5) / QUANTILES for place in range(QUANTILES))
        normal = NormalDist()
        return [min(cap, round(self.median_ns * math.exp(self.sigma * normal.inv_cdf(point)))) for point in points]


@dataclass(frozen=True, slots=True)
class Recorded:
    """Latencies as they were measured.

    Args:
        ts_ns: when each begins to hold, on the clock of the market data, ascending.
        latency_ns: as many, each between 0 and an hour.
        source: where they come from, for the reader.

    Raises:
        InvalidSettingError: there are none, or a value is out of order or range.
    """

    ts_ns: Sequence[int] = field(repr=False)
    latency_ns: Sequence[int] = field(repr=False)
    source: str = "recorded"

    def __post_init__(self) -> None:
        if len(self.ts_ns) != len(self.latency_ns) or not self.ts_ns:
            raise InvalidSettingError(f"{self.source}: a series of latencies needs rows, each a time and a latency")
        for row, latency in enumerate(self.latency_ns):
            if not 0 <= latency <= LONGEST_NS:
                raise InvalidSettingError(
                    f"{self.source}, row {row + 1}: a latency must be between 0 and one hour, got {latency} ns"
                )
            if row and self.ts_ns[row] < self.ts_ns[row - 1]:
                raise InvalidSettingError(
                    f"{self.source}, row {row + 1}: time {self.ts_ns[row]} ns is before the row above it; sort the rows"
                )

    def __str__(self) -> str:
        return f"recorded:{self.source}"


Latency = int | Lognormal | Recorded
"""Of a path; a whole number is the same nanoseconds for every message."""


def check_latency(name: str, latency: Latency) -> None:
    """Raises `InvalidSettingError` where a constant latency is outside its range."""
    if isinstance(latency, int) and not 0 <= latency <= LONGEST_NS:
        raise InvalidSettingError(f"the {name} must be between 0 and one hour, got {latency} ns")


def longest_ns(latency: Latency) -> int:
    """No message takes longer than this after the one before it."""
    if isinstance(latency, int):
        return latency
    return latency.quantiles()[-1] if isinstance(latency, Lognormal) else max(latency.latency_ns)


def first_draws(seed: int, path: Path) -> tuple[int, int]:
    """Where the generator of a path starts."""
    digest = blake2b(f"{seed} {path.value}".encode(), digest_size=16).digest()
    low, high = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")
    return 1 + low % (LOW_MODULUS - 1), 1 + high % (HIGH_MODULUS - 1)


class LatencyPath:
    """One path in plain Python: messages leave in order of time, `due_ns` says when each arrives."""

    __slots__ = ("_high", "_last_ns", "_latency", "_low", "_place", "_table")

    def __init__(self, latency: Latency, seed: int, path: Path) -> None:
        self._latency = latency
        self._low, self._high = first_draws(seed, path)
        self._table = latency.quantiles() if isinstance(latency, Lognormal) else []
        self._place = 0
        self._last_ns = 0

    def due_ns(self, now_ns: int) -> int:
        """When a message that leaves now arrives (rules 2 to 4)."""
        latency = self._latency
        if isinstance(latency, Lognormal):
            self._low = self._low * LOW_FACTOR % LOW_MODULUS
            self._high = self._high * HIGH_FACTOR % HIGH_MODULUS
            drawn = (self._low - self._high) % (LOW_MODULUS - 1)
            took = self._table[drawn * QUANTILES // (LOW_MODULUS - 1)]
        elif isinstance(latency, Recorded):
            while self._place + 1 < len(latency.ts_ns) and latency.ts_ns[self._place + 1] <= now_ns:
                self._place += 1
            took = latency.latency_ns[self._place]
        else:
            took = latency
        self._last_ns = max(now_ns + took, self._last_ns)
        return self._last_ns
