"""Names of the server, and its own origin."""

import pytest

from perpmaker.dashboard.security.hosts import Hosts, is_loopback
from perpmaker.dashboard.settings import DashboardSettings


def hosts(**settings) -> Hosts:
    return Hosts(DashboardSettings(**settings))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8321", "localhost:8321", "LOCALHOST", "[::1]:8321"])
def test_on_loopback_its_usual_names_are_ours_whatever_the_port(host):
    assert hosts().is_ours(host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "127.0.0.2", "127.0.0.1.nip.io", "localhost.", "localhost:8321@evil", "10.0.0.1", "a\n"],
)
def test_anything_else_is_not(host):
    assert not hosts().is_ours(host)


def test_beyond_loopback_only_the_address_itself_and_configured_names_are_ours():
    ours = hosts(host="10.0.0.1", names=("Desk.example",))
    assert ours.is_ours("10.0.0.1:8321")
    assert ours.is_ours("desk.example")
    assert not ours.is_ours("localhost")
    assert not ours.is_ours("10.0.0.2")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - of a test
def test_on_every_address_any_address_is_ours_but_no_name(host):
    ours = hosts(host=host)
    assert ours.is_ours("192.168.1.7:8321")
    assert ours.is_ours("[2001:db8::1]:8321")
    assert ours.is_ours("localhost")
    assert not ours.is_ours("rebound.example")
    assert not ours.is_ours("[::1")


def test_an_origin_is_ours_when_it_is_this_very_host_and_scheme():
    ours = hosts()
    assert ours.is_own_origin("http://127.0.0.1:8321", "127.0.0.1:8321")
    for foreign in ("https://127.0.0.1:8321", "http://127.0.0.1", "http://127.0.0.1:83210", "null", ""):
        assert not ours.is_own_origin(foreign, "127.0.0.1:8321")


def test_loopback_is_known_by_address_and_name():
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost", "LocalHost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "example.org", ""))  # noqa: S104
