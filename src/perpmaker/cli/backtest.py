"""`perpmaker backtest`: the maker on recorded markets, as fast as the machine can."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import typer

from perpmaker.cli import data_options as d
from perpmaker.cli import options as o
from perpmaker.cli.flag_groups import with_groups
from perpmaker.cli.flags import DirectionFlags, ExchangeFlags, StrategyFlags, check_market_type
from perpmaker.cli.request import Backtest, View, command_line
from perpmaker.data.choice import SYNTHETIC, FundingChoice
from perpmaker.domain.errors import InvalidSettingError

_FUNDING_INTERVAL_NS: Final = 8 * 3_600 * 10**9
_UNTIL_THE_END: Final = {"duration_s": Decimal(0)}


@with_groups
def backtest(
    *,
    more: d.MoreDataPaths = None,
    data: d.DataPaths = None,
    symbol: d.DataSymbol = None,
    from_: d.FromMoment = None,
    to: d.ToMoment = None,
    seed: o.Seed = 1,
    funding_rate: d.FundingRate = None,
    funding_interval: d.FundingInterval = None,
    funding: d.FundingFile = None,
    market_type: o.MarketType = "perp",
    strategy: StrategyFlags,
    simulation: ExchangeFlags,
    report: o.ReportFile = None,
    summary: o.SummaryFile = None,
    journal: o.JournalUrl = None,
    view: o.ViewFlag = View.AUTO,
    direction: DirectionFlags,
) -> None:
    """Try a strategy on recorded markets.

    The same maker on the same simulated exchange as `perpmaker run`, over one or many recordings, from the first row to
    the last unless --from, --to or --duration say otherwise. Each market gets a maker, an exchange and a balance of its
    own.
    """
    direction.refuse()
    check_market_type(market_type)
    paths = [*(data or []), *(more or [])]
    is_synthetic = _is_synthetic(paths)
    settings = strategy.settings({} if is_synthetic else _UNTIL_THE_END)
    if seed != 1 and not is_synthetic:
        raise InvalidSettingError(f"--seed {seed} does nothing on recordings: it is the seed of --data {SYNTHETIC}")
    wanted = Backtest(
        paths=[] if is_synthetic else [Path(path) for path in paths],
        symbol=symbol,
        seed=seed,
        from_ns=from_,
        to_ns=to,
        funding=_funding(funding_rate, funding_interval, funding),
        strategy=settings,
        simulation=simulation.settings(),
        report=report,
        summary=summary,
        journal=journal,
        view=view,
        command_line=command_line(),
        notes=strategy.notes(settings),
    )
    from perpmaker.cli.backtesting import run_backtest  # noqa: PLC0415 - a second of imports `--help` does not need

    raise typer.Exit(run_backtest(wanted))


def _is_synthetic(paths: Sequence[str]) -> bool:
    if not paths:
        raise InvalidSettingError(
            f"--data is missing: give recordings (`perpmaker record` and `perpmaker data import` make them), or "
            f"{SYNTHETIC}"
        )
    if SYNTHETIC in paths and len(paths) > 1:
        raise InvalidSettingError(f"--data {SYNTHETIC} is a market of its own: give it alone, or recordings")
    return paths[0] == SYNTHETIC


def _funding(rate: Decimal | None, interval_ns: int | None, file: Path | None) -> FundingChoice | None:
    """What is to be paid on data that says nothing of it.

    Raises:
        InvalidSettingError: the flags contradict each other, or a value is impossible.
    """
    given: dict[str, Any] = {"--funding-rate": rate, "--funding-interval": interval_ns}
    for flag, value in given.items():
        if file is not None and value is not None:
            raise InvalidSettingError(f"{flag} and --funding {file} contradict each other: give one of them")
    if file is not None:
        return FundingChoice(file=file)
    if rate is None:
        if interval_ns is not None:
            raise InvalidSettingError("--funding-interval needs a --funding-rate")
        return None
    if interval_ns == 0:
        raise InvalidSettingError("--funding-interval 0: must be above 0, e.g. 8h")
    return FundingChoice(rate=rate, interval_ns=interval_ns or _FUNDING_INTERVAL_NS)
