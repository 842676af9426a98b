"""The flags that are neither of the strategy nor of the simulated exchange: which market, real exchanges, output.

Those are in `strategy_options` and `exchange_options`. Shared by every command that has one of them.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from perpmaker.cli import values
from perpmaker.cli.exchange_options import SIMULATION
from perpmaker.cli.request import View
from perpmaker.cli.strategy_options import PROTECTION

_MARKET = "Market"
_WIRES = "Real exchanges (paper without --live)"
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
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        rich_help_panel=_MARKET,
        help="Configuration file: its markets with their settings; any flag given overrides. `perpmaker config init` "
        "writes one.",
    ),
]
ConfigMarket = Annotated[
    str | None,
    typer.Option(
        "--market", metavar="NAME", rich_help_panel=_MARKET, help="Which market of --config, where it has several."
    ),
]
Feed = Annotated[
    str,
    typer.Option(
        metavar="synthetic|PATH",
        rich_help_panel=SIMULATION,
        help="Market data: the synthetic market, or a recording made by `perpmaker data import`.",
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        parser=values.whole,
        metavar="NUMBER",
        rich_help_panel=SIMULATION,
        help="Seed of the synthetic market, at least 0.",
    ),
]
Speed = Annotated[
    float,
    typer.Option(
        parser=values.speed,
        metavar="max|N",
        rich_help_panel=SIMULATION,
        help="Simulated seconds per second, above 0.",
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
        rich_help_panel=PROTECTION,
        help="Loss of this account over all runs of a UTC day at which everything is cancelled and closed and the run "
        "ends; it stays so until `perpmaker clear`. 0 is off. Default 0.",
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
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        rich_help_panel=_OUTPUT,
        help="Also write the report as one HTML file. With several markets each gets its symbol in the file's name.",
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
