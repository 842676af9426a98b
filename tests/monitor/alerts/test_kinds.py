"""The table of kinds: complete, without doubles, and nothing in the program that it has forgotten."""

from docs.said import PACKAGE, sentences
from perpmaker.cli.live_control import CONTROL
from perpmaker.domain.commands import NoticeKind
from perpmaker.monitor.alerts.kinds import (
    KINDS,
    LOSSES_OF_SIGHT,
    OF_NOTES,
    OF_NOTICES,
    UNTOLD_NOTES,
    UNTOLD_NOTICES,
    Severity,
)
from perpmaker.monitor.monitor import LINK

WIRES = [*(PACKAGE / "runtime" / "live").glob("*.py"), PACKAGE / "cli" / "live_watchers.py"]
NOTES = sentences(WIRES, "note") | {LINK, CONTROL}


def test_every_kind_has_a_name_of_its_own_and_a_cause() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(kind.cause for kind in KINDS)


def test_every_notice_of_the_maker_is_told_or_named_as_not_told() -> None:
    assert set(OF_NOTICES) | UNTOLD_NOTICES == set(NoticeKind)
    assert not set(OF_NOTICES) & UNTOLD_NOTICES


def test_every_remark_from_the_wires_is_told_or_named_as_not_told() -> None:
    assert set(OF_NOTES) | UNTOLD_NOTES == NOTES
    assert not set(OF_NOTES) & UNTOLD_NOTES
    assert NOTES >= LOSSES_OF_SIGHT


def test_what_is_told_is_in_the_table() -> None:
    assert {*OF_NOTICES.values(), *OF_NOTES.values()} <= set(KINDS)


def test_an_error_is_held_back_by_its_own_words_only() -> None:
    assert all(kind.holds_same_only or kind.is_last for kind in KINDS if kind.severity is Severity.ERROR)
