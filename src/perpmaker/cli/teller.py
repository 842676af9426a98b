"""How a run is told to its user: notes, the view, the summary, and the way it ended. Shared by every kind of run."""

import sys
from contextlib import AbstractContextManager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from perpmaker.cli.exit_codes import EXIT_CODES, ExitCode
from perpmaker.cli.lines import Lines
from perpmaker.cli.request import View
from perpmaker.cli.summary_view import show_summary
from perpmaker.domain.instrument import Instrument
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.runtime.observer import Observer
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.summary import Summary
from perpmaker.venues.redaction import redact


class Teller:
    """Writes to the terminal, or lines elsewhere; keeps every note for the summary.

    Args:
        view: how the run is told.
        summary_file: where its summary goes, too.
        maker: whose position the lines show.
        instrument: units.
        market: the name of one of several runs: everything that is told carries it.
        console: the terminal, where several runs share one.
    """

    def __init__(
        self,
        view: View,
        summary_file: Path | None,
        maker: MarketMaker,
        instrument: Instrument,
        market: str | None = None,
        console: Console | None = None,
    ) -> None:
        self.console = console or Console(highlight=False)
        self._market = market
        self._label = "" if market is None else f"{market}: "
        self.notes: list[str] = []
        self._lines = Lines(maker, instrument, sys.stdout, market)
        self._instrument = instrument
        self._summary_file = summary_file
        self._is_live = view is View.LIVE or (view is View.AUTO and self.console.is_terminal)
        self._is_quiet = view is View.NONE

    def view(
        self, watcher: AbstractContextManager[Observer], *, has_lines: bool = True
    ) -> AbstractContextManager[Observer] | Observer | None:
        """What shows the run while it goes on: the watcher on a terminal, lines elsewhere (if at all), or nothing."""
        if self._is_live:
            return watcher
        return None if self._is_quiet or not has_lines else self._lines

    def tell(self, note: str) -> None:
        """A remark of the program: shown, and kept for the summary."""
        note = redact(note)
        self.notes.append(note)
        self.show(note)

    def show(self, note: str) -> None:
        """A remark that is only shown."""
        if self._is_live:
            self.console.print(Text(f"{self._label}{note}", style="dim"))
        elif not self._is_quiet:
            self._lines.note(note)

    def conclude(self, outcome: Outcome, error: Exception | None, verdict: str | None) -> None:
        """What is left, what broke, or why nothing traded."""
        if outcome.orders_left is None:
            self.tell("the exchange could not be asked whether orders still rest: look there, and cancel them")
        elif outcome.orders_left:
            self.tell(f"{outcome.orders_left} orders still rest at the exchange, by its own count: cancel them there")
        if error is not None:
            self.tell(f"unrecoverable error, orders were cancelled: {type(error).__name__}: {error}")
        elif verdict is not None:
            self.tell(verdict)

    def publish(self, summary: Summary) -> bool:
        """Show the summary and write its file; False when the file could not be written."""
        if not self._is_quiet:
            if self._market is not None:
                self.console.print(Text(f"\n{self._market}", style="bold"))
            show_summary(self.console, summary, self._instrument)
        if self._summary_file is None:
            return True
        try:
            self._summary_file.write_text(summary.to_json() + "\n", encoding="utf-8")
        except OSError as error:
            sys.stderr.write(f"perpmaker: --summary {self._summary_file}: not written: {error.strerror}\n")
            return False
        return True


def exit_code(outcome: Outcome, *, is_told: bool) -> ExitCode:
    """The code of a run: its reason's, or failure where orders are left or something could not be written."""
    return EXIT_CODES[outcome.reason] if is_told and outcome.orders_left == 0 else ExitCode.FAILED
