"""The end of a fleet: a table of its markets with totals, and the same for programs.

Rules kept here:

1. A market that never traded is shown with its exit code and no figures: unknown is not zero.
2. Amounts are added only within one quote currency.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perpmaker.cli.exit_codes import ExitCode
from perpmaker.domain.instrument import Instrument
from perpmaker.risk.budgets import Use
from perpmaker.runtime.summary import Summary

_PLACES = Decimal("0.000001")
_WIDE = 132


class FleetResult(NamedTuple):
    """How one market ended; no summary where it never traded or was abandoned."""

    name: str
    instrument: Instrument | None
    summary: Summary | None
    code: ExitCode

    @property
    def net(self) -> Decimal:
        assert self.summary is not None
        return self.summary.equity_end - self.summary.equity_start


def show_fleet(results: Sequence[FleetResult], budgets: Sequence[Use]) -> None:
    """A row a market, a total a currency, and the budgets."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE  # nothing is cut off for programs and files
    table = Table(box=None, padding=(0, 2), header_style="bold")
    for name in ("market", "net", "fees", "fills", "volume", "position", "ended"):
        table.add_column(name, justify="left" if name in {"market", "ended"} else "right", no_wrap=name != "ended")
    for result in results:
        table.add_row(*_row(result))
    for quote, total in totals(results).items():
        net, fees, volume = f"{total['net']:+.6f}", f"{total['fees']:+.6f}", f"{total['volume']:.2f} {quote}"
        table.add_row("all", net, fees, str(total["fills"]), volume, "", "", style="bold")
    console.print()
    console.print(table)
    for use in budgets:
        console.print(Text(f"budget {use.name}: {amount(use.used):.2f} of {amount(use.limit):.2f}"))


def totals(results: Sequence[FleetResult]) -> dict[str, dict[str, Any]]:
    """Sums by quote currency."""
    found: dict[str, dict[str, Any]] = {}
    for result in results:
        summary, instrument = result.summary, result.instrument
        if summary is None or instrument is None:
            continue
        total = found.setdefault(
            instrument.quote,
            {"net": Decimal(0), "fees": Decimal(0), "funding": Decimal(0), "fills": 0, "volume": Decimal(0)},
        )
        total["net"] += result.net
        total["fees"] -= summary.fees
        total["funding"] += summary.funding
        total["fills"] += summary.fills
        total["volume"] += summary.volume_quote
    return found


def as_json(fleet_id: str, results: Sequence[FleetResult], budgets: Sequence[Use], code: ExitCode) -> dict[str, Any]:
    """Everything for a file; amounts are text, exact."""
    return {
        "fleet": fleet_id,
        "exit_code": int(code),
        "markets": {
            result.name: {
                "exit_code": int(result.code),
                "summary": None if result.summary is None else result.summary.as_json(),
            }
            for result in results
        },
        "totals": {
            quote: {name: value if isinstance(value, int) else f"{value:f}" for name, value in total.items()}
            for quote, total in totals(results).items()
        },
        "budgets": [
            {"name": use.name, "used": str(amount(use.used)), "limit": str(amount(use.limit))} for use in budgets
        ],
    }


def amount(value: Fraction) -> Decimal:
    """An amount to the millionth."""
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(_PLACES)


def _row(result: FleetResult) -> tuple[str, ...]:
    summary, instrument = result.summary, result.instrument
    if summary is None or instrument is None:
        return (result.name, "", "", "", "", "", result.code.name.lower().replace("_", " "))
    return (
        result.name,
        f"{result.net:+.6f}",
        f"{-summary.fees:+.6f}",
        str(summary.fills),
        f"{summary.volume_quote:.2f} {instrument.quote}",
        f"{summary.position} {instrument.base}",
        summary.run.end_reason.value,
    )
