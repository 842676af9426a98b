"""The advice on a terminal: findings first, the ladder drawn, what each setting does, what is to be expected."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perpmaker.advisor.advice import Advice
from perpmaker.advisor.finding import Finding, Harm
from perpmaker.advisor.ladder import LadderAt, Rung
from perpmaker.advisor.wording import bp
from perpmaker.domain.orders import Side

STYLES: Final = {Harm.HARMFUL: "bold red", Harm.RISKY: "yellow", Harm.NOTE: "dim"}


def show(console: Console, advice: Advice) -> None:
    """Print all of it. What comes from outside is never taken for markup."""
    instrument, case = advice.case.instrument, advice.case
    price = instrument.price_from_milliticks(case.price_milliticks)
    console.print(Text(f"{instrument.symbol} at {price:f} {instrument.quote}", style="bold"))
    console.print(Text(f"data: {case.observed.name}" if case.observed else "no market data was given", style="dim"))
    show_findings(console, advice.findings)
    console.print()
    console.print(_ladder_table(advice))
    _rows(console, "what each setting does here", [(_flag(name), told) for name, told in advice.sentences.items()])
    _rows(
        console,
        "what to expect",
        [(one.name, f"{one.value} ({one.how})") for one in advice.expectations],
    )


def show_findings(console: Console, findings: Sequence[Finding]) -> None:
    """The findings, the most harmful first."""
    for finding in findings:
        console.print()
        head = Text(f"{finding.harm.name.lower()}: ", style=STYLES[finding.harm])
        console.print(head + Text(f"{finding.setting}: {finding.what}"))
        console.print(Text(f"  {finding.why}", style="dim"))
        if finding.better:
            console.print(Text(f"  better: {finding.better}"))
    if not findings:
        console.print(Text("nothing speaks against these settings", style="green"))


def _ladder_table(advice: Advice) -> Table:
    """One column a position; rows from the highest ask to the lowest bid."""
    instrument = advice.case.instrument
    table = Table(title="what would rest, by position", title_justify="left", title_style="bold", box=None)
    table.add_column("", style="dim")
    for ladder in advice.ladders:
        table.add_column(Text(f"{instrument.quantity(ladder.position_lots):+f} {instrument.base}"), justify="right")
    levels = range(1, advice.case.terms.levels + 1)
    for side, ordered in ((Side.SELL, list(levels)[::-1]), (Side.BUY, list(levels))):
        for level in ordered:
            cells = [_cell(advice, ladder.side(side)[level - 1]) for ladder in advice.ladders]
            table.add_row(f"{'sell' if side is Side.SELL else 'buy'} {level}", *cells)
        if side is Side.SELL:
            table.add_row("leans by", *(Text(_lean(ladder), style="dim") for ladder in advice.ladders))
    return table


def _cell(advice: Advice, rung: Rung) -> Text:
    instrument = advice.case.instrument
    if rung.refusal is not None:
        return Text(rung.refusal.value, style="dim")
    style = "red" if rung.side is Side.SELL else "green"
    return Text(f"{instrument.quantity(rung.lots):f} @ {instrument.price(rung.price_ticks):f}", style=style)


def _lean(ladder: LadderAt) -> str:
    return bp(abs(ladder.shift)) + (" down" if ladder.shift > 0 else " up" if ladder.shift < 0 else "")


def _rows(console: Console, title: str, rows: Sequence[tuple[str, str]]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, told in rows:
        table.add_row(Text(name), Text(told))
    console.print()
    console.print(table)


def _flag(name: str) -> str:
    return "--" + name.removesuffix("_s").replace("_", "-")
