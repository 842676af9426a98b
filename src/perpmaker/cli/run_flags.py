"""The flags of `perpmaker run` beside strategy and simulated exchange, and what all of them together ask for.

Rules kept here:

1. A flag that would do nothing is a mistake, not a wish: it is refused.
2. Nothing is looked up or opened here: `--help` and the check of a configuration file need no more than this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from perpmaker.cli import options as o
from perpmaker.cli.flags import ExchangeFlags, StrategyFlags, check_market_type
from perpmaker.cli.request import Request, SimulationSettings, View, Watching, WireSettings, command_line
from perpmaker.cli.watch_flags import check_exchange, check_journal, simulated_speed
from perpmaker.data.choice import SYNTHETIC, DataChoice
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.maker.settings import StrategySettings

SIMULATION: Final = "sim"
"""The exchange that needs no network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFlags:
    """Where to trade."""

    exchange: o.Exchange = SIMULATION
    market_type: o.MarketType = "perp"
    symbol: o.Symbol = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFlags:
    """A real exchange, and how to trade there."""

    max_daily_loss: o.MaxDailyLoss = None
    live: o.Live = False
    no_loss_limit: o.NoLossLimit = False
    base_url: o.BaseUrl = None
    ws_url: o.WsUrl = None
    max_book_age: o.MaxBookAge = "5s"  # type: ignore[assignment]  # typer hands the default through the parser
    shared_account: o.SharedAccount = False
    record: o.RecordFolder = None

    def settings(self, exchange: str) -> WireSettings:
        """The same, of this exchange."""
        return WireSettings(
            exchange=exchange,
            is_live=self.live,
            base_url=self.base_url,
            ws_url=self.ws_url,
            max_book_age_ns=self.max_book_age,
            is_account_shared=self.shared_account,
            max_daily_loss=Decimal(0) if self.max_daily_loss is None else self.max_daily_loss,
            record=self.record,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFlags:
    """The market data of a simulation."""

    feed: o.Feed = SYNTHETIC
    seed: o.Seed = 1
    speed: o.Speed = "max"  # type: ignore[assignment]  # as above


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFlags:
    """Where a run is told."""

    summary: o.SummaryFile = None
    journal: o.JournalUrl = None
    view: o.ViewFlag = View.AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketPlan:
    """One market and how to make it; ``wires`` is None on the simulated exchange. See `Request` for the rest."""

    exchange: str
    symbol: str | None
    strategy: StrategySettings
    simulation: SimulationSettings
    wires: WireSettings | None
    data: DataChoice
    speed: float
    notes: tuple[str, ...]

    def request(self, output: OutputFlags, watching: Watching | None = None) -> Request:
        """A run of this alone, by the command line of this process; nobody looks on where nothing else is said.

        Raises:
            InvalidSettingError: who looks on cannot do so at this speed, or without a journal.
        """
        watching = watching or Watching()
        check_journal(watching, output.journal)
        if self.wires is not None:
            check_exchange(watching, self.exchange)
        return Request(
            symbol=self.symbol,
            strategy=self.strategy,
            simulation=self.simulation,
            data=self.data,
            wires=self.wires,
            speed=simulated_speed(watching, self.speed) if self.wires is None else self.speed,
            summary=output.summary,
            journal=output.journal,
            view=output.view,
            command_line=command_line(),
            notes=self.notes,
            watching=watching,
        )


def plan_of(
    market: MarketFlags, strategy: StrategyFlags, wires: WireFlags, feed: FeedFlags, simulation: ExchangeFlags
) -> MarketPlan:
    """What these flags ask for.

    Raises:
        InvalidSettingError: a value is impossible, a flag does nothing here, or real money would be traded without any
            limit to its loss.
        UnknownNameError: there is no such preset.
    """
    check_market_type(market.market_type)
    settings = strategy.settings()
    wire_settings = None
    if market.exchange == SIMULATION:
        _refuse_what_does_not_fit(
            "sim, the embedded exchange: name a real one, e.g. --exchange backpack",
            {
                "--live": wires.live,
                "--max-daily-loss": wires.max_daily_loss,
                "--base-url": wires.base_url,
                "--ws-url": wires.ws_url,
                "--record": wires.record,
                "--shared-account": wires.shared_account,
            },
        )
    else:
        _refuse_what_does_not_fit(
            "a real exchange, whose market is its own: use it with --exchange sim",
            {
                "--feed": feed.feed != SYNTHETIC,
                "--seed": feed.seed != 1,
                "--speed": feed.speed != float("inf"),
                "--maintenance-margin": simulation.maintenance_margin,
                "--fee-tiers": simulation.fee_tiers,
                "--volume-30d": simulation.volume_30d,
            },
        )
        wire_settings = wires.settings(market.exchange)
        _check_wires(wire_settings, settings, is_waived=wires.no_loss_limit)
    return MarketPlan(
        exchange=market.exchange,
        symbol=market.symbol,
        strategy=settings,
        simulation=simulation.settings(),
        wires=wire_settings,
        data=DataChoice.of_feed(market.symbol, feed.feed, feed.seed),
        speed=feed.speed,
        notes=tuple(strategy.notes(settings)),
    )


def _refuse_what_does_not_fit(where: str, flags: Mapping[str, object]) -> None:
    """Rule 1. Raises `InvalidSettingError`."""
    for flag, is_given in flags.items():
        if is_given:
            raise InvalidSettingError(f"{flag} does nothing on {where}")


def _check_wires(wires: WireSettings, strategy: StrategySettings, *, is_waived: bool) -> None:
    """What a start on a real exchange must not lack.

    Raises:
        InvalidSettingError: a value is impossible, or real money would be traded without any limit to its loss.
    """
    if wires.max_daily_loss < 0:
        raise InvalidSettingError(f"--max-daily-loss {wires.max_daily_loss}: cannot be negative; 0 turns it off")
    if wires.max_book_age_ns <= 0:
        raise InvalidSettingError("--max-book-age 0: must be above 0, e.g. 5s")
    limits = (strategy.stop_loss, strategy.max_loss, strategy.max_drawdown, wires.max_daily_loss)
    if wires.is_live and not any(limits) and not is_waived:
        raise InvalidSettingError(
            "--live without any limit to the loss: give --stop-loss, --max-loss, --max-daily-loss or --max-drawdown, "
            "or say --no-loss-limit"
        )
