"""`perpmaker data fetch`: what it leaves, what it says, how it ends; once over real sockets from the testnet."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import ccxt
import pytest
from typer.testing import CliRunner

from perpmaker.cli import fetching
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.fetching import fetch_from, make_request
from perpmaker.cli.main import app
from perpmaker.data.fetch.folder import folder_of
from perpmaker.data.fetch.request import FetchRequest
from perpmaker.data.format import read_info
from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.data.leftovers import held
from perpmaker.data.reader import Recording
from perpmaker.domain.errors import InvalidSettingError, RecordingError, UnknownNameError
from perpmaker.simulation import market_events as me
from perpmaker.testnet.server import TestnetServer
from perpmaker.venues.errors import VenueError
from perpmaker.venues.history.ccxt_source import CcxtHistorySource
from support.history_exchange import T0_MS, HistoryExchange, bar, request_of, trade
from support.recordings import plain_rows_of
from support.testnet_servers import SYMBOL, served_testnet, synthetic_market
from support.virtual_time import START_NS, run_virtual, virtual_clock

TRADES = [trade(number) for number in range(550)]
TEN_MINUTES = request_of("trades", 10)


def fetch(dest: Path, request: FetchRequest, exchange: HistoryExchange) -> ExitCode:
    async def story() -> ExitCode:
        source = CcxtHistorySource("scripted", request, virtual_clock(), exchange=exchange)
        return await fetch_from(source, request, dest, Random(1))

    return run_virtual(story)


def rows_of(dest: Path) -> list[tuple[int, int, int, int]]:
    """(ns, kind without MORE, price, lots)."""
    return plain_rows_of(Recording.open(dest))


def trades_of(dest: Path) -> list[tuple[int, int, int, int]]:
    return [row for row in rows_of(dest) if row[1] in (me.BUY_TRADE, me.SELL_TRADE)]


def csv_of(number: int) -> str:
    return ",".join(str(value) for value in bar(number))


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


# --- what is there afterwards -------------------------------------------------------------------------------------


def test_trades_become_a_recording_of_trades_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert fetch(tmp_path / "r", TEN_MINUTES, HistoryExchange(trades=TRADES)) == ExitCode.DURATION
    rows = trades_of(tmp_path / "r")
    assert len(rows) == 550
    assert rows[:2] == [
        (T0_MS * 1_000_000, me.SELL_TRADE, 10_000, 1),
        ((T0_MS + 1_000) * 1_000_000, me.BUY_TRADE, 10_001, 2),
    ]
    info = read_info(tmp_path / "r")
    assert (info.instrument.base, info.instrument.quote, info.instrument.tick_size) == ("SOL", "USDC", "0.01")
    assert (info.instrument.lot_size, info.instrument.min_quantity) == ("0.1", "0.2")
    assert info.provenance.depth == "none"
    assert (
        info.provenance.options.items()
        >= {"exchange": "scripted", "kind": "trades", "to_ms": str(T0_MS + 600_000)}.items()
    )
    assert not folder_of(tmp_path / "r").exists()
    said = capsys.readouterr()
    assert said.out.startswith(f"{tmp_path / 'r'}: SOL_USDC_PERP, 2026-01-05 00:00:00 to")
    assert "550 trades" in said.out


def test_bars_become_a_recording_of_bars(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    exchange = HistoryExchange(bars=[number for number in range(300) if number not in (0, 100, 101)])
    assert fetch(tmp_path / "r", request_of("bars", 300), exchange) == ExitCode.DURATION
    info = read_info(tmp_path / "r")
    assert info.provenance.depth == "bars"
    assert info.provenance.options["timeframe"] == "1m"
    assert info.rows_by_kind["bar_open"] == 297
    assert [(gap.start_ns // 1_000_000 - T0_MS, (gap.end_ns or 0) // 1_000_000 - T0_MS) for gap in info.gaps] == [
        (100 * 60_000, 102 * 60_000)
    ]
    opened = [(price, lots) for _, kind, price, lots in rows_of(tmp_path / "r") if kind == me.BAR_OPEN]
    assert opened[:2] == [(10_001, 2), (10_002, 3)]
    said = capsys.readouterr().err
    assert "scripted has no bars for 2026-01-05 00:00:00 to 2026-01-05 00:01:00, 2026-01-05 01:40:00 to" in said


def test_rows_that_do_not_fit_the_steps_of_today_are_kept_for_an_import_with_others(tmp_path: Path):
    exchange = HistoryExchange(bars=range(10))
    exchange.market["precision"] = {"price": "0.05", "amount": "0.1"}
    with pytest.raises(RecordingError) as caught:
        fetch(tmp_path / "r", request_of("bars", 10), exchange)
    whole = folder_of(tmp_path / "r") / "bars.csv"
    assert "bars.csv, row 2" in str(caught.value)
    assert f"kept in {whole} for `perpmaker data import --from ohlcv`" in str(caught.value)
    result = CliRunner().invoke(
        app,
        ["data", "import", "--from", "ohlcv", "--symbol", "X", "--tick-size", "0.01", "--lot-size", "0.1", str(whole),
         str(tmp_path / "i")],
    )  # fmt: skip
    assert result.exit_code == 0, result


@pytest.mark.parametrize("kind", ["bars", "trades", "funding"])
def test_where_there_is_nothing_nothing_is_left(tmp_path: Path, kind: Any):
    with pytest.raises(RecordingError, match=r"there are no .* on scripted, .*: ask for another span or symbol"):
        fetch(tmp_path / "r", request_of(kind, 10), HistoryExchange())
    assert list(tmp_path.iterdir()) == []


def test_funding_becomes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    request = request_of("funding", 24 * 60)
    dest = tmp_path / "funding.csv"
    assert fetch(dest, request, HistoryExchange(rates=range(10))) == ExitCode.DURATION
    assert dest.read_text().splitlines() == [
        "ts_ms,funding_rate", f"{T0_MS},-0.0002", f"{T0_MS + 28_800_000},-0.0001", f"{T0_MS + 57_600_000},0",
    ]  # fmt: skip
    assert json.loads((tmp_path / "funding.csv.json").read_text())["exchange"] == "scripted"
    assert capsys.readouterr().out.startswith(f"{dest}: 3 rows, funding of SOL/USDC:USDC on scripted")


def test_fetched_bars_take_fetched_funding(tmp_path: Path):
    exchange = HistoryExchange(bars=range(600), rates=range(2))
    fetch(tmp_path / "funding.csv", request_of("funding", 600), exchange)
    fetch(tmp_path / "r", request_of("bars", 600), exchange)
    whole = tmp_path / "bars.csv"
    whole.write_text("\n".join(["ts_ms,open,high,low,close,volume", *map(csv_of, range(600))]) + "\n")
    options = ImportOptions("SOL_USDC_PERP", Decimal("0.01"), Decimal("0.1"), funding=tmp_path / "funding.csv")
    import_recording("ohlcv", [whole], tmp_path / "i", options)
    paid = [(ts // 1_000_000 - T0_MS, lots) for ts, kind, _, lots in rows_of(tmp_path / "i") if kind == me.FUNDING]
    assert paid == [(8 * 3_600_000, -100_000)], "the payment at the very beginning is owed for the time before"
    assert [row for row in rows_of(tmp_path / "i") if row[1] != me.FUNDING] == rows_of(tmp_path / "r")


# --- stopped, and once more ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_a_signal_keeps_what_is_there_and_the_same_command_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int, code: ExitCode
):
    fetch(tmp_path / "untouched", TEN_MINUTES, HistoryExchange(trades=TRADES))
    exchange = HistoryExchange(trades=TRADES)

    def interrupt() -> None:
        if len(exchange.asked) == 4:
            os.kill(os.getpid(), number)

    exchange.before_answer = interrupt
    assert fetch(tmp_path / "r", TEN_MINUTES, exchange) == code
    said = capsys.readouterr().err
    assert f"kept in {tmp_path / 'r.fetch'}: the same command goes on with it" in said
    assert not (tmp_path / "r").exists()
    assert fetch(tmp_path / "r", TEN_MINUTES, exchange) == ExitCode.DURATION
    assert "going on at 2026-01-05 00:" in capsys.readouterr().err
    assert contents(tmp_path / "r") == contents(tmp_path / "untouched")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks on folders")
def test_two_fetches_to_one_destination_at_once(tmp_path: Path):
    exchange = HistoryExchange(trades=TRADES)
    exchange.faults = {3: ccxt.BadRequest("no")}
    with pytest.raises(VenueError):
        fetch(tmp_path / "r", TEN_MINUTES, exchange)
    with held(folder_of(tmp_path / "r")), pytest.raises(RecordingError, match="another fetch is at work in"):
        fetch(tmp_path / "r", TEN_MINUTES, exchange)
    assert fetch(tmp_path / "r", TEN_MINUTES, exchange) == ExitCode.DURATION


def test_a_signal_before_anything_was_fetched(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    exchange = HistoryExchange(trades=TRADES)

    async def interrupted() -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(1)
        return exchange.markets

    exchange.load_markets = interrupted  # type: ignore[method-assign]
    assert fetch(tmp_path / "r", TEN_MINUTES, exchange) == ExitCode.INTERRUPTED
    assert "stopped before anything was fetched" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["data", "fetch", *arguments])


def flags(dest: Path, kind: str = "trades", *more: str) -> list[str]:
    return [
        str(dest), "--exchange", "backpack", "--symbol", SYMBOL, "--kind", kind,
        "--from", "2026-01-05", "--to", "2026-01-05T00:10", *more,
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["trades", "funding"])
def test_what_is_there_already_is_not_fetched_again(tmp_path: Path, kind: Any, monkeypatch: pytest.MonkeyPatch):
    request = FetchRequest("backpack", SYMBOL, kind, T0_MS, T0_MS + 600_000)
    exchange = HistoryExchange(trades=TRADES, rates=range(3))
    fetch(tmp_path / "r", request, exchange)
    monkeypatch.setattr(fetching, "fetch_from", None)  # nobody is asked
    result = invoke(*flags(tmp_path / "r", kind))
    assert result.exit_code == 0, result
    assert "holds these" in result.output
    assert "already: nothing to do" in result.output
    for changed in (["--to", "2026-01-05T00:11"], ["--base-url", "http://127.0.0.1:1"]):
        result = invoke(*flags(tmp_path / "r", kind, *changed))
        assert isinstance(result.exception, RecordingError)
        assert "exists and holds something else" in str(result.exception)


# --- refused with one sentence ------------------------------------------------------------------------------------


def test_a_destination_that_is_taken(tmp_path: Path):
    (tmp_path / "r").mkdir()
    result = invoke(*flags(tmp_path / "r"))
    assert "exists and holds something else: choose another destination" in str(result.exception)
    result = invoke(*flags(tmp_path / "missing" / "r"))
    assert "does not exist: make it first" in str(result.exception)


NOW_NS = (T0_MS + 86_400_000) * 1_000_000
DAY = (T0_MS * 1_000_000, NOW_NS)


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"exchange": "binanse"}, UnknownNameError, "did you mean binance?"),
        ({"kind": "book"}, InvalidSettingError, "--kind book: choose one of bars, trades, funding"),
        ({"span_ns": DAY[::-1]}, InvalidSettingError, "must be after 1970 and before --to"),
        (
            {"span_ns": (DAY[0], NOW_NS + 1_000_000)},
            InvalidSettingError,
            "lies in the future; it is 2026-01-06 00:00:00",
        ),
        ({"span_ns": (DAY[0] + 1, NOW_NS)}, InvalidSettingError, "--from: exchanges count milliseconds"),
    ],
)
def test_flags_that_make_no_request(change: dict[str, Any], error: type[Exception], sentence: str):
    given: dict[str, Any] = {"exchange": "binance", "kind": "bars", "span_ns": DAY, **change}
    with pytest.raises(error) as caught:
        make_request(given["exchange"], "X", given["kind"], given["span_ns"], "1m", None, NOW_NS)
    assert sentence in str(caught.value)


def test_a_moment_that_is_none(tmp_path: Path):
    result = invoke(*flags(tmp_path / "r"), "--from", "yesterday")
    assert result.exit_code == 2
    assert "'yesterday' is no date or time" in result.output


# --- from an exchange, over its own protocol ----------------------------------------------------------------------


def fetched_from_testnet(dest: Path, kind: Any, minutes: int, check: Callable[[TestnetServer], None]) -> ExitCode:
    """Fetch the last minutes of a testnet's life, over loopback sockets and ccxt."""

    async def story() -> ExitCode:
        testnet = served_testnet(synthetic_market(), funding_interval_ns=60_000_000_000)
        async with TestnetServer(testnet, seed=1) as server:
            await asyncio.sleep(60 * (minutes + 1))
            clock = virtual_clock()
            start_ms = START_NS // 1_000_000
            request = FetchRequest(
                "backpack", SYMBOL, kind, start_ms, start_ms + minutes * 60_000,
                "1m" if kind == "bars" else "", server.base_url,
            )  # fmt: skip
            source = CcxtHistorySource("backpack", request, clock)
            try:
                code = await fetch_from(source, request, dest, Random(1))
            finally:
                await source.close()
            check(server)
            return code

    return run_virtual(story)


