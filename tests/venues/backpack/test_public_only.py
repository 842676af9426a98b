"""The source of market data cannot reach an order: it has no code for it, no keys, and no path."""

import asyncio
import subprocess
import sys

import pytest

from perpmaker.venues.backpack.http import PublicHttp, PublicPath
from perpmaker.venues.backpack.market_source import BackpackMarketSource
from support.contract_market import INSTRUMENT
from support.listeners import HeardMarket
from support.venue_rigs import closing, served_testnet
from support.virtual_time import run_virtual, virtual_clock

PRIVATE = ["private_http", "signing", "order_requests", "order_desk", "questions", "history", "account_stream", "venue"]


def test_what_can_trade_is_not_even_loaded():
    code = (
        "import sys, perpmaker.venues.backpack.market_source\n"
        f"loaded = [name for name in {PRIVATE!r} if 'perpmaker.venues.backpack.' + name in sys.modules]\n"
        "loaded += [name for name in ('perpmaker.venues.credentials', 'ccxt') if name in sys.modules]\n"
        "print(loaded)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", ["/api/v1/order", "/api/v1/orders", "/api/v1/time", None])
def test_only_public_paths_can_be_asked(path):
    async def story():
        http = PublicHttp("http://127.0.0.1:1")
        with pytest.raises(TypeError, match="only public paths"):
            await http.get(path)
        await http.close()

    asyncio.run(story())


def test_no_public_path_is_one_of_orders():
    assert not [path for path in PublicPath if "order" in path.value or "capital" in path.value]


def test_all_that_it_ever_sends_is_public(monkeypatch):
    sent: list[tuple[str, str]] = []

    async def story():
        async with served_testnet() as server:
            answer = server._gate.handle

            async def note(request):
                assert not [name for name in request.headers if name.upper().startswith("X-")]
                sent.append((request.method, request.path))
                return await answer(request)

            monkeypatch.setattr(server._gate, "handle", note)
            subscribed = []
            frames = server.streams.on_frame
            monkeypatch.setattr(
                server.streams, "on_frame", lambda who, text: (subscribed.append(text), frames(who, text))
            )
            source = BackpackMarketSource(
                INSTRUMENT.symbol, virtual_clock(), base_url=server.base_url, ws_url=server.ws_url
            )
            async with closing(source):
                await source.market()
                await source.clock()
                await source.open(HeardMarket())
                await source.resnapshot()
                await source.restart()
                await asyncio.sleep(30)
            assert sent
            assert {method for method, _ in sent} == {"GET"}
            assert {path for _, path in sent} <= {path.value for path in PublicPath}
            assert len(subscribed) == 2
            assert not [text for text in subscribed if "account." in str(text) or "signature" in str(text)]

    run_virtual(story)
