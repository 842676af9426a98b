"""The live view of several markets: a row for each, the budgets over all of them, what was noticed last.

Rules kept here:

1. A row is read from its maker when it is drawn, twice a second: what the markets do is not slowed down by being shown.
2. A level that does not rest has its reason beside it. Of real money it is said which markets trade with it.
3. Amounts are added only within one quote currency.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from perpmaker import __version__
from perpmaker.cli.request import WireSettings
from perpmaker.cli.run_flags import SIMULATION
from perpmaker.cli.screen import IN_FLIGHT, hms
from perpmaker.domain.commands import Command, Notice
from perpmaker.domain.events import Event
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import OrderStatus, Side
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.status import LevelStatus, ladder_status
from perpmaker.risk.budgets import Step, Use
from perpmaker.runtime.live.portfolio import Portfolio
from perpmaker.venues.clock import Clock

REDRAW_S: Final = 0.5
_NEWS_KEPT: Final = 5
_BAR_WIDTH: Final = 24
_NS_PER_S: Final = 1_000_000_000
_STEPS: Final = {Step.FREE: ("", ""), Step.REDUCING: ("only what reduces is quoted", "yellow"),
                 Step.HALT: ("every market ends", "bold red")}  # fmt: skip
_COLUMNS: Final = ("market", "phase", "bid", "ask", "bids", "asks", "position", "net", "why not quoting")
_LIVE: Final = "LIVE"
_TO_THE_LEFT: Final = frozenset({"market", "phase", "why not quoting"})


@dataclass(frozen=True, slots=True)
class _Market:
    """One row; ``where`` names its exchange, and whether its money is real."""

    name: str
    where: str
    maker: MarketMaker
    instrument: Instrument


class FleetScreen:
    """Shows a fleet on a terminal. Use as a context manager, with `keep_drawing` beside the markets.

    Args:
        console: where to draw; what is printed on it meanwhile stands above.
        portfolio: profits and budgets.
        clock: the time of day.
    """

    def __init__(self, console: Console, portfolio: Portfolio, clock: Clock) -> None:
        self.console = console
        self._portfolio = portfolio
        self._clock = clock
        self._start_ns = clock.now_ns()
        self._markets: list[_Market] = []
        self._news: list[str] = []
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.draw()
        self._live.__exit__(None, None, None)

    def add(self, name: str, wires: WireSettings, maker: MarketMaker, instrument: Instrument) -> "Notices":
        """A row for a market; returns what observes its run."""
        self._markets.append(_Market(name, _where(wires), maker, instrument))
        return Notices(self, name, instrument)

    async def keep_drawing(self) -> None:
        """Runs until it is cancelled."""
        while True:
            self.draw()
            await asyncio.sleep(REDRAW_S)

    def draw(self) -> None:
        """Show how everything stands now."""
        self._live.update(Group(*self._parts()), refresh=True)

    def tell(self, sentence: str) -> None:
        """Something was noticed: the newest few stand below."""
        self._news.append(f"{self._passed()}  {sentence}")
        del self._news[:-_NEWS_KEPT]

    def _parts(self) -> list[Text | Table]:
        parts: list[Text | Table] = [self._title(), self._progress(), self._table()]
        budgets = self._portfolio.uses
        if budgets:
            parts.append(self._budgets(budgets))
        return parts + [Text(line, style="dim", overflow="ellipsis", no_wrap=True) for line in self._news]

    def _title(self) -> Text:
        title = Text(f"perpmaker {__version__}", style="bold")
        places: dict[str, list[str]] = {}
        for market in self._markets:
            places.setdefault(market.where, []).append(market.name)
        for where, names in places.items():
            title.append(f"  {where}: {', '.join(names)}", style=_style(where))
        return title

    def _progress(self) -> Table:
        whole = max((market.maker.state.terms.duration_ns for market in self._markets), default=0) / _NS_PER_S
        passed = (self._clock.now_ns() - self._start_ns) / _NS_PER_S
        label = f"{self._passed()} of {hms(whole)}" if whole else f"{self._passed()}, until stopped"
        grid = Table.grid(padding=(0, 1))
        grid.add_row(label, ProgressBar(total=1.0, completed=min(1.0, passed / whole) if whole else 0.0, width=40))
        return grid

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
        for name in _COLUMNS:
            is_last = name == _COLUMNS[-1]
            table.add_column(
                name,
                justify="left" if name in _TO_THE_LEFT else "right",
                no_wrap=not is_last,
                overflow="fold" if is_last else "ellipsis",
            )
        for market in self._markets:
            table.add_row(*self._row(market))
        for quote, net in self._totals().items():
            table.add_row("all", *[""] * 6, _money(net), quote, style="bold")
        return table

    def _row(self, market: _Market) -> tuple[Text, ...]:
        maker, instrument, book = market.maker, market.instrument, market.maker.state.book
        bids, asks = ladder_status(maker, Side.BUY), ladder_status(maker, Side.SELL)
        net = self._portfolio.profit(market.name)
        return (
            Text(market.name, style=_style(market.where)),
            Text(maker.phase.value),
            Text("" if book is None or not book.bid_lots else f"{instrument.price(book.bid_ticks)}", style="green"),
            Text("" if book is None or not book.ask_lots else f"{instrument.price(book.ask_ticks)}", style="red"),
            _resting(bids),
            _resting(asks),
            Text(f"{instrument.quantity(maker.position.lots):+}"),
            Text("" if net is None else _money(net)),
            Text(_why(maker, bids, asks), style="yellow"),
        )

    def _totals(self) -> dict[str, Fraction]:
        found: dict[str, Fraction] = {}
        for market in self._markets:
            net = self._portfolio.profit(market.name) or Fraction(0)
            found[market.instrument.quote] = found.get(market.instrument.quote, Fraction(0)) + net
        return found

    def _budgets(self, budgets: Sequence[Use]) -> Table:
        grid = Table.grid(padding=(0, 1))
        words, style = _STEPS[self._portfolio.step]
        for use in budgets:
            share = min(Fraction(1), max(Fraction(0), use.used / use.limit)) if use.limit else Fraction(1)
            bar = ProgressBar(total=1.0, completed=float(share), width=_BAR_WIDTH)
            grid.add_row(Text(f"budget {use.name}"), bar, Text(f"{_money(use.used, '')} of {_money(use.limit, '')}"))
        if words:
            grid.add_row(Text(""), Text(words, style=style), Text(""))
        return grid

    def _passed(self) -> str:
        return hms((self._clock.now_ns() - self._start_ns) / _NS_PER_S)


class Notices:
    """Observes one run for what is worth a line on the screen of all."""

    def __init__(self, screen: FleetScreen, name: str, instrument: Instrument) -> None:
        self._screen = screen
        self._name = name
        self._instrument = instrument

    def on_step(self, _now_ns: int, _events: Sequence[Event], commands: Sequence[Command]) -> None:
        for command in commands:
            if isinstance(command, Notice):
                position = self._instrument.quantity(command.position_lots)
                what = f"{command.kind.value} {command.detail}".rstrip()
                self._screen.tell(f"{self._name}: {what} (position {position})")


def _where(wires: WireSettings) -> str:
    if wires.exchange == SIMULATION:
        return "SIM"
    address = f" at {wires.base_url}" if wires.base_url else ""
    return f"{_LIVE if wires.is_live else 'PAPER'} {wires.exchange}{address}"


def _style(where: str) -> str:
    return "bold red" if where.startswith(_LIVE) else "bold"


def _resting(levels: Sequence[LevelStatus]) -> Text:
    """How many levels of one side the exchange has confirmed."""
    live = sum(level.status is OrderStatus.LIVE for level in levels)
    return Text(f"{live}/{len(levels)}", style="" if live == len(levels) else "yellow")


def _why(maker: MarketMaker, bids: Sequence[LevelStatus], asks: Sequence[LevelStatus]) -> str:
    """Why levels do not rest, each reason once; how it ended where it has."""
    if maker.end_reason is not None:
        return maker.end_reason.value
    below, above = _reasons(bids), _reasons(asks)
    if below == above:
        return below
    return "; ".join(f"{side}: {reasons}" for side, reasons in (("bids", below), ("asks", above)) if reasons)


def _reasons(levels: Sequence[LevelStatus]) -> str:
    found: dict[str, None] = {}
    for level in levels:
        if level.not_resting is not None:
            found[level.not_resting.value] = None
        elif level.status in IN_FLIGHT:
            found[IN_FLIGHT[level.status]] = None
    return ", ".join(found)


def _money(amount: Fraction, sign: str = "+") -> str:
    return f"{Decimal(amount.numerator) / Decimal(amount.denominator):{sign}.4f}"
