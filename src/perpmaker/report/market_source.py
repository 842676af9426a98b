"""The market that a run traded on, opened once more.

Rules kept here:

1. A simulation names its market in its provenance, and it is opened by the same function as it was then
   (`perpmaker.data.opening`): one or several recordings, their window, the funding added; or the synthetic market.
2. A run on a real exchange or on paper can be looked at through the recording that was made beside it (``--record``).
3. What is given by hand comes before both. A recording of another symbol is refused.
4. Where there is nothing to open, the reason is said; only what was given by hand must be there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perpmaker.data.choice import FEED
from perpmaker.data.grades import EVERY_CHANGE, Grade, grade_of
from perpmaker.data.opening import OpenedData, reopen
from perpmaker.data.reader import Recording
from perpmaker.domain.errors import UnknownNameError, UserError
from perpmaker.journal.readers import RunRecord
from perpmaker.simulation.market_events import MarketFeed


@dataclass(frozen=True, slots=True)
class MarketSource:
    """``feed`` is None where there is no market data; ``name`` then says why. Equal names are the same market.

    ``grades`` are those of its recordings, each once: how much of the market the data holds.
    """

    name: str
    feed: MarketFeed | None
    grades: Sequence[Grade] = ()


def open_market(run: RunRecord, data: Path | None = None) -> MarketSource:
    """The market of a run.

    Args:
        run: as the journal has it.
        data: a recording to use instead of the one that the run names.

    Raises:
        RecordingError: ``data`` cannot be read.
        UnknownNameError: ``data`` does not exist, or is of another symbol.
    """
    if data is not None:
        if not data.exists():
            raise UnknownNameError(
                f"--data {data}: there is no such recording; give a folder made by `perpmaker record`"
            )
        return _recording(run, data)
    recorded = run.settings.get("record", "None")
    try:
        if FEED in run.provenance:
            return _as_it_was(run)
        if recorded != "None":
            return _recording(run, Path(recorded))
    except UserError as error:
        return MarketSource(f"what the run names cannot be used: {error}", None)
    return MarketSource("the run was made without recording its market (--record), and --data names none", None)


def _as_it_was(run: RunRecord) -> MarketSource:
    opened = reopen(run.symbol, run.provenance)
    _check_instrument(run, opened.feed, "the market data")
    grades = _grades(opened.recordings) if opened.recordings else [EVERY_CHANGE]
    return MarketSource(_name(opened), opened.feed, grades)


def _name(opened: OpenedData) -> str:
    """What was played, in words: everything that tells one market from another."""
    choice = opened.choice
    if choice.is_synthetic:
        return f"synthetic market {opened.instrument.symbol}, seed {choice.seed}"
    named: Mapping[str, str] = choice.named()
    places = [value for name, value in named.items() if name.split()[0] == FEED]
    details = [f"{name.replace('_', ' ')} {value}" for name, value in named.items() if name.split()[0] != FEED]
    return ", ".join([f"recording {' + '.join(places)}", *details])


def _grades(recordings: Sequence[Recording]) -> list[Grade]:
    return list(dict.fromkeys(grade_of(recording.info) for recording in recordings))


def _recording(run: RunRecord, path: Path) -> MarketSource:
    recording = Recording.open(path)
    _check_instrument(run, recording, str(path))
    return MarketSource(f"recording {path}", recording, _grades([recording]))


def _check_instrument(run: RunRecord, feed: MarketFeed, where: str) -> None:
    found = feed.instrument
    if found != run.instrument:
        raise UnknownNameError(
            f"{where} is of {found.symbol} in steps of {found.tick_size} and {found.lot_size}; "
            f"the run traded {run.symbol} in steps of {run.instrument.tick_size} and {run.instrument.lot_size}"
        )
