"""docs/testnet.md is complete and true: flags, paths, streams, every fault, every command of the control endpoint."""

import json
import re
import shlex
import urllib.request
from collections.abc import Iterator

import pytest

from docs.documents import code_names, flags, page, rows, section
from docs.served_testnet import Served, served_testnet
from perpmaker.testnet import rest, stream_names, subscriber
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.fault_kinds import FAULTS
from perpmaker.testnet.notices import MarketStatus
from perpmaker.testnet.rest import RestApi
from perpmaker.testnet.server import TestnetServer
from perpmaker.testnet.terms import TestnetTerms
from perpmaker.venues.clock import SystemClock
from support.testnet_servers import still_market

PAGE = page("docs/testnet.md")
FLAGS = {code_names(row[0])[0]: row for row in rows(section(PAGE, "Starting it"))}
SERVED = section(PAGE, "What it serves")
IN_WORDS = {"--symbol": "`SOL_USDC_PERP`", "--state": "none", "--faults": "none", "--control": "on"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_testnet(tmp_path_factory.mktemp("testnet")) as served:
        yield served


def quiet_testnet() -> Testnet:
    return Testnet(still_market(), TestnetTerms(), SystemClock())


def test_every_flag_has_its_row_with_its_default() -> None:
    real = {flag: default for flag, default in flags(["testnet"]).items() if flag != "--help"}
    assert set(FLAGS) == set(real)
    for flag, default in real.items():
        told = FLAGS[flag][2]
        assert (
            told == IN_WORDS[flag]
            if flag in IN_WORDS
            else told == f"`{default:g}`"
            if isinstance(default, float)
            else told == f"`{default}`"
        ), flag


def test_every_path_is_named() -> None:
    api = RestApi(quiet_testnet())
    named = set(code_names(SERVED))
    public = {name for name in named if name.startswith("/api")}
    assert public == set(api._public_routes) | rest._ALWAYS
    private = {name for name in named if re.match(r"[A-Z]+ /", name)}
    assert private == {f"{method} {path}" for method, path in api._private_routes}


def test_every_stream_is_named() -> None:
    named = {name.removesuffix(".<symbol>") for name in code_names(SERVED) if re.match(r"[\w.]+(\.<|$)", name)}
    kinds = {kind.value for kind in stream_names.StreamKind}
    periods = {f"depth.{period}" for period in stream_names.DEPTH_PERIODS_MS}
    assert kinds - {"kline"} | periods <= named
    assert "`kline.<interval>.<symbol>`" in SERVED


def test_the_limits_that_are_stated_are_the_real_ones() -> None:
    terms = TestnetTerms()
    assert f"{terms.rest_per_minute:,} requests in any minute" in SERVED
    assert f"{terms.history_per_minute} of them to history paths" in SERVED
    assert f"a price band of {terms.mark_band_ppb // 10**7} %" in SERVED
    assert f"at most {terms.max_open_orders} open orders" in SERVED
    assert f"leverage {terms.leverage}" in SERVED
    assert f"pings every {subscriber.PING_S:g} s and a close after {subscriber.PONG_S:g} s" in SERVED


def test_every_fault_is_listed_in_order_as_the_code_describes_it() -> None:
    told = rows(section(PAGE, "Faults"))
    assert [code_names(row[0])[0] for row in told] == [kind.value for kind in FAULTS]
    for row, fault in zip(told, FAULTS.values(), strict=True):
        amounts = "{} to {}".format(*fault.amounts) if any(fault.amounts) else ""
        chances = "1" if fault.chances == (1.0, 1.0) else "{:g} to {:g}".format(*fault.chances)
        assert row[1:] == [fault.what, fault.unit, amounts, chances, "lasts" if fault.lasts else "once"]


def test_every_command_of_the_control_endpoint_is_listed() -> None:
    told = {code_names(row[0])[0].partition("?")[0] for row in rows(section(PAGE, "The control endpoint"))}
    control = TestnetServer(quiet_testnet())._control
    assert control is not None
    assert told == {f"{method} {path}" for method, path in control._routes}
    market = next(row for row in rows(section(PAGE, "The control endpoint")) if "/control/market" in row[0])
    assert {status.value for status in MarketStatus} <= set(code_names(market[1]))


def test_every_request_that_is_shown_is_answered(server: Served) -> None:
    shown = [shlex.split(line) for line in re.findall(r"^curl .+$", PAGE, re.MULTILINE)]
    assert len(shown) >= 2
    for words in shown:
        url = next(word for word in words if word.startswith("http")).replace("http://127.0.0.1:8787", server.base_url)
        body = words[words.index("-d") + 1].encode() if "-d" in words else None
        method = words[words.index("-X") + 1] if "-X" in words else "GET"
        assert ask(method, url, body) in (200, 204)


def test_every_body_that_the_table_shows_is_taken(server: Served) -> None:
    for row in rows(section(PAGE, "The control endpoint")):
        method, _, path = code_names(row[0])[0].partition(" ")
        for text in code_names(row[1]):
            if text.startswith("{"):
                assert json.loads(text)
                assert ask(method, server.base_url + path, text.encode()) in (200, 204), text
                assert ask("DELETE", server.base_url + "/control/faults", None) == 204


def ask(method: str, url: str, body: bytes | None) -> int:
    request = urllib.request.Request(url, data=body, method=method)  # noqa: S310 - our own, on loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        status: int = answer.status
        return status
