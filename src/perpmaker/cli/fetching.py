"""Fetches the past of a market until all is there or somebody stops it.

Rules kept here:

1. DEST appears when everything is there, and not before; until then the pages wait in ``DEST.fetch``. The same request
   goes on with them, any other is refused.
2. A request whose DEST is there already is answered without asking the exchange.
3. Only public questions are asked: no keys are read.
4. Stopped by a signal, what was fetched stays, and how to go on is said; the exit code is that of the signal.
5. Results go to the standard output, news to the standard error.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from perpmaker.cli.data_view import closing_line
from perpmaker.cli.exit_codes import EXIT_CODES, ExitCode
from perpmaker.cli.interrupts import ending_cleanly
from perpmaker.data.fetch.finish import bar_holes, finish, is_fetched
from perpmaker.data.fetch.folder import FetchFolder, folder_of
from perpmaker.data.fetch.request import FetchKind, FetchRequest
from perpmaker.data.format import RecordingInfo, utc
from perpmaker.data.leftovers import held
from perpmaker.domain.errors import InvalidSettingError, RecordingError
from perpmaker.domain.events import EndReason
from perpmaker.venues.clock import SystemClock
from perpmaker.venues.history.fetcher import Fetcher, OnPage, patiently
from perpmaker.venues.history.source import HistorySource
from perpmaker.venues.redaction import redact
from perpmaker.venues.registry import ccxt_id

_NS_PER_MS: Final = 1_000_000
_SHOWN_HOLES: Final = 3

Say = Callable[[str], None]


def fetch_history(
    dest: Path,
    exchange: str,
    symbol: str,
    kind: str,
    *,
    span_ns: tuple[int, int],
    timeframe: str,
    base_url: str | None,
) -> ExitCode:
    """Fetch, and say what came of it.

    Raises:
        InvalidSettingError: a flag is out of its range, or the exchange has no such history.
        UnknownNameError: there is no such exchange or symbol.
        RecordingError: the destination is taken or cannot be written, or what the exchange answers cannot be true.
        VenueError: the exchange refused, or failed too often.
    """
    clock = SystemClock()
    request = make_request(exchange, symbol, kind, span_ns, timeframe, base_url, clock.now_ns())
    if is_fetched(dest, request):
        typer.echo(f"{dest} holds these {request.words} already: nothing to do")
        return ExitCode.DURATION

    async def work() -> ExitCode:
        from perpmaker.venues.history.ccxt_source import CcxtHistorySource  # noqa: PLC0415 - ccxt takes a second

        source = CcxtHistorySource(request.exchange, request, clock)
        try:
            return await fetch_from(source, request, dest, Random())  # noqa: S311 - spreads waits, hides nothing
        finally:
            await source.close()

    return asyncio.run(work())


def make_request(
    exchange: str, symbol: str, kind: str, span_ns: tuple[int, int], timeframe: str, base_url: str | None, now_ns: int
) -> FetchRequest:
    """The request that the flags make.

    Raises:
        InvalidSettingError: a flag is out of its range.
        UnknownNameError: there is no such exchange.
    """
    kinds: tuple[FetchKind, ...] = get_args(FetchKind)
    found = next((each for each in kinds if each == kind), None)
    if found is None:
        raise InvalidSettingError(f"--kind {kind}: choose one of {', '.join(kinds)}")
    from_ns, to_ns = span_ns
    if from_ns < 0 or from_ns >= to_ns:
        raise InvalidSettingError(f"--from {utc(from_ns)}: must be after 1970 and before --to, {utc(to_ns)}")
    if to_ns > now_ns:
        raise InvalidSettingError(f"--to {utc(to_ns)}: lies in the future; it is {utc(now_ns)} UTC")
    for flag, at_ns in (("--from", from_ns), ("--to", to_ns)):
        if at_ns % _NS_PER_MS:
            raise InvalidSettingError(f"{flag}: exchanges count milliseconds, and this is finer: round it")
    return FetchRequest(
        ccxt_id(exchange),
        symbol,
        found,
        from_ns // _NS_PER_MS,
        to_ns // _NS_PER_MS,
        timeframe if found == "bars" else "",
        base_url or "",
    )


async def fetch_from(source: HistorySource, request: FetchRequest, dest: Path, random: Random) -> ExitCode:
    """`fetch_history` from a source; it is not closed."""
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    ended: list[EndReason] = []

    def stop(reason: EndReason) -> None:
        ended.append(reason)
        loop.call_soon_threadsafe(task.cancel)

    with ending_cleanly(stop, lambda: loop.call_soon_threadsafe(task.cancel)):
        try:
            folder = await _fetched(source, request, dest, random)
        except asyncio.CancelledError:
            if not ended:
                raise
            _say(_how_to_go_on(dest))
            return EXIT_CODES[ended[0]]
    holes = bar_holes(folder, source.paging.bar_ms)
    info = finish(folder, dest)
    _close(dest, request, folder, info, holes)
    return ExitCode.DURATION


async def _fetched(source: HistorySource, request: FetchRequest, dest: Path, random: Random) -> FetchFolder:
    folder = FetchFolder.find(dest, request)
    instrument = await patiently(source.instrument, source.name, random, _say)
    if folder is None:
        folder = FetchFolder.begin(dest, request, instrument)
    else:
        folder.check_instrument(instrument)
        if not folder.is_complete:
            _say(f"going on at {utc(folder.next_ms * _NS_PER_MS)} UTC, {folder.rows:,} rows are there")
    with held(folder.path) as is_ours:
        if not is_ours:
            raise RecordingError(f"another fetch is at work in {folder.path}: let it end, or stop it")
        with _progress(folder) as on_page:
            await Fetcher(source, folder, random, _say).run(on_page)
    return folder


def _how_to_go_on(dest: Path) -> str:
    if not folder_of(dest).exists():
        return "stopped before anything was fetched"
    return f"stopped; what was fetched is kept in {folder_of(dest)}: the same command goes on with it"


@contextmanager
def _progress(folder: FetchFolder) -> Iterator[OnPage]:
    """A bar of the time that is there on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _at_ms, _rows: None
        return
    request = folder.request
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %, {task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(
            f"fetching {request.kind} of {request.symbol}", total=request.to_ms - request.from_ms, rows=folder.rows
        )
        bar.update(task, completed=folder.next_ms - request.from_ms)
        yield lambda at_ms, rows: bar.update(task, completed=at_ms - request.from_ms, rows=rows)


def _close(
    dest: Path, request: FetchRequest, folder: FetchFolder, info: RecordingInfo | None, holes: list[tuple[int, int]]
) -> None:
    """What there is now, and what is in doubt."""
    for what, count in sorted(folder.notes.items()):
        if count:
            _say(f"{what}: {count:,}")
    if holes:
        spans = [f"{utc(start * _NS_PER_MS)} to {utc(end * _NS_PER_MS)}" for start, end in holes[:_SHOWN_HOLES]]
        more = f" and {len(holes) - _SHOWN_HOLES:,} more" if len(holes) > _SHOWN_HOLES else ""
        _say(f"{request.exchange} has no bars for {', '.join(spans)}{more}: without a trade, or lost, it does not say")
    typer.echo(f"{dest}: {folder.rows:,} rows, {request.words}" if info is None else closing_line(dest, info))


def _say(sentence: str) -> None:
    typer.echo(redact(sentence), err=True)
