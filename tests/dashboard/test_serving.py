"""Where the dashboard listens, with or without TLS, and how it ends."""

import asyncio
import datetime as dt
import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from random import Random

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from perpmaker.dashboard import serving
from perpmaker.dashboard.security.users import Role
from perpmaker.dashboard.serving import DashboardServer, check_exposure
from perpmaker.dashboard.settings import DashboardSettings
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.journal.writer import open_journal
from perpmaker.venues.clock import SystemClock
from support.dashboard_rig import Rig, dashboard_rig, receive
from support.virtual_time import run_virtual


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """Of this machine's loopback, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "desk.example"])  # noqa: S104 - refused
def test_beyond_loopback_it_wants_tls_or_to_be_told(host, certificate):
    with pytest.raises(InvalidSettingError, match=r"--tls-cert and --tls-key, or --insecure-remote"):
        check_exposure(DashboardSettings(host=host))
    check_exposure(DashboardSettings(host=host, insecure_remote=True))
    check_exposure(DashboardSettings(host=host, tls_cert=certificate[0], tls_key=certificate[1]))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_wants_nothing(host):
    check_exposure(DashboardSettings(host=host))


def test_half_of_tls_is_refused(certificate):
    for settings in (DashboardSettings(tls_cert=certificate[0]), DashboardSettings(tls_key=certificate[1])):
        with pytest.raises(InvalidSettingError, match="TLS needs both"):
            check_exposure(settings)


def start(**settings) -> None:
    async def body() -> None:
        async with dashboard_rig(**settings):
            pass

    run_virtual(body)


def test_a_certificate_that_cannot_be_used_is_said_in_one_sentence(certificate, tmp_path):
    cert, key = certificate
    other = tmp_path / "other.pem"
    other.write_text("no key")
    for given in ((cert, other), (other, key), (cert, tmp_path / "nothing.pem"), (key, cert)):
        with pytest.raises(InvalidSettingError, match="cannot be used") as refused:
            start(tls_cert=given[0], tls_key=given[1])
        assert "\n" not in str(refused.value)


def test_a_port_that_is_taken_is_said_in_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidSettingError, match=f"127.0.0.1 port {port} cannot be listened on .*--port"):
            start(port=port)


def test_it_listens_on_loopback_only():
    async def body() -> None:
        async with dashboard_rig() as rig:
            assert rig.server._server is not None
            (listening,) = (each.getsockname()[0] for server in rig.server._server.servers for each in server.sockets)
            assert listening == "127.0.0.1"

    run_virtual(body)


def test_over_tls_page_cookie_and_websocket_are_all_secure(certificate):
    cert, key = certificate

    async def body() -> None:
        async with dashboard_rig(host="localhost", tls_cert=cert, tls_key=key) as rig:
            assert rig.server.addresses[Role.TRADER].startswith(f"https://localhost:{rig.server.port}/#token=")
            context = ssl.create_default_context(cafile=str(cert))
            client = await rig.client(verify=context)
            answer = await client.post("/api/login", {"token": rig.token(Role.TRADER)}, csrf="")
            assert "secure" in answer.headers["set-cookie"].lower()
            assert (await client.get("/api/session")).status_code == 200
            run = await rig.start_run()
            client.http.cookies.jar.clear()
            cookie = answer.headers["set-cookie"].partition(";")[0]
            async with client.stream(run.run_id, ssl=context, Cookie=cookie) as watching:
                assert (await receive(watching))["type"] == "hello"

    asyncio.run(body())


def test_half_open_handshakes_are_cut(certificate, monkeypatch):
    monkeypatch.setattr(serving, "HANDSHAKE_S", 0.2)
    cert, key = certificate

    async def body() -> None:
        async with dashboard_rig(host="localhost", tls_cert=cert, tls_key=key) as rig:
            silent = [await asyncio.open_connection("localhost", rig.server.port) for _ in range(50)]
            async with asyncio.timeout(5):
                assert [await reader.read() for reader, _ in silent] == [b""] * 50
            for _, writer in silent:
                writer.close()

    asyncio.run(body())


def test_a_request_that_is_at_work_finishes_before_the_end():
    async def body() -> None:
        async with dashboard_rig() as rig:
            run = await rig.start_run()
            run.on_ask = lambda _: None
            trader = await rig.log_in()
            asking = asyncio.create_task(trader.post(f"/api/runs/{run.run_id}/control", {"action": "pause"}))
            await asyncio.sleep(serving.GRACE_S)
            await asyncio.sleep(10 - serving.GRACE_S - 1)
            assert not asking.done()
            await end(rig)
            assert (await asking).status_code == 504
            with pytest.raises(httpx.ConnectError):
                await trader.get("/api/session")

    run_virtual(body)


async def end(rig: Rig) -> None:
    rig.server.end()
    await rig.server.__aexit__(None, None, None)


def test_a_request_that_does_not_finish_does_not_keep_it():
    async def body() -> None:
        async with dashboard_rig() as rig:
            run = await rig.start_run()
            run.on_ask = lambda _: None
            trader = await rig.log_in()
            asking = asyncio.create_task(trader.post(f"/api/runs/{run.run_id}/control", {"action": "pause"}))
            await asyncio.sleep(1)
            began_s = asyncio.get_running_loop().time()
            await end(rig)
            assert asyncio.get_running_loop().time() - began_s < serving.GRACE_S + 1
            await asyncio.gather(asking, return_exceptions=True)

    run_virtual(body)


PROGRAM = """
import asyncio, sys
from random import Random
from perpmaker.dashboard.serving import serve
from perpmaker.dashboard.settings import DashboardSettings
from perpmaker.journal.writer import open_journal
from perpmaker.venues.clock import SystemClock

async def main():
    with open_journal(sys.argv[1]) as journal:
        def say(server):
            print(server.url, flush=True)
        await serve(DashboardSettings(port=0), journal, clock=SystemClock(), random=Random(1), on_ready=say)

asyncio.run(main())
print("ended")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_whoever_is_connected(number, tmp_path):
    environment = {**os.environ, "PERPMAKER_RUNTIME_DIR": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "journal.db")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        url = process.stdout.readline().strip()
        with httpx.Client(base_url=url, trust_env=False) as client, socket.create_connection(_place(url)) as slow:
            slow.send(b"GET / HT")
            assert client.get("/api/session").status_code == 401
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "ended\n", "")


def _place(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def test_nothing_is_left_in_the_loop_when_it_has_ended():
    async def body() -> set[str]:
        async with dashboard_rig() as rig:
            run = await rig.start_run()
            watching = await (await rig.log_in()).stream(run.run_id)
            await receive(watching)
        await watching.wait_closed()
        await asyncio.sleep(60)
        return {task.get_name() for task in asyncio.all_tasks()} - {asyncio.current_task().get_name()}

    assert run_virtual(body) == set()


def test_a_second_one_on_the_same_journal_is_no_trouble(tmp_path):
    async def body() -> None:
        with open_journal(str(tmp_path / "journal.db")) as journal:
            settings = DashboardSettings(port=0)
            one = DashboardServer(settings, journal, clock=SystemClock(), random=Random(1))
            other = DashboardServer(settings, journal, clock=SystemClock(), random=Random(2))
            async with one, other:
                assert one.port != other.port

    asyncio.run(body())
