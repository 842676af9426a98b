"""The process that makes one report, or one comparison: asked through its standard input, answers on its output.

Rules kept here:

1. It makes one and ends, so that memory comes back, and nothing stays behind a dashboard that was killed.
2. It gives way to everything else on the machine: runs may trade beside it.
3. What cannot be made is one sentence, as the command would say it.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any, Final

import msgspec

from perpmaker.domain.errors import UserError
from perpmaker.venues.redaction import redact

_NICENESS: Final = 10


class Wanted(msgspec.Struct, frozen=True):
    """Which runs of which journal; ``is_page`` wants the page of the one run, else a comparison of several."""

    journal_url: str
    run_ids: tuple[str, ...]
    is_page: bool


class Made(msgspec.Struct, frozen=True):
    """A page, a comparison, or the sentence that says why there is none."""

    page: str | None = None
    comparison: dict[str, Any] | None = None
    refused: str | None = None


def make(wanted: Wanted) -> Made:
    """What is wanted, or why it cannot be had."""
    # Here, not above: numba and pyarrow take a second, which the process that only asks does not have.
    from perpmaker.journal.readers import load_run  # noqa: PLC0415
    from perpmaker.journal.writer import open_journal  # noqa: PLC0415
    from perpmaker.report import comparison, html  # noqa: PLC0415
    from perpmaker.report.run_data import read_reports  # noqa: PLC0415

    try:
        with open_journal(wanted.journal_url) as journal:
            reports = read_reports(journal, [load_run(journal, run_id) for run_id in wanted.run_ids])
        if wanted.is_page:
            return Made(page=html.page(reports[0]))
        return Made(comparison=_plain(comparison.compare(reports)))
    except UserError as error:
        return Made(refused=redact(str(error)))


def _plain(found: Any) -> dict[str, Any]:
    """A `perpmaker.report.comparison.Comparison` as JSON values; terms by the names of their fields."""
    from perpmaker.report.terms import LABELS  # noqa: PLC0415 - as above

    fields = {label: name for name, label in LABELS.items()}
    return {
        "names": list(found.names),
        "runs": _rows(found.runs, {}),
        "settings": _rows(found.settings, {}),
        "equal_settings": found.equal_settings,
        "figures": _rows(found.figures, {}),
        "terms": _rows(found.terms, fields),
    }


def _rows(rows: Sequence[Any], names: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"name": names.get(row.name, row.name), "values": list(row.values)} for row in rows]


def main() -> None:
    """Answer one question."""
    os.nice(_NICENESS)
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=Wanted)
    with redirect_stdout(sys.stderr):  # whatever a library has to say is no answer
        made = make(wanted)
    sys.stdout.buffer.write(msgspec.json.encode(made))


if __name__ == "__main__":
    main()
