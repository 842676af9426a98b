"""A file that was asked for: whether it can be written is found out before the work, not after it."""

import os
from pathlib import Path

from perpmaker.domain.errors import InvalidSettingError


def check_writable(file: Path | None, flag: str = "--summary") -> None:
    """Find out before the work, not after it.

    Raises:
        InvalidSettingError: the file cannot be written.
    """
    if file is None:
        return
    if not file.parent.is_dir():
        raise InvalidSettingError(f"{flag} {file}: there is no folder {file.parent}")
    target = file if file.exists() else file.parent
    if file.is_dir() or not os.access(target, os.W_OK):
        raise InvalidSettingError(f"{flag} {file}: that cannot be written; give another file")


def write_page(file: Path, text: str, flag: str = "--html") -> None:
    """Write an HTML page; `InvalidSettingError` where that cannot be done."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidSettingError(f"{flag} {file}: cannot be written: {error.strerror}; name another file") from None
