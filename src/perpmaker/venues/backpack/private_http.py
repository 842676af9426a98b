"""Backpack's private REST interface: questions about the account, and orders. Everything is signed.

Rules kept here:

1. A request is stamped with the venue's clock and valid for five seconds (`perpmaker.venues.backpack.signing`).
2. Where a question is refused for its time, the clock is measured and it is asked once more.
3. A question answers with its body or raises `VenueError`. A change answers with its HTTP status and body, whatever
   they are, or raises `VenueError`: what a status proves is for its caller to say.
4. No change is sent twice on its own account. (aiohttp repeats a DELETE once when a kept connection breaks under it; it
   is the same signed request, and cancelling twice is cancelling.)
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any, Final

import aiohttp

from perpmaker.venues.backpack.errors import EXPIRED, api_error
from perpmaker.venues.backpack.http import BASE_URL, Answer, Connections, HttpPool, query_of
from perpmaker.venues.backpack.signing import Signer, signed_text

CHANGE_TIMEOUT_S: Final = 5.0
"""How long the answer to an order may take: as long as its signature lasts."""


_CHANGE_TIMEOUT: Final = aiohttp.ClientTimeout(total=CHANGE_TIMEOUT_S)


class Question(Enum):
    """Path and instruction of what can be asked."""

    ACCOUNT = ("/api/v1/account", "accountQuery")
    COLLATERAL = ("/api/v1/capital/collateral", "collateralQuery")
    POSITION = ("/api/v1/position", "positionQuery")
    OPEN_ORDER = ("/api/v1/order", "orderQuery")
    OPEN_ORDERS = ("/api/v1/orders", "orderQueryAll")
    PAST_ORDERS = ("/wapi/v1/history/orders", "orderHistoryQueryAll")
    PAST_FILLS = ("/wapi/v1/history/fills", "fillHistoryQueryAll")
    PAST_FUNDING = ("/wapi/v1/history/funding", "fundingHistoryQueryAll")


class Change(Enum):
    """Method, path and instruction of what can be changed."""

    PLACE = ("POST", "/api/v1/orders", "orderExecute")
    CANCEL = ("DELETE", "/api/v1/order", "orderCancel")
    CANCEL_ALL = ("DELETE", "/api/v1/orders", "orderCancelAll")


class PrivateHttp:
    """Signed requests over one pool of connections.

    Args:
        signer: signs them.
        measure: measures the exchange's clock, and never raises `VenueError`.
        base_url: scheme, host and port.
        pool: see `perpmaker.venues.backpack.http.Connections`.
    """

    def __init__(
        self,
        signer: Signer,
        measure: Callable[[], Awaitable[None]],
        base_url: str = BASE_URL,
        pool: HttpPool | None = None,
    ) -> None:
        self.measure: Final = measure
        self._signer = signer
        self._connections = Connections(base_url, pool=pool)
        self._urls = {change: self._connections.url(change.value[1]) for change in Change}

    async def ask(self, question: Question, **parameters: str | int) -> bytes:
        """The body of the answer. Raises `VenueError` for any other status than 200."""
        answer = await self._asked(question, parameters)
        if answer.status == 200:
            return answer.body
        error = api_error(answer.status, answer.body, is_change=False)
        if error.code != EXPIRED:
            raise error
        await self.measure()
        answer = await self._asked(question, parameters)
        if answer.status == 200:
            return answer.body
        raise api_error(answer.status, answer.body, is_change=False)

    async def _asked(self, question: Question, parameters: Mapping[str, str | int]) -> Answer:
        path, instruction = question.value
        ordered = dict(sorted(parameters.items()))
        url = self._connections.url(path, query_of(ordered))
        headers = self._signer.headers(signed_text(instruction, ordered))
        return await self._connections.request("GET", url, is_change=False, headers=headers)

    async def change(self, change: Change, signed: str, body: bytes) -> Answer:
        """Send a request whose instruction and parameters are written already."""
        return await self._connections.request(
            change.value[0],
            self._urls[change],
            is_change=True,
            headers=self._signer.headers(signed),
            body=body,
            timeout=_CHANGE_TIMEOUT,
        )

    async def cancel(self, change: Change, parameters: Mapping[str, Any], body: bytes) -> Answer:
        """Send a request with plain parameters, in alphabetical order."""
        return await self.change(change, signed_text(change.value[2], parameters), body)

    async def close(self) -> None:
        await self._connections.close()
