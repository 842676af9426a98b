"""`perpmaker watchdog`: a process of its own that cleans up after a run when its heartbeat stops."""

from typing import Annotated

import typer

from perpmaker.cli import options as o
from perpmaker.cli import values


def watchdog(
    run: Annotated[
        str | None, typer.Option("--run", metavar="ID", help="Which run; `perpmaker status` lists them.")
    ] = None,
    latest: Annotated[bool, typer.Option("--latest", help="The live run that was started last.")] = False,
    timeout: Annotated[
        int,
        typer.Option(parser=values.nanoseconds, metavar="TIME", help="Silence that is too long, at least 5s."),
    ] = "15s",  # type: ignore[assignment]  # typer hands the default through the parser
    close: Annotated[
        bool, typer.Option("--close", help="Close the position, too, not only cancel the orders.")
    ] = False,
    base_url: o.BaseUrl = None,
    ws_url: o.WsUrl = None,
    journal: o.JournalUrl = None,
) -> None:
    """Watch a live run from another process: when its heartbeat in the journal stops, cancel its orders at the venue.

    Tries until the venue has confirmed it, however long that is unreachable. Does nothing to a run that ended.
    """
    from perpmaker.cli.watching import watch_run  # noqa: PLC0415 - journal and venues: keeps --help quick

    raise typer.Exit(
        watch_run(journal, run, is_latest=latest, timeout_ns=timeout, closes=close, addresses=(base_url, ws_url))
    )
