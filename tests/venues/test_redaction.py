"""Secrets are replaced in everything that is shown: texts, structured lines, logs, warnings, tracebacks."""

import base64
import io
import json
import logging
import sys
import threading
import urllib.parse
import warnings
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.venues.redaction import HIDDEN, Redactor, install_redaction, redact, redact_event, remove_redaction
from support.keys import credentials, pair

KEY, SECRET = pair()
PASSWORD = "MARKED pass/word+1&2"  # noqa: S105 - it opens nothing
PRIVATE = "0x" + "4d41524b" * 8
SECRETS = (KEY, SECRET, PASSWORD, PRIVATE)
SEED = base64.b64decode(SECRET)


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(SECRETS)


@pytest.fixture
def installed() -> Iterator[Redactor]:
    yield install_redaction(credentials(api_key=KEY, secret=SECRET, password=PASSWORD, private_key=PRIVATE))
    remove_redaction()


WRITTEN = {
    "as it is": [*SECRETS],
    "percent-encoded": [urllib.parse.quote(s, safe="") for s in SECRETS] + [urllib.parse.quote_plus(PASSWORD)],
    "percent-encoded in lower case": [urllib.parse.quote(SECRET, safe="").lower(), urllib.parse.quote(KEY).lower()],
    "base64 of the text": [base64.b64encode(s.encode()).decode() for s in SECRETS],
    "base64 for addresses": [base64.urlsafe_b64encode(SEED).decode(), SECRET.rstrip("=")],
    "hex": [SEED.hex(), SEED.hex().upper(), *(s.encode().hex() for s in SECRETS), PRIVATE[2:], PRIVATE.upper()],
    "bytes": [repr(SEED), repr(list(SEED)), repr(SECRET.encode())],
    "a number": [str(int.from_bytes(SEED, "big")), str(int(PRIVATE, 16))],
    "JSON": [json.dumps({"password": PASSWORD}), json.dumps(SECRET).replace("/", "\\/")],
    "seed and public key together": [base64.b64encode(SEED + base64.b64decode(KEY)).decode()],
    "cut off": [SECRET[:20], KEY[:30] + "...", PRIVATE[:40]],
}


@pytest.mark.parametrize("way", WRITTEN)
def test_a_secret_is_found_in_every_way_of_writing_it(way: str, redactor: Redactor) -> None:
    for text in WRITTEN[way]:
        shown = redactor.redact(f"before {text} after")
        assert shown.startswith("before ")
        assert shown.endswith(" after")
        assert HIDDEN in shown
        assert text not in shown
        assert redactor.redact(shown) == shown, "replacing twice changes nothing"


def test_what_is_no_secret_stays(redactor: Redactor) -> None:
    text = "bid 99.5 ask 100.5, order 1234567890, wss://ws.backpack.exchange/?stream=depth.SOL_USDC_PERP"
    assert redactor.redact(text) == text


def test_a_short_password_goes_as_a_word_and_leaves_the_language_alone() -> None:
    redactor = Redactor(["the"])
    assert redactor.redact("password=the, then") == f"password={HIDDEN}, then"


def test_a_password_in_an_address_goes_even_if_nobody_told() -> None:
    assert redact("postgresql://me:se@cret@host/db") == f"postgresql://me:{HIDDEN}@host/db"
    assert redact("https://api.backpack.exchange:443/api/v1/time") == "https://api.backpack.exchange:443/api/v1/time"


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=8, max_size=60), st.text())
def test_no_secret_survives_whatever_it_is_made_of(secret: str, around: str) -> None:
    shown = Redactor([secret]).redact(f"{around} {secret} {around}")
    assert secret not in shown or secret in HIDDEN


def test_a_structured_line_is_clean_in_every_corner(installed: Redactor) -> None:  # noqa: ARG001
    out = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(out), processors=[redact_event, structlog.processors.LogfmtRenderer()]
    )
    log.msg(
        f"order refused for {KEY}",
        error=ValueError(f"signature with {SECRET}"),
        request={"headers": {"X-API-Key": KEY}, "body": [SECRET, (PASSWORD, 1)]},
        raw=SEED,
        price=100,
    )
    assert not any(secret in out.getvalue() for secret in (*SECRETS, repr(SEED)))
    assert "price=100" in out.getvalue()


def fail(text: str) -> None:
    raise ValueError(text)


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError(SECRET)


def test_nothing_that_it_is_given_makes_it_raise(redactor: Redactor) -> None:
    assert redactor.clean(Unprintable()) == HIDDEN


def test_the_redactor_itself_tells_nothing(redactor: Redactor) -> None:
    assert not any(secret in repr(redactor) for secret in SECRETS)


def test_what_libraries_log_is_clean(installed: Redactor, caplog: pytest.LogCaptureFixture) -> None:  # noqa: ARG001
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    for name in ("ccxt.base.exchange", "aiohttp.client", "asyncio"):
        log = logging.getLogger(name)
        log.addHandler(handler)
        log.setLevel(logging.DEBUG)
        try:
            log.debug("request %s with %r", {"X-API-Key": KEY}, PASSWORD)
            log.warning("arguments that do not fit %d", SECRET)
            try:
                fail(SECRET)
            except ValueError:
                log.exception("failed for %s", PRIVATE)
        finally:
            log.removeHandler(handler)
    assert out.getvalue().count("Traceback") == 3
    assert not any(secret in out.getvalue() + caplog.text for secret in SECRETS)


def test_a_traceback_of_the_program_is_clean(installed: Redactor, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ARG001
    try:
        try:
            fail(KEY)
        except ValueError as cause:
            raise TypeError(f"cannot sign with {SECRET}") from cause
    except TypeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    err = capsys.readouterr().err
    assert "TypeError: cannot sign with ***" in err
    assert not any(secret in err for secret in SECRETS)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_traceback_of_a_thread_is_clean(installed: Redactor, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ARG001
    error = ValueError(f"cannot write {SECRET}")
    threading.excepthook(threading.ExceptHookArgs((ValueError, error, None, None)))
    assert capsys.readouterr().err.strip() == "ValueError: cannot write ***"


def test_a_warning_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_, **__: shown.append(str(message)))
    install_redaction(credentials(api_key=KEY))
    warnings.showwarning(UserWarning(f"unclosed session of {KEY}"), UserWarning, "file.py", 1)
    remove_redaction()
    assert shown == ["unclosed session of ***"]


def test_keys_that_come_later_are_added_and_everything_is_as_before_after_removal() -> None:
    hook, factory = sys.excepthook, logging.getLogRecordFactory()
    install_redaction(credentials(api_key=KEY))
    install_redaction(credentials(secret=SECRET))
    assert redact(f"{KEY} {SECRET}") == f"{HIDDEN} {HIDDEN}"
    remove_redaction()
    assert (sys.excepthook, logging.getLogRecordFactory()) == (hook, factory)
    assert redact(KEY) == KEY
