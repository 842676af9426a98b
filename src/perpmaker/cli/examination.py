"""What `perpmaker doctor` does: the checklist of `perpmaker.runtime.live.preflight` with keys, journal and a price.

Rules kept here:

1. Keys that are missing or malformed are a failed check like any other; the public part is examined all the same.
2. The public stream is opened for its first book: that proves the websocket, and gives the price for the margin.
3. Nothing is sent but questions, and the journal is only read.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal

from perpmaker.cli.checklist import show_checklist
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.request import NO_JOURNAL, View
from perpmaker.cli.running import is_running
from perpmaker.data.choice import DEFAULT_SYMBOL
from perpmaker.domain.errors import CredentialsError, InvalidSettingError, UnknownNameError
from perpmaker.journal.limits import active_latches
from perpmaker.journal.live import unfinished_runs
from perpmaker.journal.writer import open_journal
from perpmaker.maker.settings import StrategySettings
from perpmaker.risk.budgets import BudgetLimits
from perpmaker.runtime.live.first_price import first_price
from perpmaker.runtime.live.preflight import Known, Preflight, preflight
from perpmaker.runtime.live.preflight_checks import Check, Protections, Status
from perpmaker.venues.clock import Clock, SystemClock
from perpmaker.venues.credentials import Credentials, load_credentials
from perpmaker.venues.errors import VenueError
from perpmaker.venues.port import MarketSource, Venue
from perpmaker.venues.redaction import install_redaction
from perpmaker.venues.registry import credentials_name, open_source, open_venue


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What is to be examined; ``settings`` None leaves out what depends on the strategy, ``budgets`` are a file's."""

    exchange: str
    symbol: str | None
    base_url: str | None
    ws_url: str | None
    has_keys: bool
    settings: StrategySettings | None
    max_daily_loss: Decimal | None
    no_loss_limit: bool
    journal: str | None
    view: View
    budgets: BudgetLimits = field(default_factory=BudgetLimits)


def examine(wanted: Examination) -> ExitCode:
    """Examine, show, and say by the exit code whether a run could start.

    Raises:
        UserError: there is no such exchange, or the journal cannot be read.
    """
    if wanted.exchange == "sim":
        raise InvalidSettingError("--exchange sim: there is nothing to examine; name a real one, e.g. backpack")
    symbol = wanted.symbol or (DEFAULT_SYMBOL if wanted.exchange == "backpack" else None)
    if symbol is None:
        raise InvalidSettingError(f"--symbol is missing: say which market of {wanted.exchange} to examine")
    credentials, trouble = _keys(wanted)
    found = asyncio.run(_ask(wanted, symbol, credentials))
    if trouble is not None:
        _put(found, "permissions", Check("permissions", Status.FAILED, trouble))
    title = f"{symbol} on {wanted.exchange}{f' at {wanted.base_url}' if wanted.base_url else ''}"
    show_checklist(found, wanted.view, title)
    return ExitCode.DURATION if found.is_ready else ExitCode.BAD_INPUT


def _keys(wanted: Examination) -> tuple[Credentials | None, str | None]:
    """The keys, or what is wrong with them (rule 1)."""
    if not wanted.has_keys:
        return None, None
    try:
        credentials = load_credentials(credentials_name(wanted.exchange))
    except CredentialsError as error:
        return None, str(error)
    install_redaction(credentials)
    return credentials, None


async def _ask(wanted: Examination, symbol: str, credentials: Credentials | None) -> Preflight:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        venue: Venue | None = None
        if credentials is None:
            source: MarketSource = open_source(
                wanted.exchange, symbol, clock, base_url=wanted.base_url, ws_url=wanted.ws_url
            )
        else:
            source = venue = open_venue(
                wanted.exchange, symbol, credentials, clock, base_url=wanted.base_url, ws_url=wanted.ws_url
            )
        stack.push_async_callback(source.close)
        return await examine_at(wanted, symbol, source, venue, clock)


async def examine_at(
    wanted: Examination, symbol: str, source: MarketSource, venue: Venue | None, clock: Clock
) -> Preflight:
    """The checklist of one market; for tests in virtual time, too.

    Raises:
        JournalError: the journal cannot be read.
    """
    price, streamed = await _first_price(source)
    known = _known(wanted, symbol, venue, clock, price)
    protections = Protections(wanted.max_daily_loss or Decimal(0), wanted.no_loss_limit, wanted.budgets)
    found = await preflight(source, venue, wanted.settings, protections, known)
    if streamed is not None and found.clock is not None:  # a venue that cannot be reached is told once
        _put(found, "market", streamed)
    return found


async def _first_price(source: MarketSource) -> tuple[int | None, Check | None]:
    """The price of now in milliticks, and what to tell of the stream (rule 2); nothing where there is no market."""
    try:
        price = await first_price(source)
    except UnknownNameError:
        return None, None
    except VenueError as error:
        return None, Check("market data", Status.FAILED, str(error))
    return price.milliticks, Check("market data", Status.OK, price.sentence)


def _known(wanted: Examination, symbol: str, venue: Venue | None, clock: Clock, price: int | None) -> Known:
    if venue is None or wanted.journal == NO_JOURNAL:
        return Known(price_milliticks=price)
    account, now_ns = venue.facts.account, clock.now_ns()
    with open_journal(wanted.journal) as journal:
        unfinished = [run for run in unfinished_runs(journal, account, symbol) if run.tag is not None]
        return Known(
            latches=[latch.text for latch in active_latches(journal, account, symbol)],
            running={run.tag for run in unfinished if run.tag is not None and is_running(run, now_ns)},
            dead={run.tag for run in unfinished if run.tag is not None and not is_running(run, now_ns)},
            price_milliticks=price,
        )


def _put(found: Preflight, name: str, check: Check) -> None:
    """Replace the check of this name by one of the same name, or put another one behind it."""
    at = next((index for index, each in enumerate(found.checks) if each.name == name), len(found.checks))
    found.checks[at : at + (check.name == name)] = [check]
    if check.name != name:
        found.checks[at], found.checks[at + 1] = found.checks[at + 1], found.checks[at]
