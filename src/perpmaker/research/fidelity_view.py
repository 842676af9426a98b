"""A comparison of a run with its simulation, on a terminal."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perpmaker.domain.instrument import Instrument
from perpmaker.report.attribution import Group
from perpmaker.report.terms import LABELS, amount, group_name
from perpmaker.report.wording import money, span, utc
from perpmaker.research.fidelity import Fidelity, Replayed
from perpmaker.research.fidelity_execution import QueueClass
from perpmaker.research.fidelity_figures import Figures, LevelFigures
from perpmaker.research.fidelity_terms import flags_of
from perpmaker.simulation.terms import QueueModel

_NONE: Final = LevelFigures(0, 0, 0)


def show(console: Console, found: Fidelity) -> None:
    """Print it. What comes from outside is never taken for markup."""
    run = found.run
    console.print(Text(f"{run.symbol} on {run.exchange}, {run.mode}, against its simulation", style="bold"))
    times = f"{utc(found.span.start_ns)} to {utc(found.span.end_ns)} UTC, run {run.run_id}, version {run.version}"
    console.print(Text(times, style="dim"))
    for warning in found.warnings:
        console.print(Text(f"! {warning}", style="yellow"))
    _show_free(console, found)
    _show_levels(console, found)
    _show_forced(console, found)
    _show_queues(console, found)
    _show_fit(console, found)
    console.print()
    console.print(Text(f"market data: {found.market_name}; own orders: {found.own.value}", style="dim"))


def _replays(found: Fidelity) -> list[tuple[str, Replayed]]:
    replays = [("as assumed", found.before)]
    if found.after is not None:
        replays.append(("as fitted", found.after))
    return replays


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False)
    table.padding = (0, 2, 0, 0)
    for index, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if index == 0 else "right", no_wrap=True)
    return table


def _add(table: Table, name: str, cells: Iterable[object], style: str = "") -> None:
    table.add_row(Text(name), *(Text(str(cell)) for cell in cells), style=style)


def _show_free(console: Console, found: Fidelity) -> None:
    """The maker by itself."""
    instrument, replays = found.run.instrument, _replays(found)
    every = [found.real, *(replay.free for _, replay in replays)]
    table = _table("the maker deciding again by itself", "", "happened", *(name for name, _ in replays))
    for name, values in _counted(every, instrument):
        _add(table, name, values)
    for name, place in (("filled orders in both", 0), ("only happened", 1), ("only simulated", 2)):
        _add(table, name, ["", *(replay.matches[place] for _, replay in replays)])
    console.print()
    console.print(table)
    table = _table(f"where the money came from, {instrument.quote}", "", "happened", *(name for name, _ in replays))
    for field, label in LABELS.items():
        if any(getattr(each.terms, field) for each in every):
            _add(table, label, (money(amount(each.terms, field, instrument)) for each in every))
    _add(table, "sum", (money(instrument.money(each.terms.total)) for each in every), style="bold")
    console.print()
    console.print(table)


def _counted(every: Sequence[Figures], instrument: Instrument) -> list[tuple[str, list[str]]]:
    base = instrument.base

    def size(lots: int) -> str:
        return f"{instrument.quantity(lots):,f}"

    lot = float(instrument.lot_size)
    return [
        ("orders", [f"{each.orders:,}" for each in every]),
        ("refused", [f"{each.refused:,}" for each in every]),
        ("cancelled", [f"{each.cancelled:,}" for each in every]),
        ("filled orders", [f"{each.filled_orders:,}" for each in every]),
        ("fills", [f"{each.fills:,}" for each in every]),
        (f"volume as maker, {base}", [size(each.maker_lots) for each in every]),
        (f"volume as taker, {base}", [size(each.taker_lots) for each in every]),
        ("filled per order-hour", [f"{each.fills_per_hour:,.2f}" for each in every]),
        (f"mean |position|, {base}", [f"{each.abs_position_lots * lot:,.4f}" for each in every]),
        (f"position at the end, {base}", [size(each.position_lots) for each in every]),
    ]


def _show_levels(console: Console, found: Fidelity) -> None:
    replays = _replays(found)
    every = [found.real, *(replay.free for _, replay in replays)]
    groups: list[Group] = list(dict.fromkeys(group for each in every for group in each.levels))
    title = f"filled/accepted orders, and {found.run.instrument.base} traded"
    table = _table(title, "", "happened", *(name for name, _ in replays))
    for group in groups:
        rows = [each.levels.get(group, _NONE) for each in every]
        _add(
            table,
            group_name(group),
            (f"{row.filled_orders:,}/{row.orders:,}  {found.run.instrument.quantity(row.lots):,f}" for row in rows),
        )
    console.print()
    console.print(table)


def _show_forced(console: Console, found: Fidelity) -> None:
    """The same orders."""
    instrument, replays = found.run.instrument, _replays(found)
    table = _table("the very orders of the run, simulated", "", *(name for name, _ in replays))
    forced = [replay.forced for _, replay in replays]
    base = instrument.base
    _add(table, "orders compared", (f"{each.orders:,}" for each in forced))
    _add(table, "filled by both", (f"{each.both:,}" for each in forced))
    _add(table, "only happened", (f"{each.only_real:,}" for each in forced))
    _add(table, "only simulated", (f"{each.only_simulated:,}" for each in forced))
    _add(table, f"volume that happened, {base}", (f"{instrument.quantity(each.real_lots):,f}" for each in forced))
    _add(table, f"volume simulated, {base}", (f"{instrument.quantity(each.simulated_lots):,f}" for each in forced))
    _add(table, "refused only by the venue", (f"{each.refused_only_real:,}" for each in forced))
    _add(table, "refused only by the simulation", (f"{each.refused_only_simulated:,}" for each in forced))
    lags = (each.median_lag_ns for each in forced)
    _add(table, "simulated fill later by (median)", ("" if lag is None else _signed(lag) for lag in lags))
    _add(table, f"fills apart, {base}", (f"{instrument.quantity(each.distance.lots):,f}" for each in forced))
    console.print()
    console.print(table)
    for name, replay in replays:
        console.print(Text(f"{name}: {replay.forced.verdict}", style="dim"))
    for reason, count in sorted(found.left_out.items()):
        console.print(Text(f"left out: {count:,} {reason}", style="dim"))


def _show_queues(console: Console, found: Fidelity) -> None:
    queues: Sequence[QueueClass] = (found.after or found.before).queues
    if not queues:
        return
    base, quantity = found.run.instrument.base, found.run.instrument.quantity
    head = ("orders", "filled: happened", "simulated", "median wait", "simulated")
    table = _table(f"orders by the {base} ahead of them at first (simulated)", "", *head)
    for each in queues:
        waits = ("" if wait is None else span(wait) for wait in (each.real_wait_ns, each.simulated_wait_ns))
        name = f"{quantity(each.low_lots):,f} to {quantity(each.high_lots):,f}"
        _add(table, name, (each.orders, each.real_filled, each.simulated_filled, *waits))
    console.print()
    console.print(table)


def _show_fit(console: Console, found: Fidelity) -> None:
    console.print()
    latency = found.latency
    if latency is not None:
        console.print(
            Text(
                f"latency, measured on {latency.answers:,} orders: {_ms(latency.order_ns)} one way (80 % within "
                f"{_ms(latency.low_ns)} to {_ms(latency.high_ns)}), feed {_ms(latency.feed_ns)}"
            )
        )
    fit = found.fit
    if fit is not None:
        filled = found.before.forced.both + found.before.forced.only_real
        which = "risk-averse does as well as any exponent"
        if fit.assumed.queue_model is QueueModel.POWER:
            which = f"power, exponent {fit.assumed.exponent:g}"
            which += f" ({fit.low:g} to {fit.high:g} do as well)" if fit.low != fit.high else ""
        console.print(Text(f"queue, fitted on {filled:,} filled orders, {fit.tried} models tried: {which}"))
    console.print(Text(f"assumed: {flags_of(found.before.assumed)}"), soft_wrap=True)
    if found.fitted is not None:
        console.print(Text(f"fitted:  {flags_of(found.fitted)}", style="bold"), soft_wrap=True)


def _ms(ns: float) -> str:
    return f"{ns / 1e6:,.4g} ms"


def _signed(ns: float) -> str:
    return f"{ns / 1e6:+,.4g} ms"
