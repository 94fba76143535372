"""Read and write argument lists as Go's pflag does.

Both commands and the exec blocks of kubeconfigs use the same flags. Their names are
Azure/kubelogin's, whose kubeconfigs must work unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kubeauth.options.duration import parse_duration
from kubeauth.options.settings import FLAGS, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["BY_FIELD", "BY_NAME", "FlagError", "parse", "to_argv", "value_of"]

BY_NAME: Final[Mapping[str, Flag]] = {
    name: flag for flag in FLAGS for name in (flag.name, *flag.aliases)
}
BY_FIELD: Final[Mapping[str, Flag]] = {flag.field: flag for flag in FLAGS}
_BY_SHORT: Final[Mapping[str, Flag]] = {flag.short: flag for flag in FLAGS if flag.short}

# Spellings of a boolean that Go's flag package accepts.
_BOOLEANS: Final = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


class FlagError(ValueError):
    """A flag in an argument list has no value; the text names the flag."""


def value_of(flag: Flag, text: str) -> Any:
    """Return one flag's value. Raises ValueError with a sentence about ``text``."""
    if flag.kind is bool:
        if text not in _BOOLEANS:
            raise ValueError(f"{text!r} is neither true nor false")
        return _BOOLEANS[text]
    return parse_duration(text) if flag.kind is float else text


def parse(args: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Split an exec block's arguments into flags by name, and everything else in order.

    Accepts the forms of Go's pflag: ``--name value``, ``--name=value``, ``-l value``, ``-lvalue``,
    ``-l=value`` and bare booleans. Values are text (``true`` for a bare boolean). If a flag appears
    twice, the last value wins. The second part holds unknown arguments unchanged. Raises FlagError
    for a flag without its value.
    """
    found: dict[str, str] = {}
    others: list[str] = []
    rest = iter(args)
    for argument in rest:
        flag, value = _recognise(argument)
        if flag is None:
            others.append(argument)
            continue
        if value is None:
            value = "true" if flag.kind is bool else next(rest, None)
        if value is None:
            raise FlagError(f"{argument} has no value")
        found[flag.name] = value
    return found, others


def _recognise(argument: str) -> tuple[Flag | None, str | None]:
    """Return the flag that an argument names and the value inside the argument, or None."""
    if argument.startswith("--"):
        name, equals, value = argument[2:].partition("=")
        return BY_NAME.get(name), value if equals else None
    if argument.startswith("-") and len(argument) > 1:
        value = argument[2:].removeprefix("=")
        return _BY_SHORT.get(argument[1]), value or None
    return None, None


def to_argv(values: Iterable[tuple[str, str]]) -> list[str]:
    """Write flags as an argument list, in the order given: ``--name value``.

    Write a true boolean as a bare ``--name`` and leave out a false one: absent means false.
    """
    argv: list[str] = []
    for name, value in values:
        if BY_NAME[name].kind is not bool:
            argv += [f"--{name}", value]
        elif _BOOLEANS.get(value):
            argv.append(f"--{name}")
    return argv
