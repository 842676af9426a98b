"""The advice as one HTML file: the ladder as a picture, findings, sentences and expectations as tables.

Built like a report (`perpmaker.report.html`): nothing is fetched, nothing from outside becomes markup.
"""

from collections.abc import Sequence

from perpmaker.advisor.advice import Advice
from perpmaker.advisor.wording import number
from perpmaker.domain.orders import Side
from perpmaker.report.figures import LEGEND, Chart, Figure, rounded
from perpmaker.report.html import chart_card, document, heading
from perpmaker.report.markup import Markup, table, tag


def page(advice: Advice) -> str:
    """The whole page."""
    instrument, case = advice.case.instrument, advice.case
    chart = ladder_chart(advice)
    price = f"{instrument.price_from_milliticks(case.price_milliticks):f} {instrument.quote}"
    below = f"at {price}; " + (f"data: {case.observed.name}" if case.observed else "no market data was given")
    body = [
        heading(f"What these settings do on {instrument.symbol}", below),
        tag("h2", "Findings"),
        tag("div", _findings(advice), class_="card"),
        tag("h2", "The ladder"),
        tag("div", chart_card(chart), class_="charts"),
        tag("h2", "What each setting does here"),
        tag("div", table(("setting", "what it does"), list(advice.sentences.items()), words=(1,)), class_="card"),
        tag("h2", "What to expect"),
        tag("div", _expectations(advice), class_="card"),
    ]
    return document(f"perpmaker: advice on {instrument.symbol}", body, [chart])


def ladder_chart(advice: Advice) -> Chart:
    """Every level as a line over the five positions; where a level would not rest there is a hole."""
    instrument = advice.case.instrument
    positions = [number(instrument.quantity(ladder.position_lots)) for ladder in advice.ladders]
    levels = range(1, advice.case.terms.levels + 1)
    traces = [_trace(advice, positions, side, level) for side in (Side.SELL, Side.BUY) for level in levels]
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "price",
            "x": positions,
            "y": [float(instrument.price_from_milliticks(advice.case.price_milliticks))] * len(positions),
            "line": {"color": "@muted", "width": 1, "dash": "dot"},
        }
    )
    layout = {
        "xaxis": {"type": "category", "title": {"text": f"position, {instrument.base}"}},
        "yaxis": {"title": {"text": f"price, {instrument.quote}"}},
        "legend": LEGEND,
    }
    caption = "What would rest at each position. A hole is a level that would not rest there: at the cap, or no margin."
    return Chart("ladder", f"The ladder by position, {instrument.quote}", caption, traces, layout, 420)


def _trace(advice: Advice, positions: Sequence[str], side: Side, level: int) -> Figure:
    rungs = [ladder.side(side)[level - 1] for ladder in advice.ladders]
    price, quantity = advice.case.instrument.price, advice.case.instrument.quantity
    name = f"{'buy' if side is Side.BUY else 'sell'} {level}"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": list(positions),
        "y": [rounded(float(price(rung.price_ticks))) if rung.lots else None for rung in rungs],
        "text": [f"{quantity(rung.lots):f}" for rung in rungs],
        "hovertemplate": "%{text} at %{y}<extra>" + name + "</extra>",
        "line": {"color": "@buy" if side is Side.BUY else "@sell", "width": 2 if level == 1 else 1},
    }


def _findings(advice: Advice) -> Markup:
    if not advice.findings:
        return tag("p", "Nothing speaks against these settings.")
    rows = [(f.harm.name.lower(), f.setting, f.what, f.why, f.better) for f in advice.findings]
    return table(("harm", "setting", "what", "why", "better"), rows, words=(2, 3, 4))


def _expectations(advice: Advice) -> Markup:
    rows = [(one.name, one.value, one.how) for one in advice.expectations]
    return table(("", "expected", "how it was estimated"), rows, words=(1, 2))
