"""Which market data a run trades on: all that is needed to open it, and to open it once more later. Cheap to import.

Rules kept here:

1. A choice is plain values. What it names is looked at by `perpmaker.data.opening`.
2. `DataChoice.named` and `DataChoice.of_named` are each other's inverse: the journal keeps the one, a report reads it
   with the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from perpmaker.domain.moments import moment_ns, moment_text

SYNTHETIC: Final = "synthetic"
"""The feed that needs no recording."""

DEFAULT_SYMBOL: Final = "SOL_USDC_PERP"
"""Of the synthetic market."""

FEED: Final = "feed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingChoice:
    """Funding for data that lacks it: a rate per settlement every ``interval_ns``, or a file of times and rates."""

    rate: Decimal | None = None
    interval_ns: int = 0
    file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChoice:
    """The market data of one instrument.

    Args:
        symbol: of the synthetic market, or what the recordings must be of; None takes what there is.
        recordings: folders, to be played one after another; none is the synthetic market.
        seed: of the synthetic market.
        from_ns, to_ns: the window to play, without its end; None is where the data begins or ends.
        funding: to be added.
    """

    symbol: str | None = None
    recordings: tuple[Path, ...] = ()
    seed: int = 1
    from_ns: int | None = None
    to_ns: int | None = None
    funding: FundingChoice | None = None

    @classmethod
    def of_feed(cls, symbol: str | None, feed: str, seed: int) -> "DataChoice":
        """What ``--feed`` says: `SYNTHETIC`, or the folder of a recording."""
        return cls(symbol=symbol, recordings=() if feed == SYNTHETIC else (Path(feed),), seed=seed)

    @property
    def is_synthetic(self) -> bool:
        return not self.recordings

    def named(self) -> dict[str, str]:
        """By name, as the journal and the summary keep it; the folders in full."""
        found: dict[str, str] = {}
        for number, path in enumerate(self.recordings, start=1):
            found[numbered(FEED, number)] = str(path.resolve())
        if self.is_synthetic:
            found |= {FEED: SYNTHETIC, "seed": str(self.seed)}
        for name, at_ns in (("from", self.from_ns), ("to", self.to_ns)):
            if at_ns is not None:
                found[name] = moment_text(at_ns)
        if self.funding is not None:
            found |= _named_funding(self.funding)
        return found

    @classmethod
    def of_named(cls, symbol: str, named: Mapping[str, str]) -> "DataChoice":
        """The choice that was named so.

        Raises:
            KeyError: it names no feed.
            ValueError: a value cannot be read.
        """
        recordings: list[Path] = []
        if named[FEED] != SYNTHETIC:
            while numbered(FEED, len(recordings) + 1) in named:
                recordings.append(Path(named[numbered(FEED, len(recordings) + 1)]))
        return cls(
            symbol=symbol,
            recordings=tuple(recordings),
            seed=int(named.get("seed", 1)),
            from_ns=moment_ns(named["from"]) if "from" in named else None,
            to_ns=moment_ns(named["to"]) if "to" in named else None,
            funding=_funding_of(named),
        )


def numbered(name: str, number: int) -> str:
    """The name of what there may be several of: ``feed``, ``feed 2``, ``feed 3``."""
    return name if number == 1 else f"{name} {number}"


def _named_funding(funding: FundingChoice) -> dict[str, str]:
    if funding.file is not None:
        return {"funding": str(funding.file.resolve())}
    return {"funding_rate": str(funding.rate), "funding_interval_ns": str(funding.interval_ns)}


def _funding_of(named: Mapping[str, str]) -> FundingChoice | None:
    if "funding" in named:
        return FundingChoice(file=Path(named["funding"]))
    if "funding_rate" in named:
        return FundingChoice(rate=Decimal(named["funding_rate"]), interval_ns=int(named["funding_interval_ns"]))
    return None
