"""The alerts of a watchdog: somebody is told of everything that it does about a run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from perpmaker.cli.alerting import open_alerts
from perpmaker.cli.watching import nobody
from perpmaker.journal.readers import RunRecord
from perpmaker.monitor.alerts.alerts import Alerts
from perpmaker.monitor.alerts.desk import Alert
from perpmaker.monitor.alerts.kinds import WATCHDOG
from perpmaker.runtime.live.watchdog import Action
from perpmaker.venues.clock import Clock, SystemClock

_FOLLOWS: Final = {
    Action.BEGINS: "its orders are being cancelled",
    Action.RETURNS: "it is left alone and watched again",
}


@contextmanager
def watchdog_alerts(*, are_wanted: bool) -> Iterator[Callable[[RunRecord, Action, str], None]]:
    """What a watchdog tells of its actions; with the block ends the delivery.

    Raises:
        UserError: alerts are wanted, and there is no address for them, or one that is not understood.
    """
    if not are_wanted:
        yield nobody
        return
    clock = SystemClock()
    alerts = open_alerts(clock)
    try:
        yield acts(alerts, clock)
    finally:
        alerts.close()


def acts(alerts: Alerts, clock: Clock) -> Callable[[RunRecord, Action, str], None]:
    """Makes an alert of each action: whose run, what is done, and in the end what was done."""

    def act(run: RunRecord, action: Action, did: str) -> None:
        with alerts.guard:
            text = f"the run {action.value}: {did or _FOLLOWS.get(action, 'there was nothing to do')}"
            alert = Alert(WATCHDOG, run.run_id, text, clock.now_ns())
            alerts.send(alert, f"{run.symbol} on {run.exchange}", run.run_id)

    return act
