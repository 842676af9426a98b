"""Keeps secrets out of everything that is shown or stored.

Rules kept here:

1. A secret is replaced wherever it stands, in every way in which it may be written: as it is, percent-encoded, base64
   of either alphabet, hex, JSON, a number, the text of its bytes.
2. A long secret that was cut off is still one: what begins like it is replaced to the end of the word.
3. Passwords in addresses (``scheme://user:password@host``) are replaced, whether they are known or not.
4. `install_redaction` covers the ways out that nobody thinks of: logging (of libraries, too), warnings, tracebacks of
   the program, of threads and of destructors. What this program writes itself goes through `redact`.
5. Replacing twice changes nothing, and nothing here ever raises because of what it was given.
"""

import base64
import binascii
import logging
import re
import sys
import threading
import traceback
import urllib.parse
import warnings
from collections.abc import Iterable, Iterator, MutableMapping
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from perpmaker.venues.credentials import Credentials  # a fifth of a second that `--help` does not need

HIDDEN: Final = "***"

_SHORT: Final = 8
"""Shorter secrets are replaced as whole words only: a password of three letters would eat half of every sentence."""

_LONG: Final = 24
_BEGINNING: Final = 16
"""A secret of at least `_LONG` characters is known by so many of its first ones."""

_BINARY: Final = range(16, 129)
"""Bytes that a key in base64 or hex may have."""

_ADDRESS: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/]*(?=@)", re.IGNORECASE)
_WORD: Final = re.compile(r"[\w+/=%~-]+")
_PLAIN: Final = (int, float, bool, Decimal, type(None))


class Redactor:
    """Knows the secrets, and replaces them in any text. ``add`` makes it know more of them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"

    def add(self, secrets: Iterable[str]) -> None:
        for secret in secrets:
            self._forms.update(form for form in _forms(secret) if form)
        # The longest first: a form may begin like a shorter one.
        ordered = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(_expression, ordered)), re.IGNORECASE) if ordered else None

    def redact(self, text: str) -> str:
        """The text without any secret."""
        shown = _ADDRESS.sub(rf"\1{HIDDEN}", text) if "://" in text else text
        return shown if self._pattern is None else self._pattern.sub(HIDDEN, shown)

    def clean(self, value: Any) -> Any:
        """The same for what a structured line or a row may hold: texts within lists and mappings, errors, bytes."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, _PLAIN):
            return value if self._pattern is None or not self._pattern.search(str(value)) else HIDDEN
        if isinstance(value, dict):
            return {self.clean(key): self.clean(held) for key, held in value.items()}
        if type(value) in (list, tuple, set, frozenset):
            return type(value)(self.clean(held) for held in value)
        try:
            shown = str(value)
        except Exception:  # noqa: BLE001 - rule 5: a repr of somebody else's may raise anything
            return HIDDEN
        safe = self.redact(shown)
        return value if safe == shown and self.redact(repr(value)) == repr(value) else safe

    def traceback(self, error: BaseException) -> str:
        """The error as the interpreter would print it, without secrets."""
        return self.redact("".join(traceback.format_exception(error)))


def _forms(secret: str) -> Iterator[str]:
    """Every way in which a secret may be written."""
    yield from _texts(secret)
    yield from _of_bytes(secret.encode())
    for plain in _decoded(secret):
        yield from _of_bytes(plain)
        yield str(int.from_bytes(plain, "big"))


def _texts(secret: str) -> Iterator[str]:
    yield secret
    yield urllib.parse.quote(secret, safe="")
    yield urllib.parse.quote(secret)
    yield urllib.parse.quote_plus(secret)
    yield repr(secret)[1:-1]
    yield secret.replace("\\", "\\\\").replace('"', '\\"')
    yield secret.replace("/", "\\/")
    if secret[:2].lower() == "0x":
        yield secret[2:]


