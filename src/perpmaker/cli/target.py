"""Which account and market a command is about, and the way to it. Shared by the commands around a live run.

Rules kept here:

1. What is not said is taken from the live run that the journal knows as the last: in an emergency nobody remembers
   flags. What was taken is told.
2. Keys come as for a run, never from a flag, and redaction is installed before anything else is done with them.
3. The venue is closed on every way out.
"""

import asyncio
import getpass
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import typer

from perpmaker.data.choice import DEFAULT_SYMBOL
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.journal.live import LIVE
from perpmaker.journal.readers import RunRecord, list_runs
from perpmaker.journal.writer import Journal
from perpmaker.runtime.live.preflight import answered
from perpmaker.venues.clock import Clock, SystemClock
from perpmaker.venues.credentials import load_credentials
from perpmaker.venues.port import Venue
from perpmaker.venues.redaction import install_redaction, redact
from perpmaker.venues.registry import credentials_name, open_venue

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One account's market. ``last_run`` is the newest live run there that the journal knows."""

    exchange: str
    symbol: str
    base_url: str | None
    ws_url: str | None
    last_run: RunRecord | None

    @property
    def where(self) -> str:
        address = f" at {self.base_url}" if self.base_url else ""
        return f"{self.symbol} on {self.exchange}{address}"


def find_target(
    journal: Journal, exchange: str | None, symbol: str | None, base_url: str | None, ws_url: str | None
) -> Target:
    """Fill in what was not said from the newest live run that fits what was.

    Raises:
        InvalidSettingError: nothing was said, and the journal knows of no live run.
        JournalError: the journal cannot be read.
    """
    fitting = [
        run
        for run in list_runs(journal)
        if run.mode == LIVE and exchange in (None, run.exchange) and symbol in (None, run.symbol)
    ]
    last = fitting[0] if fitting else None
    if exchange is None and last is None:
        raise InvalidSettingError(
            f"--exchange is missing: the journal {journal.name} knows of no live run that would tell it"
        )
    exchange = exchange or (last.exchange if last else "")
    symbol = symbol or (last.symbol if last else DEFAULT_SYMBOL if exchange == "backpack" else None)
    if symbol is None:
        raise InvalidSettingError(f"--symbol is missing: say which market of {exchange}")
    if base_url is None and last is not None and last.endpoint is not None and last.endpoint.startswith("http"):
        base_url = last.endpoint
    return Target(exchange=exchange, symbol=symbol, base_url=base_url, ws_url=ws_url, last_run=last)


@asynccontextmanager
async def opened(target: Target, clock: Clock) -> AsyncIterator[Venue]:
    """The account on the market, with keys; its streams are not open.

    Raises:
        UserError: keys are missing or wrong, or there is no such exchange or symbol.
    """
    credentials = load_credentials(credentials_name(target.exchange))
    install_redaction(credentials)
    venue = open_venue(
        target.exchange, target.symbol, credentials, clock, base_url=target.base_url, ws_url=target.ws_url
    )
    try:
        yield venue
    finally:
        await venue.close()


def at_venue(target: Target, work: Callable[[Venue, Clock], Awaitable[_Result]]) -> _Result:
    """Do something with the account, from the open connection to the closed one.

    Raises:
        UserError: keys are missing or wrong, or there is no such exchange or symbol.
        VenueError: what the venue answered, or that it did not.
    """

    async def run() -> _Result:
        clock = SystemClock()
        async with opened(target, clock) as venue:
            await answered(venue.clock)  # requests are stamped with the venue's time from here on
            return await work(venue, clock)

    return asyncio.run(run())


def say(sentence: str) -> None:
    """A line for the user, without secrets."""
    typer.echo(redact(sentence))


def who() -> str:
    """The person at this terminal, for the journal."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # no such user in the system's list
        name = "somebody"
    return f"{name}@{socket.gethostname()}"
