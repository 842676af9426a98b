"""`perpmaker run`: one market maker on one market, from its flags to its summary and exit code."""

import typer

from perpmaker.cli import options as o
from perpmaker.cli.flag_groups import with_groups
from perpmaker.cli.flags import DirectionFlags, ExchangeFlags, StrategyFlags
from perpmaker.cli.run_flags import FeedFlags, MarketFlags, OutputFlags, WireFlags, plan_of
from perpmaker.cli.starting import start, start_configured
from perpmaker.cli.watch_flags import WatchFlags


@with_groups
def run(
    *,
    context: typer.Context,
    market: MarketFlags,
    config: o.ConfigFile = None,
    strategy: StrategyFlags,
    wires: WireFlags,
    feed: FeedFlags,
    simulation: ExchangeFlags,
    output: OutputFlags,
    watch: WatchFlags,
    direction: DirectionFlags,
) -> None:
    """Make a market in one perpetual future.

    Rests buy and sell orders around the price, lets fills form a position, leans its quotes to bring that position
    back, never exceeds its cap, closes on stop loss or take profit, and cleans up after itself.
    """
    direction.refuse()
    if config is not None:
        raise typer.Exit(start_configured(config, context))
    watching = watch.settings()
    raise typer.Exit(start(plan_of(market, strategy, wires, feed, simulation).request(output, watching)))
