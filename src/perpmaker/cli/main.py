"""The program: its commands, and how an error becomes one sentence and an exit code."""

import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from perpmaker import __version__, compiled
from perpmaker.cli.alerts import alerts_app
from perpmaker.cli.backtest import backtest
from perpmaker.cli.cancel import cancel
from perpmaker.cli.clear import clear
from perpmaker.cli.close import close
from perpmaker.cli.compare import compare
from perpmaker.cli.compile import compile_maker
from perpmaker.cli.config import config_app
from perpmaker.cli.dashboard import dashboard_app
from perpmaker.cli.data import data_app
from perpmaker.cli.doctor import doctor
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.explain import explain
from perpmaker.cli.fidelity import fidelity
from perpmaker.cli.record import record
from perpmaker.cli.report import report
from perpmaker.cli.run import run
from perpmaker.cli.status import status
from perpmaker.cli.study import study_app
from perpmaker.cli.testnet import serve_testnet
from perpmaker.cli.watchdog import watchdog
from perpmaker.domain.errors import UserError
from perpmaker.venues.errors import VenueError
from perpmaker.venues.redaction import redact

app = typer.Typer(
    name="perpmaker",
    help="A market maker for perpetual futures.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
app.command("run")(run)
app.command("backtest")(backtest)
app.command("record")(record)
app.command("doctor")(doctor)
app.command("status")(status)
app.command("cancel")(cancel)
app.command("close")(close)
app.command("clear")(clear)
app.command("watchdog")(watchdog)
app.command("testnet")(serve_testnet)
app.command("explain")(explain)
app.command("report")(report)
app.command("compare")(compare)
app.command("fidelity")(fidelity)
app.command("compile")(compile_maker)
app.add_typer(alerts_app, name="alerts")
app.add_typer(config_app, name="config")
app.add_typer(dashboard_app, name="dashboard")
app.add_typer(data_app, name="data")
app.add_typer(study_app, name="study")


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        sys.stdout.write(f"perpmaker {__version__}{', compiled maker' if compiled.is_served() else ''}\n")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(_run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:
    try:
        code = app(arguments, standalone_mode=False)
    except (UserError, VenueError) as error:
        sys.stderr.write(f"perpmaker: {redact(str(error))}\n")
        return ExitCode.BAD_INPUT
    except TyperException as error:
        sentence = _sentence(error)
        if sentence:  # empty where the help was the answer
            sys.stderr.write(f"perpmaker: {redact(sentence)}\n")
        return ExitCode.BAD_INPUT
    except (typer.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return code if isinstance(code, int) else 0


def _sentence(error: TyperException) -> str:
    """What the command line could not read, with the name of the flag where there is one."""
    format_message = getattr(error, "format_message", None)
    return str(error) if format_message is None else str(format_message())
