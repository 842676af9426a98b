"""Faults of requests: what happens to a request on its way to the exchange, and to the answer on its way back.

Rules kept here:

1. The order of things is that of a real path: the way there (latency), the front door (429, 5xx, time-out before), the
   exchange (which does it or refuses it), the way back (late, time-out after, cut, 5xx after).
2. What says "not executed" never reaches the exchange. What says "executed" has been carried out before anything else
   happens, also when nobody is told.
3. A request is judged by the time at which it reaches the exchange, so that one that was held too long has expired.
4. 502 and 504 come from a gateway and are no JSON, as in life.
"""

import asyncio
from typing import Final

from aiohttp import web

from perpmaker.testnet.api_errors import ApiError, ErrorCode
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.fault_kinds import FaultKind
from perpmaker.testnet.fault_market import MarketFaults
from perpmaker.testnet.faults import Faults
from perpmaker.testnet.rest import RestApi, RestRequest, RestResponse

_JSON: Final = {"Content-Type": "application/json; charset=utf-8"}


class RestGate:
    """Answers requests, or does to them what the faults say.

    Args:
        testnet: the exchange.
        api: its REST interface.
        faults: what goes wrong now.
        market: carries out the faults that come with a cancel.
    """

    def __init__(self, testnet: Testnet, api: RestApi, faults: Faults, market: MarketFaults) -> None:
        self._testnet = testnet
        self._api = api
        self._faults = faults
        self._market = market
        api.gate_orders(self._refuse_order)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if not self._faults.active:
            return _web(self._execute(request, body))
        await self._arrive()
        refused = self._front_door()
        if refused is not None:
            return refused
        if held := self._faults.strikes(FaultKind.TIMEOUT_BEFORE):
            return await _hold_and_cut(request, held.amount)
        if request.method == "DELETE" and self._faults.strikes(FaultKind.FILL_BEFORE_CANCEL):
            self._market.fill_before_cancel(request.headers.get("X-API-KEY", ""), body)
        return await self._way_back(request, self._execute(request, body))

    async def _arrive(self) -> None:
        delay_ms: float = 0
        if latency := self._faults.strikes(FaultKind.LATENCY):
            delay_ms += latency.amount
        if jitter := self._faults.strikes(FaultKind.JITTER):
            delay_ms += self._faults.random.uniform(0, jitter.amount)
        if delay_ms > 0:
            await asyncio.sleep(delay_ms / 1000)

    def _front_door(self) -> web.Response | None:
        if self._faults.strikes(FaultKind.RATE_LIMITED):
            error = ApiError(ErrorCode.TOO_MANY_REQUESTS, "Too many requests")
            return web.Response(status=error.status, body=error.body, headers=_JSON)
        if failure := self._faults.strikes(FaultKind.SERVER_ERROR):
            return _server_error(failure.amount)
        return None

    async def _way_back(self, request: web.Request, answer: RestResponse) -> web.StreamResponse:
        faults = self._faults
        if late := faults.strikes(FaultKind.LATE_ANSWER):
            await asyncio.sleep(late.amount / 1000)
        if jitter := faults.strikes(FaultKind.JITTER):
            await asyncio.sleep(faults.random.uniform(0, jitter.amount) / 1000)
        if held := faults.strikes(FaultKind.TIMEOUT_AFTER):
            return await _hold_and_cut(request, held.amount)
        if faults.strikes(FaultKind.CUT_ANSWER):
            return await _cut_midway(request, answer)
        if failure := faults.strikes(FaultKind.SERVER_ERROR_AFTER):
            return _server_error(failure.amount)
        return _web(answer)

    def _execute(self, request: web.Request, body: bytes) -> RestResponse:
        skew_ns = self._faults.amount(FaultKind.CLOCK_SKEW) * 1_000_000
        received_ns = self._testnet.clock.now_ns() + skew_ns
        return self._api.handle(
            RestRequest(request.method, request.path, list(request.query.items()), request.headers, body, received_ns)
        )

    def _refuse_order(self, _order: object) -> ApiError | None:
        if self._faults.strikes(FaultKind.PARTIAL_BATCH):
            return ApiError(ErrorCode.SERVER_ERROR, "Internal server error")
        return None


def _web(answer: RestResponse) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


def _server_error(status: int) -> web.Response:
    if status in (502, 504):
        page = b"<html><head><title>Bad Gateway</title></head><body>upstream did not answer</body></html>"
        return web.Response(status=status, body=page, headers={"Content-Type": "text/html"})
    return web.Response(
        status=status, body=ApiError(ErrorCode.SERVER_ERROR, "Internal server error").body, headers=_JSON
    )


async def _hold_and_cut(request: web.Request, held_ms: int) -> web.StreamResponse:
    """Say nothing for so long, then cut the connection."""
    if held_ms > 0:
        await asyncio.sleep(held_ms / 1000)
    _cut(request)
    return web.Response()


async def _cut_midway(request: web.Request, answer: RestResponse) -> web.StreamResponse:
    """Begin the answer with its full length, send half of it, and cut."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    _cut(request)
    return response


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()
