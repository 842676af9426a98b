"""What the network did to a request, in one sentence: the errors of aiohttp and of the sockets below it.

Rules kept here:

1. A connection that was never made carried no request: nothing was done, whatever the request was.
2. Once a connection stood, a request that changes something may have worked: only an answer is proof.
3. A certificate that is not valid stops the run: asking again does not mend it, and going on would be a risk.
4. Messages name the host, never the rest of an address: a query may hold a signature.
"""

import asyncio
import socket
from typing import Final

import aiohttp

from perpmaker.venues.errors import Reaction, VenueError

NOT_SENT: Final = "NotSent"
"""The code of an error that happened before anything was sent."""


def network_error(host: str, error: BaseException, *, is_change: bool) -> VenueError:
    """The error of a request, as a `VenueError`.

    Args:
        host: whom the request was for.
        error: what aiohttp, a socket or a timeout raised.
        is_change: the request was to change something (an order), so that silence is `Reaction.UNKNOWN`.
    """
    silent = Reaction.UNKNOWN if is_change else Reaction.RETRY
    code = type(error).__name__
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)):
        return VenueError(
            f"the certificate of {host} is not valid ({_reason(error)}): check the address and the clock of this "
            "machine, and do not trade until it is renewed",
            Reaction.STOP,
            code,
        )
    if isinstance(error, (aiohttp.ClientConnectorDNSError, socket.gaierror)):
        return VenueError(
            f"the host {host} cannot be found: check its name and the network of this machine", Reaction.RETRY, NOT_SENT
        )
    if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, ConnectionRefusedError)):
        return VenueError(
            f"{host} cannot be reached ({_reason(error)}): check the address and the network of this machine",
            Reaction.RETRY,
            NOT_SENT,
        )
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return VenueError(f"{host} did not answer in time: ask again, or find out what became of it", silent, code)
    if isinstance(error, aiohttp.InvalidURL):
        return VenueError(f"the address of {host} is not one: give it as https://host", Reaction.STOP, code)
    return VenueError(
        f"the connection to {host} broke ({_reason(error)}): ask again, or find out what became of it", silent, code
    )


def is_network_error(error: BaseException) -> bool:
    """Whether the network, and not the venue or this program, is to blame."""
    return isinstance(error, (aiohttp.ClientError, OSError, TimeoutError))


def _reason(error: BaseException) -> str:
    """A few words, from the operating system or the class; never an address."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(getattr(error.certificate_error, "verify_message", "") or "not accepted").lower()
    if isinstance(error, OSError) and error.strerror:
        words = error.strerror.split("[")[0].strip()  # aiohttp puts the address behind a bracket
        return words.lower() if words else type(error).__name__
    return type(error).__name__
