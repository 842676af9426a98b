"""`perpmaker dashboard` and `run --dashboard`: what they refuse, where they say the page is, and how they end."""

import io
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from perpmaker.cli import dashboard_beside as beside
from perpmaker.cli.dashboard import dashboard_app
from perpmaker.cli.dashboard_places import Places, journal_words, show_places
from perpmaker.cli.main import _run
from perpmaker.cli.request import Watching
from perpmaker.dashboard.security.users import is_hash
from perpmaker.domain.errors import InvalidSettingError
from support.config_files import write
from support.dashboard_runs import short_folder

PLACES = Places("http://127.0.0.1:1", 1, {"trader": "http://127.0.0.1:1/#token=aaa", "viewer": "http://x/#token=bbb"})
USERS = "[dashboard.users.ana]\nrole = 'trader'\npassword_hash = '{}'\n"
LONGEST_S = 60.0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own for what a dashboard keeps."""
    with short_folder() as folder:
        for name, below in (("XDG_STATE_HOME", "state"), ("XDG_DATA_HOME", "data"), ("PERPMAKER_RUNTIME_DIR", "run")):
            monkeypatch.setenv(name, str(folder / below))
        yield folder


@contextmanager
def served(*flags: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A dashboard as a process, and what it says when it is there."""
    command = [sys.executable, "-m", "perpmaker", "dashboard", "--port", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.terminate()


def ended(process: "subprocess.Popen[bytes]") -> int:
    return process.wait(LONGEST_S)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--journal", "none"], "--journal none: a dashboard finds its runs in a journal"),
        (["--host", "0.0.0.0"], "--host 0.0.0.0 without TLS"),  # noqa: S104 - refused
        (["--tls-key", "key.pem"], "--tls-key without --tls-cert"),
        (["--insecure-remote"], "--insecure-remote does nothing on 127.0.0.1"),
        (["--port", "70000"], "--port 70000: a port is a whole number from 0 (any) to 65535"),
        (["--config", "missing.toml"], "there is no configuration file missing.toml"),
        (["--tls-cert", "no.pem", "--tls-key", "no.pem"], "no.pem"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(
    flags: list[str], expected: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["dashboard", "--port", "0", *flags, *([] if "none" in flags else ["--journal", f"{home}/j.db"])]) == 2
    told = capsys.readouterr()
    assert expected in told.err
    assert told.err.count("\n") == 1
    assert "token" not in told.out


def test_it_serves_until_it_is_told_to_end_and_keeps_its_tokens_out_of_what_may_be_a_log(home: Path) -> None:
    with served() as (process, said):
        found = re.fullmatch(
            r"dashboard: (http://127.0.0.1:\d+); the addresses to open are in (.+), which only .*\n", said
        )
        assert found is not None, said
        assert "token" not in said
        file = Path(found[2])
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        addresses = re.findall(r"(trader|viewer): (\S+)", file.read_text(encoding="utf-8"))
        assert [role for role, _ in addresses] == ["trader", "viewer"]
        for role, address in addresses:
            with httpx.Client(
                base_url=found[1], headers={"Origin": found[1]}, trust_env=False, timeout=LONGEST_S
            ) as client:
                session = client.post("/api/login", json={"token": address.partition("#token=")[2]}).json()
                assert (session["role"], session["can_start_live"]) == (role, False)
                assert client.get("/api/runs").json() == {"running": [], "past": []}
                assert client.get("/api/start/form").json()["exchanges"][0] == "sim"
                assert client.post("/api/what-if", json={"preset": "neutral"}).json()["refused"] is None
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert home in file.parents


def test_with_live_it_says_so_in_plain_words(home: Path) -> None:
    with served("--live", "--journal", str(home / "j.db")) as (process, _):
        process.terminate()
        _, told = process.communicate(timeout=LONGEST_S)
    assert told == "LIVE: whoever has the trader's address can start runs with real money from this page\n"


def test_users_of_the_file_log_in_by_name_and_there_is_no_token(home: Path) -> None:
    made = CliRunner().invoke(dashboard_app, ["hash"], input="correct horse battery\ncorrect horse battery\n")
    password_hash = re.findall(r'password_hash = "(.+)"', made.stdout)[0]
    file = write(home, USERS.format(password_hash))
    with served("--config", str(file)) as (_, said):
        found = re.fullmatch(r"dashboard: (\S+) \(log in by name and password\)\n", said)
        assert found is not None, said
        with httpx.Client(
            base_url=found[1], headers={"Origin": found[1]}, trust_env=False, timeout=LONGEST_S
        ) as client:
            wrong = client.post("/api/login", json={"name": "ana", "password": "correct horse"})
            assert wrong.status_code == 401
            right = client.post("/api/login", json={"name": "ana", "password": "correct horse battery"})
            assert right.json()["name"] == "ana"


def test_a_password_is_asked_for_twice_and_shown_neither_time() -> None:
    made = CliRunner().invoke(dashboard_app, ["hash"], input="correct horse battery\ncorrect horse battery\n")
    assert made.exit_code == 0
    found = re.findall(r'^password_hash = "(.+)"$', made.stdout, re.MULTILINE)
    assert is_hash(found[0])
    assert "horse" not in made.output
    again = CliRunner().invoke(dashboard_app, ["hash"], input="correct horse battery\nwrong\n")
    assert again.exit_code != 0
    assert "password_hash" not in again.stdout


@pytest.mark.parametrize("password", ["short", "x" * 1_001])
def test_a_password_that_is_none_is_refused_unseen(password: str) -> None:
    made = CliRunner().invoke(dashboard_app, ["hash"], input=f"{password}\n{password}\n")
    assert isinstance(made.exception, InvalidSettingError)
    assert password not in str(made.exception)


def test_addresses_stand_on_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    terminal, log = Terminal(), io.StringIO()
    show_places(PLACES, terminal, tmp_path)
    assert "#token=aaa" in terminal.getvalue()
    assert list(tmp_path.iterdir()) == []
    show_places(PLACES, log, tmp_path)
    assert "token=" not in log.getvalue()
    (file,) = tmp_path.iterdir()
    assert str(file) in log.getvalue()
    assert "#token=bbb" in file.read_text(encoding="utf-8")


def test_a_file_that_somebody_put_in_the_way_gets_no_address(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch(mode=0o666)
    (tmp_path / "dashboard-addresses-1.txt").symlink_to(elsewhere)
    show_places(PLACES, io.StringIO(), tmp_path)
    assert elsewhere.read_text(encoding="utf-8") == ""


@pytest.mark.parametrize(
    ("url", "words", "environment"),
    [
        (None, (), {}),
        ("runs.db", ("--journal=runs.db",), {}),
        ("postgresql://ana:geheim@host:5/db", ("--journal=postgresql://ana@host:5/db",), {"PGPASSWORD": "geheim"}),
        ("postgresql://ana@host/db?password=geheim&sslmode=require", ("--journal=postgresql://ana@host/db?sslmode=require",),
         {"PGPASSWORD": "geheim"}),
        ("postgresql://ana@host/db", ("--journal=postgresql://ana@host/db",), {}),
    ],
)  # fmt: skip
def test_a_journals_password_is_no_argument(
    url: str | None, words: tuple[str, ...], environment: dict[str, str]
) -> None:
    assert journal_words(url) == (words, environment)


# Beside a run


def test_nobody_asked_for_a_page_and_there_is_none(tmp_path: Path) -> None:
    with beside.dashboard_beside(Watching(), None, tmp_path) as process:
        assert process is None


def test_beside_a_run_it_is_served_as_long_as_the_run_lasts_and_not_much_longer(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_COMMAND", (*lingering(0.2), "--beside-run"))
    out, watching = Terminal(), Watching(dashboard_port=free_port())
    with beside.dashboard_beside(watching, str(home / "j.db"), home, out) as process:
        assert process is not None
        url = re.findall(r"dashboard: (\S+)\n", out.getvalue())[0]
        assert url.endswith(f":{watching.dashboard_port}")
        assert out.getvalue().count("#token=") == 2
        assert httpx.get(f"{url}/", trust_env=False, timeout=LONGEST_S).status_code == 200
        assert os.getpgid(process.pid) == process.pid, "signals of the terminal are for the run"
    assert ended(process) == 0


def test_a_page_that_is_killed_does_not_disturb_the_run(home: Path) -> None:
    watching = Watching(dashboard_port=free_port())
    with beside.dashboard_beside(watching, str(home / "j.db"), home, Terminal()) as process:
        assert process is not None
        process.kill()
        ended(process)


def test_a_page_that_cannot_be_served_is_told_before_the_run_begins(home: Path) -> None:
    watching = Watching(dashboard_port=free_port())
    with beside.dashboard_beside(watching, str(home / "j.db"), home, Terminal()) as first:
        second = beside.dashboard_beside(watching, str(home / "j.db"), home, Terminal())
        with pytest.raises(
            InvalidSettingError, match=f"--dashboard: .* port {watching.dashboard_port} cannot be listened"
        ):
            second.__enter__()
        assert first is not None
        first.kill()
        ended(first)


def test_its_port_and_users_are_those_of_the_file(home: Path) -> None:
    hashed = CliRunner().invoke(dashboard_app, ["hash"], input="correct horse battery\ncorrect horse battery\n").stdout
    file = write(home, USERS.format(re.findall(r'"(.+)"', hashed)[0]))
    out, watching = Terminal(), Watching(dashboard_port=free_port(), dashboard_config=file)
    with beside.dashboard_beside(watching, str(home / "j.db"), home, out) as process:
        assert process is not None
        assert "log in by name and password" in out.getvalue()
        process.kill()
        ended(process)


def lingering(seconds: float) -> tuple[str, ...]:
    """The command of a dashboard that stays as long after its run."""
    program = (
        "import sys; from perpmaker.cli import dashboard_serving as d; from perpmaker.cli.main import main\n"
        f"d.LINGER_S = {seconds}; main(['dashboard', *sys.argv[1:]])"
    )
    return sys.executable, "-c", program


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
