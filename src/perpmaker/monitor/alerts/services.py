"""The services that take alerts, by apprise: Telegram, Discord, mail, webhooks and the many others that it knows.

Rules kept here:

1. Addresses are checked before a run begins; one that is not understood is refused by its scheme.
2. What apprise says is not shown and not logged: its sentences may hold pieces of an address. What went wrong is told
   in words of our own.
3. apprise keeps no files and starts no threads of its own: a thread that it started would be waited for at the end of
   the program.
"""

import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from perpmaker.domain.errors import InvalidSettingError
from perpmaker.monitor.alerts.addresses import names_of, secrets_of
from perpmaker.monitor.alerts.kinds import Severity
from perpmaker.monitor.alerts.wording import Message
from perpmaker.venues.credentials import ALERT_URLS_VARIABLE
from perpmaker.venues.redaction import hide

if TYPE_CHECKING:
    from apprise import Apprise

_TYPES: Final = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.ERROR: "failure"}
_STATUS: Final = re.compile(r"\berror=(\d{3})\b")


class AppriseService:
    """One address; see `perpmaker.monitor.alerts.channel.Service`."""

    def __init__(self, name: str, apprise: "Apprise") -> None:
        self.name = name
        self._apprise = apprise

    def deliver(self, message: Message) -> str | None:
        """Hand a message over. None when it was taken, else why not."""
        result = self._apprise.notify(message.body, message.title, _TYPES[message.severity], body_format="text")
        return None if result else _why([entry.message for entry in result.logs()])


def services_at(addresses: Sequence[SecretStr]) -> list[AppriseService]:
    """The services at these addresses, in their order. From here on nothing shows the addresses.

    Raises:
        InvalidSettingError: one is not understood.
    """
    from apprise import LOGGER_NAME, Apprise, AppriseAsset, OverflowMode  # noqa: PLC0415 - half a second of every start

    plain = [address.get_secret_value() for address in addresses]
    hide(secret for address in plain for secret in secrets_of(address))
    logging.getLogger(LOGGER_NAME).propagate = False
    asset = AppriseAsset(service_timeout=0, storage_mode="memory")
    asset.app_id = "perpmaker"
    services = []
    for name, address in zip(names_of(plain), plain, strict=True):
        plugin = Apprise.instantiate(address, asset=asset)
        if plugin is None:
            raise InvalidSettingError(
                f"{ALERT_URLS_VARIABLE}: the address {name} is none that apprise understands: compare it with its "
                f"service in docs/alerts.md; addresses are parted by spaces, and a space within one is written %20"
            )
        if "overflow=" not in address:
            plugin.overflow_mode = OverflowMode.SPLIT
        one = Apprise(asset=asset)
        one.add(plugin)
        services.append(AppriseService(name, one))
    return services


def _why(said: Sequence[str]) -> str:
    """Rule 2."""
    for text in said:
        status = _STATUS.search(text)
        if status is not None:
            return f"it answered with status {status[1]}"
        if "connection error" in text.lower():
            return "it could not be reached"
    return "it was refused"
