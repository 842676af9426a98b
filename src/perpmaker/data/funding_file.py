"""Funding rates in files: a time and a rate per row, in csv, parquet or feather.

Rules kept here:

1. Columns are found by name, whatever its case: a time as in `bar_tables`, ``funding_rate`` (or ``rate``), and, if
   there is one, ``mark_price`` (or ``mark``). freqtrade keeps the rate in the column ``open`` of a file whose name has
   ``funding_rate`` in it.
2. A rate is exact to a part per billion; a finer one is rounded to the nearest, and a tie to the even one.
3. Times rise from row to row. The same payment twice is one; two payments of one time that differ are an error.
"""

from collections.abc import Sequence
from datetime import tzinfo
from decimal import Decimal
from pathlib import Path

from perpmaker.data.funding import FundingPayment, RecordedFunding
from perpmaker.data.importers.bar_tables import Table, read_table
from perpmaker.data.scaling import OffGridError, funding_rate, mark_milliticks
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.moments import moment_text
from perpmaker.domain.money import RATE_SCALE

_RATE_NAMES = ("funding_rate", "fundingrate", "rate")
_MARK_NAMES = ("mark_price", "markprice", "mark")


def read_funding(file: Path, instrument: Instrument, assumed: tzinfo | None = None) -> RecordedFunding:
    """The payments that a file holds.

    Args:
        file: csv (plain or gzipped), parquet or feather.
        instrument: what its marks, if it has some, are prices of.
        assumed: the zone of times that name none.

    Raises:
        RecordingError: the file does not exist, is truncated or foreign, or a row is impossible.
    """
    if not file.is_file():
        raise RecordingError(f"{file} does not exist: give a file of funding rates")
    table = read_table(file)
    times = table.times_ns(assumed).tolist()
    rates = table.decimals(_rate_column(table))
    marks = _marks(table, instrument)
    payments: list[FundingPayment] = []
    for index, (at_ns, rate, mark) in enumerate(zip(times, rates, marks, strict=True)):
        try:
            rate_ppb = int((funding_rate(rate) * RATE_SCALE).to_integral_value())
        except OffGridError as error:
            raise RecordingError(f"{table.row(index)}: {error}") from None
        payment = FundingPayment(at_ns, rate_ppb, mark)
        if payments and payment == payments[-1]:
            continue
        if payments and at_ns <= payments[-1].at_ns:
            before = moment_text(payments[-1].at_ns)
            what = "is another one than the row before has" if at_ns == payments[-1].at_ns else f"comes after {before}"
            raise RecordingError(
                f"{table.row(index)}: the funding of {moment_text(at_ns)} {what}: give each time once, in order"
            )
        payments.append(payment)
    return RecordedFunding(payments)


def _rate_column(table: Table) -> str:
    if "funding_rate" in table.file.name and not set(_RATE_NAMES) & set(table.columns):
        return table.first_of(("open",))
    return table.first_of(_RATE_NAMES)


def _marks(table: Table, instrument: Instrument) -> Sequence[int]:
    name = next((name for name in _MARK_NAMES if name in table.columns), None)
    if name is None:
        return [0] * table.rows
    return [_mark(table, index, price, instrument) for index, price in enumerate(table.decimals(name))]


def _mark(table: Table, index: int, price: Decimal, instrument: Instrument) -> int:
    try:
        return mark_milliticks(price, instrument)
    except OffGridError as error:
        raise RecordingError(f"{table.row(index)}: {error}") from None
