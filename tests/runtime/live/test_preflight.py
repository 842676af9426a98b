"""The checklist before a live run: what each check finds good, doubtful and wrong, and what is asked at all."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from perpmaker.domain.errors import UnknownNameError
from perpmaker.domain.orders import Side
from perpmaker.maker.settings import StrategySettings
from perpmaker.runtime.live.preflight import Known, Preflight, preflight
from perpmaker.runtime.live.preflight_checks import Protections, Status
from perpmaker.venues.errors import Reaction, VenueError
from perpmaker.venues.port import ClockReading
from support.runs import strategy
from support.scripted_venue import ACCOUNT, TERMS, ScriptedVenue
from support.virtual_time import run_virtual

SECOND = 10**9
SETTINGS = strategy(stop_loss="5")
PRICE = 100_00_000  # 100 USDC in thousandths of a tick of 0.01
KNOWN = Known(price_milliticks=PRICE)

NAMES = [
    "reachable",
    "clock",
    "symbol",
    "market",
    "sizes",
    "permissions",
    "fees",
    "margin",
    "position",
    "orders",
    "capacity",
    "loss limits",
    "latches",
]
QUESTIONS = {"clock", "market", "account", "cancel_venue_order", "position", "open_orders"}


def examine(
    venue: ScriptedVenue,
    settings: StrategySettings | None = SETTINGS,
    protections: Protections = Protections(),  # noqa: B008
    known: Known = KNOWN,
    *,
    has_keys: bool = True,
) -> Preflight:
    async def run() -> Preflight:
        return await preflight(venue, venue if has_keys else None, settings, protections, known)

    return run_virtual(run)


def told(found: Preflight, name: str) -> tuple[Status, str]:
    (check,) = [check for check in found.checks if check.name == name]
    return check.status, check.detail


def with_status(found: Preflight, status: Status) -> list[str]:
    return [check.name for check in found.checks if check.status is status]


def test_a_good_account_passes_every_check_in_the_order_of_the_list() -> None:
    venue = ScriptedVenue()
    found = examine(venue)
    assert [check.name for check in found.checks] == NAMES
    assert with_status(found, Status.OK) == NAMES
    assert found.is_ready
    assert found.refusal is None


def test_it_only_asks_and_keeps_the_answers() -> None:
    venue = ScriptedVenue()
    found = examine(venue)
    assert {name for name, _ in venue.calls} == QUESTIONS
    assert len(venue.calls) == len(QUESTIONS)
    assert (found.terms, found.account, found.orders) == (TERMS, ACCOUNT, [])
    assert found.position is not None
    assert found.clock is not None


def test_whether_the_keys_may_trade_is_found_out_by_cancelling_an_order_that_does_not_exist() -> None:
    venue = ScriptedVenue()
    venue.rest(side=Side.BUY, price_ticks=9_900, lots=10)
    venue.fail("cancel_venue_order", VenueError("the key may not do that: allow it", Reaction.STOP))
    assert told(examine(venue), "permissions") == (Status.FAILED, "the key may not do that: allow it")
    venue.fail("cancel_venue_order", VenueError("no such order", Reaction.REFUSE))
    assert told(examine(venue), "permissions")[0] is Status.OK
    assert len(venue.resting) == 1


def test_every_sentence_is_one_line_without_a_full_stop() -> None:
    for check in examine(ScriptedVenue()).checks:
        assert check.detail
        assert "\n" not in check.detail
        assert not check.detail.endswith(".")


# --- questions without an answer ---


def test_a_venue_that_cannot_be_reached_is_one_failure_and_nothing_else_is_asked() -> None:
    venue = ScriptedVenue()
    venue.fail("clock", VenueError("the certificate of x is not valid: do not trade", Reaction.STOP))
    found = examine(venue)
    assert told(found, "reachable") == (Status.FAILED, "the certificate of x is not valid: do not trade")
    assert with_status(found, Status.FAILED) == ["reachable"]
    assert told(found, "permissions") == (Status.SKIPPED, "the account is unknown")
    assert [name for name, _ in venue.calls] == ["clock"]
    assert found.refusal == "reachable: the certificate of x is not valid: do not trade"


def test_a_question_is_asked_again_where_that_may_help() -> None:
    venue = ScriptedVenue()
    venue.fail("account", VenueError("busy", Reaction.RETRY), VenueError("busy", Reaction.RETRY))
    assert examine(venue).is_ready


def test_but_not_for_ever() -> None:
    venue = ScriptedVenue()
    venue.fail("position", *[VenueError("the venue is busy: wait", Reaction.RETRY)] * 100)
    found = examine(venue)
    assert told(found, "position") == (Status.FAILED, "the venue is busy: wait")
    assert told(found, "capacity") == (Status.SKIPPED, "the position is unknown"), "a failure is told once"
    assert 3 < len(venue.called("position")) < 10


def test_wrong_keys_are_told_once_and_not_tried_again() -> None:
    venue = ScriptedVenue()
    venue.fail("account", VenueError("the venue refuses the keys: check PERPMAKER_X_API_KEY", Reaction.STOP))
    found = examine(venue)
    assert told(found, "permissions") == (Status.FAILED, "the venue refuses the keys: check PERPMAKER_X_API_KEY")
    assert with_status(found, Status.FAILED) == ["permissions"]
    assert len(venue.called("account")) == 1
    assert venue.called("position") == []


def test_a_symbol_that_does_not_exist() -> None:
    venue = ScriptedVenue()
    venue.fail("market", UnknownNameError("--symbol X: there is no such market; there are A and B"))
    found = examine(venue)
    assert told(found, "symbol") == (Status.FAILED, "--symbol X: there is no such market; there are A and B")
    assert with_status(found, Status.FAILED) == ["symbol"]
    assert told(found, "permissions")[0] is Status.OK, "the keys can be judged all the same"


# --- what is left out ---


def test_without_keys_only_the_public_part_is_examined() -> None:
    venue = ScriptedVenue()
    found = examine(venue, has_keys=False)
    assert {name for name, _ in venue.calls} == {"clock", "market"}
    assert with_status(found, Status.SKIPPED) == [
        "permissions", "fees", "margin", "position", "orders", "capacity", "latches",
    ]  # fmt: skip
    assert "--live" in told(found, "permissions")[1]
    assert found.is_ready


def test_without_a_strategy_what_depends_on_it_is_left_out() -> None:
    found = examine(ScriptedVenue(), None)
    assert with_status(found, Status.SKIPPED) == ["sizes", "fees", "capacity", "loss limits"]
    assert "give its flags" in told(found, "sizes")[1]


def test_without_a_price_the_capacity_is_not_guessed() -> None:
    assert told(examine(ScriptedVenue(), known=Known()), "capacity") == (
        Status.SKIPPED,
        "there is no price to reckon with",
    )
    venue = ScriptedVenue()
    venue.mark_milliticks = PRICE
    assert told(examine(venue, known=Known()), "capacity")[0] is Status.OK


# --- the checks one by one ---


@pytest.mark.parametrize(
    ("offset_ms", "status", "says"),
    [
        (0, Status.OK, "0 ms"),
        (900, Status.OK, "900 ms behind"),
        (-900, Status.OK, "900 ms ahead of"),
        (1_100, Status.WARNING, "set it all the same"),
        (31_000, Status.FAILED, "31,000 ms behind the venue's: set it first"),
        (-31_000, Status.FAILED, "31,000 ms ahead of the venue's: set it first"),
    ],
)
def test_the_clock(offset_ms: int, status: Status, says: str) -> None:
    venue = ScriptedVenue()
    ours = 100 * SECOND
    venue.answer("clock", ClockReading(ours + 10_000_000 + offset_ms * 1_000_000, ours, ours + 20_000_000))
    found = examine(venue)
    assert told(found, "clock")[0] is status
    assert says in told(found, "clock")[1]


def test_a_venue_far_away_is_a_warning() -> None:
    venue = ScriptedVenue()
    venue.answer("clock", ClockReading(2 * SECOND, SECOND, 3 * SECOND))
    assert told(examine(venue), "reachable") == (
        Status.WARNING,
        "scripted took 2,000 ms to answer: run closer to it, or widen --spread",
    )


def test_a_market_that_is_paused() -> None:
    found = examine(ScriptedVenue(terms=replace(TERMS, is_tradable=False, status="CancelOnly")))
    assert told(found, "market") == (
        Status.FAILED,
        "SOL_USDC_PERP cannot be traded now, the venue says 'CancelOnly': wait, or choose another",
    )


@pytest.mark.parametrize(
    ("settings", "max_lots", "status", "says"),
    [
        ({}, None, Status.OK, "2 orders a side of 0.1 SOL"),
        ({"quantity": "0.105"}, None, Status.FAILED, "--quantity 0.105: is not a whole number of lots of 0.01"),
        ({"quantity": "0.001"}, None, Status.FAILED, "is below SOL_USDC_PERP's minimum order of 0.01"),
        ({}, 9, Status.FAILED, "--quantity 0.1: is above the venue's largest order of 0.09"),
        ({}, 99, Status.WARNING, "a stop closes in several orders"),
    ],
)
def test_sizes(settings: dict[str, str], max_lots: int | None, status: Status, says: str) -> None:
    found = examine(ScriptedVenue(terms=replace(TERMS, max_lots=max_lots)), strategy(stop_loss="1", **settings))
    assert told(found, "sizes")[0] is status
    assert says in told(found, "sizes")[1]


def test_keys_that_may_not_trade() -> None:
    venue = ScriptedVenue()
    venue.account_state = replace(ACCOUNT, can_trade=False)
    status, says = told(examine(venue), "permissions")
    assert status is Status.FAILED
    assert "allow trading for this API key" in says


@pytest.mark.parametrize(
    ("maker_fee", "status", "says"),
    [
        ("0.0002", Status.OK, "maker 2 bp, taker 5 bp: a round trip of level 1 leaves 2 bp"),
        ("-0.0001", Status.OK, "leaves 8 bp"),
        ("0.0003", Status.WARNING, "a round trip earns 6 bp and pays 6 bp, so it loses; set --spread above 3 bp"),
    ],
)
def test_fees_against_the_spread_of_3_bp(maker_fee: str, status: Status, says: str) -> None:
    venue = ScriptedVenue()
    venue.account_state = replace(ACCOUNT, maker_fee=Decimal(maker_fee))
    assert told(examine(venue), "fees")[0] is status
    assert says in told(examine(venue), "fees")[1]


@pytest.mark.parametrize("money", [{"equity": Decimal(0)}, {"free_margin": Decimal(0)}, {"equity": Decimal(-5)}])
def test_an_account_without_money(money: dict[str, Decimal]) -> None:
    venue = ScriptedVenue()
    venue.account_state = replace(ACCOUNT, **money)
    status, says = told(examine(venue), "margin")
    assert status is Status.FAILED
    assert "deposit USDC" in says


def test_the_market_may_allow_less_leverage_than_the_account() -> None:
    found = examine(ScriptedVenue(terms=replace(TERMS, initial_margin_ppb=200_000_000)))
    assert told(found, "margin")[1].endswith("leverage 10, of which this market allows 5")


def test_a_position_is_kept_and_continued() -> None:
    venue = ScriptedVenue()
    venue.books.lots, venue.books.cost_quanta = -50, -50 * PRICE * 10**9
    assert told(examine(venue), "position") == (Status.OK, "-0.50 SOL at 100, which the run continues")
    venue.books.lots, venue.books.cost_quanta = -150, -150 * PRICE * 10**9
    status, says = told(examine(venue), "position")
    assert status is Status.WARNING
    assert "above --max-position 1, so only the side that reduces it is quoted" in says


def resting(*orders: tuple[int | None, int | None]) -> ScriptedVenue:
    venue = ScriptedVenue()
    for tag, order_id in orders:
        venue.rest(side=Side.BUY, price_ticks=9_900, lots=10, tag=tag, order_id=order_id)
    return venue


@pytest.mark.parametrize(
    ("orders", "known", "status", "says"),
    [
        ([], KNOWN, Status.OK, "none rest"),
        ([(None, None)], KNOWN, Status.WARNING, "1 order of somebody else (foreign-1): left alone"),
        ([(7, 1), (7, 2)], replace(KNOWN, dead={7}), Status.OK, "2 orders of a run of ours that died: cancelled at"),
        ([(9, 1)], replace(KNOWN, dead={7}), Status.WARNING, "1 order of somebody else (9-1): left alone"),
        ([(None, None)] * 5, KNOWN, Status.WARNING, "(foreign-1, foreign-2, foreign-3 and 2 more): left alone"),
        ([(8, 1)], replace(KNOWN, running={8}), Status.FAILED, "1 order of a run of ours that is trading here now"),
        ([], replace(KNOWN, running={8}), Status.FAILED, "0 orders of a run of ours that is trading here now: end it"),
    ],
)
def test_whose_orders_rest(
    orders: Sequence[tuple[int | None, int | None]], known: Known, status: Status, says: str
) -> None:
    found = examine(resting(*orders), known=known)
    assert told(found, "orders")[0] is status
    assert says in told(found, "orders")[1]


@pytest.mark.parametrize(
    ("free", "status", "says"),
    [
        ("10", Status.OK, "the cap of 1 SOL needs 10.00 USDC of margin, 10.00 is there"),
        ("9.99", Status.WARNING, "the position will stop at 0.99; lower --max-position"),
        ("1.99", Status.WARNING, "only 0.19 of the ladder fits on a side"),
        ("0.09", Status.FAILED, "less than for the smallest order: deposit USDC or raise the leverage"),
    ],
)
def test_capacity_at_10_times_leverage_and_a_price_of_100(free: str, status: Status, says: str) -> None:
    venue = ScriptedVenue()
    venue.account_state = replace(ACCOUNT, free_margin=Decimal(free))
    assert told(examine(venue), "capacity")[0] is status
    assert says in told(examine(venue), "capacity")[1]


def test_the_margin_of_what_is_held_counts_as_there() -> None:
    venue = ScriptedVenue()
    venue.account_state = replace(ACCOUNT, free_margin=Decimal(5))
    venue.books.lots, venue.books.cost_quanta = 50, 50 * PRICE * 10**9
    assert told(examine(venue), "capacity")[0] is Status.OK


@pytest.mark.parametrize("limit", ["stop_loss", "max_drawdown", "max_loss"])
def test_any_limit_on_losses_will_do(limit: str) -> None:
    assert told(examine(ScriptedVenue(), strategy(**{limit: "3"})), "loss limits") == (
        Status.OK,
        f"--{limit.replace('_', '-')} 3",
    )


def test_a_daily_limit_will_do_none_is_refused_and_none_may_be_wanted() -> None:
    bare = strategy()
    assert told(examine(ScriptedVenue(), bare, Protections(Decimal(9))), "loss limits")[0] is Status.OK
    refused = examine(ScriptedVenue(), bare)
    assert refused.refusal is not None
    assert refused.refusal.startswith("loss limits: there is none: give --stop-loss, --max-loss or --max-daily-loss")
    assert told(examine(ScriptedVenue(), bare, Protections(none_wanted=True)), "loss limits")[0] is Status.WARNING


def test_a_latch_of_an_earlier_run_refuses_the_start() -> None:
    found = examine(ScriptedVenue(), known=replace(KNOWN, latches=["maximum loss of the day met at 12:00"]))
    assert found.refusal == (
        "latches: maximum loss of the day met at 12:00: when that is understood, run `perpmaker clear` and start"
    )
