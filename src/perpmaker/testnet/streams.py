"""The streams: who listens to what, and the frames that go to them.

Rules kept here:

1. A frame asks for several streams and gets all of them or an error: one unknown name, or one private stream without a
   valid signature, and nothing of it is done.
2. A private stream shows the account of the key that signed for it, and nothing else.
3. Frames of a connection are in the order of the notices. Depth in real time has one update or more per message, and
   ``U`` is always ``u + 1`` of the message before.
4. What answers a subscription to positions is the open position without an event, if there is one.
5. Streams that are due from time to time (`stream_timers`) run only while somebody listens.
6. A stream of a symbol is told by that market; streams without one (liquidations, and an account as a whole) by all.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from perpmaker.testnet.api_errors import ApiError
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.fault_kinds import FaultKind
from perpmaker.testnet.fault_streams import StreamGate
from perpmaker.testnet.faults import Faults
from perpmaker.testnet.klines import INTERVALS_NS
from perpmaker.testnet.notices import (
    BookTickerChanged,
    DepthChanged,
    Liquidated,
    MarkPriceChanged,
    Notice,
    OrderChanged,
    PositionChanged,
    Traded,
)
from perpmaker.testnet.signing import verify_subscription
from perpmaker.testnet.stream_names import (
    INVALID_SIGNATURE,
    TOO_MANY_STREAMS,
    Request,
    Stream,
    StreamError,
    StreamKind,
    read_frame,
    read_stream,
)
from perpmaker.testnet.stream_payloads import Payload, Payloads
from perpmaker.testnet.stream_timers import StreamTimers
from perpmaker.testnet.subscriber import Subscriber
from perpmaker.testnet.wire import Wire

MOST_STREAMS: Final = 500
"""Streams that one connection may have."""

_INTERVALS: Final = frozenset(INTERVALS_NS)


class _Voice:
    """One market, how its messages are written, and its streams that are due from time to time."""

    def __init__(self, testnet: Testnet, streams: "Streams") -> None:
        instrument = testnet.instrument
        self.testnet: Final = testnet
        self.symbol: Final = instrument.symbol
        self.payloads: Final = Payloads(self.symbol, instrument.quote, Wire(instrument))
        self.timers: Final = StreamTimers(testnet, self.payloads, testnet.clock.now_ns, streams.publish)
        self._streams = streams
        testnet.listeners.append(self._on_notice)

    def close(self) -> None:
        self.timers.close()
        self.testnet.listeners.remove(self._on_notice)

    def _on_notice(self, notice: Notice) -> None:
        self._streams.tell(self, notice)


class Streams:
    """Listens to the markets of a testnet and speaks to every websocket.

    Args:
        testnet: the exchange whose notices are told.
        faults: what goes wrong on the way.
    """

    def __init__(self, testnet: Testnet, faults: Faults) -> None:
        self._testnet = testnet
        self._faults = faults
        self._subscribers: dict[Subscriber, None] = {}
        self._listeners: dict[tuple[str, str | None], dict[Subscriber, StreamKind]] = {}
        self.gate: Final = StreamGate(faults, lambda: self._subscribers)
        self._voices = {market.instrument.symbol: _Voice(market, self) for market in testnet.markets}

    @property
    def subscribers(self) -> Iterable[Subscriber]:
        return self._subscribers

    def add(self, subscriber: Subscriber) -> None:
        self._subscribers[subscriber] = None

    def remove(self, subscriber: Subscriber) -> None:
        for name in list(subscriber.streams):
            self._unsubscribe(subscriber, name)
        self._subscribers.pop(subscriber, None)
        self.gate.forget(subscriber)

    def on_frame(self, subscriber: Subscriber, text: str | bytes) -> None:
        """Do what a client's frame asks for, or answer with an error."""
        try:
            request = read_frame(text)
            self._carry_out(subscriber, request)
        except StreamError as error:
            subscriber.send(error.frame())

    def close(self) -> None:
        for voice in self._voices.values():
            voice.close()
        self.gate.close()

    # What clients ask for

    def _carry_out(self, subscriber: Subscriber, request: Request) -> None:
        try:
            streams = [read_stream(name, self._voices.keys(), _INTERVALS) for name in request.params]
            if request.method == "UNSUBSCRIBE":
                for stream in streams:
                    self._unsubscribe(subscriber, stream.name)
                return
            account = self._account(request) if any(stream.kind.is_private for stream in streams) else None
        except StreamError as error:
            error.frame_id = request.id
            raise
        if len(subscriber.streams.keys() | set(request.params)) > MOST_STREAMS:
            raise StreamError(TOO_MANY_STREAMS, f"Too many streams: at most {MOST_STREAMS}", request.id)
        for stream in streams:
            self._subscribe(subscriber, stream, account if stream.kind.is_private else None)

    def _account(self, request: Request) -> str:
        """Name of the account that the signature of a frame belongs to."""
        if request.signature is None:
            raise StreamError(INVALID_SIGNATURE, "Invalid signature: private streams need one")
        try:
            signature = [str(part) for part in request.signature]
            now_ns = self._now_ns() + self._faults.amount(FaultKind.CLOCK_SKEW) * 1_000_000
            return verify_subscription(self._testnet, signature, now_ns).name
        except ApiError as error:
            raise StreamError(INVALID_SIGNATURE, str(error)) from None

    def _subscribe(self, subscriber: Subscriber, stream: Stream, account: str | None) -> None:
        self._unsubscribe(subscriber, stream.name)
        subscriber.streams[stream.name] = stream
        if account is not None:
            subscriber.accounts[stream.name] = account
        self._listeners.setdefault((stream.name, account), {})[subscriber] = stream.kind
        for voice in self._of(stream):
            voice.timers.wanted(stream)
            if stream.kind is StreamKind.POSITION_UPDATE and account is not None:
                self._tell_position(voice, subscriber, stream, account)

    def _unsubscribe(self, subscriber: Subscriber, name: str) -> None:
        stream = subscriber.streams.pop(name, None)
        if stream is None:
            return
        key = name, subscriber.accounts.pop(name, None)
        listeners = self._listeners[key]
        del listeners[subscriber]
        if not listeners:
            del self._listeners[key]
            for voice in self._of(stream):
                voice.timers.unwanted(stream)

    def _of(self, stream: Stream) -> list[_Voice]:
        """Rule 6."""
        return list(self._voices.values()) if stream.symbol is None else [self._voices[stream.symbol]]

    def _tell_position(self, voice: _Voice, subscriber: Subscriber, stream: Stream, account: str) -> None:
        view = voice.testnet.accounts[account].view(voice.testnet.mark_milliticks)
        if view.lots != 0:
            now_ns = self._now_ns()
            payload = voice.payloads.position_update(now_ns, now_ns, None, view)
            self.gate.deliver(stream.kind, subscriber, _frame(stream.name, payload))

    # What the testnet tells

    def tell(self, voice: _Voice, notice: Notice) -> None:
        """A notice of one market, to all who listen to it."""
        symbol, payloads, now_ns = voice.symbol, voice.payloads, self._now_ns()
        if isinstance(notice, DepthChanged):
            voice.timers.on_depth(notice)
            first, last = notice.first_update_id, notice.last_update_id
            self.publish(
                f"depth.{symbol}",
                lambda: payloads.depth(now_ns, first, last, notice.bids, notice.asks, notice.at_ns),
            )
        elif isinstance(notice, BookTickerChanged):
            self.publish(f"bookTicker.{symbol}", lambda: payloads.book_ticker(now_ns, notice))
        elif isinstance(notice, Traded):
            self.publish(f"trade.{symbol}", lambda: payloads.trade(now_ns, notice))
            voice.timers.on_trade(notice)
        elif isinstance(notice, MarkPriceChanged):
            self.publish(f"markPrice.{symbol}", lambda: payloads.mark_price(now_ns, notice))
        elif isinstance(notice, Liquidated):
            self.publish("liquidation", lambda: payloads.liquidation(now_ns, notice))
        elif isinstance(notice, OrderChanged):
            self._publish_private(
                StreamKind.ORDER_UPDATE, symbol, notice.order.account, lambda: payloads.order_update(now_ns, notice)
            )
        else:
            self._tell_position_changed(voice, now_ns, notice)

    def _tell_position_changed(self, voice: _Voice, now_ns: int, notice: PositionChanged) -> None:
        self._publish_private(
            StreamKind.POSITION_UPDATE,
            voice.symbol,
            notice.account,
            lambda: voice.payloads.position_update(now_ns, notice.at_ns, notice.event, notice.position),
        )

    def _publish_private(self, kind: StreamKind, symbol: str, account: str, make: Callable[[], Payload]) -> None:
        for name in (kind.value, f"{kind.value}.{symbol}"):
            self.publish(name, make, account)

    def publish(self, name: str, make: Callable[[], Payload], account: str | None = None) -> None:
        """Make a frame if anybody listens, and send it to all who do."""
        listeners = self._listeners.get((name, account))
        if listeners is None:
            return
        frame = _frame(name, make())
        for subscriber, kind in list(listeners.items()):
            self.gate.deliver(kind, subscriber, frame)

    def _now_ns(self) -> int:
        return self._testnet.clock.now_ns()


def _frame(name: str, payload: Payload) -> bytes:
    return msgspec.json.encode({"data": payload, "stream": name})
