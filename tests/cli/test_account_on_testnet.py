"""Doctor, cancel, close and watchdog at the testnet, over real sockets in virtual time, with faults.

What a trader can get wrong (keys, permission, symbol, host, certificate, clock, balance) ends in one sentence each.
"""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from perpmaker.cli.emergencies import end_and_cancel
from perpmaker.cli.examination import Examination, examine_at
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.request import NO_JOURNAL, View
from perpmaker.cli.target import Target
from perpmaker.cli.watching import Watchdog
from perpmaker.domain.orders import Side
from perpmaker.journal.live import unfinished_runs
from perpmaker.journal.processes import this_host
from perpmaker.journal.readers import RunRecord, bookings, list_runs, load_run
from perpmaker.journal.writer import Journal, RunStart, open_journal
from perpmaker.runtime.live.preflight import Preflight
from perpmaker.runtime.live.preflight_checks import Status
from perpmaker.testnet.faults import Fault, FaultKind
from perpmaker.testnet.notices import MarketStatus
from perpmaker.testnet.server import TestnetServer
from perpmaker.venues.backpack.venue import BackpackVenue
from perpmaker.venues.client_ids import UINT32, OwnId
from perpmaker.venues.credentials import Credentials
from support.keys import credentials, pair
from support.runs import strategy
from support.testnet_servers import SYMBOL, served_testnet
from support.testnets import SOL
from support.virtual_time import START_NS, run_virtual, virtual_clock

_Result = TypeVar("_Result")
NOBODY = 2**22 + 1

WANTED = Examination(
    exchange="backpack",
    symbol=SYMBOL,
    base_url=None,
    ws_url=None,
    has_keys=True,
    settings=strategy(stop_loss="5"),
    max_daily_loss=None,
    no_loss_limit=False,
    journal=NO_JOURNAL,
    view=View.NONE,
)


@asynccontextmanager
async def account_at(
    server: TestnetServer,
    *,
    keys: Credentials | None = None,
    symbol: str = SYMBOL,
    base_url: str | None = None,
    ws_url: str | None = None,
) -> AsyncIterator[BackpackVenue]:
    own = server.testnet.accounts["1"].keys
    venue = BackpackVenue(
        symbol,
        keys or credentials(api_key=own.public, secret=own.secret),
        virtual_clock(),
        base_url=base_url or server.base_url,
        ws_url=ws_url or server.ws_url,
    )
    try:
        yield venue
    finally:
        await venue.close()


def examined(
    prepare: Callable[[TestnetServer], None] = lambda _: None,
    *,
    symbol: str = SYMBOL,
    settings: dict[str, Any] | None = None,
    terms: dict[str, Any] | None = None,
    **account: Any,
) -> Preflight:
    """The doctor's checklist at a testnet that was prepared."""
    wanted = WANTED if settings is None else replace(WANTED, settings=strategy(**settings))

    async def work() -> Preflight:
        async with TestnetServer(served_testnet(**(terms or {}))) as server:
            prepare(server)
            async with account_at(server, symbol=symbol, **account) as venue:
                return await examine_at(wanted, symbol, venue, venue, virtual_clock())

    return run_virtual(work)


def failures(found: Preflight) -> dict[str, str]:
    return {check.name: check.detail for check in found.checks if check.status is Status.FAILED}


def the_failure(found: Preflight) -> tuple[str, str]:
    """The only failed check."""
    (failure,) = failures(found).items()
    assert "\n" not in failure[1]
    return failure


# --- the doctor ---


def test_an_account_in_order_passes_every_check() -> None:
    found = examined()
    assert failures(found) == {}
    assert [check.name for check in found.checks if check.status is not Status.OK] == []


def test_what_the_account_holds_is_told() -> None:
    def prepare(server: TestnetServer) -> None:
        server.testnet.trade_elsewhere("1", 20)
        server.testnet.place_foreign_order("1", Side.BUY, 9_500, 10)

    told = {check.name: check.detail for check in examined(prepare).checks}
    assert told["position"].startswith("+0.2")
    assert told["orders"].startswith("1 order of somebody else")


def test_wrong_keys() -> None:
    public, secret = pair()
    name, says = the_failure(examined(keys=credentials(api_key=public, secret=secret)))
    assert name == "permissions"
    assert "check the API key and its secret" in says
    assert public not in says


