"""Flags that commands share are declared once, and a command gets them as one object."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from perpmaker.cli.flag_groups import with_groups


@dataclass(frozen=True, kw_only=True)
class Size:
    width: Annotated[int, typer.Option(help="How wide.")] = 3
    height: Annotated[int | None, typer.Option("--tall", help="How tall.")] = None


def parsed(command: object, *arguments: str) -> None:
    app = typer.Typer()
    app.command()(command)  # type: ignore[type-var]
    app(list(arguments), standalone_mode=False)


def test_a_command_gets_its_group_as_it_was_typed() -> None:
    got: list[object] = []

    @with_groups
    def draw(
        *, name: Annotated[str, typer.Option()] = "x", size: Size, is_big: Annotated[bool, typer.Option()] = False
    ) -> None:
        got.append((name, size, is_big))

    parsed(draw, "--tall", "7", "--name", "y")
    parsed(draw)
    assert got == [("y", Size(width=3, height=7), False), ("x", Size(), False)]


def test_the_help_shows_one_flat_list_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    @with_groups
    def draw(
        *, first: Annotated[str, typer.Option()] = "x", size: Size, last: Annotated[str, typer.Option()] = ""
    ) -> None:
        """Draw."""

    parsed(draw, "--help")
    shown = capsys.readouterr().out
    assert "Draw." in shown
    places = [shown.index(flag) for flag in ("--first", "--width", "--tall", "--last")]
    assert places == sorted(places)
    assert "How wide." in shown


def test_two_flags_of_one_name_are_a_mistake_of_ours() -> None:
    def draw(*, width: Annotated[int, typer.Option()] = 1, size: Size) -> None: ...

    with pytest.raises(TypeError, match="draw has two options of one name"):
        with_groups(draw)
