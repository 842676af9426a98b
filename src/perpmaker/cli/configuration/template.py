"""The file that `perpmaker config init` writes: what was answered, and every other key, explained and commented out.

Rules kept here:

1. A key that is commented out shows the value that it has anyway: to uncomment it changes nothing.
2. Only keys that mean something on the market's exchange stand there.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from perpmaker.cli.configuration.keys import Raw
from perpmaker.cli.configuration.loading import config_of
from perpmaker.cli.configuration.settings import MarketConfig, Setting, Source
from perpmaker.cli.configuration.words import cut, toml_text

_WIDTH: Final = 110

_HEAD: Final = """\
# What perpmaker trades: `perpmaker run --config {file}`.
#
# A key is a flag of `perpmaker run`, its name with underscores. A value is a number or the flag's text: 0.0005 and
# "5bp" are the same. What is commented out has the value that stands there. Secrets do not stand in this file: they
# come from the environment, from .env or from the system keyring. Real orders need --live on the command line.
#
#   perpmaker config check {file}     what would run
#   perpmaker config show {file}      every setting, with its source

# Settings of every market that does not set them itself; the same keys as in a market.
[defaults]
"""

_USERS: Final = (
    "# Who may open it with a password. Without users two addresses are printed at the start, each with a token.",
    "# With users others must not be able to read this file: chmod 600.",
    "#   [dashboard.users.ana]",
    '#   role = "trader"                # or "viewer", who only looks',
    '#   password_hash = "$argon2id$..."   # what `perpmaker dashboard hash` prints',
    "",
)


def written(file: Path, answers: Mapping[str, Raw]) -> str:
    """The file's text for one market.

    Raises:
        UserError: the answers do not make a market.
    """
    name = market_name(answers)
    config = config_of(file, {"markets": {name: dict(answers)}}, {})
    return "\n".join(
        [
            _HEAD.format(file=cut(str(file), 200)),
            "# A market, under a name of yours. More of them: more sections [markets.NAME].",
            f"[markets.{name}]",
            *_market_lines(config.markets[0]),
            "# Limits over all markets together, in the quote currency.",
            "[budgets]",
            *_lines(config.budget_settings),
            "# What is the same for all markets.",
            "[run]",
            *_lines(config.run_settings),
            "# The web page: `perpmaker dashboard --config` with this file, or `perpmaker run --dashboard`.",
            "[dashboard]",
            *_lines(config.dashboard.settings),
            *_USERS,
        ]
    )


def market_name(answers: Mapping[str, Raw]) -> str:
    """A name for the market: what is traded there, e.g. ``sol``."""
    base = re.split(r"[^A-Za-z0-9]", str(answers.get("symbol") or ""))[0]
    return base.lower()[:32] or "main"


def _market_lines(market: MarketConfig) -> Iterator[str]:
    panels = dict.fromkeys(setting.key.panel for setting in market.settings.values())
    for panel in panels:
        yield f"# ---- {panel} ----"
        yield ""
        yield from _lines({n: setting for n, setting in market.settings.items() if setting.key.panel == panel})


def _lines(settings: Mapping[str, Setting]) -> Iterator[str]:
    for name, setting in settings.items():
        key = setting.key
        unit = f" Unit: {key.unit}." if key.unit else ""
        choices = f" One of: {', '.join(key.choices)}." if key.choices else ""
        by = f" Here by preset {setting.preset}." if setting.preset else ""
        yield from (f"# {line}" for line in textwrap.wrap(f"{key.help}{choices}{unit}{by}", _WIDTH))
        is_own = setting.source in {Source.MARKET, Source.SECTION}
        if setting.raw is None:
            yield f"# {name} is not set"
        else:
            yield f"{'' if is_own else '# '}{name} = {toml_text(setting.raw)}"
        yield ""
