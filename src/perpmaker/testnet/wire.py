"""The testnet's numbers as the wire writes them, and back.

Rules kept here:

1. Out is always exact but for `entry_price`, an average that may have no end: it has 12 decimals.
2. Prices and sizes have the decimals of their step; money, rates and marks have no needless zeros.
3. In is strict: a plain decimal string that is a whole number of steps. What is finer is refused, never rounded.
4. Money of several markets is added up in units of 10^-36 quote currency (``_units``), in which every quantum of every
   market is a whole number.
"""

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Final

from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import QUANTA_PER_TICK_LOT, RATE_SCALE
from perpmaker.testnet.api_errors import ApiError, ErrorCode

_PLAIN: Final = re.compile(r"\d{1,15}(\.\d{1,18})?", re.ASCII)
_ENTRY_STEP: Final = Decimal("1e-12")
_BP_PPB: Final = RATE_SCALE // 10_000
_PRECISION: Final = 60
_UNIT_DECIMALS: Final = 36


class Wire:
    """Writes and reads the numbers of one market."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._tick, self._price_decimals = _step(instrument.tick_size)
        self._lot, self._size_decimals = _step(instrument.lot_size)
        self._money_unit = self._tick * self._lot
        self._money_decimals = self._price_decimals + self._size_decimals + len(str(QUANTA_PER_TICK_LOT)) - 1
        self.units_per_quantum: Final[int] = self._money_unit * 10 ** (_UNIT_DECIMALS - self._money_decimals)

    def price(self, ticks: int) -> str:
        return fixed(ticks * self._tick, self._price_decimals)

    def mark(self, milliticks: int) -> str:
        return _short(fixed(milliticks * self._tick, self._price_decimals + 3))

    def quantity(self, lots: int) -> str:
        return fixed(lots * self._lot, self._size_decimals)

    def money(self, quanta: int) -> str:
        return _short(fixed(quanta * self._money_unit, self._money_decimals))

    def entry_price(self, cost_quanta: int, lots: int) -> str:
        """Average price of ``lots`` that cost so much; 0 for none."""
        if lots == 0:
            return "0"
        with localcontext(prec=_PRECISION):
            ticks = Decimal(cost_quanta) / (lots * QUANTA_PER_TICK_LOT)
            return _short(f"{(ticks * self._instrument.tick_size).quantize(_ENTRY_STEP, ROUND_HALF_EVEN):f}")

    def ticks(self, text: object) -> int:
        """A price from the wire.

        Raises:
            ApiError: no plain positive decimal, too many decimals, or not on the tick.
        """
        units = _units(text, self._price_decimals, "Price")
        if units % self._tick:
            raise ApiError(ErrorCode.INVALID_PRICE, f"Price is not a multiple of {self._instrument.tick_size}")
        return units // self._tick

    def lots(self, text: object) -> int:
        """A size from the wire; raises as `ticks` does."""
        units = _units(text, self._size_decimals, "Quantity")
        if units % self._lot:
            raise ApiError(ErrorCode.INVALID_QUANTITY, f"Quantity is not a multiple of {self._instrument.lot_size}")
        return units // self._lot

    def quanta(self, text: object) -> int:
        """Money from the wire; raises as `ticks` does."""
        units = _units(text, self._money_decimals, "Quote quantity")
        return units // self._money_unit


def money_text(units: int) -> str:
    """Money that was added up over markets, rule 4."""
    return _short(fixed(units, _UNIT_DECIMALS))


def rate(ppb: int) -> str:
    """A rate or fraction in parts per billion, as a plain fraction."""
    return _short(fixed(ppb, 9))


def basis_points(ppb: int) -> str:
    """The same in basis points."""
    return _short(fixed(ppb * 10_000, 9)) if ppb % _BP_PPB else str(ppb // _BP_PPB)


def micros(at_ns: int) -> int:
    return at_ns // 1_000


def millis(at_ns: int) -> int:
    return at_ns // 1_000_000


def naive_time(at_ns: int) -> str:
    """A time as ``naive-date-time``: ISO 8601, UTC, without a zone, to the millisecond."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    thousandths = rest // 1_000_000
    return f"{text}.{thousandths:03d}" if thousandths else text


def fixed(units: int, decimals: int) -> str:
    """``units / 10**decimals`` with exactly so many decimals."""
    if decimals == 0:
        return str(units)
    whole, rest = divmod(abs(units), 10**decimals)
    sign = "-" if units < 0 else ""
    return f"{sign}{whole}.{rest:0{decimals}d}"


def _short(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _step(size: Decimal) -> tuple[int, int]:
    """A step as a whole number of units of so many decimals."""
    exponent = int(size.normalize().as_tuple().exponent)
    decimals = max(0, -exponent)
    return int(size.scaleb(decimals)), decimals


def _units(text: object, decimals: int, what: str) -> int:
    if not isinstance(text, str) or _PLAIN.fullmatch(text) is None:
        raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, f"Invalid {what.lower()}: a plain decimal string is expected")
    whole, _, part = text.partition(".")
    part = part.rstrip("0")
    if len(part) > decimals:
        raise ApiError(ErrorCode.INVALID_CLIENT_REQUEST, f"{what} decimal too long")
    return int(whole + part.ljust(decimals, "0"))
