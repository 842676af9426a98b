"""Who may ask: signatures, windows, rights and rates, as the document says."""

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.testnet.api_errors import ApiError
from perpmaker.testnet.keys import AccountKeys
from perpmaker.testnet.signing import verify_subscription
from support.testnets import SOL, Bench, content, order_fields, refusal

INVALID = (400, "INVALID_CLIENT_REQUEST")
CAPITAL = ("GET", "/api/v1/capital", (), None)


def message(bench: Bench, **how: Any) -> str:
    answer = bench.client.send(*CAPITAL, **how)
    assert refusal(answer) == INVALID
    return str(content(answer, 400)["message"])


def test_the_documents_own_example_of_a_batch_is_signed_as_it_says() -> None:
    bench = Bench()
    common = {"symbol": SOL.symbol, "side": "Bid", "orderType": "Limit"}
    batch = [{**common, "price": "99.1", "quantity": "12"}, {**common, "price": "99", "quantity": "11"}]
    assert [answer["operation"] for answer in content(bench.client.post("/api/v1/orders", batch))] == ["Ok", "Ok"]


def test_booleans_are_signed_in_lower_case() -> None:
    bench = Bench()
    assert content(bench.client.order(postOnly=True))["postOnly"] is True
    answer = bench.client.get("/api/v1/account/limits/order", symbol=SOL.symbol, side="Bid", reduceOnly=True)
    assert content(answer)["reduceOnly"] is True


def test_without_a_window_header_5000_counts_and_is_signed() -> None:
    bench = Bench()
    assert bench.client.send(*CAPITAL, window=None).status == 200
    assert bench.client.send(*CAPITAL, window=None, age_ms=5_000).status == 200
    assert message(bench, window=None, age_ms=5_001) == "Request has expired"


def test_a_window_is_at_most_60000() -> None:
    bench = Bench()
    assert bench.client.send(*CAPITAL, window="60000", age_ms=60_000).status == 200
    assert "window" in message(bench, window="60001")
    assert "window" in message(bench, window="0")


def test_a_time_stamp_from_the_future_is_refused() -> None:
    bench = Bench()
    assert bench.client.send(*CAPITAL, age_ms=-900).status == 200
    assert message(bench, age_ms=-6_000) == "Request has expired"


def test_another_instruction_is_another_signature() -> None:
    assert message(Bench(), instruction="accountQuery") == "Invalid signature"


def test_a_changed_parameter_is_another_signature() -> None:
    bench = Bench()
    body = order_fields()
    answer = bench.client.send("POST", "/api/v1/order", (), body, headers={"X-Timestamp": "1"})
    assert refusal(answer) == INVALID


@pytest.mark.parametrize("header", ["x-Api-Key", "X-SIGNATURE", "X-Timestamp"])
def test_a_missing_header_is_refused(header: str) -> None:
    assert "Missing" in message(Bench(), headers={header: None})


def test_a_signature_that_is_no_base64_is_refused() -> None:
    assert message(Bench(), headers={"X-SIGNATURE": "no signature"}) == "Invalid signature"


def test_the_signature_of_another_key_is_refused() -> None:
    bench = Bench()
    other = bench.testnet.accounts["2"].keys.public
    assert message(bench, headers={"x-Api-Key": other}) == "Invalid signature"


def test_an_unknown_key_is_not_authorized() -> None:
    stranger = AccountKeys(99, "stranger").public
    assert refusal(Bench().client.send(*CAPITAL, headers={"x-Api-Key": stranger})) == (401, "UNAUTHORIZED")


def test_values_may_be_signed_percent_encoded_as_ccxt_does() -> None:
    bench = Bench()
    query = [("symbol", "SOL USDC")]
    answer = bench.client.send("GET", "/api/v1/orders", query, None, encode=True)
    assert content(answer, 400)["message"] == "Invalid market symbol"


def test_a_key_that_may_not_trade_may_read() -> None:
    bench = Bench()
    bench.testnet.set_permission("1", can_trade=False)
    assert refusal(bench.client.order()) == (403, "FORBIDDEN")
    assert refusal(bench.client.delete("/api/v1/orders", symbol=SOL.symbol)) == (403, "FORBIDDEN")
    assert bench.client.get("/api/v1/orders").status == 200


def test_an_account_has_a_number_of_requests_a_minute() -> None:
    bench = Bench(rest_per_minute=3)
    for _ in range(3):
        assert bench.client.get("/api/v1/capital").status == 200
    assert refusal(bench.client.get("/api/v1/capital")) == (429, "TOO_MANY_REQUESTS")
    assert bench.client_of("2").get("/api/v1/capital").status == 200
    assert bench.client.get("/api/v1/time").status == 200
    bench.clock.pass_s(60)
    assert bench.client.get("/api/v1/capital").status == 200


def test_histories_have_a_limit_of_their_own() -> None:
    bench = Bench(history_per_minute=1)
    assert bench.client.get("/wapi/v1/history/fills").status == 200
    assert refusal(bench.client.get("/wapi/v1/history/orders")) == (429, "TOO_MANY_REQUESTS")
    assert bench.client.get("/api/v1/capital").status == 200


def test_a_subscription_is_signed_with_its_own_instruction() -> None:
    bench = Bench()
    timestamp = str(bench.clock.ns // 1_000_000)
    good = bench.client.keys.sign(f"instruction=subscribe&timestamp={timestamp}&window=5000".encode())
    parts = [bench.client.keys.public, good, timestamp, "5000"]
    assert verify_subscription(bench.testnet, parts, bench.clock.ns) is bench.account
    with pytest.raises(ApiError, match="Invalid signature"):
        verify_subscription(bench.testnet, [*parts[:3], "6000"], bench.clock.ns)
    with pytest.raises(ApiError, match="expired"):
        verify_subscription(bench.testnet, parts, bench.clock.ns + 6 * 10**9)
    with pytest.raises(ApiError, match="Missing"):
        verify_subscription(bench.testnet, None, bench.clock.ns)


def test_maintenance_refuses_all_but_status_time_and_ping() -> None:
    bench = Bench(balance=Decimal(1))
    bench.testnet.set_maintenance(on=True)
    assert refusal(bench.client.get("/api/v1/markets")) == (503, "MAINTENANCE")
    assert refusal(bench.client.get("/api/v1/capital")) == (503, "MAINTENANCE")
    for path in ("/api/v1/time", "/api/v1/ping", "/api/v1/status"):
        assert bench.client.get(path).status == 200
    bench.testnet.set_maintenance(on=False)
    assert bench.client.get("/api/v1/capital").status == 200
