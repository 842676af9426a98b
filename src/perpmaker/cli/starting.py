"""Starts what was asked for: one run, or all markets of a configuration file.

Rules kept here:

1. A flag that is typed beside `--config` overrides the file. With several markets only what is the same for all of them
   can be typed.
2. What runs is imported when it starts: it takes a second that `--help` and a mistake do not need.
3. What a file says is played in real time by a fleet, which takes up its changes, also where there is one market only.
   But one that is simulated, without a budget and without onlookers, is a replay: the same each time, and over too soon
   to be changed.
"""

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.request import Request
from perpmaker.cli.watch_flags import WatchFlags
from perpmaker.domain.errors import InvalidSettingError

if TYPE_CHECKING:
    from perpmaker.cli.configuration.settings import Config

FOR_ALL: Final = frozenset(
    {"live", "no_loss_limit", "duration", "summary", "journal", "view", *(flag.name for flag in fields(WatchFlags))}
)
"""Flags that mean the same for every market of a file."""


def start(request: Request) -> ExitCode:
    """One run, from start to end.

    Raises:
        UserError: what was asked for cannot be done; nothing was started.
    """
    if request.wires is None and request.watching.needs_real_time:
        from perpmaker.cli.fleet_starting import run_played  # noqa: PLC0415 - rule 2

        return run_played(request)
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
    typed = typed_flags(context)
    config = load_for_start(file, typed)
    if not config.needs_fleet and config.markets[0].is_simulated and not config.watching.needs_real_time:
        return start(config.markets[0].plan.request(config.output))
    for name in typed:
        if len(config.markets) > 1 and name not in FOR_ALL:
            raise InvalidSettingError(
                f"--{name.replace('_', '-')} beside {file} with {len(config.markets)} markets: write it into the file"
            )
    from perpmaker.cli.fleet_starting import run_fleet  # noqa: PLC0415 - rule 2

    return run_fleet(config, lambda: load_for_start(file, typed))


def load_for_start(file: Path, typed: dict[str, Any]) -> "Config":
    """The file beside these flags. A budget that ends all markets at a loss is the limit that ``--live`` demands.

    Raises:
        UserError: the file is wrong.
    """
    from perpmaker.cli.configuration.loading import load_config  # noqa: PLC0415 - only where there is a file

    if typed.get("live") and not typed.get("no_loss_limit"):
        config = load_config(file, {**typed, "no_loss_limit": True})
        if config.budgets.limit_losses:
            return replace(config, typed=typed)
    return load_config(file, typed)


def typed_flags(context: typer.Context) -> dict[str, Any]:
    """The options of this command that stand on the command line, by name, beside `--config` itself."""
    return {
        name: value
        for name, value in context.params.items()
        if name != "config" and str(getattr(context.get_parameter_source(name), "name", "")) == "COMMANDLINE"
    }
