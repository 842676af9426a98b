"""What `perpmaker alerts` and `--alerts` do: the channels that are configured, a test of them, the table of kinds."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.table import Table

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.monitor.alerts.alerts import Alerts
from perpmaker.monitor.alerts.channel import Channel
from perpmaker.monitor.alerts.desk import PER_HOUR
from perpmaker.monitor.alerts.kinds import KINDS, MINUTE_NS, AlertKind, Severity
from perpmaker.monitor.alerts.services import AppriseService, services_at
from perpmaker.monitor.alerts.wording import Message
from perpmaker.venues.clock import Clock, SystemClock
from perpmaker.venues.credentials import ALERT_URLS_VARIABLE, KEYRING_SERVICE, load_alert_urls
from perpmaker.venues.redaction import redact


def open_alerts(clock: Clock, tell: Callable[[str], None] | None = None) -> Alerts:
    """Begin: a thread for each address; `Alerts.close` ends them. ``tell`` hears of their troubles, from any thread;
    without it the standard error does.

    Raises:
        UserError: there is no address, one is not understood, or they lie open to others.
    """
    told = tell or _tell
    return Alerts([Channel(service, told) for service in _services()], clock, told)


def send_test() -> ExitCode:
    """One message to each address, one after another.

    Raises:
        UserError: as `open_alerts`.
    """
    now = datetime.fromtimestamp(SystemClock().now_ns() // 10**9, UTC)
    message = Message(
        "perpmaker: test", f"Alerts of this program arrive here.\n{now:%Y-%m-%d %H:%M:%S} UTC", Severity.INFO
    )
    is_fine = True
    for service in _services():
        why = service.deliver(message)
        is_fine = is_fine and why is None
        typer.echo(f"{service.name}: {'taken' if why is None else f'not taken, {why}'}")
    return ExitCode.DURATION if is_fine else ExitCode.FAILED


def show_kinds() -> None:
    """The table of kinds, and the limit over all of them."""
    table = Table(box=None, pad_edge=False)
    for name in ("alert", "severity", "least pause", "when"):
        table.add_column(name, no_wrap=name != "when")
    for kind in KINDS:
        table.add_row(kind.name, kind.severity.value, pause_of(kind), kind.cause)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"At most {PER_HOUR} messages an hour; errors and ends of runs are not counted, and always sent.")


def pause_of(kind: AlertKind) -> str:
    """The least pause in words."""
    if not kind.pause_ns:
        return "none"
    minutes = f"{kind.pause_ns // MINUTE_NS} min"
    return f"{minutes}, same words" if kind.holds_same_only else minutes


def _services() -> list[AppriseService]:
    addresses = load_alert_urls()
    if not addresses:
        raise InvalidSettingError(
            f"there is no address for alerts: set {ALERT_URLS_VARIABLE} in the environment, in .env or in the system "
            f"keyring (service {KEYRING_SERVICE}, user alert/urls)"
        )
    return services_at(addresses)


def _tell(sentence: str) -> None:
    sys.stderr.write(f"perpmaker: {redact(sentence)}\n")
