"""`perpmaker compile`: machine code of the maker, for decisions that cost less. Never needed, and never stale."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from perpmaker import compiled
from perpmaker.domain.errors import UserError


def compile_maker(
    status: Annotated[bool, typer.Option("--status", help="Only say what there is and what is used.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Delete every build of this user.")] = False,
) -> None:
    """Compile the maker with mypyc, for this Python and exactly these sources. From then on every command uses it.

    After a change of a source plain Python runs again, until this is repeated. PERPMAKER_COMPILED=0 turns it off.
    """
    if status and remove:
        raise UserError("--status and --remove: give one of them")
    if status:
        _tell_status()
    elif remove:
        _remove()
    else:
        _compile()


def _compile() -> None:
    from perpmaker.cli.compiling import compile_floors  # noqa: PLC0415 - only this needs it

    sources = compiled.read_sources()
    if _made_by(compiled.cache_folder() / compiled.build_name(sources), sources):
        typer.echo("nothing to do: this version is compiled already")
        return
    typer.echo(f"compiling {len(compiled.compiled_modules(sources))} modules: half a minute or so")
    try:
        place = compile_floors(sources)
    except OSError as error:
        raise UserError(f"{error.filename}: the build cannot be kept there: {error.strerror}") from error
    typer.echo(f"compiled, and a simulated hour gave the same orders as plain Python: {place}")
    if not compiled.is_wanted():
        typer.echo(f"{compiled.SWITCH} says that it is not to be used")


def _tell_status() -> None:
    cache, sources = compiled.cache_folder(), compiled.read_sources()
    name = compiled.build_name(sources)
    mypy = _made_by(cache / name, sources)
    typer.echo(f"the maker runs {'compiled' if compiled.is_served() else 'as plain Python'}")
    typer.echo(f"build of this version: {f'{cache / name}, made by {mypy}' if mypy else 'none, or damaged'}")
    others = sum(folder.name != name for folder in _builds(cache))
    typer.echo(f"builds of other versions: {others}")
    if not compiled.is_wanted():
        typer.echo(f"{compiled.SWITCH} asks for plain Python")


def _remove() -> None:
    builds = _builds(compiled.cache_folder())
    for folder in builds:
        shutil.rmtree(folder)
    typer.echo(f"deleted {len(builds)} build{'' if len(builds) == 1 else 's'}")


def _builds(cache: Path) -> list[Path]:
    return sorted(cache.iterdir()) if cache.is_dir() else []


def _made_by(folder: Path, sources: compiled.Sources) -> str | None:
    """Which mypy made the build in this folder; None where there is no whole one."""
    try:
        compiled.whole_build(folder, sources)
        return (folder / compiled.FILE_LIST).read_text(encoding="ascii").split("\n", 1)[0]
    except (OSError, ValueError):
        return None
