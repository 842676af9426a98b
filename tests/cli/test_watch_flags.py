"""Who looks on while a run goes on: what the flags become, and which of them are refused."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli.configuration.loading import load_config
from perpmaker.cli.flags import ExchangeFlags, StrategyFlags
from perpmaker.cli.main import _run
from perpmaker.cli.request import LogFormat, LogLevel, View, Watching
from perpmaker.cli.run_flags import FeedFlags, MarketFlags, MarketPlan, OutputFlags, WireFlags, plan_of
from perpmaker.cli.watch_flags import DASHBOARD_PORT, WatchFlags
from perpmaker.domain.errors import ConfigError, InvalidSettingError
from support.config_files import MINIMAL, config, write

OUTPUT = OutputFlags(view=View.NONE)


def plan(exchange: str = "sim", speed: float = float("inf")) -> MarketPlan:
    return plan_of(
        MarketFlags(exchange=exchange),
        StrategyFlags(spread=Decimal("0.0005"), quantity=Decimal("0.1")),
        WireFlags(max_book_age=5 * 10**9),
        FeedFlags(speed=speed),
        ExchangeFlags(feed_latency=10**7, order_latency=10**7),
    )


def test_as_it_is_nobody_looks_on_and_no_log_is_written() -> None:
    assert WatchFlags().settings() == Watching()
    assert not Watching().needs_real_time
    assert plan().request(OUTPUT).watching == Watching()


def test_the_page_has_a_port_of_its_own_choice_only_where_it_is_served() -> None:
    assert WatchFlags(dashboard=True).settings().dashboard_port == DASHBOARD_PORT
    assert WatchFlags(dashboard=True, dashboard_port=9000).settings().dashboard_port == 9000


@pytest.mark.parametrize(
    ("flags", "level", "shape"),
    [
        ({"log_level": LogLevel.DEBUG}, LogLevel.DEBUG, LogFormat.CONSOLE),
        ({"log_file": Path("run.log")}, LogLevel.INFO, LogFormat.JSON),
        ({"log_file": Path("run.log"), "log_format": LogFormat.CONSOLE}, LogLevel.INFO, LogFormat.CONSOLE),
        ({"log_level": LogLevel.ERROR, "log_format": LogFormat.JSON}, LogLevel.ERROR, LogFormat.JSON),
    ],
)
def test_a_log_is_for_people_on_the_terminal_and_for_programs_in_a_file(
    flags: dict[str, Any], level: LogLevel, shape: LogFormat
) -> None:
    found = WatchFlags(**flags).settings()
    assert found.has_log
    assert (found.log_level, found.log_format) == (level, shape)
    assert not found.needs_real_time, "a log can be written at any speed"


LOOKING = [{"real_time": True}, {"dashboard": True}, {"metrics_port": 9464}, {"alerts": True}]


@pytest.mark.parametrize("flags", LOOKING)
def test_a_simulation_that_is_looked_at_is_played_in_real_time(flags: dict[str, Any]) -> None:
    watching = WatchFlags(**flags).settings()
    assert plan().request(OUTPUT, watching).speed == 1
    assert plan(speed=1.0).request(OUTPUT, watching).speed == 1


@pytest.mark.parametrize("flags", LOOKING)
def test_another_speed_than_that_is_refused(flags: dict[str, Any]) -> None:
    with pytest.raises(InvalidSettingError, match=r"--speed 10 with --[a-z-]+: .*leave --speed out"):
        plan(speed=10.0).request(OUTPUT, WatchFlags(**flags).settings())


def test_the_market_of_a_real_exchange_has_its_own_speed() -> None:
    request = plan(exchange="backpack").request(OUTPUT, WatchFlags(dashboard=True).settings())
    assert request.wires is not None
    assert request.watching.dashboard_port == DASHBOARD_PORT


REFUSED = {
    "a page without a journal": (["--dashboard", "--journal", "none"], "--dashboard with --journal none"),
    "port 0": (["--metrics-port", "0"], "--metrics-port 0: a port is a whole number from 1 to 65535"),
    "a port beyond all": (["--dashboard", "--dashboard-port", "65536"], "--dashboard-port 65536"),
    "half a port": (["--metrics-port", "1.5"], "is not a whole number"),
    "the page's port without a page": (["--dashboard-port", "9000"], "does nothing without --dashboard"),
    "one port for two": (["--dashboard", "--metrics-port", str(DASHBOARD_PORT)], "the dashboard has it"),
    "the form of no log": (["--log-format", "json"], "--log-format does nothing without"),
    "real time where there is no other": (["--real-time", "--exchange", "backpack"], "--real-time does nothing on"),
    "a level that is none": (["--log-level", "loud"], "'loud' is not one of"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_do_nothing_or_cannot_be_is_refused_in_one_sentence(
    case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flags, expected = REFUSED[case]
    assert _run(["run", "--spread", "5bp", "--quantity", "0.1", "--duration", "1", *flags]) == 2
    told = capsys.readouterr()
    assert expected in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_a_file_says_the_same_in_its_section_run(tmp_path: Path) -> None:
    found = config(tmp_path, f"{MINIMAL}[run]\ndashboard = true\ndashboard_port = 9000\nlog_level = 'debug'\n")
    assert found.watching == WatchFlags(dashboard=True, dashboard_port=9000, log_level=LogLevel.DEBUG).settings(
        page_config=found.path
    )
    assert config(tmp_path, MINIMAL, metrics_port=9464).watching.metrics_port == 9464, "typed beside the file"
    assert config(tmp_path, MINIMAL).watching == Watching()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{MINIMAL}speed = 10\n[run]\nalerts = true\n", "[run]: --speed 10 with --alerts"),
        (f"{MINIMAL}[run]\ndashboard = true\njournal = 'none'\n", "[run]: --dashboard with --journal none"),
        (f"{MINIMAL}[run]\nmetrics_port = 70000\n", "[run] metrics_port = 70000: must be at least 1 and at most 65535"),
        (f"{MINIMAL}[run]\ndashbord = true\n", "dashbord is unknown; did you mean dashboard?"),
    ],
)
def test_a_file_is_refused_for_the_same_with_its_place(text: str, expected: str, tmp_path: Path) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        load_config(file)
    assert expected in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_log_that_cannot_be_written_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = tmp_path / "journal.db"
    line = ["run", "--spread", "5bp", "--quantity", "0.1", "--duration", "1", "--journal", str(journal)]
    assert _run([*line, "--log-file", str(tmp_path / "missing" / "run.log")]) == 2
    assert "run.log cannot be written: No such file or directory" in capsys.readouterr().err
    assert not journal.exists()


def test_a_simulation_at_full_speed_writes_its_log_too(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    line = ["run", "--spread", "2bp", "--quantity", "0.1", "--duration", "60", "--journal", "none", "--view", "none"]
    assert _run([*line, "--log-file", str(log)]) == 0
    told = [json.loads(text)["event"] for text in log.read_text(encoding="utf-8").splitlines()]
    assert (told[0], told[-1]) == ("run_started", "run_ended")
    assert {"decision", "place", "fill"} <= set(told)
