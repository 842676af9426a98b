"""The driver for simulated time: exchange -> events -> maker -> commands -> exchange, until the maker halts.

Rules kept here:

1. The maker is asked only where its `Wake` says that the answer could differ; the exchange runs compiled up to there.
2. A run ends by the maker's `Halt`, which comes when every order is known to be dead; the driver then asks the exchange
   for what still rests, and says so if the two disagree.
3. Whatever fails, the orders of the run are cancelled before the error goes on.
"""

from collections.abc import Sequence

from perpmaker.domain.commands import ASLEEP, Cancel, Command, Halt, Place
from perpmaker.domain.errors import PerpmakerError
from perpmaker.domain.events import EndReason, Event, StopRequested
from perpmaker.maker.market_maker import MarketMaker
from perpmaker.runtime.observer import Observer
from perpmaker.runtime.outcome import Outcome
from perpmaker.runtime.pace import Pace
from perpmaker.simulation.exchange import SimulatedExchange

LOOK_UP_NS = 600 * 1_000_000_000
"""The longest stretch of simulated time without looking up for an interrupt."""

END_PATIENCE_NS = 600 * 1_000_000_000
"""How long the end of a run may take, beside a few trips to the exchange, before it counts as failed."""

_PATIENCE_STEPS = 10_000
"""Steps after the end of the data in which every answer still in flight has long arrived; also how many steps in one
instant are more than any exchange of messages needs."""

_REQUESTS = (Place, Cancel)

_ANYTHING = ASLEEP._replace(interval_ns=LOOK_UP_NS, on_order=True)
"""Wake for whatever becomes of orders."""


class Replay:
    """One run over one feed.

    Args:
        maker: decides.
        exchange: executes; at its beginning.
        observers: told of every step, in this order.
        pace: holds simulated time back; None lets it run.
    """

    def __init__(
        self, maker: MarketMaker, exchange: SimulatedExchange, observers: Sequence[Observer], pace: Pace | None = None
    ) -> None:
        self._maker = maker
        self._exchange = exchange
        self._observers = observers
        self._pace = pace
        self._longest_latency_ns = exchange.terms.longest_order_latency_ns
        self._stop: EndReason | None = None
        self._halted: EndReason | None = None
        self._ending_since_ns: int | None = None
        self._checked_ns = -1
        self._still_steps = 0
        self.requests = 0

    def request_stop(self, reason: EndReason) -> None:
        """Ask for a clean end; safe to call from a signal handler."""
        self._stop = reason

    def run(self) -> Outcome:
        """Run to the end.

        Raises:
            Exception: whatever the maker or an observer raised, after the run's orders were cancelled.
        """
        try:
            patience = _PATIENCE_STEPS
            while self._halted is None:
                self._step()
                self._check_patience()
                if self._exchange.exhausted:
                    patience -= 1
                    if patience == 0:
                        break
        except BaseException:
            self._cancel_everything()
            raise
        return Outcome(self._halted or EndReason.FEED_EXHAUSTED, len(self._exchange.open_orders()))

    def _check_patience(self) -> None:
        """Neither a clock that stands still nor an end that the exchange never confirms may hold the run for ever."""
        now_ns = self._exchange.now_ns
        if now_ns != self._checked_ns:
            self._checked_ns, self._still_steps = now_ns, 0
        else:
            self._still_steps += 1
            if self._still_steps > _PATIENCE_STEPS:
                raise PerpmakerError(f"the clock stood still at {now_ns} ns for {_PATIENCE_STEPS} steps")
        if not self._maker.is_ending:
            return
        self._ending_since_ns = self._ending_since_ns or now_ns
        latency_ns = self._longest_latency_ns
        if now_ns - self._ending_since_ns > END_PATIENCE_NS + 4 * latency_ns:
            raise PerpmakerError(f"{len(self._maker.orders)} orders were not confirmed dead; they are cancelled again")

    def _step(self) -> None:
        exchange, maker = self._exchange, self._maker
        stop = self._take_stop()
        if stop is not None:
            events: list[Event] = [StopRequested(exchange.now_ns, stop)]
        else:
            horizon_ns = exchange.now_ns + LOOK_UP_NS if self._pace is None else self._pace.horizon_ns(exchange.now_ns)
            events = exchange.advance(maker.wake(), horizon_ns)
        commands: list[Command] = []
        for event in events:
            commands += maker.on_event(event)
        if commands:
            self._carry_out(commands)
        now_ns = exchange.now_ns
        for observer in self._observers:
            observer.on_step(now_ns, events, commands)
        if self._pace is not None:
            self._pace.wait(now_ns)

    def _take_stop(self) -> EndReason | None:
        if self._stop is None and self._exchange.exhausted and not self._maker.is_ending:
            return EndReason.FEED_EXHAUSTED
        stop, self._stop = self._stop, None
        return stop

    def _carry_out(self, commands: Sequence[Command]) -> None:
        """Hand orders and cancels to the exchange: a message for all cancels, a message for all new orders."""
        requests = [command for command in commands if isinstance(command, _REQUESTS)]
        if requests:
            self._exchange.submit(requests)
            self.requests += len({type(request) for request in requests})
        if len(requests) < len(commands):
            for command in commands:
                if isinstance(command, Halt):
                    self._halted = command.reason

    def _cancel_everything(self) -> None:
        """The last resort: the maker cannot be asked any more, but the exchange can."""
        exchange = self._exchange
        exchange.submit([Cancel(order.order_id) for order in exchange.open_orders()])
        for _ in range(_PATIENCE_STEPS):
            if not exchange.open_orders():
                return
            exchange.advance(_ANYTHING._replace(until_ns=exchange.now_ns + LOOK_UP_NS))
