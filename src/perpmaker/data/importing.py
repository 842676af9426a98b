"""Turning a source into a recording: choose the importer, note where everything came from, write all or nothing."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from perpmaker import __version__
from perpmaker.data.format import Provenance, RecordingInfo, SourceFile, read_info
from perpmaker.data.importers.binance import BinanceImporter
from perpmaker.data.importers.hftbacktest import HftbacktestImporter
from perpmaker.data.importers.hyperliquid import HyperliquidImporter
from perpmaker.data.importers.ohlcv import OhlcvImporter
from perpmaker.data.importers.plan import Importer, ImportOptions
from perpmaker.data.importers.standx import StandxImporter
from perpmaker.data.importers.tardis import TardisImporter
from perpmaker.data.importers.trades import TradesImporter
from perpmaker.data.writer import RecordingWriter, refuse_destination
from perpmaker.domain.errors import InvalidSettingError, UnknownNameError

OnProgress = Callable[[int, int], None]
"""Called now and then with the bytes of source read, and all that there are."""

IMPORTERS: Final[Mapping[str, Callable[[Iterable[Path], ImportOptions], Importer]]] = MappingProxyType(
    {
        "binance": BinanceImporter,
        "hftbacktest": HftbacktestImporter,
        "hyperliquid": HyperliquidImporter,
        "ohlcv": OhlcvImporter,
        "standx": StandxImporter,
        "tardis": TardisImporter,
        "trades": TradesImporter,
    }
)

_ONLY_OF: Final = MappingProxyType(
    {"blind_after_ns": ("hyperliquid", "standx", "tardis"), "timezone": ("ohlcv",), "funding": ("ohlcv",)}
)
"""Options that not every importer knows what to do with."""


def import_recording(
    source_kind: str,
    sources: Iterable[Path],
    dest: Path,
    options: ImportOptions,
    on_progress: OnProgress | None = None,
    *,
    origin: Mapping[str, str] = MappingProxyType({}),
) -> RecordingInfo:
    """Import ``sources`` (files, or folders of them) into a new recording at ``dest``.

    ``origin`` says where the sources themselves came from; it becomes part of the provenance's options.

    Returns:
        The description of the recording, as it stands in its ``recording.json``.

    Raises:
        UnknownNameError: there is no such kind of source, or the source has no such symbol.
        InvalidSettingError: tick size, lot size or minimum are missing or impossible, or an option does nothing.
        RecordingError: there is nothing to import, the source is damaged or foreign, its prices do not fit the
            tick size, or ``dest`` may not be written.
    """
    if source_kind not in IMPORTERS:
        raise UnknownNameError(f"there is no importer for {source_kind!r}: choose one of {', '.join(IMPORTERS)}")
    _check_options(source_kind, options)
    refuse_destination(dest, overwrite=options.overwrite)
    importer = IMPORTERS[source_kind](sources, options)
    found = [_describe(file) for file in importer.files]
    provenance = Provenance(
        importer=source_kind,
        importer_version=importer.version,
        program=f"perpmaker {__version__}",
        options={**options.as_strings(), **origin},
        sources=found,
        depth=importer.depth,
        trade_side=importer.trade_side,
        clock=importer.clock,
    )
    total = sum(source.size for source in found)
    with RecordingWriter(dest, importer.instrument, provenance, overwrite=options.overwrite) as writer:
        importer.write(writer, lambda done: on_progress(done, total) if on_progress else None)
    return read_info(dest)


def _check_options(source_kind: str, options: ImportOptions) -> None:
    """Raises `InvalidSettingError` for an option that this importer would pass over in silence."""
    for name, kinds in _ONLY_OF.items():
        value = getattr(options, name)
        if value is not None and source_kind not in kinds:
            flag = f"--{name.removesuffix('_ns').replace('_', '-')}"
            raise InvalidSettingError(f"{flag} does nothing with --from {source_kind}: it is of {', '.join(kinds)}")


def _describe(file: Path) -> SourceFile:
    with file.open("rb") as raw:
        digest = hashlib.file_digest(raw, "sha256")
    return SourceFile(file.name, file.stat().st_size, digest.hexdigest())
