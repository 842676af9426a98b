"""A perpetual-futures market out of nothing but a seed.

Rules kept here:

1. The same profile, seed, start and duration give the same rows, byte for byte: whatever the size of a chunk, in any
   process, compiled or interpreted. (The bits of numpy's PCG64 generator are the source of all randomness.)
2. Memory does not grow with the duration.
3. The first message clears both sides and states the whole book, which has settled before anybody sees it; the mark
   price follows.

The model is zero-intelligence order flow (Smith, Farmer, Gillemot and Krishnamurthy 2003; Cont, Stoikov and Talreja
2010) around a fair price that only part of the flow knows: see ``docs/synthetic-market.md``.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation import synthetic_kernel as kernel
from perpmaker.simulation.market_events import CLEAR_ASKS, CLEAR_BIDS, KIND_MASK, MARK, MORE, MarketChunk
from perpmaker.simulation.synthetic_book import MIN_LEVELS
from perpmaker.simulation.synthetic_memory import BATCH, MEMORY, ROOM, WIDTH
from perpmaker.simulation.synthetic_profiles import MarketProfile

DEFAULT_START_NS: Final = 1_767_605_400_000_000_000
"""2026-01-05 09:30:00 UTC, half an hour before a funding."""


_SETTLING_NS: Final = 30 * kernel.SECOND_NS
_FOREVER_NS: Final = 2**62


class SyntheticMarket:
    """A `MarketFeed` of seeded order flow.

    Args:
        profile: what the market is like, e.g. one of `PROFILES`.
        seed: >= 0; another seed is another day.
        start_ns: time of the first row, ns since 1970.
        duration_ns: the rows end before ``start_ns + duration_ns``; None goes on for ever.
        chunk_rows: most rows in a chunk; changes nothing else.

    Raises:
        InvalidSettingError: a negative seed, a duration that is not positive, or a chunk too small for one event.
    """

    def __init__(
        self,
        profile: MarketProfile,
        seed: int,
        start_ns: int = DEFAULT_START_NS,
        duration_ns: int | None = None,
        *,
        chunk_rows: int = ROOM,
    ) -> None:
        if seed < 0:
            raise InvalidSettingError(f"the seed must be 0 or more, got {seed}")
        if start_ns < _SETTLING_NS:
            raise InvalidSettingError(f"the start must be at least {_SETTLING_NS} ns after 1970, got {start_ns}")
        if duration_ns is not None and duration_ns <= 0:
            raise InvalidSettingError(f"the duration of a synthetic market must be positive, got {duration_ns} ns")
        if not kernel.ROWS_PER_EVENT <= chunk_rows <= ROOM:
            raise InvalidSettingError(
                f"a chunk holds {kernel.ROWS_PER_EVENT} to {ROOM} rows, {chunk_rows} were asked for"
            )
        self._profile = profile
        self._seed = seed
        self._start_ns = start_ns
        self._end_ns = _FOREVER_NS if duration_ns is None else start_ns + duration_ns
        self._chunk_rows = chunk_rows

    @property
    def instrument(self) -> Instrument:
        return self._profile.instrument

    def chunks(self) -> Iterator[MarketChunk]:
        """The market from its start; each call gives the same rows."""
        flow = _Flow(self._profile, self._seed, self._start_ns)
        yield flow.opening(self._start_ns)
        while True:
            rows, ended = flow.next_rows(self._chunk_rows, self._end_ns)
            if rows.ts_ns.size:
                yield rows
            if ended:
                return


class _Flow:
    """One pass over the market: the kernel's memory, and the random streams that feed it."""

    def __init__(self, profile: MarketProfile, seed: int, start_ns: int) -> None:
        uniform, normal, exponential, opening = (
            np.random.Generator(np.random.PCG64(source)) for source in np.random.SeedSequence(seed).spawn(4)
        )
        self._streams = (
            ("uniform", "used_uniform", uniform.random),
            ("normal", "used_normal", normal.standard_normal),
            ("exponential", "used_exponential", exponential.standard_exponential),
        )
        self._memory = _memory(profile, start_ns - _SETTLING_NS, opening)
        ended = False
        while not ended:
            _, ended = self.next_rows(ROOM, start_ns)
        self._memory["next_second"] = (start_ns // kernel.SECOND_NS + 1) * kernel.SECOND_NS

    def opening(self, start_ns: int) -> MarketChunk:
        """The whole book as one message, and the mark price."""
        memory = self._memory
        kinds, prices, lots = [CLEAR_BIDS, CLEAR_ASKS], [0, _FOREVER_NS], [0, 0]
        for side, step in ((0, -1), (1, 1)):
            best, outermost = int(memory["best"][side]), int(memory["outermost"][side])
            for price in range(best, outermost + step, step):
                held = int(memory["book"][side, price & (WIDTH - 1)])
                if held:
                    kinds.append(1 + side)
                    prices.append(price)
                    lots.append(held)
        kind = np.array(kinds, np.uint8) | np.uint8(MORE)
        kind[-1] &= KIND_MASK
        return MarketChunk(
            ts_ns=np.full(len(kinds) + 1, start_ns, np.int64),
            kind=np.append(kind, np.uint8(MARK)),
            price=np.array([*prices, int(memory["mark"])], np.int64),
            lots=np.array([*lots, 0], np.int64),
        )

    def next_rows(self, room: int, until_ns: int) -> tuple[MarketChunk, bool]:
        """Up to ``room`` rows before ``until_ns``, and whether that time is reached."""
        memory = self._memory
        memory["used_rows"] = 0
        memory["room"] = room
        why = kernel.NEEDS_DRAWS
        while why == kernel.NEEDS_DRAWS:
            self._refill()
            why = kernel.run(memory, until_ns)
        used = int(memory["used_rows"])
        return MarketChunk(*(memory[name][:used].copy() for name in MarketChunk._fields)), why == kernel.REACHED

    def _refill(self) -> None:
        """Move the draws that are left to the front and draw on: the streams know nothing of batches."""
        for name, used_name, draw in self._streams:
            stream, used = self._memory[name], int(self._memory[used_name])
            if used > BATCH // 2:
                stream[: BATCH - used] = stream[used:].copy()
                draw(out=stream[BATCH - used :])
                self._memory[used_name] = 0


def _memory(profile: MarketProfile, start_ns: int, random: np.random.Generator) -> Any:  # numpy has no record types
    """The kernel's memory with a book near its balance: exponential lots about it, one tick of spread."""
    memory = np.zeros(1, MEMORY)[0]
    for name, value in profile.settings().items():
        memory[name] = value
    farthest, balance = profile.max_distance_ticks, profile.balance()
    memory["balance"][: farthest + 1] = balance
    memory["quantile"] = profile.quantiles()
    for name in ("used_uniform", "used_normal", "used_exponential"):
        memory[name] = BATCH

    best = np.array([profile.price_ticks, profile.price_ticks + 1])
    for side, step in ((0, -1), (1, 1)):
        occupied = random.random(farthest) < balance[1:] / (balance[1:] + profile.order_lots)
        occupied[: MIN_LEVELS + 1] = True
        sizes = 1 + np.floor(random.standard_exponential(farthest) * (balance[1:] + profile.order_lots))
        prices = best[side] + step * np.arange(farthest)
        memory["book"][side, prices & (WIDTH - 1)] = np.where(occupied, sizes, 0)
    memory["best"] = best
    memory["outermost"] = best + np.array([1 - farthest, farthest - 1])
    memory["levels"] = np.count_nonzero(memory["book"], axis=1)

    memory["now"] = start_ns
    memory["next_second"] = (start_ns // kernel.SECOND_NS + 1) * kernel.SECOND_NS
    memory["mark"] = 500 * best.sum()
    memory["fair"] = profile.price_ticks + 0.5
    memory["volatility_now"] = memory["volatility"]
    memory["activity"] = 1.0
    memory["excitement"] = profile.trades_per_s * profile.trade_clustering
    memory["jump_in"] = random.standard_exponential() / memory["jumps"]
    return memory
