"""Which runs there are: those that go on, those that are over, one of them, several side by side, the report of one.

Rules kept here:

1. Figures are those of the journal: decimal text, as the run's summary has it. A run without a summary has none.
2. `MOST_LISTED` runs are told at once; older ones are asked for by the number of the oldest that is known.
3. A report is a page of its own: it can run its script, and reach nothing of the dashboard.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from msgspec.structs import replace
from sqlalchemy import select
from starlette.responses import HTMLResponse, Response

from perpmaker.dashboard.answers import Refused, json_answer
from perpmaker.dashboard.deps import Deps, Viewer
from perpmaker.dashboard.reports import Reports
from perpmaker.dashboard.run_link import RunLink
from perpmaker.domain.errors import UnknownNameError
from perpmaker.journal import schema
from perpmaker.journal.database import translated_errors
from perpmaker.journal.readers import RunRecord, load_run, run_of
from perpmaker.journal.writer import Journal

MOST_LISTED: Final = 200
MOST_COMPARED: Final = 8

REPORT_POLICY: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
)


def router(deps: Deps, reports: Reports | None = None) -> APIRouter:
    """``/api/runs``, ``/api/runs/{run_id}``, ``/api/runs/{run_id}/report``, ``/api/compare``."""
    routes = APIRouter()
    made = reports or Reports(deps.journal.engine.url.render_as_string(hide_password=False))

    @routes.get("/api/runs")
    async def runs(_: Viewer, before: Annotated[int | None, Query(ge=0)] = None) -> Response:
        running = await deps.links.looked_at()
        past = await deps.in_thread(past_runs, deps.journal, {link.run_id for link in running}, before)
        return json_answer({"running": [shown(link) for link in running], "past": past})

    @routes.get("/api/runs/{run_id}")
    async def run(run_id: str, _: Viewer) -> Response:
        link = deps.links.find(run_id)
        if link is not None and not link.is_ended and link.state.view is not None:
            return json_answer(shown(link))
        return json_answer(told(await _record(deps, run_id)))

    @routes.get("/api/runs/{run_id}/report")
    async def report(run_id: str, _: Viewer) -> Response:
        record = await _record(deps, run_id)
        page = await made.page(record.run_id, is_over=record.ended_at_ns is not None)
        return HTMLResponse(page, headers={"Content-Security-Policy": REPORT_POLICY})

    @routes.get("/api/compare")
    async def compare(_: Viewer, runs: Annotated[str, Query(max_length=2_000)]) -> Response:
        names = list(dict.fromkeys(name for name in runs.split(",") if name))
        if not 2 <= len(names) <= MOST_COMPARED:
            raise Refused(400, f"2 to {MOST_COMPARED} runs can be put side by side, these are {len(names)}")
        records = [await _record(deps, name) for name in names]
        are_over = all(record.ended_at_ns is not None for record in records)
        return json_answer(await made.comparison(names, are_over=are_over))

    return routes


def past_runs(journal: Journal, running: set[str], before: int | None = None) -> list[dict[str, Any]]:
    """The newest runs of market makers that are not among ``running``, older than ``before`` where it is given.

    Raises:
        JournalError: the journal cannot be read.
    """
    columns = schema.runs.c
    query = select(schema.runs).order_by(columns.run_no.desc())
    if before is not None:
        query = query.where(columns.run_no < before)
    found: list[dict[str, Any]] = []
    with translated_errors(journal.engine), journal.engine.connect() as connection:
        for row in connection.execution_options(yield_per=MOST_LISTED).execute(query):
            record = run_of(row)
            if record.has_made_market and record.run_id not in running:
                found.append(told(record))
                if len(found) == MOST_LISTED:
                    break
    return found


def told(record: RunRecord) -> dict[str, Any]:
    """A run that is over, or of which nothing is heard."""
    summary: Mapping[str, Any] = record.summary or {}
    return {
        "run_no": record.run_no,
        "run_id": record.run_id,
        "exchange": record.exchange,
        "symbol": record.symbol,
        "mode": record.mode,
        "started_at_ns": record.started_at_ns,
        "ended_at_ns": record.ended_at_ns,
        "end_reason": record.end_reason,
        "net": net_of(record),
        "fees": summary.get("fees"),
        "funding": summary.get("funding"),
        "fills": summary.get("fills"),
        "volume": summary.get("volume_quote"),
        "position": summary.get("position"),
        "settings": dict(record.settings),
    }


def net_of(record: RunRecord) -> str | None:
    """What the equity has gained, exactly; None without a summary."""
    if record.summary is None:
        return None
    instrument = record.instrument
    start, end = (instrument.money_to_quanta(Decimal(record.summary[name])) for name in ("equity_start", "equity_end"))
    return f"{instrument.money(end - start):f}"


def shown(link: RunLink) -> dict[str, Any]:
    """A run that goes on, without what only its own page shows."""
    view = link.state.view
    assert view is not None
    return {"about": view.about, "view": replace(view, book=None, levels=[])}


async def _record(deps: Deps, run_id: str) -> RunRecord:
    """The run of this id. Refuses with 404 where there is none."""
    try:
        return await deps.in_thread(load_run, deps.journal, run_id)
    except UnknownNameError:
        raise Refused(404, "the journal has no such run") from None
