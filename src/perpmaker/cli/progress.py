"""How far a backtest is: one line that stays in place."""

import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from perpmaker.data.format import utc
from perpmaker.domain.commands import Command
from perpmaker.domain.events import Event
from perpmaker.simulation.exchange import SimulatedExchange

_REDRAW_S = 0.125
_NS_PER_S = 1_000_000_000


class ProgressLine:
    """Observes a run and shows how much simulated time has passed, how fast, and how long it will take.

    Use as a context manager.

    Args:
        console: where to draw.
        name: of what is being run.
        exchange: whose clock and rows are shown; at the beginning of the run.
        end_ns: when the run will end at the latest, simulated time.
    """

    def __init__(self, console: Console, name: str, exchange: SimulatedExchange, end_ns: int) -> None:
        self._exchange = exchange
        self._start_ns = exchange.now_ns
        self._began_s = time.monotonic()
        self._drawn_s = 0.0
        self._progress = Progress(
            TextColumn("{task.description}"),
            TextColumn("{task.fields[at]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:3.0f} %"),
            TextColumn("{task.fields[rate]:,.0f} events/s"),
            TimeRemainingColumn(compact=True),
            console=console,
            auto_refresh=False,
        )
        whole_s = max(0, end_ns - self._start_ns) / _NS_PER_S
        self._task: TaskID = self._progress.add_task(name, total=whole_s, at=utc(self._start_ns), rate=0.0)

    def __enter__(self) -> Self:
        self._began_s = time.monotonic()
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._draw(self._exchange.now_ns)
        self._progress.stop()

    def on_step(self, now_ns: int, _events: Sequence[Event], _commands: Sequence[Command]) -> None:
        if time.monotonic() - self._drawn_s >= _REDRAW_S:
            self._draw(now_ns)

    def _draw(self, now_ns: int) -> None:
        self._drawn_s = time.monotonic()
        passed_s = max(1e-9, self._drawn_s - self._began_s)
        self._progress.update(
            self._task,
            completed=(now_ns - self._start_ns) / _NS_PER_S,
            at=utc(now_ns),
            rate=self._exchange.events_processed / passed_s,
            refresh=True,
        )
