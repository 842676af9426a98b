"""The whole advice on one case, computed once; terminal, page and JSON only lay it out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from perpmaker.advisor.case import Case
from perpmaker.advisor.expectations import Expectation, expectations
from perpmaker.advisor.finding import Finding
from perpmaker.advisor.findings import findings
from perpmaker.advisor.ladder import LadderAt, Rung, ladders
from perpmaker.advisor.sentences import sentences


@dataclass(frozen=True, slots=True)
class Advice:
    """What the advisor says."""

    case: Case
    ladders: Sequence[LadderAt]
    sentences: dict[str, str]
    expectations: Sequence[Expectation]
    findings: Sequence[Finding]

    def as_json(self) -> dict[str, Any]:
        """For programs: prices and sizes as decimal text, everything else as words."""
        instrument = self.case.instrument
        return {
            "symbol": instrument.symbol,
            "price": f"{instrument.price_from_milliticks(self.case.price_milliticks):f}",
            "data": self.case.observed.name if self.case.observed else None,
            "ladders": [
                {
                    "position": f"{instrument.quantity(ladder.position_lots):f}",
                    "shift": float(ladder.shift),
                    "levels": [self._rung(rung) for rung in ladder.rungs],
                }
                for ladder in self.ladders
            ],
            "settings": self.sentences,
            "expected": [{"name": e.name, "value": e.value, "how": e.how} for e in self.expectations],
            "findings": [
                {"key": f.key, "harm": f.harm.name.lower(), "setting": f.setting, "what": f.what, "why": f.why,
                 "better": f.better}
                for f in self.findings
            ],
        }  # fmt: skip

    def _rung(self, rung: Rung) -> dict[str, Any]:
        instrument = self.case.instrument
        return {
            "side": "buy" if rung.side > 0 else "sell",
            "level": rung.level,
            "price": f"{instrument.price(rung.price_ticks):f}",
            "quantity": f"{instrument.quantity(rung.lots):f}",
            "why_not": rung.refusal.value if rung.refusal else None,
        }


def advise(case: Case) -> Advice:
    """Everything that can be said of it."""
    return Advice(
        case=case,
        ladders=ladders(case.terms, case.price_milliticks),
        sentences=sentences(case),
        expectations=expectations(case),
        findings=findings(case),
    )
