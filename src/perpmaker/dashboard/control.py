"""What a trader asks of a run that goes on.

Rules kept here:

1. The run itself carries it out, or says why not, and writes into the journal who asked for it.
2. No answer is not "no": it is said that the outcome is not known.
"""

from typing import Annotated, Final, Literal

import msgspec
from fastapi import APIRouter, Depends
from msgspec import Meta
from starlette.responses import Response

from perpmaker.dashboard.answers import Refused, json_answer, json_body
from perpmaker.dashboard.deps import Deps, OneTime, Trader
from perpmaker.dashboard.run_link import ANSWER_S, NoAnswerError, NotRunningError

_NOT_RUNNING: Final = "this run is not running"

_Flag = Annotated[str, Meta(max_length=64)]
_Value = Annotated[str, Meta(max_length=256)]


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """As `perpmaker.monitor.view.Ask`, from the page."""

    action: Literal["pause", "resume", "close", "stop", "settings"]
    settings: Annotated[dict[_Flag, _Value], Meta(max_length=64)] = {}


def router(deps: Deps) -> APIRouter:
    """``/api/runs/{run_id}/control``."""
    routes = APIRouter()

    @routes.post("/api/runs/{run_id}/control", dependencies=[OneTime])
    async def control(run_id: str, trader: Trader, wish: Annotated[Wish, Depends(json_body(Wish))]) -> Response:
        link = deps.links.find(run_id)
        if link is None:
            raise Refused(404, _NOT_RUNNING)
        try:
            answer = await link.ask(wish.action, trader.name, wish.settings)
        except NotRunningError:
            raise Refused(404, _NOT_RUNNING) from None
        except NoAnswerError:
            raise Refused(
                504, f"the run has not answered within {ANSWER_S:g} s: whether it will {wish.action} is not known"
            ) from None
        return json_answer({"is_done": answer.is_done, "text": answer.text})

    return routes
