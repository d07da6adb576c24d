"""Numbers of explanations as people read them, rounded towards the side on which what is said of them stays true."""

import math
from collections.abc import Callable
from typing import Any

from babel.numbers import format_percent
from flask_babel import format_decimal, get_locale

_MOST_DECIMALS = 8
# Rounding must not push over the next step what is there but for the last bits.
_BITS = 1e-9


def chance(lead: float) -> float:
    """The share of all chances that a candidate with this lead, in log-odds, has; in [0, 1]."""
    return 0.5 * (1 + math.tanh(lead / 2))


def percent_up(share: float) -> str:
    """The share in percent, rounded up, with as few decimals as it takes not to become 100 %."""
    return _percent(share, lambda value: math.ceil(value - _BITS), 1.0)


def percent_down(share: float) -> str:
    """The share in percent, rounded down, with as few decimals as it takes not to become 0 %."""
    return _percent(share, lambda value: math.floor(value + _BITS), 0.0)


def number_up(value: float) -> str:
    """The number rounded up to a decimal, from 10 on to a whole one."""
    scale = 10 if value < 10 else 1
    return str(format_decimal(math.ceil(value * scale - _BITS) / scale))


def times(nats: float) -> str:
    """How many times as likely something becomes by so many nats, rounded up."""
    return number_up(math.exp(min(nats, 50.0)))


def decimal(value: float) -> str:
    """The number with one decimal."""
    return str(format_decimal(value, "0.0"))


def hundredth(value: float) -> str:
    """The number with two decimals."""
    return str(format_decimal(value, "0.00"))


def hundredth_up(value: float) -> str:
    """The number rounded up to two decimals."""
    return hundredth(math.ceil(value * 100 - _BITS) / 100)


def signed(value: float, decimals: int = 1) -> str:
    """The number with its sign."""
    digits = "0." + "0" * decimals
    return str(format_decimal(value, f"+{digits};-{digits}"))


FILTERS: dict[str, Callable[..., Any]] = {
    "chance": chance,
    "percent_up": percent_up,
    "percent_down": percent_down,
    "number_up": number_up,
    "times": times,
    "decimal": decimal,
    "hundredth": hundredth,
    "hundredth_up": hundredth_up,
    "signed": signed,
}


def _percent(share: float, rounded: Callable[[float], int], never: float) -> str:
    shown = share
    for decimals in range(2, _MOST_DECIMALS):
        shown = rounded(share * 10**decimals) / 10**decimals
        if shown != never or share == never:
            break
    return str(format_percent(shown, locale=get_locale(), decimal_quantization=False))
