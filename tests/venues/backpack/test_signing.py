"""Signatures and order requests, against the examples of the exchange's document."""

import base64
import json
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from perpmaker.domain.commands import Place
from perpmaker.domain.errors import CredentialsError
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import OrderKind, Side
from perpmaker.venues.backpack.order_requests import batch
from perpmaker.venues.backpack.signing import Signer, signed_text
from perpmaker.venues.backpack.terms import grid_of
from perpmaker.venues.venue_clock import VenueClock
from support.keys import credentials, pair

KEY, SECRET = pair()
CENT = Decimal("0.01")
GRID = grid_of(Instrument("SOL_USDC_PERP", "SOL", "USDC", CENT, CENT, CENT))


class Noon:
    def now_ns(self) -> int:
        return 1_750_793_021_519_000_000


@pytest.fixture
def clock() -> VenueClock:
    return VenueClock(Noon())


@pytest.fixture
def signer(clock) -> Signer:
    return Signer(credentials(api_key=KEY, secret=SECRET), clock)


def has_signed(signature: str, text: str) -> bool:
    Ed25519PublicKey.from_public_bytes(base64.b64decode(KEY)).verify(base64.b64decode(signature), text.encode())
    return True


def test_the_documents_cancel_is_signed_as_the_document_says(signer):
    signed = signed_text("orderCancel", {"orderId": 28, "symbol": "BTC_USDT"})
    assert signed == "instruction=orderCancel&orderId=28&symbol=BTC_USDT"
    headers = signer.headers(signed)
    assert headers["X-Timestamp"] == "1750793021519"
    assert has_signed(headers["X-Signature"], f"{signed}&timestamp=1750793021519&window=5000")


def test_without_parameters_only_the_instruction_is_signed():
    assert signed_text("balanceQuery", {}) == "instruction=balanceQuery"


def test_requests_are_stamped_with_the_venues_clock(signer, clock):
    clock.correct(-1_519_000_000)
    assert signer.headers("instruction=x")["X-Timestamp"] == "1750793020000"


def test_a_subscription_carries_key_signature_time_and_window(signer):
    key, signature, timestamp, window = signer.subscription()
    assert (key, timestamp, window) == (KEY, "1750793021519", "5000")
    assert has_signed(signature, "instruction=subscribe&timestamp=1750793021519&window=5000")


def test_keys_show_nowhere(signer):
    assert SECRET not in repr(signer)
    assert KEY not in repr(signer)
    for bad in ("MARKED!", base64.b64encode(b"short").decode()):
        with pytest.raises(CredentialsError) as refused:
            Signer(credentials(api_key=KEY, secret=bad), VenueClock(Noon()))
        assert bad not in str(refused.value)


# --- orders ---


def quote(order_id=1, side=Side.BUY, price=14_100, lots=1_200) -> Place:
    return Place(order_id, side, price, lots, OrderKind.LIMIT, True, False)


def test_a_batch_is_signed_order_by_order():
    signed, body = batch([quote(), quote(2, Side.SELL, 14_200, 5)], ["11", "12"], GRID)
    assert signed == (
        "instruction=orderExecute&clientId=11&orderType=Limit&postOnly=true&price=141.00&quantity=12.00&side=Bid"
        "&symbol=SOL_USDC_PERP&timeInForce=GTC"
        "&instruction=orderExecute&clientId=12&orderType=Limit&postOnly=true&price=142.00&quantity=0.05&side=Ask"
        "&symbol=SOL_USDC_PERP&timeInForce=GTC"
    )
    assert json.loads(body)[1] == {
        "clientId": 12,
        "orderType": "Limit",
        "postOnly": True,
        "price": "142.00",
        "quantity": "0.05",
        "side": "Ask",
        "symbol": "SOL_USDC_PERP",
        "timeInForce": "GTC",
    }


@pytest.mark.parametrize(
    ("order", "fields"),
    [
        (
            Place(1, Side.SELL, 0, 3, OrderKind.MARKET, False, True),
            {"orderType": "Market", "quantity": "0.03", "reduceOnly": True, "side": "Ask"},
        ),
        (
            Place(1, Side.BUY, 14_100, 3, OrderKind.IOC, False, False),
            {"orderType": "Limit", "price": "141.00", "quantity": "0.03", "side": "Bid", "timeInForce": "IOC"},
        ),
    ],
)
def test_what_is_false_is_left_out(order, fields):
    _, body = batch([order], ["11"], GRID)
    assert json.loads(body) == [{"clientId": 11, "symbol": "SOL_USDC_PERP", **fields}]


@pytest.mark.parametrize("order", [quote(), Place(1, Side.SELL, 0, 3, OrderKind.MARKET, False, True)])
def test_the_signed_text_is_the_body_in_alphabetical_order(order):
    signed, body = batch([order], ["11"], GRID)
    (fields,) = json.loads(body)
    plain = {name: str(value).lower() if isinstance(value, bool) else value for name, value in fields.items()}
    assert signed == signed_text("orderExecute", dict(sorted(plain.items())))
    assert list(fields) == sorted(fields)
