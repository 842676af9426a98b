"""The flags of a strategy, each with its unit, range and default. Shared by every command that trades.

One that is not given is None here: the preset decides, then the default of `maker.settings`.
"""

from decimal import Decimal
from typing import Annotated

import typer

from perpmaker.cli import values
from perpmaker.domain.reference import ReferencePrice
from perpmaker.maker.presets import PRESETS
from perpmaker.maker.settings import AfterStop, Recenter
from perpmaker.quoting.skew import SkewMode

_QUOTING = "Quoting"
_INVENTORY = "Inventory"
PROTECTION = "Protection"
_TIME = "Time"

Preset = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_QUOTING,
        help="Recommended settings: neutral, balanced, aggressive or conservative; any flag given overrides.",
        autocompletion=lambda: list(PRESETS),
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
        rich_help_panel=PROTECTION,
        help="Close when the unrealized loss reaches this, quote currency; the sign is ignored. Default 0, off.",
    ),
]
TakeProfit = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="QUOTE",
        rich_help_panel=PROTECTION,
        help="Close when the unrealized profit reaches this, quote currency. Default 0, off.",
    ),
]
AfterStopFlag = Annotated[
    AfterStop | None,
    typer.Option(
        "--after-stop",
        rich_help_panel=PROTECTION,
        help="After a stop or a take: quote again after one interval, or end the run. Default requote.",
    ),
]
MaxDrawdown = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="QUOTE",
        rich_help_panel=PROTECTION,
        help="Cancel, close and end when equity falls this far below the run's peak, quote currency. Default 0, off.",
    ),
]
MaxLoss = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="QUOTE",
        rich_help_panel=PROTECTION,
        help="Loss of this run, open position included, at which everything is cancelled and closed and the run ends. "
        "0 is off. Default 0.",
    ),
]
CloseOnExit = Annotated[
    bool, typer.Option("--close-on-exit", rich_help_panel=PROTECTION, help="Close the position when the run ends.")
]
Duration = Annotated[
    Decimal | None,
    typer.Option(
        parser=values.decimal,
        metavar="SECONDS",
        rich_help_panel=_TIME,
        help="How long to run; 0 until stopped, or until the data ends. Default 3600; of a backtest 0.",
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
