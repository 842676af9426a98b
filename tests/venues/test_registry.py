"""Exchanges by name."""

import asyncio

import pytest

from perpmaker.domain.errors import UnknownNameError
from perpmaker.venues.backpack.market_source import BackpackMarketSource
from perpmaker.venues.backpack.venue import BackpackVenue
from perpmaker.venues.ccxt_market import CcxtMarketSource
from perpmaker.venues.ccxt_venue import CcxtVenue
from perpmaker.venues.clock import SystemClock
from perpmaker.venues.registry import credentials_name, open_source, open_venue
from support.keys import credentials, pair

KEY, SECRET = pair()


@pytest.mark.parametrize(
    "exchange", ["hyperliquid", "binanceusdm", "bybit", "okx", "aster", "paradex", "lighter", "apex", "ccxt:backpack"]
)
def test_an_exchange_of_ccxt_is_opened_by_its_id(exchange):
    async def story():
        source = open_source(exchange, "BTC/USDT:USDT", SystemClock())
        venue = open_venue(exchange, "BTC/USDT:USDT", credentials(api_key=KEY, secret=SECRET), SystemClock())
        assert type(source) is CcxtMarketSource
        assert type(venue) is CcxtVenue
        assert source.name == venue.facts.name == credentials_name(exchange)
        assert venue.facts.requests_per_minute > 0
        await source.close()
        await venue.close()

    asyncio.run(story())


def test_backpack_is_spoken_to_in_its_own_words():
    async def story():
        source = open_source("backpack", "sol/usdc:usdc", SystemClock())
        venue = open_venue("backpack", "SOL_USDC_PERP", credentials(api_key=KEY, secret=SECRET), SystemClock())
        assert type(source) is BackpackMarketSource
        assert type(venue) is BackpackVenue
        assert source.symbol == venue.symbol == "SOL_USDC_PERP"
        await source.close()
        await venue.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("wrong", "right"), [("backpak", "backpack"), ("Hyperliquid", "hyperliquid"), ("ccxt:bybitt", "bybit")]
)
def test_a_wrong_name_is_answered_with_the_nearest_right_one(wrong, right):
    with pytest.raises(UnknownNameError, match=f"--exchange {wrong}: there is no such exchange; did you mean {right}"):
        open_source(wrong, "BTC/USDT:USDT", SystemClock())


@pytest.mark.parametrize(
    "exchange", ["hyperliquid", "binanceusdm", "bybit", "okx", "aster", "paradex", "lighter", "apex"]
)
def test_the_public_object_has_no_keys_and_nobody_is_charged_a_builder_fee(exchange):
    async def story():
        venue = open_venue(exchange, "BTC/USDT:USDT", credentials(api_key=KEY, secret=SECRET), SystemClock())
        public, private = venue._public, venue._private
        assert not any((public.apiKey, public.secret, public.password, public.privateKey, public.walletAddress))
        assert private.options["builderFee"] is False
        assert private.enableRateLimit is False
        await venue.close()

    asyncio.run(story())
