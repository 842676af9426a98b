"""The flags of who looks on while a run goes on: the page, metrics, alerts, and the log.

Rules kept here:

1. A flag that would do nothing is a mistake, not a wish: it is refused.
2. Who looks on sees real time: a simulation that is looked at is played at the speed of a clock.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from perpmaker.cli import values
from perpmaker.cli.request import NO_JOURNAL, LogFormat, LogLevel, Watching
from perpmaker.domain.errors import InvalidSettingError

DASHBOARD_PORT: Final = 8321
"""Where the page is served when nobody says otherwise."""

_WATCHING: Final = "Watching"
MOST_PORTS: Final = 65_535
_REAL_TIME: Final = 1.0

RealTime = Annotated[
    bool,
    typer.Option(
        "--real-time",
        rich_help_panel=_WATCHING,
        help="Play a simulation in real time, as if on paper: a dashboard that runs already can show it and steer it.",
    ),
]
Dashboard = Annotated[
    bool,
    typer.Option(
        "--dashboard",
        rich_help_panel=_WATCHING,
        help="Serve a web page of this run on this machine, in a process of its own; its addresses are printed at the "
        "start. A simulation is played in real time then.",
    ),
]
DashboardPort = Annotated[
    int | None,
    typer.Option(
        "--dashboard-port",
        parser=values.whole,
        metavar="PORT",
        rich_help_panel=_WATCHING,
        help="Port of that page. Default: that of the section dashboard in the configuration file, else 8321.",
    ),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        parser=values.whole,
        metavar="PORT",
        rich_help_panel=_WATCHING,
        help="Serve metrics for Prometheus on this port of the loopback interface. A simulation is played in real time "
        "then.",
    ),
]
Alerts = Annotated[
    bool,
    typer.Option(
        "--alerts",
        rich_help_panel=_WATCHING,
        help="Send alerts to the addresses in PERPMAKER_ALERT_URLS (environment, .env or keyring). A simulation is "
        "played in real time then.",
    ),
]
LogLevelFlag = Annotated[
    LogLevel | None,
    typer.Option(
        "--log-level",
        rich_help_panel=_WATCHING,
        help="Write a log, from this level on: to --log-file, else to the standard error. Default info.",
    ),
]
LogFormatFlag = Annotated[
    LogFormat | None,
    typer.Option(
        "--log-format",
        rich_help_panel=_WATCHING,
        help="Lines of the log: json for programs, console for people. Default json in a file, else console.",
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option(
        "--log-file",
        metavar="FILE",
        rich_help_panel=_WATCHING,
        help="Write a log to this file, which is begun anew when it has grown large; the last ones are kept.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchFlags:
    """Who looks on."""

    real_time: RealTime = False
    dashboard: Dashboard = False
    dashboard_port: DashboardPort = None
    metrics_port: MetricsPort = None
    alerts: Alerts = False
    log_level: LogLevelFlag = None
    log_format: LogFormatFlag = None
    log_file: LogFile = None

    def settings(self, page_port: int = DASHBOARD_PORT, page_config: Path | None = None) -> Watching:
        """The same, checked.

        Args:
            page_port: of the page, where none is given.
            page_config: the configuration file whose section [dashboard] the page is served by.

        Raises:
            InvalidSettingError: a port is none, two are the same, or a flag does nothing without another.
        """
        if self.dashboard_port is not None:
            check_port("--dashboard-port", self.dashboard_port)
            if not self.dashboard:
                raise InvalidSettingError(f"--dashboard-port {self.dashboard_port} does nothing without --dashboard")
            page_port = self.dashboard_port
        if self.metrics_port is not None:
            check_port("--metrics-port", self.metrics_port)
            if self.dashboard and self.metrics_port == page_port:
                raise InvalidSettingError(f"--metrics-port {self.metrics_port}: the dashboard has it; give another one")
        if self.log_format is not None and self.log_level is None and self.log_file is None:
            raise InvalidSettingError("--log-format does nothing without --log-level or --log-file")
        return Watching(
            is_real_time=self.real_time,
            dashboard_port=page_port if self.dashboard else None,
            dashboard_config=page_config if self.dashboard else None,
            metrics_port=self.metrics_port,
            has_alerts=self.alerts,
            has_log=self.log_level is not None or self.log_file is not None,
            log_level=self.log_level or LogLevel.INFO,
            log_format=self.log_format or (LogFormat.CONSOLE if self.log_file is None else LogFormat.JSON),
            log_file=self.log_file,
        )


def check_exchange(watching: Watching, exchange: str) -> None:
    """Raise `InvalidSettingError` where real time is asked for and there is no other."""
    if watching.is_real_time:
        raise InvalidSettingError(f"--real-time does nothing on {exchange}, which knows no other time: leave it out")


def check_journal(watching: Watching, journal: str | None) -> None:
    """Raise `InvalidSettingError` where a page is wanted and no journal: it finds its runs there."""
    if watching.dashboard_port is not None and journal == NO_JOURNAL:
        raise InvalidSettingError("--dashboard with --journal none: the page finds its runs in the journal; keep one")


def simulated_speed(watching: Watching, speed: float) -> float:
    """Simulated seconds per second of a simulation that is looked at like this (rule 2).

    Raises:
        InvalidSettingError: another speed was asked for.
    """
    if not watching.needs_real_time:
        return speed
    if speed not in {_REAL_TIME, float("inf")}:
        raise InvalidSettingError(
            f"--speed {speed:g} with {watching.named}: a simulation that is looked at is played in real time; leave "
            "--speed out"
        )
    return _REAL_TIME


def check_port(flag: str, port: int) -> None:
    """Raise `InvalidSettingError` for what is no port."""
    if not 1 <= port <= MOST_PORTS:
        raise InvalidSettingError(f"{flag} {port}: a port is a whole number from 1 to {MOST_PORTS}")
