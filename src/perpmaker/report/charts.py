"""The charts of a report, in the order of its page."""

from perpmaker.report import charts_of_execution, charts_of_money, charts_over_time
from perpmaker.report.figures import Chart
from perpmaker.report.run_data import RunReport


def charts(report: RunReport) -> list[Chart]:
    """Every chart that there is data for, in the order of the page."""
    found: list[Chart] = []
    if report.equity:
        found.append(charts_over_time.equity(report))
    if report.price:
        found.append(charts_over_time.price(report))
    found.append(charts_over_time.position(report))
    if report.attribution is not None:
        found += charts_of_money.attribution(report, report.attribution)
    if report.curves:
        found.append(charts_of_execution.markouts(report.curves))
    if report.inventory:
        found.append(charts_of_execution.inventory(report))
    return found
