"""The dashboard's server: uvicorn with our application, limits and manners.

    async with DashboardServer(settings, journal, clock=clock, random=random) as server:
        server.addresses            # what a person opens in a browser; has the tokens
        await server.ended.wait()

Rules kept here:

1. It listens on loopback. Anything else demands TLS, or that it was said outright that the network is trusted.
2. Slow and many connections are bounded (`perpmaker.dashboard.connections`), TLS handshakes by `HANDSHAKE_S`.
3. Nothing that is asked for is logged: addresses of requests may carry what is secret.
4. The first Ctrl-C or SIGTERM ends it: pages are told, requests have `GRACE_S` to finish. A second one cuts them.
5. Messages are not compressed: it would cost more than it saves where both ends are on one machine, and compressing
   secrets together with what others choose gives them away.
"""

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from random import Random
from types import TracebackType
from typing import Any, Final, Self, cast

import uvicorn

from perpmaker.dashboard.app import PARTS, Part, create_app, make_deps
from perpmaker.dashboard.connections import Crowd, HttpConnection, WebsocketConnection
from perpmaker.dashboard.run_link import Opening
from perpmaker.dashboard.security.hosts import is_loopback
from perpmaker.dashboard.security.tokens import AccessTokens, NewSecret, new_secret
from perpmaker.dashboard.security.users import Role
from perpmaker.dashboard.settings import DashboardSettings
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.journal.writer import Journal
from perpmaker.monitor.link_client import Link
from perpmaker.venues.clock import Clock

HANDSHAKE_S: Final = 5.0
GRACE_S: Final = 3
PING_S: Final = 20.0
IDLE_S: Final = 5
MOST_HEAD: Final = 16 * 1024
MOST_MESSAGE: Final = 1024
BACKLOG: Final = 512
"""Connections that the system holds until we take them."""

TAKEN_AT_ONCE: Final = 32
"""Of those, in one turn of the loop: few beside the connections that there may be, so that what a new one has asked is
read before the next ones crowd it out."""


class DashboardServer:
    """Serves the dashboard while it is entered.

    Args:
        settings: what it is started with.
        journal: read, never written; who opened it closes it.
        clock: time of day.
        random: of waits before trying again; no secret is made of it.
        make_secret: of tokens and cookies; tests fix it.
        open_link: opens links of runs; for tests.
        parts: the routers; for tests.

    Attributes:
        port: where it listens.
        addresses: of each role, with its token; without tokens the plain address, once.
        ended: set when it was asked to end.
    """

    def __init__(
        self,
        settings: DashboardSettings,
        journal: Journal,
        *,
        clock: Clock,
        random: Random,
        make_secret: NewSecret = new_secret,
        open_link: Opening = Link.open,
        parts: Sequence[Part] = PARTS,
    ) -> None:
        self._settings = settings
        tokens, self._token_texts = AccessTokens.make(make_secret) if settings.has_tokens else (AccessTokens({}), {})
        self.deps: Final = make_deps(
            settings, journal, tokens, clock, random, make_secret=make_secret, open_link=open_link
        )
        self._app = create_app(self.deps, parts)
        self.port = settings.port
        self.ended: Final = asyncio.Event()
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Raises `InvalidSettingError` where it may not or cannot listen, or the certificate cannot be used."""
        settings = self._settings
        check_exposure(settings)
        context = _tls(settings)
        listening = _listen(settings)
        self.port = listening.getsockname()[1]
        self._server = _Server(_config(self._app, context))
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]), name="dashboard")
        self._serving.add_done_callback(self._on_served)
        await self._server.ready.wait()
        if self._serving.done():
            await self._serving  # it could not start: raises why
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        assert self._serving is not None
        self._server.should_exit = True
        await self._serving

    @property
    def url(self) -> str:
        """Where it is, without a token."""
        host = self._settings.host
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
        return f"{'https' if self._settings.is_tls else 'http'}://{shown}:{self.port}"

    @property
    def addresses(self) -> dict[Role, str]:
        """What to open, for each role that a token was made for. The token is in a part that browsers do not send."""
        return {role: f"{self.url}/#token={text}" for role, text in self._token_texts.items()}

    def end(self) -> None:
        """Ask it to end; asked again, it does not wait for anybody."""
        if self._server is not None and self.ended.is_set():
            self._server.force_exit = True
        self.ended.set()

    def _on_served(self, _: asyncio.Task[None]) -> None:
        assert self._server is not None
        self._server.ready.set()
        self.ended.set()


async def serve(
    settings: DashboardSettings,
    journal: Journal,
    *,
    clock: Clock,
    random: Random,
    on_ready: Callable[[DashboardServer], None],
    parts: Sequence[Part] = PARTS,
) -> None:
    """Serve until a signal comes; ``on_ready`` prints the addresses.

    Raises:
        InvalidSettingError: it may not or cannot listen, or the certificate cannot be used.
    """
    async with DashboardServer(settings, journal, clock=clock, random=random, parts=parts) as server:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.end)
        on_ready(server)
        await server.ended.wait()


def check_exposure(settings: DashboardSettings) -> None:
    """Raises `InvalidSettingError` where others could reach it and listen in."""
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise InvalidSettingError("TLS needs both, a certificate and its key: give --tls-cert and --tls-key")
    if is_loopback(settings.host) or settings.is_tls or settings.insecure_remote:
        return
    raise InvalidSettingError(
        f"host {settings.host} can be reached from other machines, where passwords and tokens would pass in the clear: "
        "give --tls-cert and --tls-key, or --insecure-remote if the network is trusted; or leave it on 127.0.0.1 and "
        "use a tunnel (ssh -L)"
    )


def _tls(settings: DashboardSettings) -> ssl.SSLContext | None:
    if settings.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=lambda: "")
    except (OSError, ssl.SSLError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InvalidSettingError(
            f"certificate {settings.tls_cert} with key {settings.tls_key} cannot be used ({reason}); "
            "both are PEM files, the key without a password"
        ) from None
    return context


def _listen(settings: DashboardSettings) -> socket.socket:
    host, port = settings.host, settings.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise InvalidSettingError(
            f"{host} port {port} cannot be listened on ({error.strerror}); choose another with --host and --port, "
            "port 0 for any"
        ) from None


def _config(app: Any, context: ssl.SSLContext | None) -> uvicorn.Config:
    http = partial(HttpConnection, Crowd())
    config = uvicorn.Config(
        app,
        http=cast(type[asyncio.Protocol], http),
        ws=WebsocketConnection,
        loop="asyncio",
        lifespan="on",
        log_config=None,
        log_level=logging.ERROR,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=MOST_HEAD,
        ws_max_size=MOST_MESSAGE,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,
        ssl_context_factory=None if context is None else lambda _config, _default: context,
    )
    config.load()
    return config


class _Server(uvicorn.Server):
    """uvicorn's server without its own signal handlers, which end the process, and with a time for TLS handshakes."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready: Final = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise RuntimeError("the dashboard's application could not start; the log says why")
        loop = asyncio.get_running_loop()
        config, handshake_s = self.config, None if self.config.ssl is None else HANDSHAKE_S

        def connection() -> asyncio.Protocol:
            return cast(Callable[..., asyncio.Protocol], config.http_protocol_class)(
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )

        self.servers = [
            await loop.create_server(
                connection, sock=each, ssl=config.ssl, backlog=TAKEN_AT_ONCE, ssl_handshake_timeout=handshake_s
            )
            for each in sockets or []
        ]
        for each in sockets or []:
            each.listen(BACKLOG)  # once more, since the loop has only one number for both
        self.started = True
        self.ready.set()
