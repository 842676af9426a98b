"""What a run on a real exchange knows of those before it, and what it leaves to those after it. All in the journal.

Rules kept here:

1. Without a journal nothing is known and nothing is kept. On paper the account is new each time: earlier runs, stops
   and days are none of its business.
2. A limit to the loss that was reached, and a budget over all markets, stays in force until `perpmaker clear`. The
   loss of a day and budgets hold for every market of the account.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final

from perpmaker import __version__
from perpmaker.cli.request import WireSettings
from perpmaker.cli.running import is_running
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.events import EndReason
from perpmaker.domain.instrument import Instrument
from perpmaker.journal.limits import Latch, active_latches, day_profit, set_latch
from perpmaker.journal.live import TAGS_KEPT_NS, end_dead_run, recent_tags, unfinished_runs
from perpmaker.journal.processes import this_host
from perpmaker.journal.readers import NOT_STARTED, load_run
from perpmaker.journal.writer import Journal, RunJournal, RunStart
from perpmaker.runtime.live.daily_loss import DailyLoss, utc_day
from perpmaker.runtime.live.preflight import Known
from perpmaker.venues.clock import Clock
from perpmaker.venues.port import VenueFacts
from perpmaker.venues.redaction import redact

_MOST_TAGS: Final = 1 << 16
"""Tags to choose from, where a venue's client ids would carry more."""

_OF_THE_ACCOUNT: Final = frozenset({EndReason.MAX_DAILY_LOSS, EndReason.BUDGET, EndReason.BUDGET_LOSS})
_LATCHING: Final = frozenset({EndReason.MAX_LOSS, EndReason.MAX_DRAWDOWN}) | _OF_THE_ACCOUNT


class LiveMemory:
    """The journal, as one session uses it.

    Args:
        journal: None keeps nothing.
        facts: of the venue.
        wires: the exchange, and how to trade there.
        clock: the time of day.
    """

    def __init__(self, journal: Journal | None, facts: VenueFacts, wires: WireSettings, clock: Clock) -> None:
        self._journal = journal if wires.is_live else None
        self._any_journal = journal
        self._facts = facts
        self._wires = wires
        self._clock = clock

    def known(self, symbol: str, price_milliticks: int) -> Known:
        """What the checklist must know of earlier runs of this account and market."""
        if self._journal is None:
            return Known(price_milliticks=price_milliticks)
        account, now_ns = self._facts.account, self._clock.now_ns()
        runs = unfinished_runs(self._journal, account, symbol)
        return Known(
            price_milliticks=price_milliticks,
            latches=[latch.text for latch in active_latches(self._journal, account, symbol)],
            running=[run.tag for run in runs if run.tag is not None and is_running(run, now_ns)],
            dead=[run.tag for run in runs if run.tag is not None and not is_running(run, now_ns)],
        )

    def new_tag(self, seen: Iterable[int], random_below: Callable[[int], int]) -> int:
        """A tag that no order of this account carries, as far as the journal and the orders ``seen`` tell.

        Raises:
            InvalidSettingError: there is none left.
        """
        taken = frozenset(seen)
        if self._journal is not None:
            taken |= recent_tags(self._journal, self._facts.account, self._clock.now_ns() - TAGS_KEPT_NS)
        free = [tag for tag in range(1, min(self._facts.max_tag, _MOST_TAGS) + 1) if tag not in taken]
        if not free:
            raise InvalidSettingError(
                f"all {self._facts.max_tag} tags that orders of {self._facts.name} can carry were used by runs of the "
                "last 30 days"
            )
        return free[random_below(len(free))]

    def about_run(
        self,
        instrument: Instrument,
        tag: int,
        *,
        settings: Mapping[str, str],
        command_line: str,
        provenance: Mapping[str, str],
    ) -> RunStart:
        """What the journal is told of a run that begins now. ``provenance`` is what it has of others."""
        wires, facts = self._wires, self._facts
        return RunStart(
            version=__version__,
            exchange=wires.exchange,
            symbol=instrument.symbol,
            market_type="perp",
            mode="live" if wires.is_live else "paper",
            seed=None,
            command_line=redact(command_line),
            settings=settings,
            instrument=instrument,
            provenance={"market": facts.name, **provenance},
            started_at_ns=self._clock.now_ns(),
            account=facts.account if wires.is_live else None,
            tag=tag,
            pid=os.getpid(),
            host=this_host(),
            endpoint=wires.base_url,
        )

    def daily_loss(self, instrument: Instrument, run: RunJournal | None) -> DailyLoss:
        """Counts the day from what the account's other runs have made of it."""
        now_ns = self._clock.now_ns()
        carried = Decimal(0)
        if self._journal is not None and run is not None:
            carried = day_profit(self._journal, self._facts.account, utc_day(now_ns), excluding_run_no=run.run_no)
        limit, to_quanta = self._wires.max_daily_loss, instrument.money_to_quanta
        return DailyLoss(to_quanta(limit) if limit else None, to_quanta(carried), now_ns)

    def latch(self, reason: EndReason, symbol: str, run: RunJournal | None) -> None:
        """Rule 2."""
        if self._journal is None or run is None or reason not in _LATCHING:
            return
        latch = Latch(
            account=self._facts.account,
            symbol=None if reason in _OF_THE_ACCOUNT else symbol,
            kind=reason.value,
            text=f"run {run.run_id} ended by its {reason.value}",
            run_id=run.run_id,
            set_at_ns=self._clock.now_ns(),
        )
        set_latch(self._journal, latch)

    def was_not_started(self, run: RunJournal | None) -> None:
        """Nothing was sent: the run has no summary, but an end."""
        if self._any_journal is not None and run is not None:
            run.flush()
            end_dead_run(self._any_journal, load_run(self._any_journal, run.run_id), NOT_STARTED)
