"""Flags that several commands share, declared once: a dataclass is a group, each of its fields an option.

    @dataclass(frozen=True, kw_only=True)
    class StrategyFlags:
        spread: o.Spread = None

    @with_groups
    def run(*, symbol: o.Symbol = None, strategy: StrategyFlags) -> None: ...

Rules kept here:

1. The command line sees one flat list of options, in the order of the signature, a group's fields in the group's place.
2. The command gets each group as one object: what two commands read from it cannot differ.
"""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """The same command, with the options of its groups in its signature (which typer reads).

    Raises:
        TypeError: two groups, or a group and the command, have an option of the same name.
    """
    groups: dict[str, type] = {}
    options: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        if isinstance(parameter.annotation, type) and is_dataclass(parameter.annotation):
            groups[parameter.name] = parameter.annotation
            options += _options_of(parameter.annotation)
        else:
            options.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    if len({option.name for option in options}) != len(options):
        raise TypeError(f"{command.__name__} has two options of one name")

    def with_flat_options(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    with_flat_options.__name__ = command.__name__
    with_flat_options.__doc__ = command.__doc__
    with_flat_options.__module__ = command.__module__
    with_flat_options.__annotations__ = {option.name: option.annotation for option in options}
    with_flat_options.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # what inspect looks for
    return with_flat_options


def _options_of(group: type) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]
