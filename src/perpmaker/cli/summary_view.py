"""The summary of a run, on a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perpmaker.domain.instrument import Instrument
from perpmaker.runtime.summary import Summary

_NS_PER_S = 1_000_000_000


def show_summary(console: Console, summary: Summary, instrument: Instrument) -> None:
    """Print the figures, grouped as a trader asks for them."""
    quote, base = instrument.quote, instrument.base
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_column(justify="right")
    hours = (summary.end_ns - summary.start_ns) / _NS_PER_S / 3600
    net = summary.equity_end - summary.equity_start
    entry = "flat" if summary.avg_entry_price is None else f"{summary.avg_entry_price:.6f}"
    rows = [
        ("net result", f"{net:+.6f} {quote}", "fills", f"{summary.fills} ({summary.buys} buys, {summary.sells} sells)"),
        ("  realized", f"{summary.realized_pnl:+.6f}", "volume", f"{summary.volume_base} {base}"),
        ("  unrealized", f"{summary.unrealized_pnl:+.6f}", "", f"{summary.volume_quote:.2f} {quote}"),
        ("  fees", f"{-summary.fees:+.6f}", "orders placed", f"{summary.orders_placed}"),
        ("  funding", f"{summary.funding:+.6f}", "  cancelled", f"{summary.orders_cancelled}"),
        ("equity", f"{summary.equity_end:.6f} {quote}", "  refused", f"{summary.orders_rejected}"),
        ("max drawdown", f"{summary.max_drawdown:.6f}", "requests", f"{summary.requests}"),
        ("position", f"{summary.position} {base}", "two-sided", f"{summary.two_sided_uptime:.1%} of the time"),
        ("  average entry", entry, "at the cap", f"{summary.time_at_cap_s:.0f} s"),
        ("  largest", f"{summary.max_abs_position} {base}", "stops / takes", f"{summary.stops} / {summary.takes}"),
        ("market time", f"{hours:.3f} h", "market events", f"{summary.events} ({summary.events_per_s:,.0f}/s)"),
    ]
    for row in rows:
        table.add_row(*row)
    console.print()
    run = summary.run
    console.print(Text(f"{run.symbol} on {run.exchange}, {run.mode}: {run.end_reason.value}", style="bold"))
    console.print(table)
