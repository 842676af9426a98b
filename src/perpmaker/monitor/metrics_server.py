"""Serves the metrics of this process to Prometheus: on a port of its own, from a thread of its own.

`prometheus_client` has a server, too; it opens a thread for every connection, however many there are and however slow
they are, and renders everything anew for each. Here its formats are used, and these rules are kept:

1. A scrape never waits for a run, and a run never for a scrape: what is read is immutable.
2. At most `MOST_CLIENTS` are served at a time, each for `PATIENCE_S` at most, and `MOST_A_SECOND` begin in a second.
   Whoever comes beyond that waits in the system's queue, or is sent away. So hostile clients can at worst keep
   Prometheus out: they cost a run no more than a scrape every `1 / MOST_A_SECOND` seconds.
3. What was rendered is told for `FRESH_S` seconds: many scrapes cost one.
4. Nothing is taken from a client but one small GET of /metrics. On the loopback interface a request must name it, so
   that no web page can read the metrics under a name of its own that leads here.
5. A port that is in use is said before the run starts.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final, Self
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from perpmaker.domain.errors import InvalidSettingError

LOOPBACK: Final = "127.0.0.1"
MOST_CLIENTS: Final = 8
PATIENCE_S: Final = 5.0
MOST_A_SECOND: Final = 20
FRESH_S: Final = 0.5

_ACCEPTS_KEPT: Final = 4
"""Forms of the page that are kept: Prometheus asks for one, a person for another."""

_LOOK_S: Final = 0.25
"""How often slow clients are looked for."""


class MetricsServer:
    """The endpoint; open from the moment it is made until `close`, serving after `start`.

    Args:
        registry: what is told.
        port: 0 takes any that is free.
        host: the address to listen on.
        monotonic: seconds of a clock that never goes back.
        patience_s: how long a client may take, seconds.

    Raises:
        InvalidSettingError: the port is in use or may not be used.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        port: int,
        host: str = LOOPBACK,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
    ) -> None:
        try:
            self._server = _Server(host, port, _Page(registry, monotonic), monotonic, patience_s)
        except OSError as error:
            raise InvalidSettingError(
                f"--metrics-port {port}: {host}:{port} cannot be listened on: {error.strerror}; choose another port"
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_LOOK_S,), name="metrics", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    def close(self) -> None:
        """End it; clients that are being served are cut off. Closing again does nothing."""
        if self._thread.is_alive():
            self._server.stop()
            self._thread.join()
        self._server.server_close()


class _Page:
    """Rule 3: what is told, rendered at most once in `FRESH_S` for each form of it."""

    def __init__(self, registry: CollectorRegistry, monotonic: Callable[[], float]) -> None:
        self._registry = registry
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, bytes]] = {}

    def told(self, accept: str) -> tuple[bytes, str]:
        """The text and its type."""
        encode, content_type = choose_encoder(accept)
        with self._lock:
            now_s = self._monotonic()
            made_s, text = self._kept.get(content_type, (now_s - FRESH_S, b""))
            if now_s - made_s >= FRESH_S:
                text = encode(self._registry)
                if len(self._kept) >= _ACCEPTS_KEPT:
                    self._kept.clear()
                self._kept[content_type] = now_s, text
            return text, content_type


class _Server(ThreadingMixIn, TCPServer):
    """Rule 2. `process_request` and `service_actions` are of the thread that accepts, the rest of those that serve."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(self, host: str, port: int, page: _Page, monotonic: Callable[[], float], patience_s: float) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.page = page
        self.patience_s = patience_s
        self.is_loopback = ip_address(host).is_loopback
        self._monotonic = monotonic
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._serving: dict[socket.socket, float] = {}  # until when
        super().__init__((host, port), _Handler)

    def stop(self) -> None:
        self._stopping.set()
        self.shutdown()
        self._cut_off(before_s=float("inf"))

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            has_room = len(self._serving) < MOST_CLIENTS
            if has_room:
                self._serving[request] = self._monotonic() + self.patience_s
        if has_room:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)
        self._stopping.wait(1 / MOST_A_SECOND)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._serving.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        self._cut_off(before_s=self._monotonic())

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """A client that went away, or was sent away: nobody needs to know."""

    def _cut_off(self, before_s: float) -> None:
        """Who should have been done by then. His thread wakes up with an error, and closes what is his."""
        with self._lock:
            late = [request for request, until_s in self._serving.items() if until_s <= before_s]
        for request in late:
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One request, one answer."""

    server: _Server
    server_version = "perpmaker"
    sys_version = ""

    def do_GET(self) -> None:
        if self.server.is_loopback and not _names_loopback(self.headers.get("Host", "")):
            self._answer(HTTPStatus.FORBIDDEN, b"ask for it by 127.0.0.1 or localhost\n")
        elif urlsplit(self.path).path != "/metrics":
            self._answer(HTTPStatus.NOT_FOUND, b"there is only /metrics here\n")
        else:
            self._answer(HTTPStatus.OK, *self.server.page.told(self.headers.get("Accept", "")))

    def log_message(self, *_: object) -> None:
        """Nothing: a scrape every few seconds is the normal course."""

    def _answer(self, status: HTTPStatus, text: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(text)


def _names_loopback(host: str) -> bool:
    """Whether the Host of a request is this machine by address, not by a name that anybody may have given it."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
