"""What differs between two states of a configuration file, and what of it a running program can take up.

Rules kept here:

1. What a market is asked to do can change between two refreshes, and so can budgets. What it was built from cannot: the
   exchange, the market, its data, the account, the journal. The limit to the day's loss is no part of that.
2. Compared is what takes effect. A preset that is replaced by the same numbers changes nothing.
3. Each change that cannot be taken up has its reason, and what to do about it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from perpmaker.cli.configuration.keys import Key
from perpmaker.cli.configuration.settings import Config, MarketConfig, Setting
from perpmaker.cli.configuration.words import shown
from perpmaker.cli.dashboard_flags import DashboardFlags
from perpmaker.cli.flags import ExchangeFlags
from perpmaker.cli.run_flags import FeedFlags, MarketFlags, OutputFlags, WireFlags
from perpmaker.cli.watch_flags import WatchFlags

_OF_THE_START: Final[Mapping[type, str]] = {
    MarketFlags: "it would be another market",
    WireFlags: "the connection to the exchange is set up at the start",
    FeedFlags: "the market data is opened at the start",
    ExchangeFlags: "the simulated exchange and its account are made at the start",
    OutputFlags: "where the run is told is chosen at the start",
    WatchFlags: "who looks on is chosen at the start",
    DashboardFlags: "the page is opened at the start",
}
"""Why no key of these groups can change, but for `MAX_DAILY_LOSS`."""

MAX_DAILY_LOSS: Final = "max_daily_loss"

_END: Final = "when the run ends is fixed at the start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One key whose value is another now.

    ``section`` is its place, ``market`` the market's name (None for sections of all), ``key`` the key's name; it is
    empty for a market that came or went, and for the users of the page. ``reason`` says why it cannot be taken up,
    empty where it can.
    """

    section: str
    market: str | None
    key: str
    before: str
    after: str
    reason: str = ""

    def __str__(self) -> str:
        told = f"[{self.section}] {self.key}: {self.before} -> {self.after}" if self.key else f"[{self.section}]"
        return f"{told}: not applied, {self.reason}; start again to apply it" if self.reason else told


class Changes(NamedTuple):
    """What can be applied between two refreshes, and what cannot."""

    applicable: tuple[Change, ...]
    refused: tuple[Change, ...]


def changes(old: Config, new: Config) -> Changes:
    """What is to be done, where ``old`` runs and the file now says ``new``."""
    found = [
        *_of_section("budgets", None, old.budget_settings, new.budget_settings),
        *_of_section("run", None, old.run_settings, new.run_settings),
        *_of_dashboard(old, new),
        *_of_markets(old, new),
    ]
    return Changes(
        tuple(change for change in found if not change.reason), tuple(change for change in found if change.reason)
    )


def reason_against(key: Key) -> str:
    """Why this key cannot change while its market runs; empty where it can."""
    if key.name == "duration":
        return _END
    if key.name == MAX_DAILY_LOSS:
        return ""
    return _OF_THE_START.get(key.group, "")


def _of_dashboard(old: Config, new: Config) -> Iterator[Change]:
    """Of users only that they are others: what stands there is for nobody's eyes."""
    yield from _of_section("dashboard", None, old.dashboard.settings, new.dashboard.settings)
    if old.dashboard.users != new.dashboard.users:
        reason = _OF_THE_START[DashboardFlags]
        yield Change(section="dashboard.users", market=None, key="", before="", after="", reason=reason)


def _of_markets(old: Config, new: Config) -> Iterator[Change]:
    before = {market.name: market for market in old.markets}
    after = {market.name: market for market in new.markets}
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in after:
            yield _came_or_went(name, "a market ends with the run; `perpmaker cancel` ends it sooner")
        elif name not in before:
            yield _came_or_went(name, "a market is opened at the start")
        else:
            yield from _of_market(before[name], after[name])


def _of_market(before: MarketConfig, after: MarketConfig) -> Iterator[Change]:
    """Where the exchange is another, keys come and go with it: they would be those of another market."""
    is_other = before.exchange != after.exchange
    for change in _of_section(f"markets.{before.name}", before.name, before.settings, after.settings):
        yield replace(change, reason=_OF_THE_START[MarketFlags]) if is_other else change


def _of_section(
    section: str, market: str | None, before: Mapping[str, Setting], after: Mapping[str, Setting]
) -> Iterator[Change]:
    for name in [*before, *(name for name in after if name not in before)]:
        was, now = before.get(name), after.get(name)
        setting = was or now
        if setting is None or name == "preset" or (was and was.value) == (now and now.value):
            continue
        yield Change(
            section=section,
            market=market,
            key=name,
            before=_told(was),
            after=_told(now),
            reason=reason_against(setting.key),
        )


def _came_or_went(name: str, reason: str) -> Change:
    return Change(section=f"markets.{name}", market=name, key="", before="", after="", reason=reason)


def _told(setting: Setting | None) -> str:
    return "not set" if setting is None or setting.raw is None else shown(setting.raw)
