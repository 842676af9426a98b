"""`perpmaker alerts`: try the channels that alerts are sent to, and list what is told."""

import typer

alerts_app = typer.Typer(help="Messages to a phone, a chat or a mailbox: try them, list them.", no_args_is_help=True)


@alerts_app.command("test")
def test() -> None:
    """Send a test message to every address in PERPMAKER_ALERT_URLS, and say of each whether it was taken.

    Exit code 1 where one was not, 2 where there is no address.
    """
    from perpmaker.cli.alerting import send_test  # noqa: PLC0415 - apprise: keeps --help quick

    raise typer.Exit(send_test())


@alerts_app.command("list")
def list_() -> None:
    """List every kind of alert with its severity, its least pause, and what causes it."""
    from perpmaker.cli.alerting import show_kinds  # noqa: PLC0415 - keeps --help quick

    show_kinds()
