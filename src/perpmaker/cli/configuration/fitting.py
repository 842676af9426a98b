"""Whether the simulated markets of a file can be had, and its sizes fit their instruments. Needs no network."""

from perpmaker.cli.compose import compose
from perpmaker.cli.configuration.places import placed
from perpmaker.cli.configuration.settings import Config
from perpmaker.data.opening import open_data
from perpmaker.domain.errors import ConfigError, UserError


def check_simulated(config: Config) -> None:
    """Put each of them together, and start none. Raises `ConfigError` with the place of what does not fit."""
    for market in config.markets:
        if not market.is_simulated:
            continue
        try:
            compose(open_data(market.plan.data), market.strategy, market.plan.simulation)
        except UserError as error:
            raise ConfigError(placed(config.path, market.name, market.settings, str(error))) from None
