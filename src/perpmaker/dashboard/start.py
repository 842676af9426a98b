"""The form that starts a run, and the start.

Rules kept here:

1. Settings are planned, and so checked, before anything is started.
2. A live run is started only where the dashboard was, with ``--live``, and where the market's name was typed once more.
3. Who started it stands in the run's log; the command line, as ever, in the journal.
"""

import logging
from pathlib import Path
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends
from msgspec import Meta
from starlette.responses import Response

from perpmaker.dashboard.answers import Refused, json_answer, json_body
from perpmaker.dashboard.deps import Deps, OneTime, Trader, Viewer
from perpmaker.dashboard.launching import Launcher
from perpmaker.dashboard.program import Program, Wanted

_log = logging.getLogger(__name__)

LOGS: Final = "started-runs"
"""Folder of the logs of runs that were started from the page, in the state folder."""

_Name = Annotated[str, Meta(max_length=128)]
_Flag = Annotated[str, Meta(max_length=64)]
_Value = Annotated[str, Meta(max_length=256)]


class Start(msgspec.Struct, forbid_unknown_fields=True):
    """A run that somebody wants. ``confirm`` is the symbol, typed, for a live one."""

    exchange: _Name
    symbol: _Name | None = None
    preset: _Name | None = None
    settings: Annotated[dict[_Flag, _Value], Meta(max_length=64)] = {}
    is_live: bool = False
    confirm: _Name = ""


def router(deps: Deps, program: Program, state_folder: Path, launcher: Launcher | None = None) -> APIRouter:
    """``/api/start/form`` and ``/api/start``."""
    routes = APIRouter()
    launching = launcher or Launcher(deps, program, state_folder / LOGS)

    @routes.get("/api/start/form")
    async def form(_: Viewer) -> Response:
        found = msgspec.to_builtins(await deps.in_thread(program.form))
        return json_answer({**found, "can_start_live": deps.settings.can_start_live})

    @routes.post("/api/start", dependencies=[OneTime])
    async def start(trader: Trader, asked: Annotated[Start, Depends(json_body(Start))]) -> Response:
        if asked.is_live and not deps.settings.can_start_live:
            raise Refused(403, "no live run can be started from here: this dashboard was started without --live")
        planned = await deps.in_thread(
            program.plan,
            Wanted(
                exchange=asked.exchange,
                symbol=asked.symbol,
                preset=asked.preset,
                settings=asked.settings,
                is_live=asked.is_live,
            ),
        )
        if asked.is_live and asked.confirm != planned.symbol:
            raise Refused(400, f"a live start is confirmed by typing the market's name, {planned.symbol}")
        begun = await launching.launch(planned, is_live=asked.is_live, who=trader.name)
        _log.info("run %s was started by %s", begun.run_id, trader.name)
        return json_answer({"run_id": begun.run_id, "text": begun.text})

    return routes
