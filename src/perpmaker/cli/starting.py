"""Starts what was asked for: one run, or all markets of a configuration file.

Rules kept here:

1. A flag that is typed beside `--config` overrides the file. With several markets only what is the same for all of them
   can be typed.
2. What runs is imported when it starts: it takes a second that `--help` and a mistake do not need.
"""

from pathlib import Path
from typing import Any, Final

import typer

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.request import Request
from perpmaker.domain.errors import InvalidSettingError

FOR_ALL: Final = frozenset({"live", "no_loss_limit", "duration", "summary", "journal", "view"})
"""Flags that mean the same for every market of a file."""


def start(request: Request) -> ExitCode:
    """One run, from start to end.

    Raises:
        UserError: what was asked for cannot be done; nothing was started.
    """
    if request.wires is None:
        from perpmaker.cli.session import run_session  # noqa: PLC0415 - rule 2

        return run_session(request)
    from perpmaker.cli.wires import run_live_session  # noqa: PLC0415 - rule 2

    return run_live_session(request, request.wires)


def start_configured(file: Path, context: typer.Context) -> ExitCode:
    """What a configuration file says, the flags that were typed beside it going first.

    Raises:
        UserError: the file is wrong, or what it asks for cannot be done; nothing was started.
    """
    from perpmaker.cli.configuration.loading import load_config  # noqa: PLC0415 - only where there is a file

    typed = typed_flags(context)
    config = load_config(file, typed)
    if not config.needs_fleet:
        return start(config.markets[0].plan.request(config.output))
    for name in typed:
        if len(config.markets) > 1 and name not in FOR_ALL:
            raise InvalidSettingError(
                f"--{name.replace('_', '-')} beside {file} with {len(config.markets)} markets: write it into the file"
            )
    from perpmaker.cli.fleet_starting import run_fleet  # noqa: PLC0415 - rule 2

    return run_fleet(config, lambda: load_config(file, typed))


def typed_flags(context: typer.Context) -> dict[str, Any]:
    """The options of this command that stand on the command line, by name, beside `--config` itself."""
    return {
        name: value
        for name, value in context.params.items()
        if name != "config" and str(getattr(context.get_parameter_source(name), "name", "")) == "COMMANDLINE"
    }
