"""The testnet's server: REST and websocket on one port of the loopback interface.

    async with TestnetServer(testnet) as server:
        server.base_url, server.ws_url      # what a client is pointed at

Rules kept here:

1. It listens on 127.0.0.1 only.
2. Nothing polls: a timer of the loop is set to the moment in which the testnet has something to do next. The testnet's
   clock and the loop must run alike, in real time or in virtual time.
3. A request is answered by `perpmaker.testnet.rest` behind `perpmaker.testnet.fault_rest`; a websocket (at ``/`` and at
   ``/ws``) by `perpmaker.testnet.streams`.
4. At the end nobody new is let in, and every websocket gets a close frame and its grace (see `Subscriber`) to leave.
   No task and no timer outlives the server.
"""

import asyncio
from types import TracebackType
from typing import Final, Self

from aiohttp import WSCloseCode, web

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.testnet.control import Control
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.exposure import ExposureWatch
from perpmaker.testnet.fault_market import MarketFaults
from perpmaker.testnet.fault_rest import RestGate
from perpmaker.testnet.faults import Faults
from perpmaker.testnet.rest import RestApi
from perpmaker.testnet.streams import Streams
from perpmaker.testnet.subscriber import Subscriber

HOST: Final = "127.0.0.1"
_LARGEST_FRAME: Final = 1 << 20


class TestnetServer:
    """Serves a testnet with all its markets. ``faults`` and ``exposure`` are for tests, which need no control endpoint.

    Args:
        testnet: the exchange, by its first market; its clock must run as the loop does.
        port: 0 takes any that is free.
        control: whether ``/control/...`` is there.
        seed: of the chances of faults.
    """

    __test__ = False  # no test class, whatever its name says

    def __init__(self, testnet: Testnet, *, port: int = 0, control: bool = True, seed: int = 0) -> None:
        self.testnet: Final = testnet
        self.faults: Final = Faults(seed)
        exposures = {market.instrument.symbol: ExposureWatch(market) for market in testnet.markets}
        self.exposure: Final = exposures[testnet.instrument.symbol]
        self.streams: Final = Streams(testnet, self.faults)
        self._gate = RestGate(testnet, RestApi(testnet), self.faults, MarketFaults(testnet, self.faults))
        self._control = Control(testnet, self.faults, exposures) if control else None
        self._port = port
        self._timer: asyncio.TimerHandle | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Raises `InvalidSettingError` when the port is taken."""
        app = web.Application(client_max_size=_LARGEST_FRAME)
        if self._control is not None:
            app.router.add_route("*", "/control{tail:(/.*)?}", self._answer_control)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise InvalidSettingError(
                f"port {self._port} cannot be listened on ({error.strerror}); choose another with --port, 0 for any"
            ) from None
        self._port = self._runner.addresses[0][1]
        self._await_next()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._control is not None:
            self._control.close()
        for site in list(self._runner.sites):
            await site.stop()  # nobody new
        await self._close_streams()
        self.streams.close()
        await self._runner.cleanup()
        self._runner = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self._port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{HOST}:{self._port}"

    # Time

    def _await_next(self) -> None:
        """Set the timer to the moment in which something happens next."""
        if self._timer is not None:
            self._timer.cancel()
        wait_ns = max(0, self.testnet.next_ns - self.testnet.clock.now_ns())
        self._timer = asyncio.get_running_loop().call_later(wait_ns / 1e9, self._advance)

    def _advance(self) -> None:
        self.testnet.advance()
        self._await_next()

    # Clients

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket" and request.path in ("/", "/ws"):
            return await self._serve_websocket(request)
        return await self._gate.handle(request)

    async def _answer_control(self, request: web.Request) -> web.StreamResponse:
        assert self._control is not None
        return await self._control.handle(request)

    async def _serve_websocket(self, request: web.Request) -> web.StreamResponse:
        if self.streams.gate.is_refusing:
            return web.Response(status=503, text="service unavailable")
        socket = web.WebSocketResponse(autoping=False, max_msg_size=_LARGEST_FRAME, compress=False)
        await socket.prepare(request)
        subscriber = Subscriber(socket, request.transport)
        self.streams.add(subscriber)
        try:
            while (frame := await subscriber.read()) is not None:
                self.streams.on_frame(subscriber, frame)
        finally:
            self.streams.remove(subscriber)
            await subscriber.end()
        return socket

    async def _close_streams(self) -> None:
        leaving = list(self.streams.subscribers)
        for subscriber in leaving:
            subscriber.close(WSCloseCode.GOING_AWAY, "server is shutting down")
        if leaving:
            await asyncio.gather(*(subscriber.ended.wait() for subscriber in leaving))
