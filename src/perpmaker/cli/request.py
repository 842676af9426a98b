"""What the command line asked for, before anything is looked up or built. Cheap to import: `--help` needs no more."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from pathlib import Path

from perpmaker.data.choice import DataChoice, FundingChoice
from perpmaker.data.terms_files import LatencyFile
from perpmaker.maker.settings import StrategySettings
from perpmaker.simulation.latency import Latency
from perpmaker.simulation.terms import QueueModel

NO_JOURNAL = "none"
"""The journal URL that keeps none."""


class View(Enum):
    AUTO = "auto"
    LIVE = "live"
    LINES = "lines"
    NONE = "none"


class LogLevel(Enum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(Enum):
    JSON = "json"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSettings:
    """The simulated exchange, in the trader's units."""

    balance: Decimal
    leverage: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    feed_latency_ns: Latency | LatencyFile
    order_latency_ns: Latency | LatencyFile
    queue_model: QueueModel
    queue_exponent: float = 3.0
    bar_volume_share: Decimal = Decimal("0.1")
    bar_half_spread: Decimal = Decimal("0.0001")
    maintenance_margin: Decimal = Decimal(0)
    liquidation_fee: Decimal = Decimal(0)
    fee_tiers: Path | None = None
    volume_30d: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WireSettings:
    """A real exchange, and how to trade there.

    ``is_live`` sends real orders; without it the run is on paper: real market data, the simulated exchange for fills.
    ``base_url`` and ``ws_url`` replace the exchange's own addresses (a testnet). ``is_account_shared``: others
    may trade it, too. ``max_daily_loss`` is quote currency, 0 is off. ``record`` is a folder to record the market into.
    """

    exchange: str
    is_live: bool
    base_url: str | None
    ws_url: str | None
    max_book_age_ns: int
    is_account_shared: bool
    max_daily_loss: Decimal
    record: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """Who looks on while a run goes on; as it is, nobody does.

    ``is_real_time``: a simulation is played at the speed of a clock for whoever comes by.
    A port that is None is not served. ``dashboard_config`` is the configuration file that says how the page is served.
    Without ``has_log`` no log is written; without ``log_file`` it goes to the standard error.
    """

    is_real_time: bool = False
    dashboard_port: int | None = None
    dashboard_config: Path | None = None
    metrics_port: int | None = None
    has_alerts: bool = False
    has_log: bool = False
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.CONSOLE
    log_file: Path | None = None

    @property
    def named(self) -> str:
        """The flags that need real time; empty without any."""
        given = {
            "--real-time": self.is_real_time,
            "--dashboard": self.dashboard_port is not None,
            "--metrics-port": self.metrics_port is not None,
            "--alerts": self.has_alerts,
        }
        return " and ".join(flag for flag, is_given in given.items() if is_given)

    @property
    def needs_real_time(self) -> bool:
        """Whether somebody looks on who reads a clock: a simulation is played at its speed then."""
        return bool(self.named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One run: what to trade, how, on what, and where to tell about it.

    ``simulation`` is the simulated exchange of a simulation and of a paper run; ``data`` is the market of a simulation,
    ``wires`` is None for one.
    ``speed`` is simulated seconds per second, infinite for as fast as possible; ``notes`` are remarks on the flags.
    """

    symbol: str | None
    strategy: StrategySettings
    simulation: SimulationSettings
    wires: WireSettings | None
    speed: float
    summary: Path | None
    journal: str | None
    view: View
    command_line: str
    notes: Sequence[str]
    data: DataChoice = field(default_factory=DataChoice)
    watching: Watching = field(default_factory=Watching)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """One or several runs over market data that is there already.

    ``paths`` are recordings and folders that hold some, none for the synthetic market; ``symbol`` chooses among them.
    """

    paths: Sequence[Path]
    symbol: str | None
    seed: int
    from_ns: int | None
    to_ns: int | None
    funding: FundingChoice | None
    strategy: StrategySettings
    simulation: SimulationSettings
    report: Path | None
    summary: Path | None
    journal: str | None
    view: View
    command_line: str
    notes: Sequence[str]


def command_line() -> str:
    """The command line of this process, to be typed again."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
