"""Records a market until the time is over or somebody stops it.

Rules kept here:

1. Only a `MarketSource` is opened: no keys are read, and no order could be sent.
2. The stream is looked after by a `Vigil`; what could not be heard is a gap of the recording.
3. The planned end is exit code 0: the duration, or a signal where there is none. A signal before the end of the
   duration has its own code, a recording that could not be written is a failure.
4. Results go to the standard output, news to the standard error.
"""

import asyncio
from decimal import Decimal
from pathlib import Path

import typer

from perpmaker.cli.data_view import closing_line
from perpmaker.cli.exit_codes import EXIT_CODES, ExitCode
from perpmaker.cli.interrupts import ending_cleanly
from perpmaker.domain.errors import InvalidSettingError, UnknownNameError
from perpmaker.domain.events import EndReason
from perpmaker.runtime.recorder import Recorder
from perpmaker.runtime.vigil import Vigil
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.venues.clock import Clock, SystemClock
from perpmaker.venues.fan_out import FanOut
from perpmaker.venues.feed_source import FeedSource
from perpmaker.venues.port import MarketSource

SIMULATED = "sim"

SILENCE_NS = 15 * 10**9
"""A stream that says nothing for so long is looked into."""

_LEAST_FLUSH_NS = 10**9


def record_market(
    exchange: str,
    symbol: str,
    out: Path,
    *,
    duration_s: Decimal,
    flush_ns: int,
    addresses: tuple[str | None, str | None],
) -> ExitCode:
    """Record, and say what came of it.

    Raises:
        InvalidSettingError: a flag is out of its range.
        UnknownNameError: there is no such exchange or symbol.
        RecordingError: the destination is taken or cannot be written.
        VenueError: the market could not be opened.
    """
    if duration_s < 0:
        raise InvalidSettingError(f"--duration {duration_s}: must be at least 0 seconds")
    if flush_ns < _LEAST_FLUSH_NS:
        raise InvalidSettingError(f"--flush {flush_ns / 1e9:g}s: must be at least 1s")

    async def work() -> ExitCode:
        clock = SystemClock()
        source = open_source(exchange, symbol, clock, *addresses)
        try:
            return await record_source(source, clock, out, duration_s=duration_s, flush_ns=flush_ns)
        finally:
            await source.close()

    return asyncio.run(work())


async def record_source(
    source: MarketSource, clock: Clock, out: Path, *, duration_s: Decimal, flush_ns: int
) -> ExitCode:
    """`record_market` on a source; it is not closed."""
    ended: asyncio.Future[EndReason] = asyncio.get_running_loop().create_future()

    def end(reason: EndReason) -> None:
        if not ended.done():
            ended.set_result(reason)

    def request_stop(reason: EndReason) -> None:
        ended.get_loop().call_soon_threadsafe(end, reason)

    instrument = (await source.market()).instrument
    recorder = Recorder(
        out, instrument, source.name, clock, flush_ns=flush_ns, on_failure=lambda _: end(EndReason.FAILED)
    )
    vigil = Vigil(source, clock, SILENCE_NS)
    with ending_cleanly(request_stop):
        typer.echo(f"recording {instrument.symbol} of {source.name} to {out}", err=True)
        try:
            await source.open(FanOut(recorder, vigil))
            reason = await _wait(ended, float(duration_s))
        finally:
            await vigil.close()
            recorder.close()
    if vigil.restarts:
        typer.echo(f"the stream fell silent and was opened anew, times: {vigil.restarts}", err=True)
    if recorder.info is not None:
        typer.echo(closing_line(out, recorder.info))
    if recorder.failure is not None:
        typer.echo(f"perpmaker: {recorder.failure}", err=True)
        return ExitCode.FAILED
    return EXIT_CODES[reason] if duration_s else ExitCode.DURATION


async def _wait(ended: "asyncio.Future[EndReason]", duration_s: float) -> EndReason:
    try:
        async with asyncio.timeout(duration_s or None):
            return await ended
    except TimeoutError:
        return EndReason.DURATION


def open_source(exchange: str, symbol: str, clock: Clock, base_url: str | None, ws_url: str | None) -> MarketSource:
    """The public side of a market. Raises `UnknownNameError` where there is no such exchange or symbol."""
    if exchange == SIMULATED:
        if symbol not in PROFILES:
            raise UnknownNameError(
                f"--symbol {symbol}: the synthetic market has no such symbol; it has {', '.join(PROFILES)}"
            )
        return FeedSource(SyntheticMarket(PROFILES[symbol], 1), clock)
    from perpmaker.venues import registry  # noqa: PLC0415 - ccxt takes seconds to import

    return registry.open_source(exchange, symbol, clock, base_url=base_url, ws_url=ws_url)
