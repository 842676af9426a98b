"""Streams that are due from time to time: aggregated depth, k-lines, the ticker, open interest.

Rules kept here:

1. A timer runs only while somebody listens, and aggregated depth and k-lines only while there is something to say.
2. An aggregated depth message holds the last size of every level that changed in its period, and the first and the last
   update id of it, so that these streams are sequential too.
3. A k-line is told when a trade has changed it, at most once a second, and once more, closed, when its time is over.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from perpmaker.domain.orders import Side
from perpmaker.simulation.depth_book import Level
from perpmaker.testnet.exchange import Testnet
from perpmaker.testnet.notices import DepthChanged, Traded
from perpmaker.testnet.stream_names import DEPTH_PERIODS_MS, Stream, StreamKind
from perpmaker.testnet.stream_payloads import Payload, Payloads

TICKER_S: Final = 1.0
OPEN_INTEREST_S: Final = 60.0
KLINE_S: Final = 1.0

_Publish = Callable[[str, Callable[[], Payload]], None]


class _DepthPeriod:
    """What one aggregated stream has gathered since its last message."""

    def __init__(self) -> None:
        self.first_id = 0
        self.last_id = 0
        self.at_ns = 0
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}

    @property
    def is_empty(self) -> bool:
        return self.last_id == 0

    def add(self, notice: DepthChanged) -> None:
        self.first_id = self.first_id or notice.first_update_id
        self.last_id = notice.last_update_id
        self.at_ns = notice.at_ns
        self.bids.update(notice.bids)
        self.asks.update(notice.asks)

    def levels(self, side: Side) -> list[Level]:
        """Best first."""
        held = self.bids if side is Side.BUY else self.asks
        return [Level(price, held[price]) for price in sorted(held, reverse=side is Side.BUY)]


class StreamTimers:
    """Keeps the times of the streams that are wanted.

    Args:
        testnet: where candles and statistics come from.
        payloads: writes the messages.
        now_ns: the testnet's time of day.
        publish: sends a message to those who listen to a stream.
    """

    def __init__(self, testnet: Testnet, payloads: Payloads, now_ns: Callable[[], int], publish: _Publish) -> None:
        self._testnet = testnet
        self._payloads = payloads
        self._now_ns = now_ns
        self._publish = publish
        self._depths: dict[Stream, _DepthPeriod] = {}
        self._klines: dict[Stream, float] = {}  # when its last message was sent, s of the loop
        self._timers: dict[tuple[Stream, str], asyncio.TimerHandle] = {}

    def wanted(self, stream: Stream) -> None:
        """Somebody listens (again)."""
        if stream.kind is StreamKind.DEPTH and stream.detail:
            self._depths.setdefault(stream, _DepthPeriod())
        elif stream.kind is StreamKind.KLINE:
            self._klines.setdefault(stream, -KLINE_S)
        elif stream.kind is StreamKind.TICKER:
            self._later(stream, "", TICKER_S, self._tell_ticker)
        elif stream.kind is StreamKind.OPEN_INTEREST:
            self._later(stream, "", OPEN_INTEREST_S, self._tell_open_interest)

    def unwanted(self, stream: Stream) -> None:
        """Nobody listens any more."""
        self._depths.pop(stream, None)
        self._klines.pop(stream, None)
        for key in [key for key in self._timers if key[0] == stream]:
            self._timers.pop(key).cancel()

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def on_depth(self, notice: DepthChanged) -> None:
        for stream, period in self._depths.items():
            if period.is_empty:
                self._later(stream, "", DEPTH_PERIODS_MS[stream.detail] / 1000, self._tell_depth)
            period.add(notice)

    def on_trade(self, _notice: Traded) -> None:
        now_s = asyncio.get_running_loop().time()
        for stream, told_s in self._klines.items():
            self._later(stream, "changed", max(0.0, told_s + KLINE_S - now_s), self._tell_kline)
            self._await_close(stream)

    def _later(self, stream: Stream, what: str, delay_s: float, act: Callable[[Stream], None]) -> None:
        """Do something once, unless it is waited for already."""
        key = stream, what
        if key in self._timers:
            return

        def fire() -> None:
            del self._timers[key]
            act(stream)

        self._timers[key] = asyncio.get_running_loop().call_later(delay_s, fire)

    def _tell_depth(self, stream: Stream) -> None:
        period = self._depths[stream]
        self._depths[stream] = _DepthPeriod()
        bids, asks = period.levels(Side.BUY), period.levels(Side.SELL)
        self._publish(
            stream.name,
            lambda: self._payloads.depth(self._now_ns(), period.first_id, period.last_id, bids, asks, period.at_ns),
        )

    def _tell_kline(self, stream: Stream) -> None:
        candle = self._testnet.klines.current(stream.detail)
        if candle is not None and self._now_ns() < candle.end_ns:
            self._klines[stream] = asyncio.get_running_loop().time()
            self._publish(stream.name, lambda: self._payloads.kline(self._now_ns(), candle, is_closed=False))

    def _await_close(self, stream: Stream) -> None:
        candle = self._testnet.klines.current(stream.detail)
        if candle is None:
            return

        def tell_closed(stream: Stream) -> None:
            self._publish(stream.name, lambda: self._payloads.kline(self._now_ns(), candle, is_closed=True))

        left_ns = max(0, candle.end_ns - self._now_ns())
        self._later(stream, f"closes at {candle.end_ns}", left_ns / 1e9, tell_closed)

    def _tell_ticker(self, stream: Stream) -> None:
        self._later(stream, "", TICKER_S, self._tell_ticker)
        now_ns = self._now_ns()
        day = self._testnet.klines.statistics("1d", now_ns)
        if day is not None:
            self._publish(stream.name, lambda: self._payloads.ticker(now_ns, day))

    def _tell_open_interest(self, stream: Stream) -> None:
        self._later(stream, "", OPEN_INTEREST_S, self._tell_open_interest)
        lots = self._testnet.open_interest_lots
        self._publish(stream.name, lambda: self._payloads.open_interest(self._now_ns(), lots))
