"""The control endpoint: faults and interventions on demand, and the exchange's own books, as JSON under ``/control``.

    GET    /control/accounts                    names and public keys
    GET    /control/books?account=1&symbol=...  position, money, orders, fills, and what was risked
    GET    /control/faults                      what is on, what has struck how often, and all kinds there are
    POST   /control/faults                      {"kind": "latency", "amount": 200, "chance": 0.5, "for_ms": 3000}
    DELETE /control/faults                      everything is well again, and a running plan is stopped
    POST   /control/plan                        {"seed": 7, "duration_s": 60} draws one; or a plan as GET gives it
    GET    /control/plan                        the plan that runs, to be kept and played again
    POST   /control/trade                       {"account": "1", "quantity": "-0.5"}: somebody else trades
    POST   /control/transfer                    {"account": "1", "amount": "-100"}
    POST   /control/order                       {"account": "1", "side": "Bid", "price": "90", "quantity": "1"}
    POST   /control/market                      {"status": "Open"}: the words of `MarketStatus`
    POST   /control/permission                  {"account": "1", "can_trade": false}

Rules kept here:

1. Only for programs on this machine: the server listens on loopback, and a request that names another host, or that a
   web page sent (it has an ``Origin``), is refused.
2. A fault that lasts, with ``for_ms`` 0, is on until ``DELETE``. One that happens once has happened with the answer.
3. An answer to a question is 200, to a command 204, to nonsense 400 with ``{"error": ...}``. No secret is ever in it.
4. What concerns one market takes a ``symbol``; without it the first market is meant.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
from aiohttp import web

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.orders import Side
from perpmaker.testnet.api_errors import ApiError
from perpmaker.testnet.control_books import books_of
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.exposure import ExposureWatch
from perpmaker.testnet.fault_kinds import FAULTS, FaultKind
from perpmaker.testnet.fault_plan import FaultRunner, random_plan, read_plan
from perpmaker.testnet.faults import Fault, Faults
from perpmaker.testnet.notices import MarketStatus
from perpmaker.testnet.wire import Wire

_LOOPBACK: Final = frozenset(("127.0.0.1", "localhost", "[::1]"))
_SIDES: Final = {"Bid": Side.BUY, "Ask": Side.SELL}


class _FaultBody(msgspec.Struct, forbid_unknown_fields=True):
    kind: FaultKind
    amount: int = 0
    chance: float = 1.0
    for_ms: int = 0


class _DrawBody(msgspec.Struct):
    seed: int
    duration_s: float | None = None
    per_minute: float = 12.0


class _TradeBody(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    quantity: Decimal
    symbol: str | None = None


class _TransferBody(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    amount: Decimal


class _OrderBody(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    side: str
    price: str
    quantity: str
    client_id: int | None = None
    symbol: str | None = None


class _MarketBody(msgspec.Struct, forbid_unknown_fields=True):
    status: MarketStatus
    symbol: str | None = None


class _PermissionBody(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    can_trade: bool


class _NonsenseError(Exception):
    """The request cannot be carried out; the text says why."""


class Control:
    """Answers requests under ``/control``.

    Args:
        testnet: the exchange.
        faults: what goes wrong.
        exposures: what was risked, by symbol.
    """

    def __init__(self, testnet: Testnet, faults: Faults, exposures: Mapping[str, ExposureWatch]) -> None:
        self._testnet = testnet
        self._markets = {market.instrument.symbol: market for market in testnet.markets}
        self._faults = faults
        self._exposures = exposures
        self._runner: FaultRunner | None = None
        self._timers: set[asyncio.TimerHandle] = set()
        self._routes: Final[dict[tuple[str, str], Callable[[web.Request], Awaitable[Any]]]] = {
            ("GET", "/control/accounts"): self._accounts,
            ("GET", "/control/books"): self._books,
            ("GET", "/control/faults"): self._list_faults,
            ("POST", "/control/faults"): self._begin_fault,
            ("DELETE", "/control/faults"): self._end_faults,
            ("GET", "/control/plan"): self._tell_plan,
            ("POST", "/control/plan"): self._run_plan,
            ("POST", "/control/trade"): self._trade,
            ("POST", "/control/transfer"): self._transfer,
            ("POST", "/control/order"): self._order,
            ("POST", "/control/market"): self._market,
            ("POST", "/control/permission"): self._permit,
        }

    async def handle(self, request: web.Request) -> web.Response:
        if request.url.host not in _LOOPBACK or "Origin" in request.headers:
            return _json({"error": "the control endpoint is for programs on this machine only"}, 403)
        route = self._routes.get((request.method, request.path))
        if route is None:
            known = [f"{method} {path}" for method, path in self._routes]
            return _json({"error": f"no such command: {request.method} {request.path}", "commands": known}, 404)
        try:
            answer = await route(request)
        except (_NonsenseError, ApiError, InvalidSettingError, msgspec.MsgspecError) as error:
            return _json({"error": str(error)}, 400)
        return web.Response(status=204) if answer is None else _json(answer)

    def run(self, runner: FaultRunner) -> None:
        """Play a plan in place of the one that runs."""
        if self._runner is not None:
            self._runner.stop()
        self._runner = runner
        runner.start()

    def close(self) -> None:
        if self._runner is not None:
            self._runner.stop()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._faults.end_all()

    async def _accounts(self, _request: web.Request) -> object:
        return [{"account": name, "api_key": account.keys.public} for name, account in self._testnet.accounts.items()]

    async def _books(self, request: web.Request) -> object:
        name, market = self._named(request.query.get("account", "")), self._on(request.query.get("symbol"))
        market.advance()
        return books_of(market, self._exposures[market.instrument.symbol], name)

    async def _list_faults(self, _request: web.Request) -> object:
        return {
            "active": self._faults.active,
            "struck": {kind.value: count for kind, count in self._faults.struck.items()},
            "kinds": {
                kind.value: {"what": row.what, "unit": row.unit, "lasts": row.lasts} for kind, row in FAULTS.items()
            },
        }

    async def _begin_fault(self, request: web.Request) -> None:
        body = msgspec.json.decode(await request.read(), type=_FaultBody)
        fault = Fault(body.kind, body.amount, body.chance, for_ms=body.for_ms)
        self._faults.begin(fault)
        if fault.for_ms > 0:
            self._later(fault)

    async def _end_faults(self, _request: web.Request) -> None:
        self.close()

    async def _tell_plan(self, _request: web.Request) -> object:
        if self._runner is None:
            raise _NonsenseError("no plan of faults runs")
        return self._runner.plan

    async def _run_plan(self, request: web.Request) -> object:
        text = await request.read()
        drawn = msgspec.json.decode(text, type=_DrawBody)
        if drawn.duration_s is None:
            plan = read_plan(text)
        else:
            plan = random_plan(drawn.seed, drawn.duration_s, per_minute=drawn.per_minute)
        self.run(FaultRunner(self._faults, plan))
        return plan

    async def _trade(self, request: web.Request) -> None:
        body = msgspec.json.decode(await request.read(), type=_TradeBody)
        market = self._on(body.symbol)
        lots = market.instrument.quantity_to_lots(abs(body.quantity))
        if lots == 0:
            raise _NonsenseError(f"the quantity {body.quantity} is less than a lot")
        market.trade_elsewhere(self._named(body.account), lots if body.quantity > 0 else -lots)

    async def _transfer(self, request: web.Request) -> None:
        body = msgspec.json.decode(await request.read(), type=_TransferBody)
        self._testnet.transfer(self._named(body.account), self._testnet.instrument.money_to_quanta(body.amount))

    async def _order(self, request: web.Request) -> object:
        body = msgspec.json.decode(await request.read(), type=_OrderBody)
        if body.side not in _SIDES:
            raise _NonsenseError(f"the side must be Bid or Ask, got {body.side!r}")
        market = self._on(body.symbol)
        wire = Wire(market.instrument)
        order_id = market.place_foreign_order(
            self._named(body.account),
            _SIDES[body.side],
            wire.ticks(body.price),
            wire.lots(body.quantity),
            body.client_id,
        )
        return {"id": str(order_id)}

    async def _market(self, request: web.Request) -> None:
        body = msgspec.json.decode(await request.read(), type=_MarketBody)
        self._on(body.symbol).set_market_status(body.status)

    async def _permit(self, request: web.Request) -> None:
        body = msgspec.json.decode(await request.read(), type=_PermissionBody)
        self._testnet.set_permission(self._named(body.account), can_trade=body.can_trade)

    def _named(self, account: str) -> str:
        if account not in self._testnet.accounts:
            raise _NonsenseError(f"no account {account!r}; there are {', '.join(self._testnet.accounts)}")
        return account

    def _on(self, symbol: str | None) -> Testnet:
        """Rule 4."""
        if symbol is None:
            return self._testnet
        if symbol not in self._markets:
            raise _NonsenseError(f"no market {symbol!r}; there are {', '.join(self._markets)}")
        return self._markets[symbol]

    def _later(self, fault: Fault) -> None:
        """End a fault when its time is over."""

        def end() -> None:
            self._timers.discard(timer)
            self._faults.end(fault)

        timer = asyncio.get_running_loop().call_later(fault.for_ms / 1000, end)
        self._timers.add(timer)


def _json(content: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(content), content_type="application/json")
