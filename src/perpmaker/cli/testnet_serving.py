"""What `perpmaker testnet` does: open the markets, serve them, say how to trade on them, end on a signal.

Rules kept here:

1. What is printed are plain lines on standard output; secrets of the testnet's own accounts are among them, once. They
   open nothing else.
2. The first Ctrl-C or SIGTERM ends cleanly: websockets get a close frame and their grace. A second one cuts them.
3. With ``--state`` what is there is gone on with; it is written at the end, and every `SAVE_S` when something happened.
4. With ``--faults`` one random plan of `PLAN_S` follows the other, each with the next seed; every fault is printed when
   it begins, so that what a bot went through can be read and played again.
5. Every further market takes the next seed, so that no two move alike.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.data.choice import SYNTHETIC, DataChoice
from perpmaker.data.opening import OpenedData, open_data
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.money import rate_to_ppb
from perpmaker.testnet.account import Account
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.fault_plan import FaultRunner, random_plan
from perpmaker.testnet.faults import Fault
from perpmaker.testnet.notices import Notice, OrderChanged, PositionChanged
from perpmaker.testnet.server import TestnetServer
from perpmaker.testnet.state import restore, save
from perpmaker.testnet.terms import TestnetTerms
from perpmaker.venues.clock import SystemClock

PLAN_S: Final = 600.0
SAVE_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What was asked for on the command line; see the flags of `perpmaker.cli.testnet`."""

    port: int
    symbols: Sequence[str]
    feed: str
    seed: int
    speed: float
    accounts: int
    balance: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    state: Path | None
    faults_seed: int | None
    control: bool


def serve(wanted: Serving) -> ExitCode:
    """Serve until a signal comes.

    Raises:
        UserError: there is no such market, a setting does not fit, or the port is taken.
    """
    return asyncio.run(_serve(wanted))


async def _serve(wanted: Serving) -> ExitCode:
    if wanted.speed == float("inf"):
        raise InvalidSettingError("--speed max: a testnet runs by the clock; give a number")
    terms = TestnetTerms(
        speed=wanted.speed,
        balance=wanted.balance,
        maker_fee_ppb=rate_to_ppb(wanted.maker_fee),
        taker_fee_ppb=rate_to_ppb(wanted.taker_fee),
    )
    first, *others = _market_data(wanted)
    testnet = Testnet(first.feed, terms, SystemClock(), seed=wanted.seed, accounts=wanted.accounts)
    for data in others:
        testnet.open_market(data.feed)
    keeper = None if wanted.state is None else _Keeper(testnet, wanted.state)
    ending = asyncio.Event()
    async with TestnetServer(testnet, port=wanted.port, control=wanted.control, seed=wanted.faults_seed or 0) as server:
        _end_on_signals(server, ending)
        for market, data in zip(testnet.markets, (first, *others), strict=True):
            source = ", ".join(f"{name} {value}" for name, value in data.choice.named().items())
            _say([f"testnet of {market.instrument.symbol} ({source}), speed {wanted.speed:g}"])
        _say(_addresses(server, wanted))
        for account in testnet.accounts.values():
            _say(_account_lines(account))
        _say(["", *_how_to_trade(server), "Ctrl-C ends it."])
        tasks = [] if wanted.faults_seed is None else [asyncio.create_task(_trouble(server, wanted.faults_seed))]
        if keeper is not None:
            tasks.append(asyncio.create_task(keeper.run()))
        await ending.wait()
        for task in tasks:
            task.cancel()
    if keeper is not None:
        keeper.save()
    _say(["testnet ended"])
    return ExitCode.DURATION


def _market_data(wanted: Serving) -> list[OpenedData]:
    """What every market does, at least one. Raises `UserError`."""
    if len(wanted.symbols) > 1 and wanted.feed != SYNTHETIC:
        raise InvalidSettingError(
            f"--feed {wanted.feed}: a recording is of one market, and {len(wanted.symbols)} are named; name none, or "
            "leave out --feed"
        )
    symbols: list[str | None] = [*wanted.symbols] or [None]
    return [
        open_data(DataChoice.of_feed(symbol, wanted.feed, wanted.seed + place)) for place, symbol in enumerate(symbols)
    ]


class _Keeper:
    """Keeps the state of a testnet in a folder, from what is there on.

    Raises:
        InvalidSettingError: what is there is damaged or of another testnet, or the folder cannot be written to.
    """

    def __init__(self, testnet: Testnet, folder: Path) -> None:
        self._testnet = testnet
        self._folder = folder
        self._has_changed = False
        restore(testnet, folder)
        self.save()
        for market in testnet.markets:
            market.listeners.append(self._on_notice)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(SAVE_S)
            if self._has_changed:
                self.save()

    def save(self) -> None:
        self._has_changed = False
        try:
            save(self._testnet, self._folder)
        except OSError as error:
            raise InvalidSettingError(
                f"--state {self._folder}: cannot be written to ({error.strerror}); choose another folder"
            ) from None

    def _on_notice(self, notice: Notice) -> None:
        if isinstance(notice, OrderChanged | PositionChanged):
            self._has_changed = True


def _end_on_signals(server: TestnetServer, ending: asyncio.Event) -> None:
    def on_signal() -> None:
        if ending.is_set():
            for subscriber in list(server.streams.subscribers):
                subscriber.cut()
        ending.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)


async def _trouble(server: TestnetServer, seed: int) -> None:
    """Play one plan after the other."""
    server.faults.listeners.append(_tell_fault)
    while True:
        runner = FaultRunner(server.faults, random_plan(seed, PLAN_S, quiet_s=0))
        _say([f"faults: plan of seed {seed}, {len(runner.plan.faults)} faults in {PLAN_S:g} s"])
        runner.start()
        try:
            await asyncio.sleep(PLAN_S)
        finally:
            runner.stop()
        seed += 1


def _tell_fault(fault: Fault, begins: bool) -> None:
    if begins:
        _say([f"fault: {fault}"])


def _addresses(server: TestnetServer, wanted: Serving) -> list[str]:
    lines = [f"REST       {server.base_url}", f"websocket  {server.ws_url}"]
    return [*lines, f"control    {server.base_url}/control"] if wanted.control else lines


def _account_lines(account: Account) -> list[str]:
    keys = account.keys
    return [
        "",
        f"account {account.name}",
        f"  key     {keys.public}",
        f"  secret  {keys.secret}",
        f"  export PERPMAKER_BACKPACK_API_KEY={keys.public}",
        f"  export PERPMAKER_BACKPACK_SECRET={keys.secret}",
    ]


def _how_to_trade(server: TestnetServer) -> list[str]:
    return [
        f"To trade on it: perpmaker run --exchange backpack --live --symbol {market.instrument.symbol} "
        f"--base-url {server.base_url} --ws-url {server.ws_url} ..."
        for market in server.testnet.markets
    ]


def _say(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
