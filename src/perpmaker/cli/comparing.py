"""What `perpmaker fidelity` does: find the run, compare it with its simulation, show that."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from perpmaker.journal.writer import open_journal
from perpmaker.research.fidelity import choose_run, read_fidelity
from perpmaker.research.fidelity_json import as_json as json_of
from perpmaker.research.fidelity_view import show
from perpmaker.research.own_orders import OwnOrders


def compare_with_simulation(
    name: str,
    url: str | None,
    data: Path | None,
    given: Mapping[str, Any],
    own_orders: OwnOrders | None,
    *,
    as_json: bool,
) -> None:
    """Show how a run differs from its simulation.

    Args:
        name: of the run, as `perpmaker.research.fidelity.choose_run` takes it.
        url: the journal.
        data: a recording to use instead of the run's own.
        given: terms to assume, by name; None: not given.
        own_orders: what the recording holds of the run's orders; None: what is usual where it traded.
        as_json: JSON instead of tables.

    Raises:
        UserError: there is no such run, or it cannot be replayed.
    """
    with open_journal(url) as journal:
        found = read_fidelity(journal, choose_run(journal, name, data), data, given, own_orders)
    if as_json:
        typer.echo(json_of(found))
    else:
        show(Console(highlight=False), found)
