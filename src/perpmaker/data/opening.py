"""Market data that was chosen, opened: by a run, and once more by whoever looks at the run later.

Rules kept here:

1. Both open it by the same function, so that both see the same market.
2. What a recording was when a run traded on it is kept in the run's provenance. One that has since been replaced is
   refused; one that has only grown (it was still being recorded) is not.
3. A window must show something: outside of the data it is refused; where the data begins later or ends earlier, that
   is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perpmaker.data.choice import DEFAULT_SYMBOL, FEED, SYNTHETIC, DataChoice, FundingChoice, numbered
from perpmaker.data.format import KIND_NAMES, Gap, utc
from perpmaker.data.funding import ConstantFunding, with_funding
from perpmaker.data.funding_file import read_funding
from perpmaker.data.grades import EVERY_CHANGE, Grade, grade_of
from perpmaker.data.joined import LONGEST_SILENCE_NS, JoinedRecordings
from perpmaker.data.reader import Recording
from perpmaker.data.window import Window
from perpmaker.domain.errors import InvalidSettingError, RecordingError, UnknownNameError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.moments import moment_text
from perpmaker.domain.money import rate_to_ppb
from perpmaker.simulation.market_events import FUNDING, MarketFeed
from perpmaker.simulation.synthetic import SyntheticMarket
from perpmaker.simulation.synthetic_profiles import PROFILES


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedData:
    """Market data of one instrument, ready to be played.

    ``first_ns`` and ``last_ns`` bound what will be played; they are None for a synthetic market, which has no end.
    ``gaps`` are those within. ``notes`` say what its user should know of it; ``provenance`` says where it all comes
    from, by name.
    """

    choice: DataChoice
    feed: MarketFeed
    recordings: Sequence[Recording]
    first_ns: int | None
    last_ns: int | None
    gaps: Sequence[Gap]
    notes: Sequence[str]
    provenance: Mapping[str, str]

    @property
    def instrument(self) -> Instrument:
        return self.feed.instrument

    @property
    def grade(self) -> Grade:
        """How well it knows the market; all recordings of one market have the same."""
        return grade_of(self.recordings[0].info) if self.recordings else EVERY_CHANGE


def open_data(choice: DataChoice) -> OpenedData:
    """Open what was chosen.

    Raises:
        UnknownNameError: there is no such symbol or recording, or a recording is of another symbol.
        InvalidSettingError: the window lies outside of the data, or cannot be had.
        RecordingError: a recording cannot be read, two overlap, or they do not fit together.
    """
    if choice.is_synthetic:
        return _synthetic(choice)
    joined = JoinedRecordings([_recording(path, choice.symbol) for path in choice.recordings])
    notes = _check_window(choice, joined)
    first_ns = max(joined.first_ns, choice.from_ns or joined.first_ns)
    last_ns = min(joined.last_ns, choice.to_ns or joined.last_ns)
    feed: MarketFeed = joined
    if choice.from_ns is not None or choice.to_ns is not None:
        feed = Window(joined, choice.from_ns, choice.to_ns)
    return OpenedData(
        choice=choice,
        feed=feed if choice.funding is None else _funded(feed, choice.funding, joined.recordings),
        recordings=joined.recordings,
        first_ns=first_ns,
        last_ns=last_ns,
        gaps=gaps_within(joined.gaps, first_ns, last_ns),
        notes=[*notes, *(_told(hole) for hole in gaps_within(joined.holes, first_ns, last_ns))],
        provenance={**choice.named(), **_described(joined.recordings)},
    )


def reopen(symbol: str, provenance: Mapping[str, str]) -> OpenedData:
    """The market data that a run of this symbol names in its provenance.

    Raises:
        UnknownNameError, InvalidSettingError, RecordingError: as `open_data`; also where a recording is not the one
            any more that the run traded on, or the provenance cannot be understood.
    """
    try:
        choice = DataChoice.of_named(symbol, provenance)
    except (KeyError, ValueError, ArithmeticError):
        raise RecordingError("the run does not say on which market data it traded") from None
    data = open_data(choice)
    for name, found in _described(data.recordings).items():
        said = provenance.get(name)
        if said is None or name.split()[0] not in _LASTING:
            continue
        is_same = int(found) >= int(said) if name.startswith("rows") else found == said
        if not is_same:
            raise RecordingError(
                f"{', '.join(str(path) for path in choice.recordings)}: {name} is {found}, where the run found {said}: "
                "it has been replaced since"
            )
    return data


_LASTING = frozenset({"rows", "first"})
"""What must still hold of a recording, by name: it may have grown."""


def _synthetic(choice: DataChoice) -> OpenedData:
    symbol = choice.symbol or DEFAULT_SYMBOL
    if symbol not in PROFILES:
        raise UnknownNameError(
            f"--symbol {symbol}: the synthetic market has no such symbol; it has {', '.join(PROFILES)}"
        )
    if choice.funding is not None:
        raise InvalidSettingError("--funding and --funding-rate are for recordings: the synthetic market pays its own")
    if choice.from_ns is not None or choice.to_ns is not None:
        raise InvalidSettingError(
            "--from and --to choose from recordings: the synthetic market is made by its seed, and lasts as long as "
            "--duration says"
        )
    return OpenedData(
        choice=choice,
        feed=SyntheticMarket(PROFILES[symbol], choice.seed),
        recordings=[],
        first_ns=None,
        last_ns=None,
        gaps=[],
        notes=[],
        provenance=choice.named(),
    )


def _recording(path: Path, symbol: str | None) -> Recording:
    try:
        is_there = path.exists()
    except OSError:  # a name that is too long for any file
        is_there = False
    if not is_there:
        raise UnknownNameError(
            f"{path}: there is no such recording; give {SYNTHETIC}, or a folder made by `perpmaker data import`"
        )
    recording = Recording.open(path)
    if symbol is not None and symbol != recording.instrument.symbol:
        raise UnknownNameError(
            f"--symbol {symbol}: the recording {path} is of {recording.instrument.symbol}; say that, or leave it out"
        )
    return recording


def _check_window(choice: DataChoice, data: JoinedRecordings) -> list[str]:
    """Raise where the window shows nothing; returns where it shows less than was asked for."""
    from_ns, to_ns = choice.from_ns, choice.to_ns
    span = f"the data of {data.instrument.symbol} goes from {utc(data.first_ns)} to {utc(data.last_ns)} UTC"
    if from_ns is not None and to_ns is not None and to_ns <= from_ns:
        raise InvalidSettingError(
            f"--from {moment_text(from_ns)} is not before --to {moment_text(to_ns)}: the window is empty"
        )
    if from_ns is not None and from_ns > data.last_ns:
        raise InvalidSettingError(f"--from {moment_text(from_ns)} is after the end: {span}")
    if to_ns is not None and to_ns <= data.first_ns:
        raise InvalidSettingError(f"--to {moment_text(to_ns)} is before the beginning: {span}")
    if from_ns is not None:
        _check_seen(from_ns, data.last_ns + 1 if to_ns is None else to_ns, data.gaps)
    notes = []
    if from_ns is not None and from_ns < data.first_ns - LONGEST_SILENCE_NS:
        notes.append(f"--from {moment_text(from_ns)} is before the beginning: {span}")
    if to_ns is not None and to_ns > data.last_ns + LONGEST_SILENCE_NS:
        notes.append(f"--to {moment_text(to_ns)} is after the end: {span}")
    return notes


def _check_seen(from_ns: int, to_ns: int, gaps: Sequence[Gap]) -> None:
    """Raise where one gap takes the whole of a window."""
    for gap in gaps:
        if gap.start_ns <= from_ns and (gap.end_ns is None or gap.end_ns >= to_ns):
            end = "to the end" if gap.end_ns is None else f"to {utc(gap.end_ns)} UTC"
            raise InvalidSettingError(
                f"--from {moment_text(from_ns)} opens a window onto a gap: there is no data from {utc(gap.start_ns)} "
                f"{end}, choose another window"
            )


def gaps_within(gaps: Sequence[Gap], first_ns: int, last_ns: int) -> list[Gap]:
    """The gaps of a stretch of time, cut to it; one that never ends lasts to its end."""
    found = []
    for gap in gaps:
        start_ns, end_ns = max(gap.start_ns, first_ns), min(last_ns if gap.end_ns is None else gap.end_ns, last_ns)
        if start_ns < end_ns:
            found.append(Gap(start_ns, end_ns, gap.reason))
    return found


def _funded(feed: MarketFeed, funding: FundingChoice, recordings: Sequence[Recording]) -> MarketFeed:
    """The same with funding, once it is known that it has none of its own."""
    for recording in recordings:
        payments = recording.info.rows_by_kind.get(KIND_NAMES[FUNDING], 0)
        if payments:
            raise InvalidSettingError(
                f"{recording.path} has {payments} payments of funding of its own: leave out --funding/--funding-rate"
            )
    if funding.file is not None:
        return with_funding(feed, read_funding(funding.file, feed.instrument))
    assert funding.rate is not None
    return with_funding(feed, ConstantFunding(rate_to_ppb(funding.rate), funding.interval_ns))


def _told(hole: Gap) -> str:
    assert hole.end_ns is not None
    seconds = (hole.end_ns - hole.start_ns) / 10**9
    return f"no data from {utc(hole.start_ns)} to {utc(hole.end_ns)} UTC ({seconds:,.1f} s), {hole.reason}: a gap"


def _described(recordings: Sequence[Recording]) -> dict[str, str]:
    """What each recording was, numbered as in `DataChoice.named`."""
    found: dict[str, str] = {}
    for number, recording in enumerate(recordings, start=1):
        info = recording.info
        values = {
            FEED: str(recording.path.resolve()),
            "rows": str(info.rows),
            "first": moment_text(info.first_ns),
            "last": moment_text(info.last_ns),
            "depth": info.provenance.depth,
        }
        found |= {numbered(name, number): value for name, value in values.items()}
    return found
