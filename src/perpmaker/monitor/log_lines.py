"""What becomes of a line of the log: its fields in order, exact, redacted, and rendered.

Rules kept here:

1. Every line says when (UTC, to the microsecond), how important and what, in this order; then the rest as it was said.
2. Exact numbers are decimal text; what has no value is left out.
3. Nothing is rendered before it was redacted. A line is one line, whatever stands in it; only the traceback of an error
   is several, and only for people (console).
"""

import json
import logging
from collections.abc import MutableMapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, cast

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor

from perpmaker.venues.redaction import redact_event

NAME: Final = "perpmaker"
"""Of the logger whose lines are ours; those of libraries carry theirs as ``logger``."""

_NS_PER_US: Final = 1_000
_US_PER_S: Final = 1_000_000

_Fields = MutableMapping[str, Any]


def formatter(*, is_json: bool) -> logging.Formatter:
    """Makes a text of a record, ours or a library's."""
    show: Processor
    if is_json:
        show = structlog.processors.JSONRenderer(serializer=json.dumps, default=str)
    else:
        show = structlog.dev.ConsoleRenderer(colors=False, timestamp_key="at", sort_keys=False, pad_event_to=14)
    return ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name],
        processors=[_in_order, structlog.processors.format_exc_info, _plain, redact_event, _on_one_line, show],
    )


def utc_text(at_ns: int) -> str:
    """A time as the log writes it: ``2026-09-21T12:00:00.123456Z``."""
    seconds, rest_ns = divmod(at_ns, _US_PER_S * _NS_PER_US)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns // _NS_PER_US:06d}Z"


def _in_order(_logger: Any, _method: str, event: _Fields) -> _Fields:
    """Rule 1. What `ProcessorFormatter` adds for its own use goes."""
    record = cast("logging.LogRecord", event.pop("_record"))
    event.pop("_from_structlog")
    at_ns = event.pop("at_ns", None)
    first = {
        "at": utc_text(round(record.created * _US_PER_S) * _NS_PER_US if at_ns is None else at_ns),
        "level": record.levelname.lower(),
        "event": event.pop("event"),
    }
    return {**first, **event, **first}  # a field may not pass for one of these


def _plain(_logger: Any, _method: str, event: _Fields) -> _Fields:
    """Rule 2."""
    return {key: _as_told(value) for key, value in event.items() if value is not None}


def _as_told(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.value if isinstance(value, Enum) else value


def _on_one_line(_logger: Any, _method: str, event: _Fields) -> _Fields:
    """Rule 3, for what is rendered as it stands."""
    return {
        key: value if key == "exception" or not isinstance(value, str) else value.replace("\n", "; ")
        for key, value in event.items()
    }
