"""The files that a backtest writes: with several markets one for each, with the symbol in its name."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from perpmaker.cli.output_file import check_writable
from perpmaker.cli.request import Backtest
from perpmaker.domain.errors import InvalidSettingError

_NOT_IN_A_NAME: Final = re.compile(r"[^\w.-]+")


def file_of(file: Path | None, symbol: str, symbols: Sequence[str]) -> Path | None:
    """Where the file of one market goes: ``out.html`` of BTC-USD is ``out-BTC-USD.html`` beside other markets."""
    if file is None or len(symbols) == 1:
        return file
    return file.with_stem(f"{file.stem}-{_NOT_IN_A_NAME.sub('_', symbol)}")


def check_files(wanted: Backtest, symbols: Sequence[str]) -> None:
    """Find out before the runs, not after them.

    Raises:
        InvalidSettingError: a file cannot be written.
    """
    for symbol in symbols:
        check_writable(file_of(wanted.summary, symbol, symbols))
        check_writable(file_of(wanted.report, symbol, symbols), "--report")
    if wanted.report is not None and wanted.report == wanted.summary:
        raise InvalidSettingError(f"--report {wanted.report} is the file of --summary, too: give two files")
