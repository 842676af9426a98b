"""`perpmaker explain`: what settings will really do, before an order is sent."""

from pathlib import Path
from typing import Annotated

import typer

from perpmaker.cli import options as o
from perpmaker.cli.flag_groups import with_groups
from perpmaker.cli.flags import ExchangeFlags, StrategyFlags
from perpmaker.cli.starting import typed_flags


@with_groups
def explain(
    *,
    context: typer.Context,
    symbol: o.Symbol = None,
    config: o.ConfigFile = None,
    market: o.ConfigMarket = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data",
            metavar="PATH",
            help="Recording to observe and to rehearse on; several of one market are joined. Default: four hours of "
            "the synthetic market.",
        ),
    ] = None,
    exchange: Annotated[
        str | None,
        typer.Option("--exchange", help="Instead of --data: the bars of this exchange's last day. No keys."),
    ] = None,
    base_url: o.BaseUrl = None,
    seed: o.Seed = 1,
    strategy: StrategyFlags,
    simulation: ExchangeFlags,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as one HTML file, the ladder as a picture.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: all of it as JSON.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 2 where a finding is harmful; for scripts before a start.")
    ] = False,
) -> None:
    """Say what these settings do on this market: the ladder, each setting, what to expect, and what is wrong with them.

    Takes the flags of `perpmaker run`, or the market of a configuration file. No order is sent; what is expected was
    rehearsed on the market data.
    """
    from perpmaker.cli.explaining import Question, answer  # noqa: PLC0415 - numba and pyarrow: keeps --help quick

    if config is not None:
        from perpmaker.cli.configuration.loading import load_config  # noqa: PLC0415 - only where there is a file

        chosen = load_config(config, typed_flags(context), market).market(market)
        plan, symbol, seed = chosen.plan, chosen.symbol, chosen.plan.data.seed
        settings, notes, account, found = plan.strategy, plan.notes, plan.simulation, plan.data.recordings
        if not (data or exchange or chosen.is_simulated):
            stand_in = f"the synthetic market stands in for that of {chosen.exchange}"
            notes = (*notes, f"{stand_in}: say --exchange {chosen.exchange} and --symbol, or --data")
    else:
        settings, account, found = strategy.settings(), simulation.settings(), ()
        notes = tuple(strategy.notes(settings))
    question = Question(
        symbol=symbol,
        recordings=tuple(data or found),
        exchange=exchange,
        base_url=base_url,
        seed=seed,
        settings=settings,
        notes=notes,
        simulation=account,
        html=html,
        as_json=as_json,
        strict=strict,
    )
    raise typer.Exit(answer(question))
