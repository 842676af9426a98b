"""The flags of a run, grouped by purpose, each with its unit, range and default. Shared by every command that trades.

A strategy flag that is not given is None here: the preset decides, then the default of `maker.settings`.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from perpmaker.cli import values
from perpmaker.cli.request import View
from perpmaker.domain.reference import ReferencePrice
from perpmaker.maker.settings import AfterStop, Recenter
from perpmaker.quoting.skew import SkewMode
from perpmaker.simulation.terms import QueueModel

_MARKET = "Market"
_QUOTING = "Quoting"
_INVENTORY = "Inventory"
_PROTECTION = "Protection"
_TIME = "Time"
_WIRES = "Real exchanges (paper without --live)"
_SIMULATION = "Simulated exchange (--exchange sim, and paper)"
_OUTPUT = "Output"


Exchange = Annotated[
    str,
    typer.Option(
        rich_help_panel=_MARKET,
        help="Where to trade: sim (the embedded exchange, no network), backpack, or any exchange of ccxt with "
        "perpetual futures, by its ccxt id. Without --live the orders are simulated.",
    ),
]
MarketType = Annotated[str, typer.Option(rich_help_panel=_MARKET, help="perp: linear perpetual futures, nothing else.")]
Symbol = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_MARKET,
        help="Market, e.g. SOL_USDC_PERP. Default: SOL_USDC_PERP, or the recording's own with --feed PATH.",
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_QUOTING,
        help="Recommended settings: neutral, balanced, aggressive or conservative; any flag given overrides.",
    ),
]
Spread = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.fraction,
        metavar="FRACTION|%|bp",
        rich_help_panel=_QUOTING,
        help="Half-spread: distance of level 1 from the reference price on each side, above 0: 0.01, 1% and 100bp are "
        "the same. Required without --preset.",
    ),
]
Quantity = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="BASE",
        rich_help_panel=_QUOTING,
        help="Size of each order, base currency, whole lots. Required without --preset.",
    ),
]
MaxOrders = Annotated[
    int | None,
    typer.Option(
        parser=values.whole, metavar="COUNT", rich_help_panel=_QUOTING, help="Levels per side, 1 to 50. Default 3."
    ),
]
Reference = Annotated[
    ReferencePrice | None,
    typer.Option(rich_help_panel=_QUOTING, help="Price that quotes are centred on. Default mid."),
]
RecenterFlag = Annotated[
    Recenter | None,
    typer.Option(
        "--recenter",
        rich_help_panel=_QUOTING,
        help="When the ladder follows the reference price: at every interval, or only after a fill. Default interval.",
    ),
]
MaxDrift = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.fraction,
        metavar="FRACTION|%|bp",
        rich_help_panel=_QUOTING,
        help="With --recenter fill: follow after all when the price has moved this far. Default 0, off.",
    ),
]
TargetPosition = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="BASE",
        rich_help_panel=_INVENTORY,
        help="Size of position to lean towards, on the side that fills gave; the sign is ignored. Default 0.",
    ),
]
MaxPosition = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="BASE",
        rich_help_panel=_INVENTORY,
        help="Hard cap on the position either way, orders in flight included, above 0. Default 1.",
    ),
]
PositionThreshold = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="BASE",
        rich_help_panel=_INVENTORY,
        help="Skew acts only beyond this deviation from the target, at least 0. Default 0.1.",
    ),
]
InventorySkew = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="0..1",
        rich_help_panel=_INVENTORY,
        help="How strongly quotes lean to bring the position back: 0 never, 1 most; clamped. Default 0.",
    ),
]
SkewModeFlag = Annotated[
    SkewMode | None,
    typer.Option(
        "--skew-mode",
        rich_help_panel=_INVENTORY,
        help="shift moves both sides together; printed is the source document's arithmetic. Default shift.",
    ),
]
StopLoss = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="QUOTE",
        rich_help_panel=_PROTECTION,
        help="Close when the unrealized loss reaches this, quote currency; the sign is ignored. Default 0, off.",
    ),
]
TakeProfit = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="QUOTE",
        rich_help_panel=_PROTECTION,
        help="Close when the unrealized profit reaches this, quote currency. Default 0, off.",
    ),
]
AfterStopFlag = Annotated[
    AfterStop | None,
    typer.Option(
        "--after-stop",
        rich_help_panel=_PROTECTION,
        help="After a stop or a take: quote again after one interval, or end the run. Default requote.",
    ),
]
MaxDrawdown = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="QUOTE",
        rich_help_panel=_PROTECTION,
        help="Cancel, close and end when equity falls this far below the run's peak, quote currency. Default 0, off.",
    ),
]
CloseOnExit = Annotated[
    bool, typer.Option("--close-on-exit", rich_help_panel=_PROTECTION, help="Close the position when the run ends.")
]
Duration = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="SECONDS",
        rich_help_panel=_TIME,
        help="How long to run; 0 until stopped (or until the recording ends). Default 3600.",
    ),
]
Interval = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="SECONDS",
        rich_help_panel=_TIME,
        help="Time between quote refreshes, at least 0.001. Default 60.",
    ),
]
Feed = Annotated[
    str,
    typer.Option(
        metavar="synthetic|PATH",
        rich_help_panel=_SIMULATION,
        help="Market data: the synthetic market, or a recording made by `perpmaker data import`.",
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        parser=values.whole,
        metavar="NUMBER",
        rich_help_panel=_SIMULATION,
        help="Seed of the synthetic market, at least 0.",
    ),
]
Speed = Annotated[
    float,
    typer.Option(
        parser=values.speed,
        metavar="max|N",
        rich_help_panel=_SIMULATION,
        help="Simulated seconds per second, above 0.",
    ),
]
Balance = Annotated[
    Decimal,
    typer.Option(
        parser=values.decimal,
        metavar="QUOTE",
        rich_help_panel=_SIMULATION,
        help="Money in the account at the start, quote currency, above 0.",
    ),
]
Leverage = Annotated[
    Decimal,
    typer.Option(
        parser=values.decimal,
        metavar="TIMES",
        rich_help_panel=_SIMULATION,
        help="Position value that a unit of equity carries, at least 1.",
    ),
]
MakerFee = Annotated[
    Decimal,
    typer.Option(
        parser=values.rate,
        metavar="FRACTION|%|bp",
        rich_help_panel=_SIMULATION,
        help="Fee on orders that rested; negative is a rebate.",
    ),
]
TakerFee = Annotated[
    Decimal,
    typer.Option(
        parser=values.rate,
        metavar="FRACTION|%|bp",
        rich_help_panel=_SIMULATION,
        help="Fee on orders that take (stops, closes).",
    ),
]
FeedLatency = Annotated[
    int,
    typer.Option(
        parser=values.nanoseconds,
        metavar="TIME",
        rich_help_panel=_SIMULATION,
        help="How much later than the exchange the maker sees the market: 10ms, 500us.",
    ),
]
OrderLatency = Annotated[
    int,
    typer.Option(
        parser=values.nanoseconds,
        metavar="TIME",
        rich_help_panel=_SIMULATION,
        help="One way, the same to the exchange and back.",
    ),
]
QueueModelFlag = Annotated[
    QueueModel,
    typer.Option(
        "--queue-model",
        rich_help_panel=_SIMULATION,
        help="How our place in a level's queue advances: only by trades, or by cancellations too (power law).",
    ),
]
Live = Annotated[
    bool,
    typer.Option("--live", rich_help_panel=_WIRES, help="Send real orders, with real money. Without it: paper."),
]
MaxDailyLoss = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="QUOTE",
        rich_help_panel=_PROTECTION,
        help="Loss of this account over all runs of a UTC day at which everything is cancelled and closed and the run "
        "ends; it stays so until `perpmaker clear`. 0 is off. Default 0.",
    ),
]
MaxLoss = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="QUOTE",
        rich_help_panel=_PROTECTION,
        help="The same for the loss of this run, open position included. 0 is off. Default 0.",
    ),
]
NoLossLimit = Annotated[
    bool,
    typer.Option(
        "--no-loss-limit",
        rich_help_panel=_WIRES,
        help="Start with --live although no stop loss and no loss limit is set.",
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        rich_help_panel=_WIRES,
        help="Address of the exchange's REST interface, e.g. of `perpmaker testnet`. Default: the exchange's own.",
    ),
]
WsUrl = Annotated[
    str | None,
    typer.Option("--ws-url", metavar="URL", rich_help_panel=_WIRES, help="Address of its websocket, likewise."),
]
SharedAccount = Annotated[
    bool,
    typer.Option(
        "--shared-account",
        rich_help_panel=_WIRES,
        help="Others may begin to trade this market with this account during the run: never cancel everything in one "
        "request, not even while nobody else was seen.",
    ),
]
MaxBookAge = Annotated[
    int,
    typer.Option(
        parser=values.nanoseconds,
        metavar="TIME",
        rich_help_panel=_WIRES,
        help="Quotes are pulled when the market was silent for longer: 5s, 800ms.",
    ),
]
RecordFolder = Annotated[
    Path | None,
    typer.Option(
        "--record",
        metavar="DIR",
        rich_help_panel=_WIRES,
        help="Also record the market into this folder, to be replayed later.",
    ),
]
SummaryFile = Annotated[
    Path | None,
    typer.Option("--summary", metavar="FILE", rich_help_panel=_OUTPUT, help="Also write the summary as JSON."),
]
JournalUrl = Annotated[
    str | None,
    typer.Option(
        "--journal",
        metavar="URL",
        rich_help_panel=_OUTPUT,
        help="Database that records the run: a file, sqlite:///FILE or postgresql://...; none for no journal. "
        "Default: journal.db in the user's data folder.",
    ),
]
ViewFlag = Annotated[
    View,
    typer.Option(
        "--view",
        rich_help_panel=_OUTPUT,
        help="live screen, structured lines, or none. auto: live on a terminal, lines elsewhere.",
    ),
]
