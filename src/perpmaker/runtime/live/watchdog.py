"""An independent eye on a run: when its heartbeat stops, somebody else must clean up.

Rules kept here:

1. Silence is that the heartbeat has not changed for the whole timeout, by the watchdog's own clock: clocks that differ
   do not matter, and neither does when the watchdog was started.
2. A run that ended is left alone, whatever it left.
3. A journal that cannot be read gives no sign of life. It counts as silence: the safe side is fewer orders.
4. A run that comes back to life, while its orders are cancelled or after it, is left alone and watched again.
5. What is done about a run is told as an `Action`, apart from all other sentences: somebody may have to be woken.
"""

import asyncio
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, Final, NamedTuple

from perpmaker.domain.errors import UserError
from perpmaker.venues.clock import Clock

STEP_S: Final = 1.0


class Pulse(NamedTuple):
    """What the journal tells of a run. ``heartbeat_ns`` is compared with itself only."""

    heartbeat_ns: int
    has_ended: bool


class Action(Enum):
    """What a watchdog does about a run."""

    BEGINS = "fell silent"  # it cleans up from now on
    RETURNS = "is alive again"  # cleaning up was broken off, or is undone by the run
    DONE = "was cleaned up after"  # by the venue's own count


class Verdict(Enum):
    ENDED = "ended"  # cleanly; nothing was done
    RESCUED = "rescued"  # it fell silent, and was cleaned up after


async def watch(
    read: Callable[[], Pulse],
    rescue: Callable[[], Coroutine[Any, Any, None]],
    may_return: Callable[[], bool],
    tell: Callable[[str], None],
    clock: Clock,
    timeout_ns: int,
    act: Callable[[Action], None] = lambda _: None,
) -> Verdict:
    """Watch one run to its end.

    Args:
        read: looks into the journal; a `UserError` is no sign of life.
        rescue: cancels (and closes); returns when the venue has confirmed it.
        may_return: whether the run could come back to life (its process is still there).
        tell: told in sentences.
        clock: the watchdog's own.
        timeout_ns: silence that is too long.
        act: told what is done about the run; of `Action.DONE` who cleans up tells.
    """
    ear = _Ear(read, tell)
    last: Pulse | None = None
    changed_ns = clock.now_ns()
    cleaning: asyncio.Task[None] | None = None
    try:
        while True:
            pulse = ear.listen()
            if pulse is not None and pulse.has_ended:
                if cleaning is None or last is None or pulse.heartbeat_ns != last.heartbeat_ns:
                    return Verdict.ENDED
                await cleaning  # an end without a sign of life is what cleaning up writes; there may be more to it
                return Verdict.RESCUED
            if pulse != last:
                last, changed_ns = pulse, clock.now_ns()
                if cleaning is not None:
                    act(Action.RETURNS)
                    tell("the run is alive again: watching it")
                    cleaning.cancel()
                    cleaning = None
            elif cleaning is None and clock.now_ns() - changed_ns >= timeout_ns:
                act(Action.BEGINS)
                tell(f"no heartbeat for {(clock.now_ns() - changed_ns) / 10**9:.1f} s: cleaning up after the run")
                cleaning = asyncio.create_task(rescue(), name="rescue")
            elif cleaning is not None and cleaning.done():
                cleaning.result()
                if not may_return():
                    return Verdict.RESCUED
            await asyncio.sleep(STEP_S)
    finally:
        if cleaning is not None:
            cleaning.cancel()


class _Ear:
    """Hears the last pulse that could be read; says once why one cannot (rule 3)."""

    def __init__(self, read: Callable[[], Pulse], tell: Callable[[str], None]) -> None:
        self._read = read
        self._tell = tell
        self._last: Pulse | None = None
        self._told = ""

    def listen(self) -> Pulse | None:
        trouble = ""
        try:
            self._last = self._read()
        except UserError as error:
            trouble = f"no sign of life can be read: {error}"
        if trouble and trouble != self._told:
            self._tell(trouble)
        self._told = trouble
        return self._last
