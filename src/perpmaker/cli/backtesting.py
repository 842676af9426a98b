"""What `perpmaker backtest` does: sort the recordings into markets, run each, tell, report.

Rules kept here:

1. A market is one instrument. Its recordings are one run; several markets are runs of their own, one after another in
   the order of their symbols: own maker, own exchange, own balance. Nothing is shared, so the order changes nothing.
2. Everything that can be refused is refused before the first run starts.
3. A run is a session like that of `perpmaker run` (`perpmaker.cli.session`); only its name and its view differ.
4. The end of the data is the planned end where no --duration was given: exit code 0. An interrupt ends the run that
   goes on, and starts no other.
"""

import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from perpmaker.cli.backtest_files import check_files, file_of
from perpmaker.cli.backtest_view import show_data, show_table
from perpmaker.cli.compose import SimulatedRun, compose, terms_of
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.progress import ProgressLine
from perpmaker.cli.request import NO_JOURNAL, Backtest, Request, View
from perpmaker.cli.session import Manner, Played, Session
from perpmaker.data.choice import DataChoice
from perpmaker.data.finding import recordings_by_symbol
from perpmaker.data.opening import OpenedData, open_data
from perpmaker.domain.errors import UnknownNameError, UserError

MODE: Final = "backtest"
_STOPPED: Final = (ExitCode.ABANDONED, ExitCode.INTERRUPTED, ExitCode.TERMINATED)


def run_backtest(wanted: Backtest) -> ExitCode:
    """Run it over every market, and say how it ended.

    Raises:
        UserError: what was asked for cannot be done; nothing was started.
    """
    markets = _open(wanted)
    symbols = [market.instrument.symbol for market in markets]
    check_files(wanted, symbols)
    for market in markets:
        terms_of(market.instrument, wanted.strategy, wanted.simulation)
    played: list[Played] = []
    with ExitStack() as stack:
        journal = wanted.journal
        if wanted.report is not None and journal == NO_JOURNAL:  # a report is made of a journal
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            journal = str(Path(folder) / "journal.db")
        for market in markets:
            played.append(_play_or_refuse(wanted, market, symbols, journal))
            if played[-1].code in _STOPPED:
                break
    return _conclude(wanted, played, symbols)


def _open(wanted: Backtest) -> list[OpenedData]:
    common = DataChoice(
        symbol=wanted.symbol,
        seed=wanted.seed,
        from_ns=wanted.from_ns,
        to_ns=wanted.to_ns,
        funding=wanted.funding,
    )
    if not wanted.paths:
        return [open_data(common)]
    found = recordings_by_symbol(wanted.paths)
    if wanted.symbol is not None and wanted.symbol not in found:
        raise UnknownNameError(f"--symbol {wanted.symbol}: the recordings are of {', '.join(found)}; say one of them")
    chosen = {wanted.symbol: found[wanted.symbol]} if wanted.symbol is not None else found
    return [open_data(replace(common, symbol=symbol, recordings=tuple(paths))) for symbol, paths in chosen.items()]


def _play_or_refuse(wanted: Backtest, market: OpenedData, symbols: Sequence[str], journal: str | None) -> Played:
    """`_play`; beside other markets one whose first rows cannot be read is told, and left out."""
    try:
        return _play(wanted, market, symbols, journal)
    except UserError as error:
        if len(symbols) == 1:
            raise
        sys.stderr.write(f"perpmaker: {error}\n")
        return Played(ExitCode.BAD_INPUT)


def _play(wanted: Backtest, market: OpenedData, symbols: Sequence[str], journal: str | None) -> Played:
    notes = list(wanted.notes)
    if len(symbols) > 1:
        number = symbols.index(market.instrument.symbol) + 1
        notes.insert(0, f"market {number} of {len(symbols)}, with a maker, an exchange and a balance of its own")
    request = Request(
        symbol=market.instrument.symbol,
        strategy=wanted.strategy,
        simulation=wanted.simulation,
        data=market.choice,
        wires=None,
        speed=float("inf"),
        summary=file_of(wanted.summary, market.instrument.symbol, symbols),
        journal=journal,
        view=wanted.view,
        command_line=wanted.command_line,
        notes=notes,
    )
    run = compose(market, wanted.strategy, wanted.simulation)
    played = Session(request, run, Manner(MODE, _progress, has_lines=False)).play()
    if played.summary is None:
        return played
    if wanted.view is not View.NONE:
        show_data(Console(highlight=False), market, played.summary)
    report = file_of(wanted.report, market.instrument.symbol, symbols)
    is_reported = report is None or _report(played, journal, report)
    return replace(played, code=_code(wanted, played) if is_reported else ExitCode.FAILED)


def _report(played: Played, journal: str | None, file: Path) -> bool:
    """Write the report of a run that is over; False, and a sentence, where that cannot be done."""
    if played.run_id is None or played.code is ExitCode.FAILED:
        sys.stderr.write(f"perpmaker: --report {file}: not written, the run failed\n")
        return False
    from perpmaker.cli.reporting import write_report  # noqa: PLC0415 - the report's imports, where one is wanted

    try:
        write_report(played.run_id, journal, file)
    except UserError as error:
        sys.stderr.write(f"perpmaker: {error}\n")
        return False
    return True


def _code(wanted: Backtest, played: Played) -> ExitCode:
    """Rule 4."""
    has_planned_end = wanted.strategy.duration_s == 0 and played.code is ExitCode.FEED_EXHAUSTED
    return ExitCode.DURATION if has_planned_end else played.code


def _progress(run: SimulatedRun, console: Console) -> ProgressLine:
    ends = [run.exchange.now_ns + run.terms.duration_ns] if run.terms.duration_ns else []
    ends += [run.data.last_ns] if run.data.last_ns is not None else []
    return ProgressLine(console, run.instrument.symbol, run.exchange, min(ends, default=run.exchange.now_ns))


def _conclude(wanted: Backtest, played: Sequence[Played], symbols: Sequence[str]) -> ExitCode:
    """The markets side by side, and the code of what ended worst."""
    if len(symbols) > 1 and wanted.view is not View.NONE:
        found = dict.fromkeys(symbols) | {symbol: one.summary for symbol, one in zip(symbols, played, strict=False)}
        show_table(Console(highlight=False), found)
    codes = [one.code for one in played if one.code is not ExitCode.DURATION]
    for worst in (*_STOPPED, ExitCode.FAILED, ExitCode.BAD_INPUT):
        if worst in codes:
            return worst
    return codes[0] if codes else ExitCode.DURATION
