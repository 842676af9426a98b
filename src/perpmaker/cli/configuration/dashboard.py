"""The section [dashboard] of a configuration file: where the page is served, and who may open it.

Rules kept here:

1. A user has a role and the hash of a password, both or neither. The hash is repeated in no sentence.
2. The section is read with the whole file, and alone: a dashboard needs no market.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from perpmaker.cli.configuration.document import read_document
from perpmaker.cli.configuration.keys import DASHBOARD_KEYS, USER_KEYS
from perpmaker.cli.configuration.sections import check_sections, group_of, layer, of_program, of_typed
from perpmaker.cli.configuration.settings import Dashboard, Source
from perpmaker.cli.configuration.words import cut, shown
from perpmaker.cli.dashboard_flags import DashboardFlags
from perpmaker.dashboard.security.users import User
from perpmaker.domain.errors import ConfigError, InvalidSettingError

SECTION: Final = "dashboard"
USERS: Final = "users"

_NAME: Final = re.compile(r"[A-Za-z0-9_.@-]{1,64}")


def load_dashboard(path: Path, typed: Mapping[str, Any] | None = None) -> Dashboard:
    """What a file says of the page, options of the command line going first.

    Raises:
        UserError: it cannot be read, holds a secret, or something in this section is unknown or impossible.
    """
    document = read_document(path)
    check_sections(path, document)
    return dashboard_of(path, document, typed or {})


def dashboard_of(path: Path, document: Mapping[str, Any], typed: Mapping[str, Any]) -> Dashboard:
    """The same, of a document that was read from this file. Raises as `load_dashboard`."""
    table = document.get(SECTION, {})
    own = {name: value for name, value in table.items() if name != USERS} if isinstance(table, dict) else table
    given = layer(path, SECTION, {SECTION: own}, DASHBOARD_KEYS, Source.SECTION)
    users = _users(path, table.get(USERS, {}) if isinstance(table, dict) else {})
    settings = {**of_program(DASHBOARD_KEYS), **given, **of_typed(typed, DASHBOARD_KEYS)}
    flags: DashboardFlags = group_of(DashboardFlags, {name: setting.value for name, setting in settings.items()})
    try:
        flags.check()
    except InvalidSettingError as error:
        raise ConfigError(f"{path}: [{SECTION}]: {error}") from None
    return Dashboard(flags=flags, users=users, settings=settings)


def _users(path: Path, tables: object) -> tuple[User, ...]:
    if not isinstance(tables, dict):
        raise ConfigError(f"{path}: [{SECTION}] {USERS} holds sections: write [{SECTION}.{USERS}.NAME]")
    return tuple(_user(path, name, tables) for name in tables)


def _user(path: Path, name: str, tables: Mapping[str, Any]) -> User:
    section = f"{SECTION}.{USERS}.{cut(name)}"
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{path}: [{SECTION}.{USERS}.{shown(name)}]: a user's name is 1 to 64 letters, digits and any of . _ - @"
        )
    found = layer(path, section, tables, USER_KEYS, Source.SECTION, name)
    for missing in USER_KEYS:
        if missing not in found:
            hint = "trader or viewer" if missing == "role" else "`perpmaker dashboard hash` makes it"
            raise ConfigError(f"{path}: [{section}] {missing} is missing: {hint}")
    return User(name=name, role=found["role"].value, password_hash=found["password_hash"].value)
