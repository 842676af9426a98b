"""What a run has said and how it went, as much as is kept: lines of its log, and points of its charts.

Rules kept here:

1. A line is what the journal writes into `reasons`, with the same kind and words, and also every fill, refusal,
   correction and payment. Secrets are taken out of it.
2. The newest `MOST_ITEMS` lines are kept. Their numbers have no holes.
3. Of charts there is one point a second at most: all of the last ten minutes, and of the time before never more than
   `MOST_OLD`, evenly over the whole run: where they become too many, every second one is dropped.
4. It must be told every fill once.
"""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice, takewhile
from typing import Final

from perpmaker.domain.commands import Command, Notice, NoticeKind
from perpmaker.domain.events import (
    BalanceCorrected,
    Event,
    Filled,
    FundingPaid,
    OrderRejected,
    PositionCorrected,
)
from perpmaker.domain.instrument import Instrument
from perpmaker.domain.orders import RejectReason, Side
from perpmaker.journal import schema
from perpmaker.journal.records import Sent, row_of
from perpmaker.monitor.texts import Texts
from perpmaker.monitor.view import Item, Sample
from perpmaker.venues.redaction import redact

MOST_ITEMS: Final = 1_000
MOST_RECENT: Final = 600
MOST_OLD: Final = 900

FILL: Final = "fill"
REFUSED: Final = "refused"
CORRECTION: Final = "correction"
FUNDING: Final = "funding"

_NS_PER_S: Final = 1_000_000_000

_WARNINGS: Final = frozenset(
    {
        NoticeKind.STOP_LOSS.value, NoticeKind.NOT_QUOTING.value, NoticeKind.ANOMALY.value, REFUSED, CORRECTION,
        "quoting limited", "budget", "pre-trade", "unknown outcome", "foreign orders", "reconciliation", "stale",
        "gap", "stream",
    }
)  # fmt: skip
_ERRORS: Final = frozenset(
    {
        NoticeKind.MAX_DRAWDOWN.value, NoticeKind.MAX_LOSS.value, NoticeKind.LIQUIDATED.value, "liquidation", "venue",
        "end", "error",
    }
)  # fmt: skip

_TOLD_OTHERWISE: Final = frozenset({RejectReason.PRE_TRADE, RejectReason.OTHER, RejectReason.BUDGET})
"""Refusals that the wires note in more words, and those that come with every refresh while a budget is used up."""


def severity_of(kind: str) -> str:
    """How serious a line of this kind is: "info", "warning" or "error"."""
    return "error" if kind in _ERRORS else "warning" if kind in _WARNINGS else "info"


class History:
    """Observes a run.

    Args:
        instrument: units.
        sample: makes a point of the charts; None while there is nothing to draw.
    """

    def __init__(self, instrument: Instrument, sample: Callable[[int], Sample | None]) -> None:
        self._instrument = instrument
        self._texts = Texts(instrument)
        self._sample = sample
        self._next_sample_ns = 0
        self._recent: deque[Sample] = deque()
        self._old: list[Sample] = []
        self._old_spacing_ns = _NS_PER_S
        self.items: deque[Item] = deque(maxlen=MOST_ITEMS)
        self.next_seq = 1

    @property
    def first_seq(self) -> int:
        """Of the oldest line that is kept, or of the next one where there is none."""
        return self.items[0].seq if self.items else self.next_seq

    @property
    def last_sample_ns(self) -> int:
        """When the newest point was taken; 0 before there is one."""
        return self._recent[-1].at_ns if self._recent else 0

    @property
    def samples(self) -> list[Sample]:
        """All that are kept, the oldest first."""
        return [*self._old, *self._recent]

    def items_from(self, seq: int) -> list[Item]:
        """Lines from this number on."""
        return list(islice(self.items, max(0, seq - self.first_seq), None))

    def samples_after(self, at_ns: int) -> list[Sample]:
        """Recent points later than this."""
        newest_first = takewhile(lambda sample: sample.at_ns > at_ns, reversed(self._recent))
        return list(newest_first)[::-1]

    def note(self, now_ns: int, kind: str, text: str) -> None:
        """A remark from the wires, or of a person's wish."""
        self._put(now_ns, kind, text)

    def on_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        for event in events:
            if isinstance(event, Filled):
                self._put_fill(event)
            else:
                self._put_event(event)
        for command in commands:
            if isinstance(command, Notice):
                self._put_reason(Sent(now_ns, command))
        if now_ns >= self._next_sample_ns:
            self.take_sample(now_ns)

    def take_sample(self, now_ns: int) -> None:
        """A point of the charts, unless this second has one."""
        if self._recent and now_ns // _NS_PER_S <= self._recent[-1].at_ns // _NS_PER_S:
            return
        sample = self._sample(now_ns)
        if sample is None:
            return
        self._next_sample_ns = (now_ns // _NS_PER_S + 1) * _NS_PER_S
        self._recent.append(sample)
        if len(self._recent) > MOST_RECENT:
            self._grow_old(self._recent.popleft())

    def _grow_old(self, sample: Sample) -> None:
        if self._old and sample.at_ns - self._old[-1].at_ns < self._old_spacing_ns:
            return
        self._old.append(sample)
        if len(self._old) > MOST_OLD:
            self._old = self._old[::2]
            self._old_spacing_ns *= 2

    def _put_event(self, event: Event) -> None:
        texts, quote = self._texts, self._instrument.quote
        if isinstance(event, OrderRejected):
            if event.reason not in _TOLD_OTHERWISE:
                self._put(event.at_ns, REFUSED, f"order {event.order_id}: {event.reason.value}")
        elif isinstance(event, PositionCorrected):
            change, price = texts.quantity(event.change_lots), texts.between(event.price_milliticks)
            self._put(event.at_ns, CORRECTION, f"position by {change} {self._instrument.base} at {price} {quote}")
        elif isinstance(event, BalanceCorrected):
            self._put(event.at_ns, CORRECTION, f"balance by {texts.money(event.change_quanta)} {quote}")
        elif isinstance(event, FundingPaid):
            verb = "received" if event.amount_quanta >= 0 else "paid"
            self._put(event.at_ns, FUNDING, f"{verb} {texts.money(abs(event.amount_quanta))} {quote}")
        else:
            self._put_reason(event)

    def _put_reason(self, record: Event | Sent) -> None:
        """What the journal keeps as a reason, in its words."""
        found = row_of(record)
        if found is not None and found[0] is schema.reasons:
            at_ns, kind, text, *_ = found[1]
            self._put(int(at_ns or 0), str(kind), str(text))

    def _put_fill(self, fill: Filled) -> None:
        texts = self._texts
        side = "buy" if fill.side is Side.BUY else "sell"
        price, quantity = texts.price(fill.price_ticks), texts.quantity(fill.lots)
        verb = "bought" if fill.side is Side.BUY else "sold"
        self._add(
            Item(
                seq=self.next_seq,
                at_ns=fill.at_ns,
                kind=FILL,
                text=f"{verb} {quantity} at {price}",
                side=side,
                price=price,
                quantity=quantity,
                fee=texts.money(-fill.fee_quanta),
                is_maker=fill.is_maker,
            )
        )

    def _put(self, at_ns: int, kind: str, text: str) -> None:
        self._add(Item(seq=self.next_seq, at_ns=at_ns, kind=kind, text=redact(text), severity=severity_of(kind)))

    def _add(self, item: Item) -> None:
        self.items.append(item)
        self.next_seq += 1
