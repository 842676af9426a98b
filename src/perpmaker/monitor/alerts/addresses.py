"""What of an alert's address may be shown, and what of it is secret.

Rule kept here: of an address only its scheme is ever shown, and only where it looks like one. Anything else in it may
be a token: which part is one differs from service to service.
"""

import re
import urllib.parse
from collections.abc import Sequence
from typing import Final

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+]{0,15})://", re.IGNORECASE)
_PARTS: Final = re.compile(r"[/?&=:@#,\s]+")
_HOST: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)

_LEAST: Final = 8
_LONG: Final = 20


def scheme_of(address: str) -> str:
    """What stands before ``://``, or that nothing does."""
    found = _SCHEME.match(address)
    return "without a scheme" if found is None else found[1].lower()


def names_of(addresses: Sequence[str]) -> list[str]:
    """A name for each address, by which its owner can tell it from the others."""
    total = len(addresses)
    numbered = [f"{scheme_of(address)} ({number} of {total})" for number, address in enumerate(addresses, 1)]
    return [scheme_of(addresses[0])] if total == 1 else numbered


def secrets_of(address: str) -> list[str]:
    """Every text in an address that must not be shown, for `perpmaker.venues.redaction`.

    The address itself, its password, and whatever in it looks like a token: not a plain word, a number or a host, since
    these stand in honest sentences, too.
    """
    found = [address]
    body = address.partition("://")[2]
    login, at, _ = body.rpartition("@")
    if at and "/" not in login:
        found.append(login.partition(":")[2])
    found += [part for part in _PARTS.split(body) if _is_token(part)]
    return list(dict.fromkeys(each for text in found for each in (text, urllib.parse.unquote(text)) if each))


def _is_token(part: str) -> bool:
    if len(part) < _LEAST or _HOST.fullmatch(part) or part.isdigit():
        return False
    has_both = any(map(str.isdigit, part)) and any(map(str.isalpha, part))
    is_mixed = part.lower() != part and part.upper() != part
    return has_both or is_mixed or len(part) >= _LONG
