"""`perpmaker watchdog`: a process of its own that cleans up after live runs when their heartbeat stops."""

from typing import Annotated

import typer

from perpmaker.cli import options as o
from perpmaker.cli import values
from perpmaker.domain.errors import InvalidSettingError


def watchdog(
    run: Annotated[
        str | None, typer.Option("--run", metavar="ID", help="Only this run; `perpmaker status` lists them.")
    ] = None,
    latest: Annotated[bool, typer.Option("--latest", help="Only the live run that was started last.")] = False,
    symbol: Annotated[
        str | None, typer.Option("--symbol", help="Only runs of this market, as `perpmaker status` shows it.")
    ] = None,
    timeout: Annotated[
        int,
        typer.Option(parser=values.nanoseconds, metavar="TIME", help="Silence that is too long, at least 5s."),
    ] = "15s",  # type: ignore[assignment]  # typer hands the default through the parser
    close: Annotated[
        bool, typer.Option("--close", help="Close the market's position, too, not only cancel the orders.")
    ] = False,
    alerts: Annotated[
        bool,
        typer.Option("--alerts", help="Send an alert of all that it does to the addresses in PERPMAKER_ALERT_URLS."),
    ] = False,
    base_url: o.BaseUrl = None,
    ws_url: o.WsUrl = None,
    journal: o.JournalUrl = None,
) -> None:
    """Watch live runs from another process: when the heartbeat of one stops, cancel its orders at the venue.

    Without --run and --latest it watches every live run of the journal, those that are still to come, too, until it is
    stopped. Tries until the venue has confirmed it, however long that is unreachable. Does nothing to a run that ended.
    """
    from perpmaker.cli.watchdog_alerts import watchdog_alerts  # noqa: PLC0415 - as below

    if run is None and not latest:
        from perpmaker.cli.watching_account import watch_account  # noqa: PLC0415 - journal and venues: keeps --help quick

        with watchdog_alerts(are_wanted=alerts) as act:
            return watch_account(
                journal, symbol, timeout_ns=timeout, closes=close, addresses=(base_url, ws_url), act=act
            )
    if symbol is not None:
        raise InvalidSettingError("--symbol does nothing beside --run or --latest: they name one run")
    from perpmaker.cli.watching import watch_run  # noqa: PLC0415 - as above

    with watchdog_alerts(are_wanted=alerts) as act:
        code = watch_run(
            journal, run, is_latest=latest, timeout_ns=timeout, closes=close, addresses=(base_url, ws_url), act=act
        )
    raise typer.Exit(code)
