"""What `perpmaker explain` does: observe a market, rehearse the run on it, and say what the advisor makes of both.

Rules kept here:

1. The price is the last one of the market data.
2. From an exchange come the bars of the last day, by public questions alone; they are thrown away afterwards.
3. JSON goes to the standard output and nothing else does then.
"""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

from perpmaker.advisor.advice import Advice, advise
from perpmaker.advisor.case import Account, Case
from perpmaker.advisor.findings import is_refused_by_strict
from perpmaker.advisor.observation import observe
from perpmaker.advisor.page import page
from perpmaker.advisor.rehearsal import rehearse
from perpmaker.advisor.terminal import show
from perpmaker.cli import fetching
from perpmaker.cli.exit_codes import ExitCode
from perpmaker.cli.output_file import check_writable, write_page
from perpmaker.cli.request import SimulationSettings
from perpmaker.data.choice import DataChoice
from perpmaker.data.opening import open_data
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES

_SYNTHETIC_NS: Final = 4 * 3_600 * 10**9
_MINUTE_NS: Final = 60 * 10**9
_DAY_NS: Final = 24 * 3_600 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, and how the answer is wanted."""

    symbol: str | None
    recordings: tuple[Path, ...]
    exchange: str | None
    base_url: str | None
    seed: int
    settings: StrategySettings
    notes: Sequence[str]
    simulation: SimulationSettings
    html: Path | None
    as_json: bool
    strict: bool


def answer(question: Question) -> ExitCode:
    """Show the advice; the exit code is that of a refused start where a strict question has a harmful answer.

    Raises:
        UserError: a setting does not fit the market, or the market data cannot be read.
    """
    check_writable(question.html, "--html")
    with tempfile.TemporaryDirectory() as folder:
        if question.exchange is not None:
            question = _with_last_day(question, Path(folder) / question.exchange)
        advice = advise(case_of(question))
    if question.as_json:
        typer.echo(json.dumps(advice.as_json(), indent=2))
    else:
        _show(advice, question.notes)
    if question.html is not None:
        write_page(question.html, page(advice))
        typer.echo(f"advice: {question.html}", err=True)
    return ExitCode.BAD_INPUT if question.strict and is_refused_by_strict(advice.findings) else ExitCode.DURATION


def _with_last_day(question: Question, dest: Path) -> Question:
    """The same on the bars of the exchange's last day. Raises as `fetch_history`."""
    if question.symbol is None or question.recordings:
        raise InvalidSettingError("--exchange needs --symbol, and no --data: the exchange's last day is the data")
    to_ns = time.time_ns() // _MINUTE_NS * _MINUTE_NS
    with redirect_stdout(sys.stderr):
        fetching.fetch_history(
            dest,
            question.exchange or "",
            question.symbol,
            "bars",
            span_ns=(to_ns - _DAY_NS, to_ns),
            timeframe="1m",
            base_url=question.base_url,
        )
    return replace(question, symbol=None, recordings=(dest,))


def case_of(question: Question) -> Case:
    """The settings on this market, observed and rehearsed."""
    feed, name = _market(question)
    simulation = question.simulation
    account = Account(
        maker_fee=simulation.maker_fee,
        taker_fee=simulation.taker_fee,
        balance=simulation.balance,
        leverage=simulation.leverage,
        maintenance_margin=simulation.maintenance_margin,
    )
    terms = StrategyTerms.of(question.settings, feed.instrument, account.balance, account.leverage)
    observed = observe(feed, terms.half_spread, name)
    rehearsed = rehearse(feed, question.settings, account)
    return Case(
        settings=question.settings,
        terms=terms,
        instrument=feed.instrument,
        account=account,
        price_milliticks=rehearsed.last_milliticks,
        observed=observed,
        rehearsed=rehearsed,
    )


def _market(question: Question) -> tuple[MarketFeed, str]:
    choice = DataChoice(symbol=question.symbol, recordings=question.recordings, seed=question.seed)
    if choice.is_synthetic:
        opened = open_data(choice)
        profile = PROFILES[opened.instrument.symbol]
        feed = SyntheticMarket(profile, question.seed, duration_ns=_SYNTHETIC_NS)
        return feed, f"the synthetic market {profile.instrument.symbol}, seed {question.seed}"
    opened = open_data(choice)
    return opened.feed, ", ".join(path.name for path in choice.recordings)


def _show(advice: Advice, notes: Sequence[str]) -> None:
    console = Console(highlight=False)
    for note in notes:
        console.print(Text(f"note: {note}", style="yellow"))
    show(console, advice)
