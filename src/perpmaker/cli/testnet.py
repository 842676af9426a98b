"""`perpmaker testnet`: the flags. The work is done in `perpmaker.cli.testnet_serving`."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from perpmaker.cli import values
from perpmaker.data.choice import SYNTHETIC

_MARKET = "Market"
_ACCOUNTS = "Accounts"
_SERVER = "Server"


def serve_testnet(
    port: Annotated[
        int, typer.Option(rich_help_panel=_SERVER, help="Port on 127.0.0.1; 0 takes any.", min=0, max=65535)
    ] = 8787,
    symbol: Annotated[
        list[str] | None,
        typer.Option(
            rich_help_panel=_MARKET,
            help="Market; several times for several. Default: SOL_USDC_PERP, or the recording's own with --feed PATH.",
        ),
    ] = None,
    feed: Annotated[
        str,
        typer.Option(
            metavar="synthetic|PATH",
            rich_help_panel=_MARKET,
            help="What the market does: synthetic, or the folder of a recording.",
        ),
    ] = SYNTHETIC,
    seed: Annotated[
        int, typer.Option(rich_help_panel=_MARKET, help="Of the synthetic markets and of the accounts' keys.", min=0)
    ] = 1,
    speed: Annotated[
        float,
        typer.Option(
            parser=values.speed,
            metavar="FACTOR",
            rich_help_panel=_MARKET,
            help="Seconds of the market per second; time stamps stay real.",
        ),
    ] = 1.0,
    accounts: Annotated[int, typer.Option(rich_help_panel=_ACCOUNTS, help="How many accounts.", min=1, max=100)] = 1,
    balance: Annotated[
        Decimal,
        typer.Option(
            parser=values.decimal, metavar="QUOTE", rich_help_panel=_ACCOUNTS, help="Quote currency on each account."
        ),
    ] = "10000",  # type: ignore[assignment]  # typer hands the default through the parser
    maker_fee: Annotated[
        Decimal,
        typer.Option(
            parser=values.rate, metavar="FRACTION|%|bp", rich_help_panel=_ACCOUNTS, help="Maker fee; < 0 is a rebate."
        ),
    ] = "2bp",  # type: ignore[assignment]
    taker_fee: Annotated[
        Decimal,
        typer.Option(parser=values.rate, metavar="FRACTION|%|bp", rich_help_panel=_ACCOUNTS, help="Taker fee."),
    ] = "5bp",  # type: ignore[assignment]
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            rich_help_panel=_SERVER,
            help="Keep accounts, orders and history here, and go on with what is there. Default: forget.",
        ),
    ] = None,
    faults: Annotated[
        int | None,
        typer.Option(
            metavar="SEED",
            rich_help_panel=_SERVER,
            help="Let things go wrong, drawn from this seed, without end. Default: nothing goes wrong.",
            min=0,
        ),
    ] = None,
    control: Annotated[
        bool, typer.Option(rich_help_panel=_SERVER, help="The control endpoint: faults by request, the books.")
    ] = True,
) -> None:
    """Serve an exchange that speaks Backpack's protocol, on this machine only, until Ctrl-C.

    Prints its addresses, and for each account its keys and the lines that make `perpmaker run --live` trade on it.
    The same seed has the same keys. Nothing here is real: no money, no other traders.
    """
    from perpmaker.cli.testnet_serving import Serving, serve  # noqa: PLC0415 - aiohttp and numba: keeps --help quick

    wanted = Serving(
        port=port,
        symbols=symbol or [],
        feed=feed,
        seed=seed,
        speed=speed,
        accounts=accounts,
        balance=balance,
        maker_fee=maker_fee,
        taker_fee=taker_fee,
        state=state,
        faults_seed=faults,
        control=control,
    )
    raise typer.Exit(serve(wanted))
