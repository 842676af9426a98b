"""A market of ccxt as an instrument: contracts, steps, and what is refused."""

from decimal import Decimal
from types import SimpleNamespace

import ccxt
import pytest

from perpmaker.domain.errors import InvalidSettingError, UnknownNameError
from perpmaker.venues.ccxt_terms import contract_of, find_market, plain, terms_of


def market(symbol="SOL/USDT:USDT", **changes):
    base, _, rest = symbol.partition("/")
    quote, _, settle = rest.partition(":")
    return {
        "id": symbol.replace("/", "").split(":")[0], "symbol": symbol, "base": base, "quote": quote,
        "settle": settle or None, "swap": True, "spot": False, "linear": True, "inverse": False, "type": "swap",
        "active": True, "contractSize": 1.0, "precision": {"price": 0.01, "amount": 0.1},
        "limits": {"amount": {"min": 0.1, "max": 1000.0}, "cost": {"min": None}, "leverage": {"max": 20}}, **changes,
    }  # fmt: skip


def exchange(*markets, mode=ccxt.TICK_SIZE):
    return SimpleNamespace(id="someexchange", markets={each["symbol"]: each for each in markets}, precisionMode=mode)


def test_a_market_is_found_by_ccxts_name_and_by_the_exchanges_own():
    sol = market()
    spot = market("SOL/USDT", swap=False, spot=True, id="SOLUSDT", type="spot")
    there = exchange(spot, sol)
    for name in ("SOL/USDT:USDT", "sol/usdt:usdt", "SOLUSDT", " solusdt "):
        assert find_market(there, name) is sol


def test_a_wrong_symbol_is_answered_with_the_nearest_perpetual():
    with pytest.raises(UnknownNameError, match=r"--symbol SOL/USDC:USDC: .*did you mean SOL/USDT:USDT\?"):
        find_market(exchange(market(), market("ETH/USDT:USDT")), "SOL/USDC:USDC")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (market("SOL/USDT", swap=False, spot=True, type="spot"), "this is a spot market"),
        (market("SOL/USDT:USDT", swap=False, type="future"), "this is a future market"),
        (market("SOL/USD:SOL", inverse=True, linear=False), "this is an inverse contract"),
        (market("SOL/USD:BTC", linear=True), r"settled in BTC and not in USD \(quanto\)"),
        (market("SOL/USDT:BNB", linear=None), r"settled in BNB and not in USDT \(quanto\)"),
    ],
)
def test_what_cannot_be_traded_is_refused_with_its_sentence(wrong, why):
    with pytest.raises(InvalidSettingError, match=why):
        find_market(exchange(wrong), wrong["symbol"])


def test_dollars_settled_in_a_dollar_coin_are_linear():
    found = find_market(exchange(market("BTC/USD:USDC")), "BTC/USD:USDC")
    assert contract_of(exchange(), found, None).instrument.quote == "USDC"


def test_a_lot_is_the_smallest_step_of_contracts_times_what_a_contract_is():
    contract = contract_of(exchange(), market(contractSize=0.01, precision={"price": 0.1, "amount": 1.0}), None)
    assert contract.instrument.lot_size == Decimal("0.01")
    assert contract.lots_of(7) == 7
    assert contract.contracts.text(7) == "7"
    assert contract.instrument.quantity(7) == Decimal("0.07")


@pytest.mark.parametrize("number", ["100.07", 100.07, Decimal("100.07")])
def test_a_number_is_the_same_however_ccxt_read_it(number):
    assert contract_of(exchange(), market(), None).ticks_of(number) == 10_007


def test_floats_give_back_the_text_that_they_were():
    for text in ("0.1", "145.23", "1e-07", "123456.78", "0.30000000000000004"):
        assert Decimal(plain(float(text))) == Decimal(text)


def test_decimal_places_are_steps_too_and_significant_digits_are_none():
    places = market(precision={"price": 2, "amount": 1})
    contract = contract_of(exchange(mode=ccxt.DECIMAL_PLACES), places, None)
    assert (contract.instrument.tick_size, contract.instrument.lot_size) == (Decimal("0.01"), Decimal("0.1"))
    with pytest.raises(ValueError, match="significant digits"):
        contract_of(exchange(mode=ccxt.SIGNIFICANT_DIGITS), places, None)


@pytest.mark.parametrize(
    ("limits", "price", "least"),
    [
        ({"amount": {"min": 0.1}}, None, "0.1"),
        ({"amount": {"min": None}}, None, "0.1"),
        ({"amount": {"min": 0.25}}, None, "0.3"),  # up to the lot
        ({"amount": {"min": 0.1}, "cost": {"min": 10}}, Decimal(20), "0.6"),  # 11 / 20, up to the lot
        ({}, Decimal(20), "0.1"),
    ],
)
def test_the_smallest_order_by_size_and_by_value(limits, price, least):
    contract = contract_of(exchange(), market(limits=limits), price)
    assert contract.instrument.min_quantity == Decimal(least)


def test_what_an_exchange_says_of_margin_and_of_its_state():
    sol = market()
    terms = terms_of(sol, contract_of(exchange(), sol, None))
    assert (terms.initial_margin_ppb, terms.max_lots, terms.is_tradable) == (50_000_000, 10_000, True)
    bare = market(limits={}, active=False)
    terms = terms_of(bare, contract_of(exchange(), bare, None))
    assert (terms.initial_margin_ppb, terms.max_lots, terms.is_tradable) == (10**9, None, False)
