"""`perpmaker dashboard`: the web page of all runs of a journal, and the hash of a password for it."""

from pathlib import Path
from typing import Annotated

import typer

from perpmaker.cli.dashboard_flags import DashboardFlags
from perpmaker.cli.flag_groups import with_groups
from perpmaker.domain.errors import InvalidSettingError

LEAST_PASSWORD = 12
"""Characters of a password: who reaches the page may try many."""

dashboard_app = typer.Typer(
    help="Serve the web page of all runs of a journal: look at them, steer them, start them.",
    invoke_without_command=True,
)


@dashboard_app.callback()
@with_groups
def dashboard(
    *,
    context: typer.Context,
    journal: Annotated[
        str | None,
        typer.Option(
            "--journal",
            metavar="URL",
            help="Journal whose runs are shown: a file, sqlite:///FILE or postgresql://... Default: journal.db in the "
            "user's data folder.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="Configuration file: its section dashboard says where, and to whom."
        ),
    ] = None,
    flags: DashboardFlags,
    live: Annotated[
        bool, typer.Option("--live", help="Let a trader start live runs from the page, with real money.")
    ] = False,
    beside_run: Annotated[bool, typer.Option("--beside-run", hidden=True)] = False,
) -> None:
    """Serve the web page of all runs of a journal: look at them, steer them, start them.

    It is a process of its own: runs go on without it, and it finds them again. Two addresses are printed at the start,
    one for a trader and one for a viewer, unless the configuration file names users.
    """
    if context.invoked_subcommand is not None:
        return
    from perpmaker.cli.dashboard_serving import Asked, serve_page  # noqa: PLC0415 - web server: keeps --help quick
    from perpmaker.cli.starting import typed_flags  # noqa: PLC0415 - as above

    asked = Asked(flags=flags, journal=journal, config=config, can_start_live=live, is_beside_run=beside_run)
    serve_page(asked, typed_flags(context))


@dashboard_app.command("hash")
def hash_of_password() -> None:
    """Ask for a password, twice and unseen, and print its hash, for a user in a configuration file."""
    from perpmaker.dashboard.security.users import hash_password  # noqa: PLC0415 - as above

    password = str(typer.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True))
    if len(password) < LEAST_PASSWORD:
        raise InvalidSettingError(f"a password has {LEAST_PASSWORD} characters at least; nothing was made of this one")
    try:
        made = hash_password(password)
    except ValueError as error:
        raise InvalidSettingError(str(error)) from None
    typer.echo('write it below a name of yours: [dashboard.users.NAME], with role = "trader" or "viewer"', err=True)
    typer.echo(f'password_hash = "{made}"')
