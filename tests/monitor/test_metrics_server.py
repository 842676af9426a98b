"""The endpoint: it tells what was shown, and no client can do more than keep another one out."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.monitor import metrics_server
from perpmaker.monitor.metrics import RunMetrics, Snapshot
from perpmaker.monitor.metrics_server import MOST_CLIENTS, MetricsServer
from perpmaker.runtime.live.vital_signs import VitalSigns
from support.views import SEEN, seen


class Counted(RunMetrics):
    """Counts how often it is rendered."""

    def __init__(self) -> None:
        super().__init__("1.2.3")
        self.collected = 0

    def collect(self):
        self.collected += 1
        return super().collect()


@pytest.fixture
def metrics() -> Counted:
    metrics = Counted()
    metrics.show(Snapshot.of(SEEN, VitalSigns()))
    return metrics


@pytest.fixture
def server(metrics: Counted) -> Iterator[MetricsServer]:
    with MetricsServer(metrics.registry(), 0) as server:
        yield server


def ask(server: MetricsServer, path: str = "/metrics", method: str = "GET", **headers: str) -> tuple[int, str, str]:
    """Status, type and text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode()


def until(condition: Callable[[], object], patience_s: float = 10.0) -> None:
    end_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end_s, "it did not happen in time"
        threading.Event().wait(0.01)


def is_answered(server: MetricsServer) -> bool:
    """False where the client was sent away."""
    try:
        return ask(server)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def is_cut_off(client: socket.socket) -> bool:
    """Whether one more byte is refused."""
    try:
        client.sendall(b"a")
    except OSError:
        return True
    return False


def serving_threads() -> int:
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


def test_a_scrape_gets_what_was_shown_last(server: MetricsServer, metrics: Counted, monkeypatch) -> None:
    monkeypatch.setattr(metrics_server, "FRESH_S", 0.0)
    status, content_type, text = ask(server)
    assert (status, content_type.split(";")[0]) == (200, "text/plain")
    assert 'perpmaker_position_base{exchange="backpack",market="SOL_USDC_PERP",mode="paper"' in text
    metrics.show(Snapshot.of(seen(position__quantity="0.75"), VitalSigns()))
    assert " 0.75" in ask(server)[2]


def test_what_the_system_knows_of_the_process_is_told_too(server: MetricsServer) -> None:
    assert "process_resident_memory_bytes" in ask(server)[2]


def test_it_speaks_the_form_that_prometheus_asks_for(server: MetricsServer) -> None:
    _, content_type, text = ask(server, Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/", "GET", 404), ("/metrics/x", "GET", 404), ("/../etc/passwd", "GET", 404), ("/metrics", "POST", 501)],
)
def test_there_is_nothing_else_there(server: MetricsServer, path: str, method: str, status: int) -> None:
    assert ask(server, path, method)[0] == status


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[", ""])
def test_a_web_page_cannot_read_it_under_a_name_of_its_own(server: MetricsServer, host: str) -> None:
    status, _, text = ask(server, Host=host)
    assert status == 403
    assert "perpmaker" not in text


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost", "LOCALHOST:9", "[::1]:9"])
def test_this_machine_may_be_called_by_any_of_its_names(server: MetricsServer, host: str) -> None:
    assert ask(server, Host=host)[0] == 200


def test_only_the_loopback_interface_is_listened_on(server: MetricsServer) -> None:
    assert server._server.server_address[0] == "127.0.0.1"


def test_a_port_in_use_is_refused_in_one_sentence(server: MetricsServer) -> None:
    with pytest.raises(InvalidSettingError) as refused:
        MetricsServer(CollectorRegistry(), server.port)
    assert str(refused.value) == (
        f"--metrics-port {server.port}: 127.0.0.1:{server.port} cannot be listened on: Address already in use; "
        "choose another port"
    )


def test_after_its_end_the_port_is_free_and_no_thread_is_left(metrics: Counted) -> None:
    before = threading.active_count()
    server = MetricsServer(metrics.registry(), 0)
    server.start()
    port = server.port
    silent = socket.create_connection(("127.0.0.1", port))
    until(lambda: server._server._serving)
    server.close()
    server.close()
    until(lambda: threading.active_count() == before)
    silent.close()
    MetricsServer(metrics.registry(), port).close()


def test_one_that_was_never_started_can_be_closed(metrics: Counted) -> None:
    MetricsServer(metrics.registry(), 0).close()


# --- clients who mean ill ---


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between two connections: what else bounds them is to be seen."""
    monkeypatch.setattr(metrics_server, "MOST_A_SECOND", 1e6)


@pytest.mark.usefixtures("hurried")
def test_many_silent_clients_get_a_bounded_number_of_threads_and_a_bounded_time(metrics: Counted) -> None:
    with MetricsServer(metrics.registry(), 0, patience_s=0.5) as server, contextlib.ExitStack() as stack:
        for _ in range(60):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            client.settimeout(10)
            assert serving_threads() <= MOST_CLIENTS
        until(lambda: is_answered(server))


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("sent", [b"G", b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"x" * 100_000])
def test_who_drips_is_cut_off(metrics: Counted, sent: bytes) -> None:
    with (
        MetricsServer(metrics.registry(), 0, patience_s=0.3) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as client,
    ):
        client.sendall(sent)
        until(lambda: is_cut_off(client))


@pytest.mark.usefixtures("hurried")
def test_who_does_not_read_the_answer_is_cut_off(metrics: Counted) -> None:
    for number in range(300):
        metrics.show(Snapshot.of(seen(about__market=f"m{number}"), VitalSigns()))
    with MetricsServer(metrics.registry(), 0, patience_s=0.5) as server:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        client.connect(("127.0.0.1", server.port))
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        until(lambda: serving_threads() == 1)
        until(lambda: serving_threads() == 0)
        client.close()


def test_many_scrapes_cost_one(server: MetricsServer, metrics: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_server, "FRESH_S", 1e6)
    metrics.collected = 0
    for _ in range(5):
        assert ask(server)[0] == 200
    assert metrics.collected <= 1


def test_clients_begin_one_after_the_other_however_many_there_are(server: MetricsServer) -> None:
    answered = []

    def hammer() -> None:
        while not stopped.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                ask(server)
                answered.append(1)

    stopped = threading.Event()
    clients = [threading.Thread(target=hammer) for _ in range(8)]
    began_s = time.monotonic()
    for client in clients:
        client.start()
    until(lambda: len(answered) >= 20)
    took_s = time.monotonic() - began_s
    stopped.set()
    for client in clients:
        client.join()
    assert took_s >= 19 / metrics_server.MOST_A_SECOND
