"""Reads a configuration file into sections and keys, before anything is known of their meaning.

Rules kept here:

1. Whatever the file is, a mistake is one sentence with the file's name: no traceback, and never a value of a key.
2. A secret does not stand here. What looks like one is refused, wherever it stands in the file; where others can read
   the file the sentence says so, since such a key must be taken for known.
3. The one exception are hashes of the dashboard's passwords. A file with hashes must be closed to others: they could
   try passwords on them, as many as they like.
4. Numbers with a point are decimals, exact as written.
"""

import os
import re
import stat
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from perpmaker.cli.configuration.words import cut
from perpmaker.dashboard.security.users import is_hash
from perpmaker.domain.errors import ConfigError, CredentialsError

DEFAULT_FILE: Final = Path("perpmaker.toml")
"""Looked for in the working directory."""

_MOST_BYTES: Final = 1 << 20
_LONGEST_LINE: Final = 4096
"""One dotted key of a megabyte would make the reader take all memory."""

_OPEN_TO_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_SECRET: Final = re.compile(
    r"apikey|secret|passw|passphrase|privatekey|accesskey|token|mnemonic|seedphrase|credential|walletaddress"
    r"|^(?:keys?|pass|pwd|auth)$"
)
_USERS: Final = ("dashboard", "users")
_NAMED: Final = {("markets",), _USERS}
_HASH: Final = "password_hash"
_PASSWORD_IN_ADDRESS: Final = re.compile(r"://[^/\s@]*:[^/\s@]+@")


def read_document(path: Path) -> dict[str, Any]:
    """The file's tables and values.

    Raises:
        ConfigError: it cannot be read, or is not TOML.
        CredentialsError: something in it looks like a secret.
    """
    text, mode = _read(path)
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {cut(str(error), 160)}") from None
    except RecursionError:
        raise ConfigError(f"{path}: values are nested too deeply for a configuration file") from None
    except (ValueError, ArithmeticError):  # numbers and dates that TOML allows and Python does not
        raise ConfigError(f"{path}: a number or date in it is beyond any real size") from None
    is_open = os.name == "posix" and bool(mode & _OPEN_TO_OTHERS)
    for place, key in _secrets(document):
        raise CredentialsError(_refusal(path, place, key, is_open=is_open))
    if is_open and _has_hashes(document):
        raise CredentialsError(f"others can read the password hashes in {path}: run `chmod 600 {path}` first")
    return document


def looks_secret(name: str) -> bool:
    """Whether a key of this name would hold what must not stand in a file."""
    return _SECRET.search(re.sub(r"[^a-z]", "", name.lower())) is not None


def _read(path: Path) -> tuple[str, int]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a plain file"
            raise ConfigError(f"{path} is {what}: name a configuration file")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration file {path}: `perpmaker config init` writes one") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"{cut(repr(str(path)))} cannot be the name of a file") from None
    if len(content) > _MOST_BYTES:
        raise ConfigError(f"{path} is larger than a megabyte: this is no configuration file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not plain text: a configuration file is TOML in UTF-8") from None
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > _LONGEST_LINE:
            raise ConfigError(f"{path}: line {number} is longer than {_LONGEST_LINE} characters")
    return text, status.st_mode


def _has_hashes(document: dict[str, Any]) -> bool:
    dashboard = document.get("dashboard")
    return isinstance(dashboard, dict) and bool(dashboard.get("users"))


def _secrets(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Place and key of everything that looks like a secret. Markets and users may be called as they like."""
    left: list[tuple[tuple[str, ...], Any]] = [((), document)]
    while left:
        place, value = left.pop()
        if isinstance(value, dict):
            for key, held in value.items():
                is_name = place in _NAMED and isinstance(held, dict)
                is_no_secret = key == _HASH and place[:-1] == _USERS and isinstance(held, str) and is_hash(held)
                if looks_secret(key) and not is_name and not is_no_secret:
                    yield _section(place), key
                left.append(((*place, key), held))
        elif isinstance(value, list):
            left += [(place, held) for held in value]
        elif isinstance(value, str) and _PASSWORD_IN_ADDRESS.search(value):
            yield _section(place[:-1]), place[-1]


def _section(place: tuple[str, ...]) -> str:
    return cut(f"[{'.'.join(place)}] ") if place else ""


def _refusal(path: Path, section: str, key: str, *, is_open: bool) -> str:
    where = f"{path}: {section}{cut(key)} holds what looks like a secret, and secrets do not stand in this file: "
    put = "put it into the environment, .env or the system keyring (docs/live.md, Keys)"
    if section.startswith("[dashboard"):
        put = f"write {_HASH} = ... with what `perpmaker dashboard hash` prints"
    elif not looks_secret(key):
        put = "leave the password out of the address, and set PGPASSWORD or ~/.pgpass"
    if not is_open:
        return f"{where}{put}"
    return f"{where}others can read this file, so take it for known and make a new one; then {put}"
