"""Backpack's public REST interface. It cannot trade.

Rules kept here:

1. Only the paths of `PublicPath` can be asked, only by GET, and there is no key: whoever holds a `PublicHttp` and
   nothing else cannot reach an order. Paper trading holds nothing else.
2. An answer is its body, or a `VenueError`; nothing is asked twice on its own account.
3. One pool of connections for all requests; it is made at the first one, in the running loop.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus

import aiohttp
from yarl import URL

from perpmaker.venues.backpack.errors import api_error
from perpmaker.venues.network_errors import is_network_error, network_error

BASE_URL: Final = "https://api.backpack.exchange"

TIMEOUT_S: Final = 10.0
"""How long an answer may take."""

KEEP_ALIVE_S: Final = 30.0
"""Idle connections are closed after this: well before a load balancer does it while a request is on its way."""


class PublicPath(Enum):
    """What may be asked without keys."""

    DEPTH = "/api/v1/depth"
    MARK_PRICES = "/api/v1/markPrices"
    MARKET = "/api/v1/market"
    MARKETS = "/api/v1/markets"
    TIME = "/api/v1/time"


class Answer(NamedTuple):
    status: int
    body: bytes


class HttpPool:
    """Connections that are kept open, for one user or for several."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Opened when it is first needed; again after `close`."""
        if self._session is None:
            connector = aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE_S)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class Connections:
    """Requests to one host.

    Args:
        base_url: scheme, host and port, e.g. that of the testnet.
        timeout_s: how long an answer may take, unless a request says otherwise.
        pool: connections that others use, too, and that are theirs to close; its own if not given.
    """

    def __init__(self, base_url: str, timeout_s: float = TIMEOUT_S, pool: HttpPool | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.host = URL(self.base_url).host or self.base_url
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._pool = pool or HttpPool()
        self._is_own_pool = pool is None

    async def request(
        self,
        method: str,
        url: URL,
        *,
        is_change: bool,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109 - aiohttp's own, which has several parts
    ) -> Answer:
        """One request and its answer, whatever the status. Raises `VenueError` when there is none."""
        try:
            async with self._pool.session.request(
                method, url, headers=headers, data=body, allow_redirects=False, timeout=timeout or self._timeout
            ) as response:
                return Answer(response.status, await response.read())
        except Exception as error:
            if not is_network_error(error):
                raise
            raise network_error(self.host, error, is_change=is_change) from error

    def url(self, path: str, query: str = "") -> URL:
        """An address on this host; the query is encoded already."""
        return URL(f"{self.base_url}{path}?{query}" if query else f"{self.base_url}{path}", encoded=True)

    async def close(self) -> None:
        if self._is_own_pool:
            await self._pool.close()


class PublicHttp:
    """Asks what anybody may ask."""

    def __init__(self, base_url: str = BASE_URL, timeout_s: float = TIMEOUT_S, pool: HttpPool | None = None) -> None:
        self._connections = Connections(base_url, timeout_s, pool)

    @property
    def host(self) -> str:
        return self._connections.host

    async def get(self, path: PublicPath, **parameters: str) -> bytes:
        """The body of the answer. Raises `VenueError` for any other status than 200."""
        if not isinstance(path, PublicPath):
            raise TypeError(f"only public paths can be asked here, not {path!r}")
        url = self._connections.url(path.value, query_of(parameters))
        answer = await self._connections.request("GET", url, is_change=False)
        if answer.status != 200:
            raise api_error(answer.status, answer.body, is_change=False)
        return answer.body

    async def close(self) -> None:
        await self._connections.close()


def query_of(parameters: Mapping[str, Any]) -> str:
    """Parameters as a query, in their order."""
    return "&".join(f"{name}={quote_plus(str(value))}" for name, value in parameters.items())
