"""Read the journal: every run that has ended, with its result and what it cost in fees.

python examples/results.py
"""

from perpmaker.journal import readers
from perpmaker.journal.writer import open_journal

with open_journal() as journal:
    for run in readers.list_runs(journal):
        if run.summary is None:
            continue
        position = readers.replay_position(readers.bookings(journal, run))
        money = run.instrument.money
        print(
            f"{run.run_id}  {run.mode:10}  {run.symbol}  realized {money(position.realized_quanta):+.4f}"
            f"  fees {money(position.fees_quanta):.4f} {run.instrument.quote}  {run.end_reason}"
        )
