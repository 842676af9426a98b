"""docs/report.md is true: its parts, its horizons, its limits."""

from docs.documents import code_names, flags, page, rows, section
from perpmaker.report.attribution import HORIZON_NS
from perpmaker.report.charts_over_time import MOST_FILLS
from perpmaker.report.estimates import LEAST_BLOCKS, LEAST_PERIODS
from perpmaker.report.figures import HORIZON_NAMES
from perpmaker.report.markouts import HORIZONS_NS
from perpmaker.report.remarks import FEW_FILLS
from perpmaker.report.series import MOST_POINTS
from perpmaker.report.terms import LABELS

PAGE = page("docs/report.md")


def test_every_part_of_an_attribution_is_explained_in_the_order_in_which_it_is_shown() -> None:
    assert [row[0] for row in rows(section(PAGE, "Where the money came from"))] == list(LABELS.values())


def test_the_horizons_are_the_real_ones() -> None:
    assert f"`h` is {HORIZON_NS // 10**9} s" in PAGE
    about = section(PAGE, "Markouts")
    assert "at the fill (the mid just before it), 1 s, 5 s, 30 s, 5 min" in about
    assert list(HORIZON_NAMES) == list(HORIZONS_NS)
    assert list(HORIZON_NAMES.values()) == ["at the fill", "1 s", "5 s", "30 s", "5 min"]


def test_the_limits_are_the_real_ones() -> None:
    assert f"With fewer than {LEAST_BLOCKS} blocks there is no band" in PAGE
    assert f"of which the run holds at least {LEAST_PERIODS}" in PAGE
    assert f"fewer than {FEW_FILLS} fills" in PAGE
    assert f"thinned to {MOST_POINTS:,} points" in PAGE
    assert f"at most {MOST_FILLS:,} are drawn" in PAGE


def test_every_flag_of_the_study_of_skew_has_its_row_and_its_default() -> None:
    about = section(page("docs/running.md"), "Reports").split("| flag of `perpmaker study skew` |", 1)[1]
    stated = {
        code_names(row[0])[0]: row[2] for row in rows("| |\n|---|\n" + about.split("\n\n", 1)[0].split("|\n", 2)[2])
    }
    real = flags(["study", "skew"])
    assert set(stated) == set(real) - {"--help"}
    for flag, default in stated.items():
        assert default in (f"`{real[flag]}`", "required", "the terminal")
