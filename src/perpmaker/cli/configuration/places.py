"""Where in a configuration file a value stands, for a sentence that refuses it."""

from collections.abc import Mapping
from pathlib import Path

from perpmaker.cli.configuration.settings import Setting, Source
from perpmaker.cli.configuration.words import shown


def placed(path: Path, market: str, settings: Mapping[str, Setting], sentence: str) -> str:
    """A sentence about a flag (``--spread 0: must ...``) as one about the place where its value stands."""
    flag, _, rest = sentence.partition(": ")
    setting = settings.get(flag.partition(" ")[0].removeprefix("--").replace("-", "_"))
    if not flag.startswith("--") or setting is None or setting.source in {Source.TYPED, Source.TYPED_PRESET}:
        return f"{path}: [markets.{market}]: {sentence}"
    return f"{place_of(path, market, setting)}: {rest}"


def place_of(path: Path, market: str, setting: Setting) -> str:
    """File, section, key and value of a setting of this market."""
    section = "defaults" if setting.source is Source.DEFAULTS else f"markets.{market}"
    by = f" ({setting.origin})" if setting.preset or setting.source is Source.PROGRAM else ""
    here = f", for the market {market}" if setting.source is Source.DEFAULTS else ""
    return f"{path}: [{section}] {setting.key.name} = {shown(setting.raw)}{by}{here}"
