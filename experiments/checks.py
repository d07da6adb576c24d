"""Validation helpers: each returns the value it checked, or raises `InvalidInput` naming the place."""

import math
from typing import Any

from experiments.errors import InvalidInput

LARGEST_COUNT = 2**53
"""Beyond this, doubles skip whole numbers, and so does every JSON reader that uses them."""


def number(
    value: Any, path: str, *, least: float = -math.inf, most: float = math.inf, above: float = -math.inf
) -> float:
    """A finite number in [least, most] and greater than `above`; booleans and strings are refused."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(path, f"must be a number, not {_shown(value)}")
    try:
        checked = float(value)
    except OverflowError:
        checked = math.inf
    if not math.isfinite(checked):
        raise InvalidInput(path, f"must be a finite number, not {_shown(value)}")
    if checked < least:
        raise InvalidInput(path, f"must be at least {least:g}, not {checked:g}")
    if checked > most:
        raise InvalidInput(path, f"must be at most {most:g}, not {checked:g}")
    if checked <= above:
        raise InvalidInput(path, f"must be greater than {above:g}, not {checked:g}")
    return checked


def count(value: Any, path: str, *, least: int = 0, most: int = LARGEST_COUNT) -> int:
    """A whole number in [least, most]; 12.0 is one, 12.5, True and anything beyond 2^53 are not."""
    whole = number(value, path)
    if whole != math.floor(whole):
        raise InvalidInput(path, f"must be a whole number, not {value}")
    if whole < least:
        raise InvalidInput(path, f"must be at least {least}, not {value}")
    if int(value) > most:
        told = "2^53, beyond which whole numbers are not exact" if most == LARGEST_COUNT else str(most)
        raise InvalidInput(path, f"must be at most {told}, not {value}")
    return int(value)


def text(value: Any, path: str) -> str:
    """A string that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(path, f"must be a text that is not empty, not {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."
