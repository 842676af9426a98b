"""docs/running.md is complete and true: flags, defaults, exit codes, events, figures."""

import io
import re
from contextlib import redirect_stdout
from dataclasses import MISSING, fields
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from docs.documents import PAGES, code_names, command, flags, page, rows, section
from perpmaker.cli.checklist import show_checklist
from perpmaker.cli.exit_codes import EXIT_CODES, ExitCode
from perpmaker.cli.lines import Lines
from perpmaker.cli.request import View
from perpmaker.data.choice import DEFAULT_SYMBOL
from perpmaker.domain.commands import Notice, NoticeKind
from perpmaker.domain.events import Filled, FundingPaid, GapEnded, GapStarted, OrderRejected
from perpmaker.domain.orders import RejectReason, Side
from perpmaker.maker.presets import PRESETS
from perpmaker.maker.settings import StrategySettings
from perpmaker.report.attribution import HORIZON_NS
from perpmaker.report.terms import LABELS
from perpmaker.runtime.live.preflight import Preflight
from perpmaker.runtime.live.preflight_checks import Check, Status
from perpmaker.runtime.summary import RunFacts, Summary
from support.maker_bench import Bench, instrument

PAGE = page("docs/running.md")
RUN_FLAGS = {code_names(row[0])[0]: row for row in rows(section(PAGE, "Flags"))}
IN_WORDS = {
    "--preset": "none", "--spread": "required", "--quantity": "required", "--close-on-exit": "off",
    "--shared-account": "off", "--config": "none",
    "--summary": "none", "--journal": "user's data folder", "--symbol": f"`{DEFAULT_SYMBOL}`",
    "--live": "off", "--no-loss-limit": "off", "--max-daily-loss": "`0`", "--record": "none",
    "--maintenance-margin": "`0.0125`, or half of 1 / leverage if that is less", "--fee-tiers": "none",
    "--base-url": "the exchange's own", "--ws-url": "the exchange's own",
    "--real-time": "off", "--dashboard": "off",
    "--dashboard-port": "that of `[dashboard]` in the [configuration file](dashboard.md#configuration), else `8321`",
    "--metrics-port": "none", "--alerts": "off",
    "--log-level": "`info` in a log", "--log-format": "`json` in a file, else `console`", "--log-file": "none",
}  # fmt: skip
STRATEGY_DEFAULTS = {f.name: f.default for f in fields(StrategySettings) if f.default is not MISSING}


def real_default(flag: str) -> str:
    """The default that takes effect, as it is typed; a strategy flag that is not given is decided by its setting."""
    default: Any = flags(["run"])[flag]
    if default is None:
        name = flag.removeprefix("--").replace("-", "_")
        default = STRATEGY_DEFAULTS.get(name, STRATEGY_DEFAULTS.get(f"{name}_s"))
    return str(default.value if isinstance(default, Enum) else default)


def test_every_flag_of_run_has_its_row_and_no_row_is_of_a_flag_that_is_not() -> None:
    assert set(RUN_FLAGS) == set(flags(["run"])) - {"--help"}


@pytest.mark.parametrize("flag", RUN_FLAGS)
def test_the_default_is_the_real_one(flag: str) -> None:
    stated = RUN_FLAGS[flag][2]
    assert stated == IN_WORDS[flag] if flag in IN_WORDS else stated == f"`{real_default(flag)}`"


@pytest.mark.parametrize("flag", RUN_FLAGS)
def test_every_flag_has_its_values_and_its_meaning(flag: str) -> None:
    _, value, _, meaning = RUN_FLAGS[flag]
    assert value
    assert meaning


@pytest.mark.parametrize(
    "flag",
    ["--reference", "--recenter", "--skew-mode", "--after-stop", "--queue-model", "--view", "--log-level",
     "--log-format"],
)  # fmt: skip
def test_every_choice_is_named(flag: str) -> None:
    offered = re.findall(r"`([\w-]+)`", RUN_FLAGS[flag][1])
    for choice in offered:
        assert choice in page("docs/running.md")
    enum = {
        "--reference": "ReferencePrice", "--recenter": "Recenter", "--skew-mode": "SkewMode",
        "--after-stop": "AfterStop", "--queue-model": "QueueModel", "--view": "View", "--log-level": "LogLevel",
        "--log-format": "LogFormat",
    }[flag]  # fmt: skip
    assert set(offered) == {member.value for member in _enum(enum)}


def _enum(name: str) -> type[Enum]:
    # where every choice of a flag is imported
    from perpmaker.cli import exchange_options, options, strategy_options, watch_flags  # noqa: PLC0415

    modules = (exchange_options, options, strategy_options, watch_flags)
    found: type[Enum] = next(getattr(module, name) for module in modules if hasattr(module, name))
    return found


def test_every_preset_is_named() -> None:
    assert set(code_names(RUN_FLAGS["--preset"][3])) == set(PRESETS)


