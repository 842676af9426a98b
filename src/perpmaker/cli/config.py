"""`perpmaker config`: check, show and write a configuration file, and the schema for editors."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from perpmaker.cli.configuration.document import DEFAULT_FILE
from perpmaker.cli.configuration.loading import load_config
from perpmaker.cli.configuration.questions import Question, answers
from perpmaker.cli.configuration.schema import schema_text
from perpmaker.cli.configuration.showing import effective, overview
from perpmaker.cli.configuration.template import written
from perpmaker.domain.errors import ConfigError

config_app = typer.Typer(help="Check, show and write a configuration file.", no_args_is_help=True)

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The configuration file.")]


@config_app.command("check")
def check(file: _File = DEFAULT_FILE) -> None:
    """Say what a file would run and where its values come from, or what is wrong with it. Nothing is started.

    No exchange is asked. A simulated market is compared with its instrument, and its recording must be there.
    """
    config = load_config(file)
    from perpmaker.cli.configuration.fitting import check_simulated  # noqa: PLC0415 - numba: only where it is needed

    check_simulated(config)
    for line in overview(config):
        typer.echo(line)


@config_app.command("show")
def show(
    file: _File = DEFAULT_FILE,
    market: Annotated[str | None, typer.Option("--market", metavar="NAME", help="Only this market.")] = None,
) -> None:
    """Show every setting as it takes effect, as TOML, with its source: market, preset, defaults or program."""
    config = load_config(file)
    markets = config.markets if market is None else (config.market(market),)
    for line in effective(config, markets):
        typer.echo(line)


@config_app.command("init")
def init(
    file: _File = DEFAULT_FILE,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: take the answers that are offered.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Ask a few questions and write a file with every key explained, commented out where it is not needed."""
    if file.exists() and not force:
        raise ConfigError(f"{file} is there already: name another file, or say --force to replace it")
    if not yes and not sys.stdin.isatty():
        raise ConfigError("there is no terminal to ask questions on: say --yes to take the answers that are offered")
    text = written(file, answers(_offered if yes else _asked, _refused))
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from None
    typer.echo(f"written: {file}. Try `perpmaker config check {file}`, then `perpmaker run --config {file}`")


@config_app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the file, for editors that complete and check it."""
    typer.echo(schema_text())


def _asked(question: Question) -> str:
    return str(typer.prompt(question.words, default=question.otherwise))


def _offered(question: Question) -> str:
    return question.otherwise


def _refused(why: str) -> None:
    typer.echo(f"  {why}", err=True)
