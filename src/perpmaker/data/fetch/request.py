"""What is fetched: one kind of history of one market, from a time up to another.

Rules kept here:

1. A request is fixed when it begins: its end is a time and never "now", so the same request gives the same rows today
   and tomorrow.
2. Rows are text as the exchange sent it, behind a time in milliseconds: nothing is rounded on the way. The columns of
   each kind are `COLUMNS`, and are those that `perpmaker data import` reads.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import msgspec

from perpmaker.data.format import utc

FetchKind = Literal["bars", "trades", "funding"]


class Row(NamedTuple):
    """Time in milliseconds since 1970 UTC, and the other columns as text, in the order of `COLUMNS`."""

    ts_ms: int
    values: tuple[str, ...]


COLUMNS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "bars": ("ts_ms", "open", "high", "low", "close", "volume"),
        "trades": ("ts_ms", "side", "price", "amount", "id"),
        "funding": ("ts_ms", "funding_rate"),
    }
)
"""Columns of each kind. Bars are stamped with their beginning; a side is the taker's; sizes are in base currency."""


class FetchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was asked for. Times are milliseconds since 1970 UTC; ``to_ms`` is the first that is not wanted."""

    exchange: str
    symbol: str
    kind: FetchKind
    from_ms: int
    to_ms: int
    timeframe: str = ""
    """Length of a bar in the exchange's words, e.g. ``1m``; empty for other kinds."""
    endpoint: str = ""
    """Where the exchange was looked for, if not at its own address."""

    @property
    def words(self) -> str:
        """The request as people say it."""
        what = f"{self.timeframe} bars" if self.kind == "bars" else self.kind
        span = f"{utc(self.from_ms * 1_000_000)} to {utc(self.to_ms * 1_000_000)} UTC"
        return f"{what} of {self.symbol} on {self.exchange}, {span}"

    def as_strings(self) -> dict[str, str]:
        """For the provenance of a recording."""
        return {name: str(value) for name, value in msgspec.to_builtins(self).items()}
