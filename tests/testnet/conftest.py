"""The exchange's own description, to check answers against."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.testnets import Check, RestRequest, RestResponse

DOCUMENT = Path(__file__).resolve().parents[3] / "shared" / "reference" / "backpack" / "openapi.yml"

_UNLISTED = {401, 403, 404, 429, 503}
"""Statuses of errors that the document lists for some paths only, though any may answer with them."""


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """The paths that the testnet has, with what they refer to (another schema's default is invalid)."""
    if not DOCUMENT.is_file():
        pytest.skip(f"the exchange's OpenAPI document is not here: {DOCUMENT}")
    yaml = pytest.importorskip("yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    whole = yaml.load(DOCUMENT.read_text(), Loader=loader)  # a safe loader either way
    paths = {path: item for path, item in whole["paths"].items() if _is_ours(path)}
    schemas = whole["components"]["schemas"]
    used: dict[str, Any] = {}
    waiting = list(_references(paths))
    while waiting:
        name = waiting.pop()
        if name not in used:
            used[name] = schemas[name]
            waiting += _references(used[name])
    return {
        "openapi": whole["openapi"],
        "info": {"title": "Backpack", "version": "1"},
        "servers": [{"url": "http://testnet"}],
        "paths": paths,
        "components": {"schemas": used},
    }


@pytest.fixture(scope="session")
def check(document: dict[str, Any]) -> Check:
    """Checks a request that was answered 200 and any answer against the document."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        core = pytest.importorskip("openapi_core")
        testing = pytest.importorskip("openapi_core.testing")
    api = core.OpenAPI.from_dict(document)

    def check(request: RestRequest, response: RestResponse) -> None:
        if response.status == 404 and response.headers["Content-Type"].startswith("text/plain"):
            return
        asked = testing.MockRequest(
            "http://testnet",
            request.method.lower(),
            request.path,
            args=_arguments(request),
            headers={name.upper(): value for name, value in request.headers.items()},
            data=request.body,
            content_type="application/json; charset=utf-8",
        )
        if response.status == 200:
            api.validate_request(asked)
        documented = document["paths"][request.path][request.method.lower()]["responses"]
        if str(response.status) not in documented and response.status in _UNLISTED:
            _check_error(document, response)
            return
        answered = testing.MockResponse(
            response.body,
            response.status,
            headers={name.upper(): value for name, value in response.headers.items()},
            content_type=response.headers["Content-Type"],
        )
        api.validate_response(asked, answered)

    return check


def _arguments(request: RestRequest) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name, value in request.query:
        before = arguments.get(name)
        arguments[name] = value if before is None else [before, value]
    return arguments


def _check_error(document: dict[str, Any], response: RestResponse) -> None:
    error = json.loads(response.body)
    assert error.keys() == {"code", "message"}
    assert error["code"] in document["components"]["schemas"]["ApiErrorCode"]["enum"]


def _is_ours(path: str) -> bool:
    return path in {
        "/api/v1/account", "/api/v1/account/limits/order", "/api/v1/assets", "/api/v1/capital",
        "/api/v1/capital/collateral", "/api/v1/collateral", "/api/v1/depth", "/api/v1/fundingRates", "/api/v1/klines",
        "/api/v1/market", "/api/v1/markets", "/api/v1/markPrices", "/api/v1/openInterest", "/api/v1/order",
        "/api/v1/orders", "/api/v1/ping", "/api/v1/position", "/api/v1/securities", "/api/v1/status", "/api/v1/ticker",
        "/api/v1/tickers", "/api/v1/time", "/api/v1/trades", "/api/v1/trades/history", "/wapi/v1/history/fills",
        "/wapi/v1/history/funding", "/wapi/v1/history/orders",
    }  # fmt: skip


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value.rsplit("/", 1)[1]
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
