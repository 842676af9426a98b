"""Where links are: only this user's, short enough, and swept."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from perpmaker.domain.errors import UserError
from perpmaker.monitor.places import PLACE, LinkError, link_folder, link_path, remove_dead
from support.monitored import RUN_ID, links_in_a_short_place


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with links_in_a_short_place(monkeypatch) as folder:
        yield folder


def listening(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.fspath(path))
    server.listen()
    return server


def test_the_folder_is_made_for_this_user_alone(place: Path) -> None:
    assert link_folder() == place / "perpmaker"
    assert link_folder().stat().st_mode & 0o777 == 0o700


def test_a_folder_that_lay_open_is_closed(place: Path) -> None:
    (place / "perpmaker").mkdir(mode=0o755)
    (place / "perpmaker").chmod(0o755)
    assert link_folder().stat().st_mode & 0o777 == 0o700


def test_a_folder_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    link_folder()
    monkeypatch.setattr(os, "getuid", lambda: 4_711)
    with pytest.raises(LinkError, match=f"belongs to somebody else: name another place in {PLACE}"):
        link_folder()


def test_a_link_to_another_folder_is_not_followed(place: Path) -> None:
    (place / "elsewhere").mkdir(mode=0o755)
    (place / "elsewhere").chmod(0o755)
    (place / "perpmaker").symlink_to(place / "elsewhere")
    with pytest.raises(LinkError, match="is no folder"):
        link_folder()
    assert (place / "elsewhere").stat().st_mode & 0o777 == 0o755


def test_a_place_where_nothing_can_be_made_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv(PLACE, str(place / "file"))
    with pytest.raises(UserError, match=r"cannot be made: .*; name another place in"):
        link_folder()


def test_without_a_place_the_systems_own_is_taken_without_a_warning(
    place: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.delenv(PLACE)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place / "mine"))
    assert link_folder() == place / "mine" / "perpmaker"
    assert not recwarn.list


def test_the_socket_bears_the_name_of_the_run() -> None:
    assert link_path(RUN_ID) == link_folder() / f"{RUN_ID}.sock"


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\0b", ".hidden", "a b", "x" * 300, "ä"])
def test_what_can_be_no_run_leads_nowhere(name: str) -> None:
    with pytest.raises(LinkError):
        link_path(name)


def test_a_path_that_is_too_long_for_a_socket_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PLACE, str(place / ("long" * 20)))
    with pytest.raises(LinkError, match="bytes are too many for a socket"):
        link_path(RUN_ID)


def test_what_killed_runs_left_is_removed_and_what_lives_or_is_young_stays() -> None:
    folder = link_folder()
    listening(folder / "dead.sock").close()
    os.utime(folder / "dead.sock", (1, 1))
    listening(folder / "young.sock").close()
    alive, own = listening(folder / "alive.sock"), listening(folder / "own.sock")
    os.utime(folder / "alive.sock", (1, 1))
    remove_dead(folder / "own.sock")
    assert sorted(path.name for path in folder.iterdir()) == ["alive.sock", "own.sock", "young.sock"]
    alive.close()
    own.close()
