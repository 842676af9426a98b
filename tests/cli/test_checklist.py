"""The checklist as a person and as a program reads it."""

import io

import pytest
from rich.console import Console

from perpmaker.cli.checklist import show_checklist
from perpmaker.cli.request import View
from perpmaker.runtime.live.preflight import Preflight
from perpmaker.runtime.live.preflight_checks import Check, Status

FOUND = Preflight(
    checks=[
        Check("clock", Status.OK, "this machine's clock is 3 ms ahead of the venue's"),
        Check("fees", Status.WARNING, "it loses"),
        Check("sizes", Status.FAILED, "--quantity 5: lower it " + "word " * 40),
        Check("latches", Status.SKIPPED, "needs the account: say --live"),
    ]
)


def test_on_a_terminal_each_check_has_a_mark_a_word_and_its_whole_sentence() -> None:
    out = io.StringIO()
    show_checklist(FOUND, View.AUTO, "DOCTOR", Console(file=out, width=60, force_terminal=True, no_color=True))
    text = out.getvalue()
    assert "DOCTOR" in text
    for expected in ("✓ ok", "! warning", "✗ failed", "- not checked"):
        assert expected in text
    assert text.count("word") == 40, "nothing is cut off"


def test_elsewhere_each_check_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_checklist(FOUND, View.AUTO)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[:2] == [
        "event=check name=clock status=ok detail=\"this machine's clock is 3 ms ahead of the venue's\"",
        'event=check name=fees status=warning detail="it loses"',
    ]
    assert 'name=latches status=not_checked detail="needs the account' in lines[3]


def test_it_can_be_silent(capsys: pytest.CaptureFixture[str]) -> None:
    show_checklist(FOUND, View.NONE)
    assert capsys.readouterr().out == ""
