"""Whether the means of skewed values are normal enough to be compared by Welch's test, and a second opinion where
not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from experiments.contrast import Arm

_UNITS_PER_SQUARED_SKEWNESS = 355
_LEAST_SKEWNESS = 1e-6

LEAST_REPLICATES = 200
"""Fewer bootstrap replicates do not tell a 2.5 % tail."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of one arm's values beyond mean and variance; either may be missing."""

    skewness: float | None
    replicates: tuple[float, ...] | None


def needed_units(skewness: float) -> int:
    """Units an arm for a normal approximation of the mean: 355·skewness² (Kohavi, Deng, Longbotham and Xu 2014)."""
    return math.ceil(min(_UNITS_PER_SQUARED_SKEWNESS * skewness**2, 2.0**53))


def bootstrap_interval(control: Sequence[float], treatment: Sequence[float], alpha: float) -> tuple[float, float]:
    """Percentile interval of the difference of means, from replicate means of both arms (Efron 1979)."""
    replicates = np.subtract(treatment[: len(control)], control[: len(treatment)])
    low, high = np.quantile(replicates, [alpha / 2, 1 - alpha / 2])
    return float(low), float(high)


def transformed_interval(
    control: Arm, treatment: Arm, skewness: tuple[float, float], alpha: float
) -> tuple[float, float]:
    """Interval of the difference of means with its skewness taken out by Hall's (1992) cubic transformation, for two
    samples as in Zhou and Dinh (2005). Scalars; both arms have at least two units. NaN where nothing varies."""
    squared = float(control.squared_error), float(treatment.squared_error)
    error = math.sqrt(squared[0] + squared[1])
    if not error > 0:
        return math.nan, math.nan
    parts = (
        skew * e**1.5 / math.sqrt(float(arm.n))
        for skew, e, arm in zip(skewness, squared, (control, treatment), strict=True)
    )
    of_control, of_treatment = parts
    gamma = (of_treatment - of_control) / error**3
    estimate = float(treatment.value) - float(control.value)
    z = -float(special.ndtri(alpha / 2))
    return estimate - error * _inverse(z, gamma), estimate - error * _inverse(-z, gamma)


def _inverse(x: float, gamma: float) -> float:
    """The inverse of Hall's transformation t + g t²/3 + g² t³/27 + g/6; the identity without skewness."""
    if abs(gamma) < _LEAST_SKEWNESS:
        return x
    return 3 / gamma * (float(np.cbrt(1 + gamma * (x - gamma / 6))) - 1)
