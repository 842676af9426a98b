"""The figures of a run in one line: of the journal when it is over, by its link while it goes on.

Rules kept here:

1. Amounts are the exact decimals of the journal or of the run itself: page, summary and this line are the same figures.
2. A run that cannot be asked has no figures; that is said, and is not zero.
"""

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from perpmaker.journal.readers import RunRecord
from perpmaker.monitor.link_client import Link, LinkError
from perpmaker.monitor.view import Hello, RunView

PATIENCE_S: Final = 2.0
"""How long a run is waited for; one that hangs must not hang who asks for it."""


def figures_at_the_end(run: RunRecord) -> str | None:
    """What the journal says of a run that is over; None for one without a summary."""
    summary = run.summary
    if summary is None:
        return None
    net = Decimal(summary["equity_end"]) - Decimal(summary["equity_start"])
    base, quote = run.instrument.base, run.instrument.quote
    return (
        f"position {summary['position']} {base}, net {net:f} {quote}, fees {_paid(summary['fees'])}, "
        f"funding {summary['funding']}, {summary['fills']} fills, volume {summary['volume_quote']} {quote}"
    )


def figures_of_now(view: RunView) -> str:
    """What a run says of itself."""
    about, profit = view.about, view.profit
    state = "paused" if view.is_paused else view.phase
    return (
        f"position {view.position.quantity} {about.base}, net {profit.net} {about.quote}, fees {profit.fees}, "
        f"funding {profit.funding}, {view.counts.fills} fills, volume {view.counts.volume} {about.quote}; {state}"
    )


def ask_runs(run_ids: Iterable[str]) -> dict[str, RunView | LinkError]:
    """What each run shows of itself now, or why it does not (rule 2); all are asked at the same time."""
    return asyncio.run(_ask_all(list(run_ids)))


async def _ask_all(run_ids: list[str]) -> dict[str, RunView | LinkError]:
    return dict(zip(run_ids, await asyncio.gather(*map(_ask, run_ids)), strict=True))


async def _ask(run_id: str) -> RunView | LinkError:
    try:
        async with asyncio.timeout(PATIENCE_S):
            link = await Link.open(run_id)
            try:
                async for message in link.messages():
                    if isinstance(message, Hello):
                        return message.view
            finally:
                await link.close()
    except LinkError as error:
        return error
    except TimeoutError:
        return LinkError(f"run {run_id} has not answered within {PATIENCE_S:g} s")
    return LinkError(f"run {run_id} ended while it was asked")


def _paid(fees: str) -> str:
    """The summary counts what was paid; everything else counts what was gained."""
    return f"{-Decimal(fees):f}"
