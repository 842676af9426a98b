"""The market that a run traded on, opened once more.

Rules kept here:

1. A simulation names its feed in its provenance: the synthetic market and its seed, or the folder of a recording.
2. A run on a real exchange or on paper can be looked at through the recording that was made beside it (``--record``).
3. What is given by hand comes before both. A recording of another symbol is refused.
4. Where there is nothing to open, the reason is said; only what was given by hand must be there.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from perpmaker.data.reader import Recording
from perpmaker.domain.errors import RecordingError, UnknownNameError
from perpmaker.journal.readers import RunRecord
from perpmaker.simulation.market_events import MarketFeed
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES

SYNTHETIC: Final = "synthetic"


@dataclass(frozen=True, slots=True)
class MarketSource:
    """``feed`` is None where there is no market data; ``name`` then says why."""

    name: str
    feed: MarketFeed | None


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
    feed = run.provenance.get("feed")
    if feed == SYNTHETIC:
        return _synthetic(run)
    place = feed or run.settings.get("record") or "None"
    if place == "None":
        return MarketSource("the run was made without recording its market (--record), and --data names none", None)
    try:
        return _recording(run, Path(place))
    except (RecordingError, UnknownNameError) as error:
        return MarketSource(f"the recording that the run names cannot be used: {error}", None)


def _synthetic(run: RunRecord) -> MarketSource:
    if run.symbol not in PROFILES or run.seed is None:
        return MarketSource(f"the synthetic market {run.symbol} is not known to this version", None)
    return MarketSource(f"synthetic market, seed {run.seed}", SyntheticMarket(PROFILES[run.symbol], run.seed))


def _recording(run: RunRecord, path: Path) -> MarketSource:
    recording = Recording.open(path)
    found = recording.instrument
    if found != run.instrument:
        raise UnknownNameError(
            f"{path} is a recording of {found.symbol} in steps of {found.tick_size} and {found.lot_size}; "
            f"the run traded {run.symbol} in steps of {run.instrument.tick_size} and {run.instrument.lot_size}"
        )
    return MarketSource(f"recording {path}", recording)
