"""The configuration file while its markets run: what changes in it is taken up, or it is said why not.

Rules kept here:

1. The file is looked at every second, and at once on SIGHUP. It is read when it was written anew.
2. A file that cannot be read, or that asks for something impossible, changes nothing. That is said, once for each state
   of the file. Real money without any limit to the loss is impossible then as it is at the start.
3. What can be applied (`configuration.changes`) is applied to each market in one step between two of its events, new
   settings as a whole; nothing at all is applied where one market cannot take its own. What cannot be applied is said.
4. The journal of each market keeps what was and what is.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from perpmaker.cli.configuration.changes import Changes, changes
from perpmaker.cli.configuration.settings import Config, MarketConfig, Setting
from perpmaker.cli.fleet import Fleet
from perpmaker.domain.errors import UserError
from perpmaker.venues.redaction import redact

LOOK_S: Final = 1.0

_State = tuple[int, int, int]


class Reloading:
    """Watches one file for one fleet.

    Args:
        config: as it took effect at the start.
        reload: reads the file again.
        say: told a sentence about what became of a change.
    """

    def __init__(self, config: Config, reload: Callable[[], Config], say: Callable[[str], None] | None = None) -> None:
        self._config = config
        self._reload = reload
        self._say = say or _say
        self._state = _state_of(config.path)
        self._asked = asyncio.Event()

    async def watch(self, fleet: Fleet) -> None:
        """Runs until it is cancelled."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError, AttributeError):  # neither on Windows
            loop.add_signal_handler(signal.SIGHUP, self._asked.set)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), LOOK_S)
                await self._look(fleet)
        finally:
            with contextlib.suppress(NotImplementedError, AttributeError):
                loop.remove_signal_handler(signal.SIGHUP)

    async def _look(self, fleet: Fleet) -> None:
        is_asked, state = self._asked.is_set(), _state_of(self._config.path)
        self._asked.clear()
        if state == self._state and not is_asked:
            return
        self._state = state
        try:
            new = await asyncio.to_thread(self._reload)  # markets go on meanwhile
            self._apply(fleet, new)
        except UserError as error:
            self._say(f"{self._config.path} was changed, and nothing of it is applied: {redact(str(error))}")

    def _apply(self, fleet: Fleet, new: Config) -> None:
        """Raises `UserError` where something does not fit; nothing was applied."""
        found = changes(self._config, new)
        if not found.applicable and not found.refused:
            self._say(f"{self._config.path} was read again: nothing in it has changed")
            return
        told: dict[str, list[str]] = {}
        for change in found.applicable:
            if change.market is not None:
                told.setdefault(change.market, []).append(str(change))
        plans = {market.name: market.plan for market in new.markets if market.name in told}
        fleet.apply(
            {name: plan.strategy for name, plan in plans.items()},
            new.budgets,
            {name: "\n".join(lines) for name, lines in told.items()},
            {name: plan.wires.max_daily_loss for name, plan in plans.items() if plan.wires is not None},
        )
        for change in (*found.applicable, *found.refused):
            self._say(str(change) if change.reason else f"{change}: applied")
        self._config = _taken_up(self._config, new, found)


def _taken_up(old: Config, new: Config, found: Changes) -> Config:
    """What is in force now: the new file, but for what was refused."""
    refused = {(change.market, change.section, change.key) for change in found.refused}
    old_markets = {market.name: market for market in old.markets}
    new_markets = {market.name: market for market in new.markets}
    return replace(
        old,
        budgets=new.budgets,
        budget_settings=new.budget_settings,
        markets=tuple(
            _market(market, new_markets[name], refused) if name in new_markets else market
            for name, market in old_markets.items()
        ),
    )


def _market(old: MarketConfig, new: MarketConfig, refused: set[tuple[str | None, str, str]]) -> MarketConfig:
    if old.exchange != new.exchange:
        return old
    section = f"markets.{old.name}"
    kept: dict[str, Setting] = {
        key: setting for key, setting in old.settings.items() if (old.name, section, key) in refused
    }
    settings = {key: setting for key, setting in new.settings.items() if (old.name, section, key) not in refused}
    return replace(old, plan=replace(old.plan, strategy=new.strategy), settings={**settings, **kept})


def _state_of(path: Path) -> _State | None:
    """Changes whenever the file is written; None while there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _say(sentence: str) -> None:
    sys.stderr.write(f"perpmaker: {sentence}\n")
