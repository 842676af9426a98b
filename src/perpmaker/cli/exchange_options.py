"""The flags of the simulated exchange, each with its unit, range and default: money, fees, latencies, queues, bars."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from perpmaker.cli import values
from perpmaker.simulation.terms import QueueModel

SIMULATION = "Simulated exchange"

Balance = Annotated[
    Decimal,
    typer.Option(
        parser=values.decimal,
        metavar="QUOTE",
        rich_help_panel=SIMULATION,
        help="Money in the account at the start, quote currency, above 0.",
    ),
]
Leverage = Annotated[
    Decimal,
    typer.Option(
        parser=values.decimal,
        metavar="TIMES",
        rich_help_panel=SIMULATION,
        help="Position value that a unit of equity carries, at least 1.",
    ),
]
MakerFee = Annotated[
    Decimal,
    typer.Option(
        parser=values.rate,
        metavar="FRACTION|%|bp",
        rich_help_panel=SIMULATION,
        help="Fee on orders that rested; negative is a rebate.",
    ),
]
TakerFee = Annotated[
    Decimal,
    typer.Option(
        parser=values.rate,
        metavar="FRACTION|%|bp",
        rich_help_panel=SIMULATION,
        help="Fee on orders that take (stops, closes).",
    ),
]
FeedLatency = Annotated[
    Any,  # `Latency | LatencyFile`: typer knows no unions
    typer.Option(
        parser=values.latency,
        metavar="TIME|lognormal:MEDIAN:SIGMA[:CAP]|recorded:FILE",
        rich_help_panel=SIMULATION,
        help="How much later than the exchange the maker sees the market: 10ms, 500us; drawn or recorded.",
    ),
]
OrderLatency = Annotated[
    Any,  # as above
    typer.Option(
        parser=values.latency,
        metavar="TIME|lognormal:MEDIAN:SIGMA[:CAP]|recorded:FILE",
        rich_help_panel=SIMULATION,
        help="One way, on the same terms to the exchange and back. On paper a constant time only.",
    ),
]
MaintenanceMargin = Annotated[
    Decimal | None,
    typer.Option(
        "--maintenance-margin",
        parser=values.rate,
        metavar="FRACTION|%|bp",
        rich_help_panel=SIMULATION,
        help="Share of the position's value that the equity must cover, or the position is liquidated; 0 is never. "
        "Default: 1.25%, or half of 1 / leverage if that is less. Not on paper.",
    ),
]
LiquidationFee = Annotated[
    Decimal,
    typer.Option(
        "--liquidation-fee",
        parser=values.rate,
        metavar="FRACTION|%|bp",
        rich_help_panel=SIMULATION,
        help="Fee on what is liquidated, beside the taker fee.",
    ),
]
FeeTiers = Annotated[
    Path | None,
    typer.Option(
        "--fee-tiers",
        metavar="FILE",
        rich_help_panel=SIMULATION,
        help="Fees by the value traded in the last 30 days: a csv of from_notional, maker_fee, taker_fee. Below the "
        "first, --maker-fee and --taker-fee hold. Not on paper.",
    ),
]
Volume30d = Annotated[
    Decimal,
    typer.Option(
        "--volume-30d",
        parser=values.decimal,
        metavar="QUOTE",
        rich_help_panel=SIMULATION,
        help="With --fee-tiers: value traded in the 30 days before the start, quote currency.",
    ),
]
QueueModelFlag = Annotated[
    QueueModel,
    typer.Option(
        "--queue-model",
        rich_help_panel=SIMULATION,
        help="How our place in a level's queue advances: only by trades, or by cancellations too (power law).",
    ),
]
QueueExponent = Annotated[
    float,
    typer.Option(
        "--queue-exponent",
        parser=values.number,
        metavar="NUMBER",
        rich_help_panel=SIMULATION,
        help="Exponent of the power law of --queue-model power, above 0 and up to 20.",
    ),
]
BarVolumeShare = Annotated[
    Decimal,
    typer.Option(
        "--bar-volume-share",
        parser=values.share,
        metavar="FRACTION|%|bp",
        rich_help_panel=SIMULATION,
        help="On bars: the share of a bar's volume that all our fills of it may take, above 0 and up to 100%.",
    ),
]
BarHalfSpread = Annotated[
    Decimal,
    typer.Option(
        "--bar-half-spread",
        parser=values.share,
        metavar="FRACTION|%|bp",
        rich_help_panel=SIMULATION,
        help="On bars: how far the best bid and offer are assumed to lie from the price, at least a tick; up to 10%.",
    ),
]
