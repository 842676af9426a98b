"""What a dashboard is started with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from perpmaker.dashboard.security.users import User

PORT: Final = 8321


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardSettings:
    """Plain values; `perpmaker.cli` fills them from flags and from ``[dashboard]`` of the configuration.

    Attributes:
        journal_url: as `perpmaker.journal.writer.open_journal` takes it; None for the user's own.
        host: address or name to listen on; anything but loopback demands TLS or ``insecure_remote``.
        port: 0 takes any that is free.
        names: further host names under which browsers may call it. Its own address needs none.
        tls_cert: certificate chain, PEM; with ``tls_key`` the page is served over TLS.
        insecure_remote: listen beyond loopback without TLS, on a network that is trusted.
        can_start_live: whether a live run may be started from the page.
        has_tokens: whether a token for each role is made, to be printed at the start.
        users: may log in by name and password.
        sessions_file: where sessions outlive a restart of the dashboard, as digests; None: they do not.
    """

    journal_url: str | None = None
    host: str = "127.0.0.1"
    port: int = PORT
    names: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    insecure_remote: bool = False
    can_start_live: bool = False
    has_tokens: bool = True
    users: tuple[User, ...] = ()
    sessions_file: Path | None = None

    @property
    def is_tls(self) -> bool:
        return self.tls_cert is not None
