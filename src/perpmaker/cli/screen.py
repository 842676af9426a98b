"""The live view: calm, fixed in place, and honest about every level that is not resting."""

import time
from collections.abc import Callable, Sequence
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from perpmaker.domain.commands import Command, Notice
from perpmaker.domain.events import Event
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import OrderStatus, Side
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import StrategyTerms
from perpmaker.maker.status import LevelStatus, ladder_status, skew_ticks

_REDRAW_S = 0.125
_NEWS_KEPT = 4
_BAR_WIDTH = 40
_NS_PER_S = 1_000_000_000
IN_FLIGHT = {
    OrderStatus.PENDING_PLACE: "on its way",
    OrderStatus.PENDING_CANCEL: "being cancelled",
    OrderStatus.UNKNOWN: "outcome unknown",
}
"""What is said of a level whose order is neither there nor gone."""


class Screen:
    """Observes a run and redraws at most eight times a second. Use as a context manager.

    Args:
        console: where to draw.
        title: what is running, and that it is not real money.
        maker: whose ladder is shown.
        instrument: units.
        terms: cap, target and duration.
        start_ns: when the run started.
        queue_ahead: estimated lots ahead of an order, None when unknown.
    """

    def __init__(
        self,
        console: Console,
        title: str,
        maker: MarketMaker,
        instrument: Instrument,
        terms: StrategyTerms,
        start_ns: int,
        queue_ahead: Callable[[int], int | None],
    ) -> None:
        self._title = title
        self._maker = maker
        self._instrument = instrument
        self._terms = terms
        self._start_ns = start_ns
        self._queue_ahead = queue_ahead
        self._now_ns = start_ns
        self._news: list[str] = []
        self._drawn_at = 0.0
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._draw()
        self._live.__exit__(None, None, None)

    def on_step(self, now_ns: int, _events: Sequence[Event], commands: Sequence[Command]) -> None:
        self._now_ns = now_ns
        for command in commands:
            if isinstance(command, Notice):
                position = self._instrument.quantity(command.position_lots)
                self._news.append(f"{self._clock()}  {command.kind.value} {command.detail} (position {position})")
        del self._news[:-_NEWS_KEPT]
        if time.monotonic() - self._drawn_at >= _REDRAW_S:
            self._draw()

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        self._live.update(Group(*self._parts()), refresh=True)

    def _parts(self) -> list[Text | Table]:
        parts: list[Text | Table] = [Text(self._title, style="bold"), self._progress(), self._book()]
        parts.append(self._ladder())
        parts += [self._position(), self._profit()]
        parts += [Text(line, style="dim") for line in self._news]
        return parts

    def _progress(self) -> Table:
        passed = (self._now_ns - self._start_ns) / _NS_PER_S
        whole = self._terms.duration_ns / _NS_PER_S
        grid = Table.grid(padding=(0, 1))
        label = f"{self._clock()} of {hms(whole)}" if whole else f"{self._clock()}, until stopped"
        share = min(1.0, passed / whole) if whole else 0.0
        grid.add_row(label, ProgressBar(total=1.0, completed=share, width=_BAR_WIDTH), self._maker.phase.value)
        return grid

    def _book(self) -> Text:
        state, instrument = self._maker.state, self._instrument
        if state.book is None:
            return Text("book stale" if state.is_blind else "no book yet", style="yellow")
        book = state.book
        bid = f"{instrument.quantity(book.bid_lots)} x {instrument.price(book.bid_ticks)}" if book.bid_lots else "none"
        ask = f"{instrument.price(book.ask_ticks)} x {instrument.quantity(book.ask_lots)}" if book.ask_lots else "none"
        mark = (
            ""
            if state.mark_milliticks is None
            else f"   mark {instrument.price_from_milliticks(state.mark_milliticks)}"
        )
        return Text(f"book  {bid}  |  {ask}{mark}   skew {skew_ticks(self._maker):+.1f} ticks")

    def _ladder(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2))
        for heading in ("level", "bid", "queue ahead / why not", "ask", "queue ahead / why not"):
            table.add_column(heading, style=None, header_style="dim", min_width=5 if heading == "level" else 12)
        for bid, ask in zip(ladder_status(self._maker, Side.BUY), ladder_status(self._maker, Side.SELL), strict=True):
            table.add_row(str(bid.level), *self._cells(bid, "green"), *self._cells(ask, "red"))
        return table

    def _cells(self, level: LevelStatus, style: str) -> tuple[Text, Text]:
        if level.order_id is None:
            why = level.not_resting.value if level.not_resting is not None else ""
            return Text("-", style="dim"), Text(why, style="yellow")
        price = self._instrument.price(level.price_ticks)
        shown = Text(f"{self._instrument.quantity(level.lots)} @ {price}", style=style)
        if level.status is not OrderStatus.LIVE:
            return shown, Text(IN_FLIGHT.get(level.status, ""), style="dim") if level.status else Text("")
        ahead = self._queue_ahead(level.order_id)
        return shown, Text("" if ahead is None else f"{self._instrument.quantity(ahead)}", style="dim")

    def _position(self) -> Text:
        quantity, terms = self._instrument.quantity, self._terms
        position = self._maker.position.lots
        half = _BAR_WIDTH // 2
        filled = round(half * min(1.0, abs(position) / terms.max_position_lots))
        left = ("#" * filled if position < 0 else "").rjust(half, ".")
        right = ("#" * filled if position > 0 else "").ljust(half, ".")
        return Text(
            f"position {quantity(position):+}  [{left}|{right}]  cap {quantity(terms.max_position_lots)}  "
            f"target {quantity(terms.target_lots)}"
        )

    def _profit(self) -> Text:
        money, position = self._instrument.money, self._maker.position
        mark = self._maker.state.mark_milliticks
        unrealized = money(position.unrealized_quanta(mark)) if mark is not None else money(0)
        return Text(
            f"realized {money(position.realized_quanta):+.4f}  unrealized {unrealized:+.4f}  "
            f"fees {-money(position.fees_quanta):+.4f}  funding {money(position.funding_quanta):+.4f}  "
            f"{self._instrument.quote}"
        )

    def _clock(self) -> str:
        return hms((self._now_ns - self._start_ns) / _NS_PER_S)


def hms(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