def test_trades_of_the_testnet(tmp_path: Path):
    told: list[tuple[int, int, int]] = []

    def remember(server: TestnetServer) -> None:
        end_ns = START_NS + 5 * 60_000_000_000
        told.extend(
            (each.at_ns // 1_000_000, each.price_ticks, each.lots)
            for each in server.testnet.market.trades
            if each.at_ns < end_ns
        )

    assert fetched_from_testnet(tmp_path / "r", "trades", 5, remember) == ExitCode.DURATION
    assert [(ts // 1_000_000, price, lots) for ts, _, price, lots in trades_of(tmp_path / "r")] == told
    assert len(told) > 20


def test_bars_of_the_testnet(tmp_path: Path):
    told: list[tuple[int, ...]] = []

    def remember(server: TestnetServer) -> None:
        end_ns = START_NS + 5 * 60_000_000_000
        told.extend(
            (each.start_ns, each.open_ticks, each.high_ticks, each.low_ticks, each.close_ticks)
            for each in server.testnet.klines.between("1m", START_NS, end_ns)
            if each.end_ns <= end_ns
        )

    assert fetched_from_testnet(tmp_path / "r", "bars", 5, remember) == ExitCode.DURATION
    prices = [(ts, price) for ts, kind, price, _ in rows_of(tmp_path / "r") if kind != me.BAR_STEP]
    assert [price for _, price in prices] == [price for _, *bar in told for price in bar]
    assert len(told) == 4, "the first minute begins before, and the last ends after"


def test_funding_of_the_testnet(tmp_path: Path):
    rates: list[tuple[int, int]] = []

    def remember(server: TestnetServer) -> None:
        rates.extend((past.at_ns // 1_000_000, past.rate_ppb) for past in server.testnet.funding_rates)

    assert fetched_from_testnet(tmp_path / "funding.csv", "funding", 5, remember) == ExitCode.DURATION
    lines = (tmp_path / "funding.csv").read_text().splitlines()[1:]
    found = [(int(line.split(",")[0]), float(line.split(",")[1])) for line in lines]
    assert found == [(at_ms, ppb / 1e9) for at_ms, ppb in rates if at_ms < START_NS // 1_000_000 + 300_000]
    assert len(found) >= 4
