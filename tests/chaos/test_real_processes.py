"""The program and the testnet in processes of their own: two real deaths. More: `tests/chaos/kill.py`."""

from pathlib import Path

import pytest

from chaos import kill


@pytest.mark.parametrize("leaves_watchdog", [False, True], ids=["restart", "watchdog"])
def test_after_a_real_kill_nothing_is_left_and_nothing_is_forgotten(tmp_path: Path, leaves_watchdog: bool) -> None:
    assert kill.play(tmp_path, 3, leaves_watchdog=leaves_watchdog) == []
