"""The executions of one market since the last message about them: counts and exact sums.

Rules kept here:

1. Every execution is in exactly one digest, whatever number of times it is told.
2. Sums are whole lots and quanta; nothing is averaged or rounded.
"""

from collections import OrderedDict
from typing import Final

from perpmaker.domain.events import Filled
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.money import notional_quanta
from perpmaker.domain.orders import Side

FILLS_KEPT: Final = 10_000
"""Executions that are remembered, so that one told again is known; news is never that late."""


class FillsDigest:
    """For one run; times in ns.

    Attributes:
        since_ns: when the first execution that is not told yet was learnt; None without one.
        count: executions that are not told yet.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._sums = {side: _Sum() for side in Side}
        self._fees_quanta = 0
        self.since_ns: int | None = None

    @property
    def count(self) -> int:
        return sum(each.fills for each in self._sums.values())

    def add(self, fill: Filled) -> None:
        if fill.fill_id in self._seen:
            return
        self._seen[fill.fill_id] = None
        if len(self._seen) > FILLS_KEPT:
            self._seen.popitem(last=False)
        if self.since_ns is None:
            self.since_ns = fill.at_ns
        self._sums[fill.side].add(fill)
        self._fees_quanta += fill.fee_quanta

    def take(self) -> str:
        """What was executed since the last time, in a sentence; from here on it is told."""
        count = self.count
        told = [
            f"{did} {self._instrument.quantity(each.lots)} {self._instrument.base} for "
            f"{self._instrument.money(each.quanta):f} {self._instrument.quote} ({each.fills})"
            for did, each in (("bought", self._sums[Side.BUY]), ("sold", self._sums[Side.SELL]))
            if each.fills
        ]
        fees = f"fees {self._instrument.money(self._fees_quanta):f} {self._instrument.quote}"
        self._sums = {side: _Sum() for side in Side}
        self._fees_quanta = 0
        self.since_ns = None
        return f"{count} fill{'' if count == 1 else 's'}: {', '.join(told)}; {fees}"


class _Sum:
    """One side."""

    def __init__(self) -> None:
        self.fills = 0
        self.lots = 0
        self.quanta = 0

    def add(self, fill: Filled) -> None:
        self.fills += 1
        self.lots += fill.lots
        self.quanta += notional_quanta(fill.price_ticks, fill.lots)
