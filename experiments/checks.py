"""Validation helpers: each returns the value it checked, or raises `InvalidInput` naming the place."""

import math
import sys
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from experiments.errors import InvalidInput

_MOST = sys.float_info.max
_LONGEST = 200
_NUMBERS = (int, float, np.integer, np.floating)

LARGEST_COUNT = 2**53
"""Beyond this, doubles skip whole numbers, and so does every JSON reader that uses them."""


def number(value: Any, path: str, *, least: float = -_MOST, most: float = _MOST, above: float = -math.inf) -> float:
    """A finite number in [least, most] and greater than `above`; booleans and strings are refused."""
    if _is_number(value) and least <= value <= most and value > above:
        return float(value)
    raise InvalidInput(path, _problem(value, least, most, above))


def count(value: Any, path: str, *, least: int = 0, most: int = LARGEST_COUNT) -> int:
    """A whole number in [least, most]; 12.0 is one, 12.5, True and anything beyond 2^53 are not."""
    if _is_number(value) and least <= value <= most and value == int(value):
        return int(value)
    number(value, path)
    if value != math.floor(value):
        raise InvalidInput(path, f"must be a whole number, not {value}")
    if value < least:
        raise InvalidInput(path, f"must be at least {least}, not {value}")
    told = "2^53, beyond which whole numbers are not exact" if most == LARGEST_COUNT else str(most)
    raise InvalidInput(path, f"must be at most {told}, not {value}")


def _is_number(value: Any) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _problem(value: Any, least: float, most: float, above: float) -> str:
    """What is wrong with a value that is not a number within the bounds."""
    if not _is_number(value):
        return f"must be a number, not {_shown(value)}"
    if not -_MOST <= value <= _MOST:
        return f"must be a finite number, not {_shown(value)}"
    if value < least:
        return f"must be at least {least:g}, not {value:g}"
    if value > most:
        return f"must be at most {most:g}, not {value:g}"
    return f"must be greater than {above:g}, not {value:g}"


def text(value: Any, path: str) -> str:
    """A string that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(path, f"must be a text that is not empty, not {_shown(value)}")
    return value


def name(value: Any, path: str) -> str:
    """A text that can be printed: without line breaks or control characters, at most 200 characters."""
    found = text(value, path)
    if not found.isprintable() or len(found) > _LONGEST:
        raise InvalidInput(path, f"must be printable and of at most {_LONGEST} characters, not {_shown(value)}")
    return found


def mapping(value: Any, path: str = "") -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise InvalidInput(path, "must be an object")
    return value


def known(given: Mapping[str, Any], names: Collection[str], path: str = "") -> None:
    """Raises InvalidInput for a field that is not one of `names`."""
    for given_name in given:
        if given_name not in names:
            raise InvalidInput(within(path, given_name), f"is not known here; known are {', '.join(sorted(names))}")


def field(given: Mapping[str, Any], name: str, path: str = "") -> Any:
    """A field that must be there."""
    if name not in given:
        raise InvalidInput(within(path, name), "is missing")
    return given[name]


def one_of(given: Mapping[str, Any], name: str, choices: tuple[str, ...], path: str = "") -> str:
    """A field that must be one of a few words."""
    value = field(given, name, path)
    if value not in choices:
        raise InvalidInput(within(path, name), f"must be one of {', '.join(choices)}, not {_shown(value)}")
    return str(value)


def within(path: str, name: str) -> str:
    """Where a field stands; a name that cannot be printed is escaped."""
    shown = name if name.isprintable() else ascii(name)
    return f"{path}.{shown}" if path else shown


def _shown(value: Any) -> str:
    if isinstance(value, int) and abs(value) > LARGEST_COUNT:
        return "one beyond 2^53"
    shown = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."
