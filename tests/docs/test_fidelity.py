"""docs/fidelity.md about `perpmaker fidelity`: flags, limits, what is done with the run's own orders."""

from docs.documents import code_names, flags, page, rows, section
from perpmaker.research.fidelity_figures import MATCH_NS, MATCH_TICKS
from perpmaker.research.fidelity_fit import COARSE, LEAST_FILLS
from perpmaker.research.fidelity_latency import LEAST_ANSWERS
from perpmaker.research.own_orders import OwnOrders

PAGE = page("docs/fidelity.md")
ABOUT = section(PAGE, "What a run of yours met")


def test_every_flag_has_its_row() -> None:
    assert {code_names(row[0])[0] for row in rows(ABOUT)} == set(flags(["fidelity"])) - {"--help"}


def test_every_way_to_treat_own_orders_is_explained() -> None:
    table = rows(section(PAGE, "Your own orders in the recording"))
    assert [code_names(row[0])[0] for row in table] == [how.value for how in OwnOrders]


def test_the_limits_that_are_stated_are_the_real_ones() -> None:
    fitting = " ".join(section(PAGE, "What is fitted, and how").split())
    assert f"there must be {LEAST_ANSWERS} of them" in fitting
    assert f"fewer than {LEAST_FILLS} filled orders" in fitting
    assert f"exponents from {COARSE[0]:g} to {COARSE[-1]:g}" in fitting
    assert (MATCH_NS, MATCH_TICKS) == (10**9, 1)
    assert "at most a tick and a second apart" in " ".join(ABOUT.split())
