"""What other settings would do: the advisor, on the market and account of a run, or of one that could be started.

Rules kept here:

1. Nothing is changed, whoever asks.
2. The ladder is that of now: the price is the newest of the run. Nothing is rehearsed, since sliders ask often.
3. What is not known is assumed as a run without flags would have it, and the answer says so.
4. What cannot be is an answer, too: ``refused`` says why, as the command line would.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from fastapi import APIRouter, Depends
from msgspec import Meta
from sqlalchemy import select
from starlette.responses import Response

from perpmaker.advisor.advice import advise
from perpmaker.advisor.case import Account, Case, Observed
from perpmaker.advisor.noise import volatility_of
from perpmaker.dashboard.answers import Refused, json_answer, json_body
from perpmaker.dashboard.deps import Deps, Viewer
from perpmaker.dashboard.program import Program, Wanted
from perpmaker.domain.errors import InvalidSettingError, JournalError, UserError
from perpmaker.domain.instrument import Instrument
from perpmaker.journal import schema
from perpmaker.journal.database import translated_errors
from perpmaker.journal.readers import RunRecord, load_run, run_of
from perpmaker.journal.writer import Journal
from perpmaker.maker.settings import StrategySettings, StrategyTerms
from perpmaker.monitor.view import RunView, Sample
from perpmaker.simulation.synthetic_profiles import PROFILES
from perpmaker.venues.redaction import redact

SIMULATION: Final = "sim"

_NS_PER_HOUR: Final = 3_600 * 10**9

_ASSUMED: Final = (
    "fees and leverage are those of the simulated exchange, since the journal does not have the account's own"
)

_Name = Annotated[str, Meta(max_length=128)]
_Flag = Annotated[str, Meta(max_length=64)]
_Value = Annotated[str, Meta(max_length=256)]


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """Settings by flag, of a run that goes on or of a market."""

    run_id: _Name | None = None
    exchange: _Name = SIMULATION
    symbol: _Name | None = None
    preset: _Name | None = None
    settings: Annotated[dict[_Flag, _Value], Meta(max_length=64)] = {}


class _Market(NamedTuple):
    """Where the question is asked. ``price_milliticks`` is the newest that is known."""

    instrument: Instrument
    price_milliticks: int
    observed: Observed | None
    remark: str | None


def router(deps: Deps, program: Program) -> APIRouter:
    """``/api/what-if``."""
    routes = APIRouter()

    @routes.post("/api/what-if")
    async def what_if(_: Viewer, asked: Annotated[Question, Depends(json_body(Question))]) -> Response:
        links = {link.run_id: link for link in deps.links.running()}
        views = {run_id: link.state.view for run_id, link in links.items() if link.state.view is not None}
        if asked.run_id is not None and asked.run_id not in views:
            raise Refused(404, "this run is not running")
        samples = () if asked.run_id is None else links[asked.run_id].state.samples
        return json_answer(await deps.in_thread(answer, program, deps.journal, views, asked, samples))

    return routes


def answer(
    program: Program,
    journal: Journal,
    views: Mapping[str, RunView],
    asked: Question,
    samples: Sequence[Sample] = (),
) -> dict[str, Any]:
    """What the advisor says, or why it cannot.

    Args:
        program: reads settings.
        journal: has the runs.
        views: of the runs that go on, by their ids.
        asked: what about.
        samples: the chart of the run that is asked about.

    Raises:
        JournalError: the journal cannot be read.
    """
    try:
        if asked.run_id is not None:
            return _of_run(program, load_run(journal, asked.run_id), views[asked.run_id], asked.settings, samples)
        return _of_market(program, journal, views, asked)
    except JournalError:
        raise
    except UserError as error:
        return {"advice": None, "changed": {}, "refused": redact(str(error)), "assumed": None}


def _of_run(
    program: Program, run: RunRecord, view: RunView, texts: Mapping[str, str], samples: Sequence[Sample]
) -> dict[str, Any]:
    strategy, account = program.recorded({**run.settings, **view.settings})
    changed = program.change(strategy, texts)
    account = replace(account, balance=Decimal(view.profit.equity_start))
    remark = None if "maker_fee" in run.settings else _ASSUMED
    market = _Market(run.instrument, _price_of(run.instrument, view), observed_by(view, samples), remark)
    return _told(market, changed.strategy, account, changed.told)


def observed_by(view: RunView, samples: Sequence[Sample]) -> Observed | None:
    """What the run itself has seen of its market; None while that is too little."""
    points = [(sample.at_ns, float(sample.mid)) for sample in samples if sample.mid is not None]
    volatility_s = volatility_of(points)
    if volatility_s is None or view.bid is None or view.ask is None:
        return None
    bid, ask = float(view.bid), float(view.ask)
    hours = (points[-1][0] - points[0][0]) / _NS_PER_HOUR
    return Observed(
        hours=hours,
        spread=2 * (ask - bid) / (ask + bid),
        volatility_s=volatility_s,
        touches_per_hour=None,
        funding_rate=None,
        name=f"the last {hours * 60:.0f} minutes of this run",
    )


def _of_market(program: Program, journal: Journal, views: Mapping[str, RunView], asked: Question) -> dict[str, Any]:
    wanted = Wanted(exchange=asked.exchange, symbol=asked.symbol, preset=asked.preset, settings=asked.settings)
    planned = program.plan(wanted)
    market = _market(program, journal, views, asked.exchange.strip() or SIMULATION, planned.symbol)
    return _told(market, planned.strategy, planned.account, {})


def _told(
    market: _Market, strategy: StrategySettings, account: Account, changed: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    case = Case(
        settings=strategy,
        terms=StrategyTerms.of(strategy, market.instrument, account.balance, account.leverage),
        instrument=market.instrument,
        account=account,
        price_milliticks=market.price_milliticks,
        observed=market.observed,
    )
    return {"advice": advise(case).as_json(), "changed": dict(changed), "refused": None, "assumed": market.remark}


def _market(program: Program, journal: Journal, views: Mapping[str, RunView], exchange: str, symbol: str) -> _Market:
    """From a run that goes on, the synthetic market, or the newest run there, whichever there is first.

    Raises:
        InvalidSettingError: nothing is known of this market.
    """
    if exchange == SIMULATION:
        if symbol not in PROFILES:
            raise InvalidSettingError(f"--symbol {symbol}: the synthetic market has {', '.join(PROFILES)}")
        profile = PROFILES[symbol]
        price = profile.instrument.price_to_milliticks(profile.price)
        return _Market(profile.instrument, price, program.observed(symbol), None)
    newest = _newest_run(journal, exchange, symbol)
    if newest is None:
        raise InvalidSettingError(
            f"nothing is known yet of {symbol} on {exchange}: this journal has no run there. "
            f"`perpmaker explain --exchange {exchange} --symbol {symbol}` asks the exchange"
        )
    view = next((v for v in views.values() if (v.about.exchange, v.about.symbol) == (exchange, symbol)), None)
    if view is not None:
        return _Market(newest.instrument, _price_of(newest.instrument, view), None, None)
    marked = _last_mark(journal, newest)
    if marked is None:
        raise InvalidSettingError(f"no price is known yet of {symbol} on {exchange}: start a run on paper there first")
    return _Market(newest.instrument, marked, None, f"the price is the last one of run {newest.run_id}")


def _price_of(instrument: Instrument, view: RunView) -> int:
    """The mid, or the mark. Raises `InvalidSettingError` while there is none."""
    if view.bid is not None and view.ask is not None:
        return instrument.price_to_milliticks((Decimal(view.bid) + Decimal(view.ask)) / 2)
    if view.mark is not None:
        return instrument.price_to_milliticks(Decimal(view.mark))
    raise InvalidSettingError("the run has no price yet: ask again in a moment")


def _newest_run(journal: Journal, exchange: str, symbol: str) -> RunRecord | None:
    columns = schema.runs.c
    query = select(schema.runs).where(columns.exchange == exchange, columns.symbol == symbol)
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        row = connection.execute(query.order_by(columns.run_no.desc()).limit(1)).one_or_none()
    return None if row is None else run_of(row)


def _last_mark(journal: Journal, run: RunRecord) -> int | None:
    columns = schema.samples.c
    query = select(columns.mark_milliticks).where(columns.run_no == run.run_no, columns.mark_milliticks > 0)
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        return connection.execute(query.order_by(columns.seq.desc()).limit(1)).scalar_one_or_none()
