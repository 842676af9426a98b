"""docs/dashboard.md is complete and true: flags, keys, limits, and the file that is shown."""

from pathlib import Path

from docs.documents import code_names, flags, page, rows, section
from perpmaker.cli import dashboard_serving
from perpmaker.cli.configuration.dashboard import load_dashboard
from perpmaker.cli.configuration.keys import DASHBOARD_KEYS, USER_KEYS
from perpmaker.cli.dashboard import LEAST_PASSWORD
from perpmaker.cli.live_control import LiveControl
from perpmaker.dashboard import launching, reports, runs
from perpmaker.dashboard.run_link import ANSWER_S
from perpmaker.dashboard.security.sessions import IDLE_NS, LONGEST_NS
from perpmaker.dashboard.start import LOGS
from support.config_files import write

PAGE = page("docs/dashboard.md")
HOUR_NS = 3_600 * 10**9


def test_every_flag_has_its_row() -> None:
    named = {code_names(row[0])[0] for row in rows(section(PAGE, "Set up"))}
    assert named == set(flags(["dashboard"])) - {"--help", "--beside-run"}


def test_every_key_has_its_row() -> None:
    named = [code_names(row[0])[0] for row in rows(section(PAGE, "Configuration"))]
    assert named == [*DASHBOARD_KEYS, *USER_KEYS]


def test_the_file_that_is_shown_is_one(tmp_path: Path) -> None:
    shown = PAGE.split("```toml\n", 1)[1].split("```", 1)[0]
    found = load_dashboard(write(tmp_path, shown))
    assert [(user.name, user.role.value) for user in found.users] == [("ana", "trader"), ("screen", "viewer")]


def test_every_control_has_its_row() -> None:
    stated = {row[0] for row in rows(section(PAGE, "What each control does"))}
    told = {name for name in ("pause", "resume", "close", "stop", "settings") if hasattr(LiveControl, f"_{name}")}
    assert told | {"settings"} == stated


def test_the_limits_that_are_stated_are_the_real_ones() -> None:
    assert "ten seconds" in PAGE
    assert ANSWER_S == 10
    assert f"within {launching.PATIENCE_S:g} seconds" in PAGE
    assert f"the newest {launching.LOGS_KEPT} are kept" in PAGE
    assert f"At most {launching.MOST_AT_ONCE} runs" in PAGE
    assert f"perpmaker/{LOGS}" in PAGE
    assert "two to eight are put side by side" in PAGE
    assert runs.MOST_COMPARED == 8
    assert "(one at a time" in PAGE
    assert reports.AT_ONCE == 1
    assert "five minutes" in PAGE
    assert reports.LONGEST_S == 300
    assert "three seconds longer" in PAGE
    assert dashboard_serving.LINGER_S == 3
    assert f"after {IDLE_NS // HOUR_NS} hours without use and after a week" in PAGE
    assert LONGEST_NS == 7 * 24 * HOUR_NS
    assert f"a password of {LEAST_PASSWORD} characters at least" in PAGE
