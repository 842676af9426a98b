"""A fetch that goes on: the pages that are there, and how far they reach. It survives being killed at any moment.

Rules kept here:

1. The folder stands beside the destination and is named after it (``DEST.fetch``). It holds ``fetch.json`` and pages.
2. A page takes its name when it is whole, and counts when ``fetch.json``, replaced in one step, says so. A page that it
   does not know yet is written anew.
3. Only the very same request goes on with a folder. Another one is refused, and told what is there.
4. The pages put together do not depend on how often the fetch was interrupted.
"""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from perpmaker.data.fetch.request import COLUMNS, FetchRequest, Row
from perpmaker.data.format import InstrumentInfo
from perpmaker.data.writer import unwritable
from perpmaker.domain.errors import RecordingError
from perpmaker.domain.instrument import Instrument

STATE_FILE: Final = "fetch.json"
_FORMAT: Final = "perpmaker-fetch"


class _State(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    request: FetchRequest
    instrument: InstrumentInfo
    next_ms: int
    pages: int = 0
    rows: int = 0
    notes: dict[str, int] = {}


class FetchFolder:
    """The pages of one request. Made by `begin` or found by `find`."""

    def __init__(self, path: Path, state: _State) -> None:
        self._path = path
        self._state = state
        self.notes: Counter[str] = Counter(state.notes)
        """What was left out or is in doubt: statement -> count. Kept with the next page."""

    @classmethod
    def find(cls, dest: Path, request: FetchRequest) -> "FetchFolder | None":
        """The folder of an earlier start of the same request; None when there is none.

        Raises:
            RecordingError: it is of another request, or damaged.
        """
        path = folder_of(dest)
        try:
            state = msgspec.json.decode((path / STATE_FILE).read_bytes(), type=_State)
        except FileNotFoundError:
            if path.exists() and not (path.is_dir() and all(_is_left_over(file) for file in path.iterdir())):
                raise RecordingError(f"{path} exists and is no fetch: move it, or choose another destination") from None
            return None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RecordingError(f"{path / STATE_FILE} is damaged ({error}): delete {path} and fetch again") from None
        if state.format != _FORMAT or state.version != 1:
            raise RecordingError(f"{path} is of another version of this program: delete it and fetch again")
        if state.request != request:
            raise RecordingError(
                f"{path} holds another fetch, of {state.request.words}: finish that one, delete it, or choose another "
                "destination"
            )
        return cls(path, state)

    @classmethod
    def begin(cls, dest: Path, request: FetchRequest, instrument: Instrument) -> "FetchFolder":
        """A new folder. Raises RecordingError where it cannot be written."""
        state = _State(_FORMAT, 1, request, InstrumentInfo.of(instrument), request.from_ms)
        folder = cls(folder_of(dest), state)
        try:
            folder.path.mkdir(exist_ok=True)
            folder._keep_state()
        except OSError as error:
            raise unwritable(folder.path, error) from None
        return folder

    @property
    def path(self) -> Path:
        return self._path

    @property
    def request(self) -> FetchRequest:
        return self._state.request

    @property
    def instrument(self) -> Instrument:
        return self._state.instrument.to_instrument()

    @property
    def next_ms(self) -> int:
        """Where the next page begins; the end of the request when nothing is missing."""
        return self._state.next_ms

    @property
    def rows(self) -> int:
        return self._state.rows

    @property
    def is_complete(self) -> bool:
        return self._state.next_ms >= self.request.to_ms

    def check_instrument(self, instrument: Instrument) -> None:
        """Raises RecordingError where the market has other steps than when the fetch began."""
        if InstrumentInfo.of(instrument) != self._state.instrument:
            raise RecordingError(
                f"the steps of {instrument.symbol} have changed since the fetch in {self._path} began: delete it and "
                "fetch again"
            )

    def add(self, rows: Sequence[Row], next_ms: int) -> None:
        """Keep a page and how far it reaches.

        Raises:
            RecordingError: the folder cannot be written.
        """
        state = self._state
        try:
            if rows:
                text = "".join(",".join((str(row.ts_ms), *row.values)) + "\n" for row in rows)
                _replace(self._page(state.pages), text.encode())
                state.pages += 1
                state.rows += len(rows)
            state.next_ms = next_ms
            state.notes = {what: count for what, count in sorted(self.notes.items()) if count}
            self._keep_state()
        except OSError as error:
            raise unwritable(self._path, error) from None

    def joined(self) -> Path:
        """All pages as one file of the columns of the kind.

        Raises:
            RecordingError: a page is missing or out of order.
        """
        whole = self._path / f"{self.request.kind}.csv"
        header = ",".join(COLUMNS[self.request.kind]) + "\n"
        try:
            with whole.open("wb") as out:
                out.write(header.encode())
                out.writelines(self._lines())
        except OSError as error:
            raise unwritable(whole, error) from None
        return whole

    def holes(self, bar_ms: int) -> list[tuple[int, int]]:
        """Where bars are missing: beginning of the first that is missing and of the next that is there, ms."""
        times = [self.request.from_ms - bar_ms]
        times[0] += -self.request.from_ms % bar_ms  # the last bar that begins before the request
        times += [int(line.partition(b",")[0]) for line in self._lines()]
        times.append(self.request.to_ms // bar_ms * bar_ms)
        return [(before + bar_ms, after) for before, after in pairwise(times) if after > before + bar_ms]

    def remove(self) -> None:
        """What was fetched has become a recording."""
        shutil.rmtree(self._path, ignore_errors=True)

    def _lines(self) -> Iterator[bytes]:
        """The rows of all pages. Raises RecordingError."""
        strictly = self.request.kind != "trades"
        last_ms = self.request.from_ms - strictly
        for number in range(self._state.pages):
            page = self._page(number)
            try:
                lines = page.read_bytes().splitlines(keepends=True)
                times = [int(line.partition(b",")[0]) for line in lines]
            except (OSError, ValueError) as error:
                raise RecordingError(
                    f"{page} is missing or damaged ({error}): delete {self._path}, fetch again"
                ) from None
            for row, at_ms in enumerate(times):
                if at_ms < last_ms + strictly:
                    raise RecordingError(
                        f"{page}, row {row}: time runs backwards, {at_ms} ms after {last_ms} ms: delete {self._path} "
                        "and fetch again"
                    )
                last_ms = at_ms
            yield from lines

    def _page(self, number: int) -> Path:
        return self._path / f"page-{number + 1:06}.csv"

    def _keep_state(self) -> None:
        _replace(self._path / STATE_FILE, msgspec.json.format(msgspec.json.encode(self._state), indent=2) + b"\n")


def folder_of(dest: Path) -> Path:
    """Where a fetch for ``dest`` keeps its pages until it is done."""
    return dest.with_name(f"{dest.name}.fetch")


def _is_left_over(file: Path) -> bool:
    return file.name.endswith(".partial")


def _replace(path: Path, content: bytes) -> None:
    """Whoever reads meanwhile, or after a kill, finds the old content or the new one, never half of it."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)
