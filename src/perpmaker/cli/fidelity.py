"""`perpmaker fidelity`: what a live or paper run met, against what the simulation says."""

from typing import Annotated

import typer

from perpmaker.cli import options as o
from perpmaker.cli.report import MarketData, RunName
from perpmaker.cli.values import nanoseconds, number
from perpmaker.research.own_orders import OwnOrders
from perpmaker.simulation.terms import QueueModel


def fidelity(
    run: RunName,
    journal: o.JournalUrl = None,
    data: MarketData = None,
    order_latency: Annotated[
        int | None,
        typer.Option(
            "--order-latency",
            parser=nanoseconds,
            metavar="TIME",
            help="Order latency to assume, one way. Default: the run's own, live 10ms.",
        ),
    ] = None,
    feed_latency: Annotated[
        int | None,
        typer.Option(
            "--feed-latency",
            parser=nanoseconds,
            metavar="TIME",
            help="Latency of market data to assume. Default: on paper 0, live 10ms.",
        ),
    ] = None,
    queue_model: Annotated[
        QueueModel | None,
        typer.Option("--queue-model", help="Queue model to assume. Default: the run's own, live risk-averse."),
    ] = None,
    queue_exponent: Annotated[
        float | None,
        typer.Option(
            "--queue-exponent",
            parser=number,
            metavar="NUMBER",
            help="Exponent of the power model to assume. Default: the run's own, live 3.",
        ),
    ] = None,
    own_orders: Annotated[
        OwnOrders | None,
        typer.Option(
            "--own-orders",
            help="What the recording holds of the run's own orders. Default: in-book live, beside on a loopback "
            "address (the testnet), absent on paper.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON instead of tables.")] = False,
) -> None:
    """Replay the market that a live or paper run recorded, and say how true the simulation is and what would fit."""
    from perpmaker.cli.comparing import compare_with_simulation  # noqa: PLC0415 - journal, numba, pyarrow: as `report`

    given = {
        "order_latency_ns": order_latency,
        "feed_latency_ns": feed_latency,
        "queue_model": queue_model,
        "queue_exponent": queue_exponent,
    }
    compare_with_simulation(run, journal, data, given, own_orders, as_json=as_json)