def test_every_command_is_named_with_the_page_that_explains_it() -> None:
    stated = {code_names(row[0])[0]: row[1] for row in rows(section(PAGE, "Commands"))}
    assert set(stated) == {f"perpmaker {name}" for name in command([]).commands}
    assert all(stated.values())


def leaves(path: list[str]) -> list[list[str]]:
    """Every command that can be called, groups opened."""
    below = getattr(command(path), "commands", None)
    return [path] if below is None else [leaf for name in below for leaf in leaves([*path, name])]


@pytest.mark.parametrize("path", leaves([]), ids=" ".join)
def test_no_flag_of_any_command_is_left_out_of_the_documents(path: list[str]) -> None:
    told = {flag for text in PAGES for flag in re.findall(r"--[a-z0-9-]+", text.read_text(encoding="utf-8"))}
    assert set(flags(path)) - {"--help"} <= told


@pytest.mark.parametrize("name", ["report", "compare"])
def test_every_flag_of_a_report_has_its_row(name: str) -> None:
    table = section(PAGE, "Reports").split(f"| flag of `perpmaker {name}` |", 1)[1].split("\n\n", 1)[0]
    named = {code_names(line.split("|")[1])[0] for line in table.splitlines() if line.startswith("| `--")}
    assert named == set(flags([name])) - {"--help"}


def test_every_part_of_an_attribution_is_named_in_order() -> None:
    parts = [row[0] for row in rows(section(PAGE, "Reports")) if not row[0].startswith("`")]
    assert ", ".join(parts).split(", ") == list(LABELS.values())
    assert f"in the first {HORIZON_NS // 10**9} s after the fill" in PAGE


def test_every_data_command_is_named() -> None:
    named = {code_names(row[0])[0] for row in rows(section(PAGE, "Recordings")) if row[0].startswith("`perpmaker")}
    assert named == {f"perpmaker data {name}" for name in command(["data"]).commands}


def test_every_flag_of_a_fetch_has_its_row() -> None:
    named = {code_names(row[0])[0] for row in rows(section(PAGE, "Fetching")) if row[0].startswith("`--")}
    assert named == set(flags(["data", "fetch"])) - {"--help"}


def test_every_flag_of_an_import_has_its_row() -> None:
    named = {code_names(row[0])[0] for row in rows(section(PAGE, "Recordings")) if row[0].startswith("`--")}
    assert named == set(flags(["data", "import"])) - {"--help"}


def test_every_exit_code_and_the_reason_behind_it() -> None:
    stated = {int(row[0]): row[1] for row in rows(section(PAGE, "How a run ends"))}
    assert set(stated) == {int(code) for code in ExitCode}
    for reason, code in EXIT_CODES.items():
        assert stated[code] == reason.value


def test_every_figure_of_the_summary_is_explained() -> None:
    stated = [name for row in rows(section(PAGE, "The summary")) for name in code_names(row[0])]
    assert stated == [field.name for field in fields(Summary)], "in the order in which they are written"


def test_everything_that_the_summary_says_of_its_run_is_explained() -> None:
    about = section(PAGE, "The summary").split("`run` holds", 1)[1]
    assert {field.name for field in fields(RunFacts)} <= set(code_names(about))


def test_every_structured_line_is_named_with_its_keys() -> None:
    bench, file = Bench(instrument(), spread="0.01", quantity="0.1"), io.StringIO()
    lines = Lines(bench.maker, bench.instrument, file)
    events = [
        Filled(1, 1, 1, 1, Side.BUY, 9_900, 10, True, 5),
        OrderRejected(1, 1, 1, RejectReason.OTHER),
        FundingPaid(1, 1, 5),
        GapStarted(1, 1),
        GapEnded(1, 1),
    ]
    lines.on_step(1, events, [Notice(kind, 1, 1, "why") for kind in NoticeKind])
    lines.note("a remark")
    with redirect_stdout(file):
        show_checklist(Preflight(checks=[Check("a check", Status.OK, "why")]), View.LINES)
    stated = {name: code_names(row[2]) for row in rows(section(PAGE, "Output")) for name in code_names(row[0])}
    written = {}
    for line in file.getvalue().splitlines():
        keys = re.findall(r"(\w+)=", line)
        written[re.findall(r"event=(\w+)", line)[0]] = [key for key in keys if key not in {"at", "event"}]
    assert written == stated


def test_every_reason_of_a_refusal_is_named() -> None:
    about = PAGE.split("Reasons of a refusal:", 1)[1].split("\n\n", 1)[0]
    assert set(code_names(about)) - {"sim"} == {reason.value for reason in RejectReason}


def test_the_limits_that_are_stated_are_the_real_ones() -> None:
    from perpmaker.simulation.exchange import MAX_OPEN_ORDERS  # noqa: PLC0415 - only this test needs numba

    assert f"more than {MAX_OPEN_ORDERS} resting" in PAGE
    StrategySettings(spread=Decimal("0.001"), quantity=Decimal(1), max_orders=50)
    assert RUN_FLAGS["--max-orders"][1] == "1 to 50"
