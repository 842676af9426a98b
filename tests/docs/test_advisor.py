"""docs/advisor.md names every flag of its own, every finding, and its harm."""

from decimal import Decimal

from advisor.cases import case
from advisor.test_findings import CAUSED_AND_NOT
from docs.documents import code_names, flags, page, rows, section
from perpmaker.advisor.findings import findings

PAGE = page("docs/advisor.md")


def test_every_finding_has_its_row_with_its_harm() -> None:
    told = {row[0]: row[1] for row in rows(section(PAGE, "What it says")) if row[0] in CAUSED_AND_NOT}
    assert sorted(told) == sorted(CAUSED_AND_NOT)
    for key, (caused, _) in CAUSED_AND_NOT.items():
        finding = next(one for one in findings(case(**caused)) if one.key == key)
        assert told[key].removeprefix("a ").startswith(finding.harm.name.lower())


def test_a_liquidation_without_a_stop_is_a_note() -> None:
    found = findings(case(stop_loss=Decimal(0), account={"balance": Decimal(50)}))
    assert next(one for one in found if one.key == "liquidation before the stop").harm.name == "NOTE"


def test_every_flag_of_its_own_is_told() -> None:
    told = {code_names(row[0])[0] for row in rows(PAGE.split("## What it says")[0]) if code_names(row[0])}
    shared = set(flags(["run"])) - {"--symbol", "--seed", "--config", "--base-url", "--exchange"}
    assert set(flags(["explain"])) - shared - {"--help"} == told
