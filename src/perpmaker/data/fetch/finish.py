"""From pages to what was wanted: a recording, or for funding rates a file.

Rules kept here:

1. The pages are put together and imported like any file of the kind, so a fetch is worth what an import is worth.
   Where they came from stands in the provenance.
2. A file of funding rates has its description beside it, ``FILE.json``. It is written first: a file without one is
   not ours.
3. What is there already is recognized by the request, and never written over.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from perpmaker.data.fetch.folder import FetchFolder
from perpmaker.data.fetch.request import FetchRequest
from perpmaker.data.format import RecordingInfo, is_recording, read_info
from perpmaker.data.importers.plan import ImportOptions
from perpmaker.data.importing import import_recording
from perpmaker.data.writer import refuse_destination, unwritable
from perpmaker.domain.errors import RecordingError

_IMPORTERS: Final = {"bars": "ohlcv", "trades": "trades"}


def is_fetched(dest: Path, request: FetchRequest) -> bool:
    """Whether ``dest`` is what this request brings.

    Raises:
        RecordingError: ``dest`` is something else, or has no parent.
    """
    if request.kind == "funding" and dest.is_file():
        try:
            described: Any = msgspec.json.decode(_description_of(dest).read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            described = {}
        if described == msgspec.to_builtins(request):
            return True
    elif is_recording(dest) and _is_of(read_info(dest).provenance.options, request):
        return True
    if dest.exists():
        raise RecordingError(f"{dest} exists and holds something else: choose another destination")
    refuse_destination(dest, overwrite=False)
    return False


def finish(folder: FetchFolder, dest: Path) -> RecordingInfo | None:
    """Make ``dest`` of a folder that is complete, and remove the folder.

    Returns:
        The description of the recording; None for a file of funding rates.

    Raises:
        RecordingError: there is not one row, a page is damaged, or ``dest`` cannot be written.
    """
    request, instrument = folder.request, folder.instrument
    if not folder.rows:
        folder.remove()
        raise RecordingError(f"there are no {request.words}: ask for another span or symbol")
    whole = folder.joined()
    info = None
    if request.kind == "funding":
        refuse_destination(dest, overwrite=False)
        try:
            _description_of(dest).write_bytes(msgspec.json.format(msgspec.json.encode(request), indent=2) + b"\n")
            whole.replace(dest)
        except OSError as error:
            raise unwritable(dest, error) from None
    else:
        options = ImportOptions(
            symbol=instrument.symbol,
            tick_size=instrument.tick_size,
            lot_size=instrument.lot_size,
            min_quantity=instrument.min_quantity,
            base=instrument.base,
            quote=instrument.quote,
        )
        kind = _IMPORTERS[request.kind]
        try:
            info = import_recording(kind, [whole], dest, options, origin=request.as_strings())
        except RecordingError as error:
            raise RecordingError(
                f"{error} (all is fetched, and kept in {whole} for `perpmaker data import --from {kind}`)"
            ) from None
    folder.remove()
    return info


def bar_holes(folder: FetchFolder, bar_ms: int) -> list[tuple[int, int]]:
    """Where bars are missing, see `FetchFolder.holes`; nothing for other kinds."""
    return folder.holes(bar_ms) if folder.request.kind == "bars" else []


def _is_of(options: Mapping[str, str], request: FetchRequest) -> bool:
    wanted = request.as_strings()
    return all(options.get(name) == wanted.get(name) for name in FetchRequest.__struct_fields__)


def _description_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")
