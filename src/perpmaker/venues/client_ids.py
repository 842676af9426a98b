"""Our orders by the name that a venue knows them by: (tag of the run, order id) <-> client id.

Rules kept here:

1. Both numbers count from 1, fit their field or are refused, and come back exactly as they went in.
2. What was not written here is foreign and reads as None: other widths, other marks, a zero, upper case.
   An integer of 32 bits has no room for a mark: there a foreign id can only be told by its numbers, and a
   stranger's id of 2**22 and more reads as one of ours. The tag of the run is then what keeps them apart.
3. One format per exchange, the only one that it documents; text (letters and digits, the narrowest limit of all
   exchanges is 32 characters) for all that do not ask for anything else.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol


class OwnId(NamedTuple):
    """Whose order it is: the run's tag and the maker's order id."""

    tag: int
    order_id: int


class ClientIds(Protocol):
    """The client ids of one exchange."""

    @property
    def max_tag(self) -> int: ...

    @property
    def max_order_id(self) -> int: ...

    def encode(self, own: OwnId) -> str:
        """The client id as text. Raises `ValueError` when a number is not within 1 and its maximum."""
        ...

    def decode(self, client_id: str | None) -> OwnId | None:
        """Who wrote this client id; None when it is nobody's of this program."""
        ...


@dataclass(frozen=True, slots=True)
class BitFields:
    """Mark, tag and order id as one number, from the highest bit to the lowest.

    Args:
        tag_bits: width of the tag.
        order_bits: width of the order id.
        mark: what the bits above the tag hold in every id of ours; 0 where there is no room for one.
        hex_digits: 0 writes decimal digits; else ``0x`` and so many hexadecimal ones.
    """

    tag_bits: int
    order_bits: int
    mark: int = 0
    hex_digits: int = 0

    @property
    def max_tag(self) -> int:
        return (1 << self.tag_bits) - 1

    @property
    def max_order_id(self) -> int:
        return (1 << self.order_bits) - 1

    def encode(self, own: OwnId) -> str:
        _check(self, own)
        number = (self.mark << self.tag_bits | own.tag) << self.order_bits | own.order_id
        return f"0x{number:0{self.hex_digits}x}" if self.hex_digits else str(number)

    def decode(self, client_id: str | None) -> OwnId | None:
        number = self._number(client_id)
        if number is None:
            return None
        order_id = number & self.max_order_id
        tag = number >> self.order_bits & self.max_tag
        if number >> self.order_bits + self.tag_bits != self.mark or tag == 0 or order_id == 0:
            return None
        return OwnId(tag, order_id)

    def _number(self, client_id: str | None) -> int | None:
        if client_id is None:
            return None
        if not self.hex_digits:
            is_plain = client_id.isascii() and client_id.isdigit() and not client_id.startswith("0")
            return int(client_id) if is_plain else None
        digits = client_id[2:]
        is_hex = client_id[:2] == "0x" and len(digits) == self.hex_digits and set(digits) <= _HEX_DIGITS
        return int(digits, 16) if is_hex else None


@dataclass(frozen=True, slots=True)
class TextFields:
    """``pm``, then tag and order id in hexadecimal digits of fixed width: 18 letters and digits."""

    max_tag: int = (1 << 24) - 1
    max_order_id: int = (1 << 40) - 1

    def encode(self, own: OwnId) -> str:
        _check(self, own)
        return f"{_PREFIX}{own.tag:06x}{own.order_id:010x}"

    def decode(self, client_id: str | None) -> OwnId | None:
        if client_id is None or len(client_id) != 18 or not client_id.startswith(_PREFIX):
            return None
        if not set(client_id[2:]) <= _HEX_DIGITS:
            return None
        own = OwnId(int(client_id[2:8], 16), int(client_id[8:], 16))
        return own if own.tag and own.order_id else None


def client_ids(exchange: str) -> ClientIds:
    """The format for an exchange, by its ccxt id."""
    return _FORMATS.get(exchange, TEXT)


def _check(fields: ClientIds, own: OwnId) -> None:
    for name, value, most in (("tag", own.tag, fields.max_tag), ("order id", own.order_id, fields.max_order_id)):
        if not 1 <= value <= most:
            raise ValueError(f"the {name} of a client id must be from 1 to {most}, got {value}")


_HEX_DIGITS: Final = frozenset("0123456789abcdef")
_PREFIX: Final = "pm"

UINT32: Final = BitFields(tag_bits=10, order_bits=22)
"""A 32-bit number: Backpack's ``clientId``, dYdX's ``clientId``."""

UINT48: Final = BitFields(tag_bits=14, order_bits=26, mark=0xA5)
"""A 48-bit number: Lighter's ``client_order_index``."""

HEX128: Final = BitFields(tag_bits=24, order_bits=40, mark=int.from_bytes(b"perpmakr"), hex_digits=32)
"""128 bits in hexadecimal: Hyperliquid's ``cloid``."""

TEXT: Final = TextFields()
"""Letters and digits: Binance and Aster (36 characters), Bybit (36), OKX (32), Paradex, ApeX and others."""

_FORMATS: Final[dict[str, ClientIds]] = {
    "backpack": UINT32,
    "dydx": UINT32,
    "lighter": UINT48,
    "hyperliquid": HEX128,
}
