"""One structured line per event of interest: for files, pipes and other programs. Times are the market's own, UTC."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TextIO

import structlog

from perpmaker.domain.commands import Command, Notice
from perpmaker.domain.events import Event, Filled, FundingPaid, GapEnded, GapStarted, OrderRejected
from perpmaker.domain.instrument import Instrument
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.venues.redaction import redact_event

_NS_PER_S = 1_000_000_000


class Lines:
    """Observes a run and writes what matters as ``key=value`` lines; ``market`` names one of several runs."""

    def __init__(self, maker: MarketMaker, instrument: Instrument, file: TextIO, market: str | None = None) -> None:
        self._maker = maker
        self._instrument = instrument
        log = structlog.wrap_logger(
            structlog.PrintLogger(file),
            processors=[
                redact_event,
                structlog.processors.LogfmtRenderer(key_order=["at", "market", "event"], drop_missing=True),
            ],
        )
        self._log = log if market is None else log.bind(market=market)

    def on_step(self, now_ns: int, events: Sequence[Event], commands: Sequence[Command]) -> None:
        for event in events:
            self._tell_event(event)
        for command in commands:
            if isinstance(command, Notice):
                self._tell_notice(now_ns, command)

    def note(self, text: str) -> None:
        """A remark of the program itself."""
        self._log.msg("note", text=text)

    def _tell_event(self, event: Event) -> None:
        instrument = self._instrument
        match event:
            case Filled():
                self._say(
                    event.at_ns,
                    "fill",
                    side=event.side.name.lower(),
                    price=instrument.price(event.price_ticks),
                    quantity=instrument.quantity(event.lots),
                    maker=str(event.is_maker).lower(),
                    fee=f"{instrument.money(event.fee_quanta):f}",
                    position=instrument.quantity(self._maker.position.lots),
                )
            case OrderRejected():
                self._say(event.at_ns, "order_refused", order=event.order_id, reason=event.reason.value)
            case FundingPaid() if event.amount_quanta:
                self._say(event.at_ns, "funding", amount=f"{instrument.money(event.amount_quanta):f}")
            case GapStarted():
                self._say(event.at_ns, "gap_started")
            case GapEnded():
                self._say(event.at_ns, "gap_ended")
            case _:
                pass  # books, trades, marks and acknowledgements are the normal course

    def _tell_notice(self, now_ns: int, notice: Notice) -> None:
        self._say(
            now_ns,
            notice.kind.value.replace(" ", "_"),
            position=self._instrument.quantity(notice.position_lots),
            unrealized=f"{self._instrument.money(notice.unrealized_quanta):f}",
            detail=notice.detail or None,
        )

    def _say(self, at_ns: int, what: str, **values: object) -> None:
        said = {name: value for name, value in values.items() if value is not None}
        self._log.msg(what, at=_time(at_ns), **said)


def _time(at_ns: int) -> str:
    seconds, rest = divmod(at_ns, _NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"
