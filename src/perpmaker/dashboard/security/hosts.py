"""By which names this server may be called, and which origin is its own.

Rules kept here:

1. A browser names the host it believes to talk to. A name that is not ours means that somebody's page has had its own
   name point here (DNS rebinding), and is refused.
2. Ours are the address that it listens on, the configured names, and on loopback its usual names. Where it listens on
   every address, any literal address is ours as well: an address cannot be made to point elsewhere.
3. The port in the name is not ours to judge: a tunnel may listen on another one.
4. An origin is ours when it is exactly the scheme, name and port of this very request.
"""

import ipaddress
import re
from typing import Final

from perpmaker.dashboard.settings import DashboardSettings

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.ASCII)
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


def is_loopback(host: str) -> bool:
    """Whether a server on this host or address can be reached from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Hosts:
    """Judges the headers Host and Origin."""

    def __init__(self, settings: DashboardSettings) -> None:
        own = _bracketed(settings.host.lower())
        self._names = {own, *(name.lower() for name in settings.names)}
        self._takes_any_address = own in ("0.0.0.0", "[::]")  # noqa: S104 - compared, not listened on
        if is_loopback(settings.host) or self._takes_any_address:
            self._names |= _LOOPBACK_NAMES
        self._scheme = "https" if settings.is_tls else "http"

    def is_ours(self, host: str) -> bool:
        """Whether the header Host names this server."""
        matched = _HOST.fullmatch(host.lower())
        if matched is None:
            return False
        name = matched[1]
        return name in self._names or (self._takes_any_address and _is_address(name.strip("[]")))

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Whether the header Origin is that of the page that ``host`` serves."""
        return origin.lower() == f"{self._scheme}://{host.lower()}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
