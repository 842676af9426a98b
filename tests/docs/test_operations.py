"""docs/operations.md has an answer to everything that the program can say: codes, notices, reasons, findings."""

import re

from docs.documents import code_names, page, rows, section
from docs.said import PACKAGE, sentences
from perpmaker.cli.exit_codes import EXIT_CODES, ExitCode
from perpmaker.cli.live_control import CONTROL
from perpmaker.domain import errors
from perpmaker.domain.commands import NoticeKind
from perpmaker.domain.orders import CancelReason, RejectReason
from perpmaker.domain.reasons import NotResting
from perpmaker.monitor.monitor import LINK
from perpmaker.risk.budgets import BEYOND, NEARLY, RELIEF, Step
from perpmaker.runtime.live import preflight
from perpmaker.runtime.live.pretrade import PreTradeChecks
from perpmaker.venues.errors import Reaction
from support.maker_bench import Bench, instrument

PAGE = page("docs/operations.md")
AROUND_A_RUN = [
    PACKAGE / "cli" / f"{name}.py"
    for name in (
        "account_view",
        "emergencies",
        "live_watchers",
        "rescue",
        "running",
        "teller",
        "watching",
        "watching_account",
    )
]
NOT_FOR_ACTION = {"..., account ..."}
"""Headings over what follows."""


def table(heading: str, number: int = 0) -> list[list[str]]:
    """The rows of a section's table; of several tables the one with this number."""
    under = [block for block in section(PAGE, heading).split("\n\n") if block.startswith("|")]
    return rows(under[number])


def named(heading: str, number: int = 0) -> list[str]:
    return [row[0] for row in table(heading, number)]


def test_every_row_has_an_answer() -> None:
    for row in rows(PAGE):
        assert row[0], row
        assert any(row[1:]), row


def test_every_exit_code_with_its_reason() -> None:
    stated = {int(row[0]): row[1] for row in table("How it ended")}
    assert set(stated) == {int(code) for code in ExitCode}
    assert all(stated[code] == reason.value for reason, code in EXIT_CODES.items())


def test_every_notice() -> None:
    assert named("Notices") == [kind.value for kind in NoticeKind]


def test_every_reason_for_not_resting() -> None:
    assert named("Why a level does not rest") == [reason.value for reason in NotResting]


def test_every_reason_of_a_refusal_and_of_an_end() -> None:
    assert named("Why an order was refused") == [reason.value for reason in RejectReason]
    assert named("Why an order was refused", 1) == [reason.value for reason in CancelReason]


def test_every_line_that_is_no_notice_is_one_of_running() -> None:
    events = {name for row in rows(section(page("docs/running.md"), "Output")) for name in code_names(row[0])}
    notices = {kind.value.replace(" ", "_") for kind in NoticeKind}
    assert {code_names(name)[0] for name in named("Lines")} == events - notices


def test_every_check_before_the_start() -> None:
    assert named("Before the start") == [name for name, _, _ in preflight._checks(None)]


def test_every_check_before_sending() -> None:
    checks = PreTradeChecks(Bench(instrument(), spread="0.01", quantity="0.1").maker, 100, None)
    names = [name for name, _ in checks._checks] + [checks.rate_refused()]
    assert [code_names(name)[0] for name in named("Held back before sending")] == names


def test_every_kind_of_note_and_every_reaction() -> None:
    files = [*(PACKAGE / "runtime" / "live").glob("*.py"), PACKAGE / "cli" / "live_watchers.py"]
    assert set(named("What the wires say")) == sentences(files, "note") | {LINK, CONTROL}
    assert named("What the wires say", 1) == [reaction.value for reaction in Reaction]


def test_every_sentence_of_the_commands_around_a_run() -> None:
    assert set(named("Sentences around a run")) == sentences(AROUND_A_RUN, "say", "tell", "_did") - NOT_FOR_ACTION


def test_every_step_of_the_budgets_with_its_shares() -> None:
    assert named("Budgets over several markets") == [step.name.lower() for step in Step]
    shares = {NEARLY: "four fifths", BEYOND: "six fifths", RELIEF: "nine tenths"}
    assert [float(share) for share in shares] == [0.8, 1.2, 0.9]
    assert all(words in section(PAGE, "Budgets over several markets") for words in shares.values())


def test_every_answer_to_a_changed_file() -> None:
    assert set(named("Budgets over several markets", 1)) == sentences([PACKAGE / "cli" / "fleet_reload.py"], "_say")


def test_every_finding_of_the_advisor() -> None:
    assert set(named("Findings")) == sentences(sorted((PACKAGE / "advisor").glob("*.py")), "Finding")


def test_every_error_of_a_user() -> None:
    known = {
        name
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, errors.UserError) and thing is not errors.UserError
    }
    assert set(named("Errors")) == known


def test_every_command_that_it_sends_to_exists() -> None:
    assert {"status", "cancel", "close", "clear"} <= set(re.findall(r"`perpmaker (\w+)", PAGE))
