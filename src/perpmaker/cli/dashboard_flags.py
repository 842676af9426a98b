"""The flags of `perpmaker dashboard`: where the page is served, and whether what is sent there can be read on the way.

Rules kept here:

1. Beyond this machine the page is served with TLS, or where that is asked for in so many words.
2. Nothing is looked up or opened here: the check of a configuration file needs no more than this.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from perpmaker.cli import values
from perpmaker.cli.watch_flags import DASHBOARD_PORT, MOST_PORTS
from perpmaker.dashboard.security.hosts import is_loopback
from perpmaker.domain.errors import InvalidSettingError

LOOPBACK: Final = "127.0.0.1"

Host = Annotated[
    str,
    typer.Option(
        "--host",
        metavar="ADDRESS",
        help="Address of this machine to listen on. Any but a loopback one needs --tls-cert and --tls-key, or "
        "--insecure-remote.",
    ),
]
Port = Annotated[
    int,
    typer.Option("--port", parser=values.whole, metavar="PORT", help="Port to listen on; 0 takes any that is free."),
]
Names = Annotated[
    str | None,
    typer.Option(
        "--names",
        metavar="NAME,NAME...",
        help="Host names under which browsers of other machines call it, e.g. maker.example.org.",
    ),
]
TlsCert = Annotated[
    Path | None, typer.Option("--tls-cert", metavar="FILE", help="Serve HTTPS with this certificate, PEM.")
]
TlsKey = Annotated[
    Path | None, typer.Option("--tls-key", metavar="FILE", help="The private key of that certificate, PEM.")
]
InsecureRemote = Annotated[
    bool,
    typer.Option(
        "--insecure-remote",
        help="Serve other machines without TLS: who listens on the way can read what is sent, and act in its name.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardFlags:
    """Where the page is served."""

    host: Host = LOOPBACK
    port: Port = DASHBOARD_PORT
    names: Names = None
    tls_cert: TlsCert = None
    tls_key: TlsKey = None
    insecure_remote: InsecureRemote = False

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names, one by one."""
        return tuple(name.strip() for name in (self.names or "").split(",") if name.strip())

    @property
    def is_remote(self) -> bool:
        """Whether other machines can reach it."""
        return not is_loopback(self.host)

    def check(self) -> None:
        """Raise `InvalidSettingError` for a port that is none, half of a certificate, or what rule 1 forbids."""
        if not 0 <= self.port <= MOST_PORTS:
            raise InvalidSettingError(f"--port {self.port}: a port is a whole number from 0 (any) to {MOST_PORTS}")
        if (self.tls_cert is None) != (self.tls_key is None):
            given, missing = ("--tls-cert", "--tls-key") if self.tls_key is None else ("--tls-key", "--tls-cert")
            raise InvalidSettingError(f"{given} without {missing}: a certificate and its key go together")
        has_tls = self.tls_cert is not None
        if self.is_remote and not has_tls and not self.insecure_remote:
            raise InvalidSettingError(
                f"--host {self.host} without TLS: other machines could read and change what is sent. Leave it on "
                f"{LOOPBACK} and use an SSH tunnel, give --tls-cert and --tls-key, or say --insecure-remote"
            )
        if self.insecure_remote and (has_tls or not self.is_remote):
            why = "with TLS" if has_tls else f"on {self.host}, which only this machine reaches"
            raise InvalidSettingError(f"--insecure-remote does nothing {why}: leave it out")