def test_keys_without_permission_to_trade() -> None:
    name, says = the_failure(examined(lambda server: server.testnet.set_permission("1", can_trade=False)))
    assert name == "permissions"
    assert "allow trading for this API key" in says or "give the key the right to trade" in says


def test_a_wrong_symbol() -> None:
    found = examined(symbol="DOGE_USDC_PERP")
    assert "DOGE_USDC_PERP" in failures(found)["symbol"]
    assert found.refusal is not None
    assert SYMBOL in failures(found)["symbol"], "and says what there is"


def test_a_wrong_clock() -> None:
    def skew(milliseconds: int) -> Callable[[TestnetServer], None]:
        return lambda server: server.faults.begin(Fault(FaultKind.CLOCK_SKEW, milliseconds))

    name, says = the_failure(examined(skew(40_000)))
    assert (name, "set it first" in says) == ("clock", True)
    borne = examined(skew(-20_000))
    assert failures(borne) == {}, "requests are stamped with the exchange's time"
    assert [check.name for check in borne.checks if check.status is Status.WARNING] == ["clock"]


def test_an_unreachable_host() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        port = taken.getsockname()[1]
        found = examined(base_url=f"http://127.0.0.1:{port}", ws_url=f"ws://127.0.0.1:{port}")
    assert list(failures(found)) == ["reachable"]
    assert "cannot be reached" in failures(found)["reachable"]
    assert "check the address" in failures(found)["reachable"]


def test_a_websocket_that_is_not_there() -> None:
    found = examined(lambda server: server.faults.begin(Fault(FaultKind.STREAM_REFUSED)))
    assert list(failures(found)) == ["market data"]


def test_a_lapsed_certificate(tmp_path: Path) -> None:
    async def work() -> Preflight:
        async with (
            TestnetServer(served_testnet()) as server,
            lapsed_server(tmp_path) as url,
            account_at(server, base_url=url) as venue,
        ):
            return await examine_at(WANTED, SYMBOL, venue, venue, virtual_clock())

    found = run_virtual(work)
    says = failures(found)["reachable"]
    assert says.startswith("the certificate of 127.0.0.1")
    assert "do not trade until it is renewed" in says


@pytest.mark.parametrize("balance", ["0", "0.001"])
def test_an_insufficient_balance(balance: str) -> None:
    found = examined(terms={"balance": Decimal(balance)})
    assert found.refusal is not None
    assert "deposit USDC" in found.refusal
    assert set(failures(found)) <= {"margin", "capacity"}


@pytest.mark.parametrize("status", [MarketStatus.CLOSED, MarketStatus.CANCEL_ONLY])
def test_a_market_that_is_paused(status: MarketStatus) -> None:
    name, says = the_failure(examined(lambda server: server.testnet.set_market_status(status)))
    assert name == "market"
    assert "cannot be traded now" in says


def test_sizes_that_do_not_fit() -> None:
    name, says = the_failure(examined(settings={"quantity": "0.001", "stop_loss": "1"}))
    assert name == "sizes"
    assert "minimum order" in says


