"""How often somebody may try to log in: each failure costs a longer pause.

Rules kept here:

1. The first `FREE` failures of an address cost nothing; from then on the pause doubles with each, from `FIRST_NS` to
   `LONGEST_NS`. An address without a failure for `FORGET_NS` begins anew.
2. All addresses together have `MOST_TOGETHER` failures, and get one back every `REFILL_NS`: many addresses are no way
   around rule 1.
3. An attempt counts when it begins, not when it has failed, so that trying in parallel gains nothing. Success takes it
   back, and clears the address.
4. `MOST_ADDRESSES` are remembered; the one that has tried longest ago gives way. An IPv6 address counts by its first
   64 bits, which is what one subscriber has.
"""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from perpmaker.venues.clock import Clock

_SECOND_NS: Final = 10**9

FREE: Final = 5
FIRST_NS: Final = 1 * _SECOND_NS
LONGEST_NS: Final = 300 * _SECOND_NS
FORGET_NS: Final = 1_800 * _SECOND_NS
MOST_TOGETHER: Final = 60
REFILL_NS: Final = 2 * _SECOND_NS
MOST_ADDRESSES: Final = 1_000


@dataclass(slots=True)
class _Address:
    failures: int
    last_ns: int


class Attempts:
    """Counts attempts to log in."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._spent_ns = 0
        """When the bucket of rule 2 is full again, as ns since 1970; what lies in the past counts as full."""

    def __len__(self) -> int:
        return len(self._addresses)

    def wait_ns(self, address: str) -> int:
        """How long this address must wait before its next attempt, ns; 0 when it may try now."""
        now_ns = self._clock.now_ns()
        together_ns = max(0, self._spent_ns - now_ns) - (MOST_TOGETHER - 1) * REFILL_NS
        known = self._addresses.get(_block(address))
        alone_ns = 0 if known is None else known.last_ns + _pause_ns(known.failures) - now_ns
        return max(0, together_ns, alone_ns)

    def begin(self, address: str) -> None:
        """An attempt begins; it counts as a failure until `succeed` says otherwise."""
        now_ns = self._clock.now_ns()
        self._spent_ns = max(self._spent_ns, now_ns) + REFILL_NS
        block = _block(address)
        known = self._addresses.pop(block, None)
        if known is None or now_ns - known.last_ns >= FORGET_NS:
            known = _Address(0, now_ns)
        self._addresses[block] = _Address(known.failures + 1, now_ns)
        while len(self._addresses) > MOST_ADDRESSES:
            self._addresses.popitem(last=False)

    def succeed(self, address: str) -> None:
        """The attempt that was begun has succeeded."""
        self._spent_ns -= REFILL_NS
        self.clear(address)

    def clear(self, address: str) -> None:
        """Somebody who may log in does so from here: what failed before was his own mistake."""
        self._addresses.pop(_block(address), None)


def _pause_ns(failures: int) -> int:
    if failures < FREE:
        return 0
    return min(LONGEST_NS, FIRST_NS << min(failures - FREE, 32))


def _block(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.IPv6Network((parsed, 64), strict=False))
    return str(parsed)
