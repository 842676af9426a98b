"""docs/live.md is complete and true: the checklist, the pre-trade checks, the notes, every command around a run."""

import re
from pathlib import Path
from typing import Any

import pytest

from docs.documents import ROOT, code_names, command, flags, page, rows, section
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.live_control import CONTROL
from perpmaker.journal.recover_runs import HEARTBEAT_LIMIT_NS
from perpmaker.monitor.monitor import LINK
from perpmaker.runtime.live import preflight, rate_limit
from perpmaker.runtime.live.pretrade import PreTradeChecks
from perpmaker.runtime.live.settings import LiveSettings
from perpmaker.venues import backoff, credentials
from perpmaker.venues.port import AccountState
from support.maker_bench import Bench, instrument

PACKAGE: Path = ROOT / "src" / "perpmaker"
PAGE = page("docs/live.md")
ELSEWHERE = {
    "run",
    "backtest",
    "config",
    "data",
    "report",
    "compare",
    "testnet",
    "explain",
    "study",
    "fidelity",
    "compile",
    "dashboard",
    "alerts",
}
HERE = sorted(set(command([]).commands) - ELSEWHERE)
SHARED = {code_names(row[0])[0]: row for row in rows(section(PAGE, "Commands around a run"))}
USE_SHARED = {"status", "cancel", "close"}
IN_WORDS = {
    "--run": "every live run", "--account": "every account", "--out": "required",
    "--base-url": "the exchange's own", "--ws-url": "the exchange's own", "--journal": "user's data folder",
}  # fmt: skip


def stated(name: str) -> dict[str, list[str]]:
    """The flags that the page states of a command, row by row."""
    own = {code_names(row[0])[0]: row for row in rows(section(PAGE, f"`perpmaker {name}`"))}
    return {**SHARED, **own} if name in USE_SHARED else own


def real(name: str) -> dict[str, Any]:
    """The flags of a command; of doctor without those that are a run's own and mean the same."""
    found = {flag: default for flag, default in flags([name]).items() if flag != "--help"}
    if name == "doctor":
        groups = page("docs/running.md").split("**Market**", 1)[1].split("**Real exchanges**", 1)[0]
        the_same = {code_names(row[0])[0] for row in rows(groups)} - {"--exchange", "--symbol"}
        found = {flag: default for flag, default in found.items() if flag not in the_same}
    return found


@pytest.mark.parametrize("name", HERE)
def test_every_flag_of_every_command_has_its_row_and_no_row_is_of_a_flag_that_is_not(name: str) -> None:
    assert set(stated(name)) == set(real(name))


@pytest.mark.parametrize(("name", "flag"), [(name, flag) for name in HERE for flag in real(name)])
def test_every_default_is_the_real_one(name: str, flag: str) -> None:
    default, told = real(name)[flag], stated(name)[flag][2]
    if flag in IN_WORDS:
        assert told == IN_WORDS[flag]
    elif flag in {"--exchange", "--symbol"} and default is None:
        assert told in {"that of the last live run", "every market", "`SOL_USDC_PERP`", "required"}
    elif default is False:
        assert told == "off"
    else:
        assert told == f"`{getattr(default, 'value', default)}`"


def test_doctor_takes_every_flag_of_a_run_that_the_page_says_it_takes() -> None:
    groups = page("docs/running.md").split("**Market**", 1)[1].split("**Real exchanges**", 1)[0]
    assert {code_names(row[0])[0] for row in rows(groups)} <= set(flags(["doctor"]))
    assert set(flags(["doctor"])) <= set(flags(["run"]))


def test_every_check_before_the_start_is_explained_in_order() -> None:
    told = rows(section(PAGE, "The checklist"))
    assert [row[0] for row in told] == [name for name, _, _ in preflight._checks(None)]
    assert all(row[1] and row[2] for row in told)


def test_the_checklist_that_is_shown_has_every_check_in_order() -> None:
    block = section(PAGE, "The checklist").split("```text\n", 1)[1].split("\n```", 1)[0]
    shown = [re.split(r" {2,}", line)[1] for line in block.splitlines()[1:]]
    names = [name for name, _, _ in preflight._checks(None)]
    assert shown == [*names[:4], "market data", *names[4:]], "as doctor shows it"


def test_the_pre_trade_checks_are_those_of_the_code_in_its_order() -> None:
    bench = Bench(instrument(), spread="0.01", quantity="0.1")
    checks = PreTradeChecks(bench.maker, 100, None)
    names = [name for name, _ in checks._checks] + [checks.rate_refused()]
    listed = re.findall(r"^(\d+)\. `(\w+)`: \S", section(PAGE, "Pre-trade checks"), re.MULTILINE)
    assert listed == [(str(number), name) for number, name in enumerate(names, start=1)]


def test_every_kind_of_note_from_the_wires_is_explained() -> None:
    files = [*(PACKAGE / "runtime" / "live").glob("*.py"), PACKAGE / "cli" / "live_watchers.py"]
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    kinds = set(re.findall(r"\bnote\(\s*\"([^\"]+)\"", source)) | {LINK, CONTROL}
    assert kinds == {row[0] for row in rows(section(PAGE, "What a live run says"))}
    reasons = next(line for line in page("docs/journal.md").splitlines() if line.startswith("| `kind` | [notices]"))
    assert kinds <= set(code_names(reasons))


def test_every_exit_code_that_is_stated_is_one() -> None:
    codes = {int(code) for code in re.findall(r"[Ee]xit code (\d+)", PAGE)}
    assert codes <= {int(code) for code in ExitCode}
    for reason, code in (("--max-loss", 15), ("--max-drawdown", 13), ("--max-daily-loss", 16)):
        row = next(row for row in rows(section(PAGE, "Loss limits")) if row[0] == f"`{reason}`")
        assert f"({code})" in row[2]
        assert "perpmaker clear" in row[3]


def test_every_variable_of_keys_is_named() -> None:
    keys = section(PAGE, "Keys")
    for name in credentials.CREDENTIAL_NAMES:
        assert f"_{name.upper()}`" in keys
    assert f"service `{credentials.KEYRING_SERVICE}`" in keys
    assert f"`{credentials.ENV_FILE}`" in keys


def test_the_times_and_shares_that_are_stated_are_the_real_ones() -> None:
    assert f"younger than {HEARTBEAT_LIMIT_NS // 10**9} seconds" in PAGE
    assert f"within {LiveSettings().reconcile_ns // 10**9} s" in PAGE
    assert f"{backoff.FIRST_S / 2:g} to {backoff.LONGEST_S:g} s" in PAGE
    assert f"below {rate_limit.SHARE:.0%} of the limit".replace("%", " %") in PAGE
    assert LiveSettings().end_patience_ns == 120 * 10**9
    assert "for two minutes" in PAGE


def test_what_an_account_may_do_is_not_promised_beyond_what_is_asked() -> None:
    assert "can_trade" in AccountState.__dataclass_fields__
    assert "number 1" in PAGE
    assert preflight.NO_ORDER == "1"


def test_every_test_and_folder_that_is_named_exists() -> None:
    named = re.findall(r"`((?:tests|runtime)/[\w/.]+)`", PAGE)
    assert named
    assert all((ROOT / name).exists() or (PACKAGE / name).exists() for name in named)
