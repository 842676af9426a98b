"""The flags of the commands around a live run: which account and market. Cheap to import."""

from typing import Annotated

import typer

AccountExchange = Annotated[
    str | None,
    typer.Option("--exchange", help="backpack, or an exchange of ccxt by its id. Default: that of the last live run."),
]
AccountSymbol = Annotated[
    str | None, typer.Option("--symbol", help="Market, e.g. SOL_USDC_PERP. Default: that of the last live run.")
]