@asynccontextmanager
async def lapsed_server(folder: Path) -> AsyncIterator[str]:
    """An https server whose certificate was good until yesterday."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=30))
        .not_valid_after(now - dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "lapsed.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    runner = web.AppRunner(web.Application())
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


# --- cancel, close, watchdog ---


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(str(tmp_path / "journal.db")) as opened:
        yield opened


def died(journal: Journal, account: str) -> RunRecord:
    """A run with tag 7 that was killed a while ago."""
    about = RunStart(
        version="1", exchange="backpack", symbol=SYMBOL, market_type="perp", mode="live", seed=None, command_line="",
        settings={}, instrument=SOL, provenance={}, run_id="dead", started_at_ns=START_NS - 60 * 10**9,
        account=account, tag=7, pid=NOBODY, host=this_host(), endpoint=None,
    )  # fmt: skip
    journal.begin_run(about).close()
    return load_run(journal, "dead")


def where(run: RunRecord) -> Target:
    return Target(exchange="backpack", symbol=SYMBOL, base_url=None, ws_url=None, last_run=run)


def with_orders(server: TestnetServer) -> None:
    """Long 0.30; two orders of run 7, one of a run that the journal does not know, one of somebody else."""
    testnet = server.testnet
    testnet.trade_elsewhere("1", 30)
    for number, price in ((1, 9_900), (2, 9_800)):
        testnet.place_foreign_order("1", Side.BUY, price, 10, int(UINT32.encode(OwnId(7, number))))
    testnet.place_foreign_order("1", Side.BUY, 9_700, 10, int(UINT32.encode(OwnId(9, 1))))
    testnet.place_foreign_order("1", Side.SELL, 10_300, 10)


def open_prices(server: TestnetServer) -> list[int]:
    books = server.testnet.accounts["1"].books
    return sorted(books.orders[order_id].price_ticks for order_id in books.open_ids)


def at_testnet(work: Callable[[TestnetServer, BackpackVenue], Coroutine[Any, Any, _Result]]) -> _Result:
    async def run() -> _Result:
        async with TestnetServer(served_testnet()) as server, account_at(server) as venue:
            with_orders(server)
            return await work(server, venue)

    return run_virtual(run)


FAULTS = {
    "none": [],
    "server errors": [Fault(FaultKind.SERVER_ERROR, 503, 0.5)],
    "executed and answered with an error": [Fault(FaultKind.SERVER_ERROR_AFTER, 502, 0.6)],
    "executed without an answer": [Fault(FaultKind.TIMEOUT_AFTER, 3_000, 0.5)],
    "cut answers": [Fault(FaultKind.CUT_ANSWER, 0, 0.5)],
    "rate limit": [Fault(FaultKind.RATE_LIMITED, 0, 0.5)],
    "slow": [Fault(FaultKind.LATENCY, 900), Fault(FaultKind.JITTER, 500)],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_cancel_leaves_nothing_of_ours_and_everything_of_others(fault: str, journal: Journal) -> None:
    async def work(server: TestnetServer, venue: BackpackVenue) -> tuple[ExitCode, list[int], int]:
        run = died(journal, venue.facts.account)
        for each in FAULTS[fault]:
            server.faults.begin(each)
        code = await end_and_cancel(journal, where(run), venue, virtual_clock(), closes=False)
        return code, open_prices(server), server.testnet.accounts["1"].books.position.lots

    assert at_testnet(work) == (ExitCode.DURATION, [9_700, 10_300], 30)


def test_a_market_is_known_however_its_name_is_typed(journal: Journal) -> None:
    async def work(_: TestnetServer, venue: BackpackVenue) -> ExitCode:
        typed = replace(where(died(journal, venue.facts.account)), symbol="sol_usdc_perp", last_run=None)
        return await end_and_cancel(journal, typed, venue, virtual_clock(), closes=False)

    assert at_testnet(work) is ExitCode.DURATION
    assert not unfinished_runs(journal), "the dead run was found, and its books finished"


@pytest.mark.parametrize("fault", FAULTS)
def test_close_ends_flat_and_its_executions_are_in_the_journal(fault: str, journal: Journal) -> None:
    async def work(server: TestnetServer, venue: BackpackVenue) -> tuple[ExitCode, list[int], int]:
        run = died(journal, venue.facts.account)
        for each in FAULTS[fault]:
            server.faults.begin(each)
        code = await end_and_cancel(journal, where(run), venue, virtual_clock(), closes=True)
        server.faults.end_all()
        return code, open_prices(server), server.testnet.accounts["1"].books.position.lots

    assert at_testnet(work) == (ExitCode.DURATION, [9_700, 10_300], 0)
    (record,) = [run for run in list_runs(journal) if run.mode == "close"]
    assert sum(getattr(booking, "lots", 0) for booking in bookings(journal, record)) == 30


def test_the_watchdog_cleans_up_after_an_outage(journal: Journal) -> None:
    async def work(server: TestnetServer, venue: BackpackVenue) -> tuple[ExitCode, list[int], int]:
        run = died(journal, venue.facts.account)
        clock = virtual_clock()
        watchdog = Watchdog(journal, run, where(run), venue, clock, 15 * 10**9, closes=True)
        server.testnet.set_maintenance(True)
        asyncio.get_running_loop().call_later(600, server.testnet.set_maintenance, False)
        code = await watchdog.watch()
        assert clock.now_ns() - START_NS > 600 * 10**9
        return code, open_prices(server), server.testnet.accounts["1"].books.position.lots

    assert at_testnet(work) == (ExitCode.RESCUED, [9_700, 10_300], 0)