def _of_bytes(plain: bytes) -> Iterator[str]:
    yield plain.hex()
    yield repr(plain)[2:-1]
    yield repr(list(plain))[1:-1]
    for encoded in (base64.b64encode(plain).decode(), base64.urlsafe_b64encode(plain).decode()):
        yield encoded
        yield encoded.rstrip("=")
        yield urllib.parse.quote(encoded, safe="")


def _decoded(secret: str) -> Iterator[bytes]:
    """The key itself, where the secret is one in base64 or hex."""
    digits = secret[2:] if secret[:2].lower() == "0x" else secret
    for decode in (bytes.fromhex, _from_base64):
        try:
            plain = decode(digits)
        except (binascii.Error, ValueError):
            continue
        if len(plain) in _BINARY:
            yield plain


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _expression(form: str) -> str:
    if len(form) < _SHORT:
        return rf"(?<!\w){re.escape(form)}(?!\w)"
    if len(form) < _LONG:
        return re.escape(form)
    return rf"{re.escape(form[:_BEGINNING])}[\w+/=%~-]*" if _WORD.fullmatch(form) else re.escape(form)


_installed: Redactor | None = None
_before: dict[str, Any] = {}


def redact(text: str) -> str:
    """The text without any secret that `install_redaction` was told of; passwords in addresses always go."""
    return (_installed or _UNTOLD).redact(text)


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The same for structured lines: a processor of structlog, to stand in front of the renderer."""
    redactor = _installed or _UNTOLD
    return {redactor.redact(key): redactor.clean(value) for key, value in event.items()}


_UNTOLD: Final = Redactor()


def install_redaction(credentials: "Credentials") -> Redactor:
    """Keep these keys out of everything from now on; called again, further keys as well."""
    return hide(credentials.values())


def hide(secrets: Iterable[str]) -> Redactor:
    """The same for secrets that are no keys of an exchange."""
    global _installed  # noqa: PLW0603 - the hooks that it guards are the interpreter's, of which there is one
    if _installed is None:
        _installed = Redactor()
        _hook(_installed)
    _installed.add(secrets)
    return _installed


def remove_redaction() -> None:
    """Undo `hide` and `install_redaction` (for tests)."""
    global _installed  # noqa: PLW0603 - see `hide`
    if _installed is not None:
        sys.excepthook = _before["excepthook"]
        threading.excepthook = _before["threading"]
        sys.unraisablehook = _before["unraisable"]
        logging.setLogRecordFactory(_before["records"])
        warnings.showwarning = _before["warning"]
        _installed = None


def _hook(redactor: Redactor) -> None:
    _before.update(
        excepthook=sys.excepthook,
        threading=threading.excepthook,
        unraisable=sys.unraisablehook,
        records=logging.getLogRecordFactory(),
        warning=warnings.showwarning,
    )

    def show(_kind: type[BaseException], error: BaseException, _tb: TracebackType | None) -> None:
        sys.stderr.write(redactor.traceback(error))

    def show_of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            sys.stderr.write(redactor.traceback(args.exc_value))

    def show_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
        if unraisable.exc_value is not None:
            sys.stderr.write(redactor.traceback(unraisable.exc_value))

    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        return _clean_record(redactor, _before["records"](*args, **kwargs))

    def warn(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        _before["warning"](redactor.redact(str(message)), category, *where, **more)

    sys.excepthook = show
    threading.excepthook = show_of_thread
    sys.unraisablehook = show_unraisable
    logging.setLogRecordFactory(record)
    warnings.showwarning = warn


def _clean_record(redactor: Redactor, record: logging.LogRecord) -> logging.LogRecord:
    """A log record whose message, traceback and stack are safe, whatever formats it later.

    The factory rather than a filter: a filter of the root logger does not see what libraries log below it.
    """
    try:
        record.msg = redactor.redact(record.getMessage())
    except Exception:  # noqa: BLE001 - a library's own arguments do not fit its format: rule 5
        record.msg = redactor.redact(f"{record.msg} {record.args!r}")
    record.args = ()
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = redactor.traceback(record.exc_info[1]).rstrip("\n")
    if record.stack_info:
        record.stack_info = redactor.redact(record.stack_info)
    return record
