"""`perpmaker data calibration`: recordings and the synthetic markets fitted to them, side by side.

Rules kept here:

1. Both columns are measured by the same function, `perpmaker.data.statistics.measure`; sizes are given in the base
   currency, because a recording and its synthetic market may count in different lots.
2. A report written into a file that has the two marker lines replaces only what stands between them, so the text
   around the tables is kept.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.console import Console

from perpmaker.domain.errors import InvalidSettingError, UnknownNameError

if TYPE_CHECKING:
    from perpmaker.data.statistics import MarketStatistics

BEGIN: Final = "<!-- calibration: begin -->"
END: Final = "<!-- calibration: end -->"

_SEED: Final = 1
_HOUR_NS: Final = 3_600_000_000_000


class _Counterpart(NamedTuple):
    """The synthetic market that stands for a recorded symbol, and how much of it is measured."""

    profile: str
    hours: int


_COUNTERPARTS: Final = {
    "BTCUSDT": _Counterpart("BTC_USDC_PERP", 4),
    "ETHUSDT": _Counterpart("ETH_USDC_PERP", 4),
    "NEXOUSDT": _Counterpart("NEXO_USDC_PERP", 34),
    "BTC-USD": _Counterpart("BTC_USD_PERP", 12),
    "ETH": _Counterpart("ETH_USD_PERP", 4),
}
_WITHOUT_RECORDING: Final = _Counterpart("SOL_USDC_PERP", 12)


class _Measured(NamedTuple):
    statistics: "MarketStatistics"
    lot: float  # base currency


def calibration(recordings: Sequence[Path], out: Path | None = None) -> None:
    """Measure recordings and their synthetic markets, and print or write the tables as Markdown.

    Args:
        recordings: folders made by `perpmaker data import`; a table each, then one for the synthetic SOL.
        out: file to write; None prints.

    Raises:
        UnknownNameError: no synthetic market was fitted to a recording's symbol.
        RecordingError: a recording cannot be read.
        InvalidSettingError: ``out`` cannot be written.
    """
    report = "\n\n".join([*(_compared(path) for path in recordings), _table(None, _WITHOUT_RECORDING)]) + "\n"
    if out is None:
        Console(soft_wrap=True).print(report, markup=False, highlight=False, end="")
        return
    try:
        out.write_text(_placed(report, out.read_text(encoding="utf-8") if out.exists() else ""), encoding="utf-8")
    except OSError as error:
        raise InvalidSettingError(f"--out {out} cannot be written: {error.strerror}") from None


def _compared(path: Path) -> str:
    from perpmaker.data.reader import Recording  # noqa: PLC0415  # pyarrow: keeps --help quick
    from perpmaker.data.statistics import measure  # noqa: PLC0415  # same, numba

    recording = Recording.open(path)
    symbol = recording.instrument.symbol
    if symbol not in _COUNTERPARTS:
        known = ", ".join(_COUNTERPARTS)
        raise UnknownNameError(f"{path}: no synthetic market was fitted to {symbol}; there is one for {known}")
    measured = _Measured(measure(recording), float(recording.instrument.lot_size))
    title = f"{path.name} ({symbol}, {_hours(measured.statistics.seen_ns / _HOUR_NS)})"
    return _table((title, measured), _COUNTERPARTS[symbol])


def _table(recorded: tuple[str, _Measured] | None, counterpart: _Counterpart) -> str:
    """One Markdown table: a figure a line, the recording (if there is one) beside the synthetic market."""
    synthetic = _synthetic(counterpart)
    name = f"synthetic {counterpart.profile} ({_hours(counterpart.hours)})"
    titles = [name] if recorded is None else [recorded[0], name]
    columns = [synthetic] if recorded is None else [recorded[1], synthetic]
    lines = [f"| | {' | '.join(titles)} |", "|---|" + "---:|" * len(titles)]
    for label, figure in _figures():
        lines.append(f"| {label} | {' | '.join(_number(figure(column)) for column in columns)} |")
    return "\n".join(lines)


def _synthetic(counterpart: _Counterpart) -> _Measured:
    from perpmaker.data.statistics import measure  # noqa: PLC0415  # numba: keeps --help quick
    from perpmaker.simulation.synthetic import SyntheticMarket  # noqa: PLC0415  # same
    from perpmaker.simulation.synthetic_profiles import PROFILES  # noqa: PLC0415  # same

    market = SyntheticMarket(PROFILES[counterpart.profile], _SEED, duration_ns=counterpart.hours * _HOUR_NS)
    return _Measured(measure(market), float(market.instrument.lot_size))


def _figures() -> list[tuple[str, Callable[[_Measured], float]]]:
    """What is compared: label and how to read it from the statistics."""
    figures: list[tuple[str, Callable[[_Measured], float]]] = [
        ("spread, mean, bp", lambda m: m.statistics.spread_bp_mean),
        ("spread, mean, ticks", lambda m: m.statistics.spread_ticks_mean),
        ("spread, median, ticks", lambda m: m.statistics.spread_ticks_median),
        ("10 s volatility, bp", lambda m: m.statistics.volatility_10s_bp),
        ("autocorrelation of 1 s returns", lambda m: m.statistics.autocorrelation_1s),
        ("trades per minute", lambda m: m.statistics.trades_per_minute),
        ("trade size, mean, base", lambda m: m.statistics.trade_lots_mean * m.lot),
        ("trade size, median, base", lambda m: m.statistics.trade_lots_median * m.lot),
        ("share of rows that are trades, %", lambda m: 100 * m.statistics.trade_row_share),
        ("rows per second", lambda m: 1e9 * m.statistics.rows / m.statistics.seen_ns),
        ("best price changes per minute", lambda m: m.statistics.best_price_changes_per_minute),
        ("best quote changes per minute, size included", lambda m: m.statistics.best_quote_changes_per_minute),
    ]
    for index, label in enumerate(("at the best price", "within 5 bp", "within 10 bp", "within 25 bp")):
        figures.append((f"depth a side {label}, base", lambda m, at=index: _depth(m, at)))  # type: ignore[misc]  # default binds
    return figures


def _depth(measured: _Measured, at: int) -> float:
    depth = measured.statistics.depth[at]
    return (depth.bid_lots + depth.ask_lots) / 2 * measured.lot


def _number(value: float) -> str:
    """Three digits that count, without exponents."""
    if math.isnan(value):
        return "n/a"
    if value == 0.0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def _hours(hours: float) -> str:
    return f"{hours:.0f} h" if hours >= 1.5 else f"{hours * 60:.0f} min"


def _placed(report: str, text: str) -> str:
    """The report alone, or put between the markers of ``text``."""
    if BEGIN not in text or END not in text:
        return report
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{report}\n{END}{after}"
