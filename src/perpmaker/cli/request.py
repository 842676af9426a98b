"""What the command line asked for, before anything is looked up or built. Cheap to import: `--help` needs no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path

from perpmaker.maker.settings import StrategySettings
from perpmaker.simulation.terms import QueueModel

SYNTHETIC = "synthetic"
"""The feed that needs no recording."""

NO_JOURNAL = "none"
"""The journal URL that keeps none."""


class View(Enum):
    AUTO = "auto"
    LIVE = "live"
    LINES = "lines"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSettings:
    """The simulated exchange and its market, in the trader's units."""

    feed: str
    seed: int
    balance: Decimal
    leverage: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    feed_latency_ns: int
    order_latency_ns: int
    queue_model: QueueModel


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
class Request:
    """One run: what to trade, how, on what, and where to tell about it.

    ``simulation`` is the simulated exchange of a simulation and of a paper run; ``wires`` is None for a simulation.
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
