"""What `perpmaker data` says of a recording: one line where it was made, tables or JSON where it is looked at.

Only what the data can tell is shown: bars have no spread, trades alone no depth.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from pathlib import Path

    from perpmaker.data.bar_statistics import BarStatistics
    from perpmaker.data.format import RecordingInfo
    from perpmaker.data.reader import Recording
    from perpmaker.data.statistics import Depth, MarketStatistics

_NS_PER_S: Final = 1_000_000_000
_Row = tuple[str, str]


def closing_line(dest: "Path", info: "RecordingInfo") -> str:
    """What a new recording holds, in one line."""
    gap_ns = sum((info.last_ns if gap.end_ns is None else gap.end_ns) - gap.start_ns for gap in info.gaps)
    gaps = f"{_count(len(info.gaps), 'gap')} ({_span(gap_ns)} in all)" if info.gaps else "no gaps"
    trades = info.rows_by_kind.get("buy_trade", 0) + info.rows_by_kind.get("sell_trade", 0)
    bars = info.rows_by_kind.get("bar_open", 0)
    held = _count(bars, "bar") if bars else _count(trades, "trade")
    return (
        f"{dest}: {info.instrument.symbol}, {info.period}, {_count(info.rows, 'row')}, {held}, "
        f"{gaps}, {_count(sum(info.dropped.values()), 'source message')} dropped (see `perpmaker data info`)"
    )


def as_json(recording: "Recording", statistics: "MarketStatistics", of_bars: "BarStatistics | None") -> dict[str, Any]:
    """Everything that is known of a recording, and its figures."""
    import msgspec  # noqa: PLC0415  # keeps --help quick

    figures = asdict(statistics)
    figures["depth"] = list(figures["depth"])
    described = {"path": str(recording.path), "recording": msgspec.to_builtins(recording.info), "statistics": figures}
    if of_bars is not None:
        described["bars"] = asdict(of_bars)
    finite: dict[str, Any] = _without_nan(described)
    return finite


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: an estimate that could not be made is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(entry) for entry in value]
    return value


def show(
    console: Console, recording: "Recording", statistics: "MarketStatistics", of_bars: "BarStatistics | None"
) -> None:
    """What a recording holds, and what its market was like, as tables."""
    info = recording.info
    instrument = recording.instrument
    console.print(
        Text(
            f"{instrument.symbol}  tick {instrument.tick_size} {instrument.quote}, lot {instrument.lot_size} "
            f"{instrument.base}, minimum {instrument.min_quantity}",
            style="bold",
        )
    )
    sections = (
        ("recording", _recording_rows(info, statistics)),
        ("market", _market_rows(recording, statistics) if of_bars is None else _bar_rows(recording, of_bars)),
        ("rows", [(name.replace("_", " "), f"{count:,}") for name, count in statistics.rows_by_kind.items()]),
        ("dropped", [(reason, f"{count:,}") for reason, count in info.dropped.items()]),
        ("notes", [(statement, f"{count:,}") for statement, count in info.notes.items()]),
    )
    for title, rows in sections:
        if rows:
            table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False)
            table.add_column(style="dim")
            table.add_column(justify="right")
            for name, value in rows:
                table.add_row(Text(name), Text(value))
            console.print()
            console.print(table)


def _recording_rows(info: "RecordingInfo", statistics: "MarketStatistics") -> list[_Row]:
    from perpmaker.data.grades import grade_of  # noqa: PLC0415  # keeps --help quick

    longest = max(((gap.end_ns or info.last_ns) - gap.start_ns for gap in info.gaps), default=0)
    return [
        ("from", f"{info.provenance.importer}, {_count(len(info.provenance.sources), 'file')}"),
        ("period", info.period),
        ("span", _span(statistics.span_ns)),
        ("rows", f"{info.rows:,}"),
        ("gaps", f"{len(info.gaps):,}"),
        ("time in gaps", f"{_span(statistics.gap_ns)} (longest {_span(longest)})" if info.gaps else "none"),
        ("holds", grade_of(info).title),
        ("side of trades", "no trades" if info.provenance.depth == "bars" else info.provenance.trade_side),
    ]


def _market_rows(recording: "Recording", statistics: "MarketStatistics") -> list[_Row]:
    s, instrument = statistics, recording.instrument
    tick, lot = float(instrument.tick_size), float(instrument.lot_size)
    spread = "spread between trades" if recording.info.provenance.depth == "none" else "spread"
    rows = [
        ("mid price", f"{s.mid_low_ticks * tick:,.10g} to {s.mid_high_ticks * tick:,.10g} {instrument.quote}"),
        (f"{spread}, median", f"{s.spread_ticks_median:g} ticks, {s.spread_bp_median:.3f} bp"),
        (f"{spread}, mean", f"{s.spread_ticks_mean:.2f} ticks, {s.spread_bp_mean:.3f} bp"),
        ("locked / crossed", f"{s.locked_share:.1%} / {s.crossed_share:.1%} of the time"),
        ("10-second volatility", f"{s.volatility_10s_bp:.2f} bp ({s.returns_10s:,} returns)"),
        ("autocorrelation of 1 s returns", f"{s.autocorrelation_1s:+.3f}"),
        ("trades", f"{s.trades_per_minute:,.1f} a minute, {s.trade_row_share:.1%} of the rows"),
        ("trade size, median", f"{s.trade_lots_median * lot:,.6g} {instrument.base}"),
        ("trade size, mean", f"{s.trade_lots_mean * lot:,.6g} {instrument.base}"),
        ("changes of best price", f"{s.best_price_changes_per_minute:,.1f} a minute"),
        ("changes of best price or size", f"{s.best_quote_changes_per_minute:,.1f} a minute"),
    ]
    for depth in _known_depth(recording, s):
        where = f"within {depth.within_bp:g} bp" if depth.within_bp else "at the best price"
        rows.append(
            (f"depth {where}", f"{depth.bid_lots * lot:,.6g} bid, {depth.ask_lots * lot:,.6g} ask {instrument.base}")
        )
    return rows


def _known_depth(recording: "Recording", statistics: "MarketStatistics") -> Iterable["Depth"]:
    """What the data can tell of sizes: the best price alone where it has no more, nothing where it has only trades."""
    grade = recording.info.provenance.depth
    if grade == "none":
        return ()
    return [depth for depth in statistics.depth if not depth.within_bp] if grade == "best" else statistics.depth


def _bar_rows(recording: "Recording", of_bars: "BarStatistics") -> list[_Row]:
    """Bars have no spread, no depth and no single trades: only what they tell is shown."""
    s, instrument = of_bars, recording.instrument
    tick, lot = float(instrument.tick_size), float(instrument.lot_size)
    reached = [
        (f"reached, {distance} bp from the open", f"{per_hour:.3g} times an hour, both sides")
        for distance, per_hour in s.reached_per_hour
    ]
    return [
        ("bars", f"{s.bars:,} of {_span(s.length_ns)}"),
        ("price", f"{s.low_ticks * tick:,.10g} to {s.high_ticks * tick:,.10g} {instrument.quote}"),
        ("volatility of a bar", f"{s.volatility_bp:.2f} bp ({s.returns:,} returns)"),
        ("range of a bar, median", f"{s.range_bp_median:.2f} bp"),
        ("range of a bar, mean", f"{s.range_bp_mean:.2f} bp"),
        ("open less the close before, mean", f"{s.jump_bp_mean:.2f} bp (largest {s.jump_bp_largest:.4g})"),
        ("volume of a bar, median", f"{s.volume_lots_median * lot:,.6g} {instrument.base}"),
        ("volume of a bar, mean", f"{s.volume_lots_mean * lot:,.6g} {instrument.base}"),
        ("bars without volume", f"{s.without_volume_share:.1%}"),
        *reached,
    ]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _span(ns: int) -> str:
    """A span of time as people say it: 6.7 s, 12 min 5 s, 49 h 5 min."""
    seconds = ns / _NS_PER_S
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"
