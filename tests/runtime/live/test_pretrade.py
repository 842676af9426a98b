"""The ordered list of checks: each refuses what it is for, by its name, and nothing else."""

from decimal import Decimal

import pytest

from perpmaker.domain.commands import Place
from perpmaker.domain.events import BookUpdated, EndReason, GapStarted, SettingsChanged, StopRequested
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.maker.settings import Recenter, StrategySettings, StrategyTerms
from perpmaker.runtime.live.pretrade import PreTradeChecks
from support.scripted_venue import INSTRUMENT

GOOD = Place(5, Side.BUY, 9_900, 10, OrderKind.LIMIT, True, False)
CLOSE = Place(5, Side.SELL, 0, 1, OrderKind.MARKET, False, True)


def maker(**changes) -> MarketMaker:
    settings = StrategySettings(
        **{
            "spread": Decimal("0.01"),
            "quantity": Decimal("0.1"),
            "max_orders": 2,
            "max_position": Decimal("0.3"),
            **changes,
        }
    )
    made = MarketMaker(StrategyTerms.of(settings, INSTRUMENT, Decimal(10_000), Decimal(10)), 0)
    made.state.book = BookUpdated(0, 0, 9_999, 1, 10_001, 1)
    return made


def checks(of: MarketMaker | None = None, max_lots: int | None = 20) -> PreTradeChecks:
    return PreTradeChecks(of or maker(), 1_000, max_lots)


def test_a_good_quote_and_a_close_pass():
    assert checks().refusal(GOOD) is None
    assert checks().refusal(CLOSE) is None


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("identity", {"order_id": 1_001}),
        ("identity", {"order_id": 0}),
        ("size", {"lots": 0}),
        ("size", {"lots": 21}),
        ("price", {"price_ticks": 0}),
        ("price", {"price_ticks": -5}),
        ("price", {"price_ticks": 9_697}),  # 3 % is the reach: 1.5 times two levels of 1 %
        ("price", {"price_ticks": 10_303, "side": Side.SELL}),
        ("crossing", {"price_ticks": 10_001}),
        ("crossing", {"price_ticks": 9_999, "side": Side.SELL}),
    ],
)
def test_each_check_refuses_by_its_name(check, changes):
    under_test = checks()
    assert under_test.refusal(GOOD._replace(**changes)) == check
    assert under_test.refusals == {check: 1}


@pytest.mark.parametrize("changes", [{"price_ticks": 9_699}, {"price_ticks": 10_302, "side": Side.SELL}])
def test_the_ends_of_the_reach_are_inside(changes):
    assert checks().refusal(GOOD._replace(**changes)) is None


def test_a_number_is_used_once():
    under_test = checks()
    assert under_test.refusal(GOOD) is None
    assert under_test.refusal(GOOD) == "identity"


def test_a_run_that_ends_sends_closing_orders_only():
    ending = maker(close_on_exit=True)
    ending.state.position.apply_fill(Side.BUY, 10_000, 5, 0)
    ending.on_event(StopRequested(1, EndReason.INTERRUPTED))
    assert checks(ending).refusal(GOOD) == "running"
    assert checks(ending).refusal(CLOSE) is None


def test_quotes_need_a_book_and_closing_orders_do_not():
    blind = maker()
    blind.on_event(GapStarted(1, 1))
    assert checks(blind).refusal(GOOD) == "book"
    assert checks(blind).refusal(CLOSE) is None


def test_the_cap_counts_everything_that_could_fill():
    full = maker()
    for order_id in (1, 2, 3, 4):
        full.orders.placed(GOOD._replace(order_id=order_id, level=1))
    assert checks(full).refusal(GOOD) == "cap"
    full.state.position.apply_fill(Side.SELL, 10_000, 10, 0)
    assert checks(full).refusal(GOOD) is None


def test_an_empty_side_of_the_book_cannot_be_crossed():
    lonely = maker()
    lonely.state.book = BookUpdated(0, 0, 9_999, 1, 9_900, 0)
    assert checks(lonely).refusal(GOOD) is None


def test_a_ladder_that_stayed_behind_may_be_far_from_the_book():
    left = maker(recenter=Recenter.FILL)
    left.quoter.anchor_milliticks = 9_000_000
    assert checks(left).refusal(GOOD._replace(price_ticks=8_910)) is None
    assert checks(left).refusal(GOOD._replace(price_ticks=8_729)) == "price"


def test_a_closing_order_beyond_the_largest_size_is_shrunk_not_refused():
    under_test = checks()
    large = CLOSE._replace(lots=50)
    assert under_test.refusal(large) is None
    assert under_test.shrunk(large).lots == 20
    assert under_test.shrunk(CLOSE) is CLOSE
    assert checks(max_lots=None).shrunk(large) is large


def test_the_first_check_that_fails_is_the_one_that_counts():
    under_test = checks()
    assert under_test.refusal(GOOD._replace(order_id=0, lots=0, price_ticks=0)) == "identity"
    assert under_test.refusals == {"identity": 1}


def test_the_rate_is_counted_with_the_others():
    under_test = checks()
    assert under_test.rate_refused() == "rate"
    assert under_test.refusals == {"rate": 1}


def test_a_budget_over_all_markets_is_asked_last_and_never_about_what_closes():
    asked = []

    def is_full(order: Place) -> bool:
        asked.append(order)
        return False

    under_test = PreTradeChecks(maker(), 1_000, 20, is_full)
    assert under_test.refusal(GOOD._replace(lots=0)) == "size"
    assert not asked
    assert under_test.refusal(GOOD) == "budget"
    assert under_test.refusal(CLOSE) is None
    assert asked == [GOOD]


def test_the_reach_is_that_of_the_settings_of_now():
    of = maker()
    under_test = checks(of)
    far = GOOD._replace(price_ticks=9_697)
    assert under_test.refusal(far) == "price"
    settings = StrategySettings(
        spread=Decimal("0.02"), quantity=Decimal("0.1"), max_orders=2, max_position=Decimal("0.3")
    )
    of.on_event(SettingsChanged(0, StrategyTerms.of(settings, INSTRUMENT, Decimal(10_000), Decimal(10)), ""))
    assert under_test.refusal(far._replace(order_id=900)) is None
