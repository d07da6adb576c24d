"""Effects by segment, shrunk towards their common mean, and called out only when segments differ more than chance."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from experiments.contrast import Difference, Flags, Floats, Interval, as_p_value

LEAST_UNITS = 30
"""Segments with fewer units in an arm have no estimate of their own."""
_LEAST_FOR_SPREAD = 4


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Cochran's Q test of one effect in all segments: statistic, degrees of freedom, p-value."""

    q: float
    df: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Segments:
    """Effects of one comparison by segment, arrays (segments,); NaN where a segment is too small.

    `shrunk` is the estimate an empirical Bayes analysis gives (normal effects around `overall`, their spread by the
    method of moments, DerSimonian and Laird 1986), `shrunk_error` its standard error (Morris 1983). `heterogeneity` is
    None with fewer than two segments.
    """

    estimate: Floats
    error: Floats
    overall: float
    shrunk: Floats
    shrunk_error: Floats
    heterogeneity: Heterogeneity | None

    def intervals(self, alpha: float) -> Interval:
        """Intervals of level 1 - `alpha` around the shrunk estimates."""
        reach = -special.ndtri(alpha / 2) * self.shrunk_error
        return self.shrunk - reach, self.shrunk + reach

    def differs(self, alpha: float) -> Flags:
        """Where the shrunk interval leaves out the overall effect; to be told only if `heterogeneity` passes."""
        low, high = self.intervals(alpha)
        return np.asarray((low > self.overall) | (high < self.overall))


def shrink(observed: Difference, smallest_arm: Floats) -> Segments:
    """The segments of one comparison; `smallest_arm` (segments,) is the number of units in the smaller arm of each."""
    is_large = (smallest_arm >= LEAST_UNITS) & np.isfinite(observed.squared_error)
    estimate = np.where(is_large, observed.estimate, np.nan)
    error = np.where(is_large, np.sqrt(observed.squared_error), np.nan)
    shrunk, shrunk_error = np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
    count = int(is_large.sum())
    if count < 2:
        overall = float(estimate[is_large][0]) if count else float("nan")
        return Segments(estimate, error, overall, estimate, error, None)
    d, variance = estimate[is_large], error[is_large] ** 2
    weights = 1 / variance
    mean = (weights * d).sum() / weights.sum()
    q = float((weights * (d - mean) ** 2).sum())
    spread = max(0.0, (q - (count - 1)) / (weights.sum() - (weights**2).sum() / weights.sum()))
    overall, shrunk[is_large], shrunk_error[is_large] = _posterior(d, variance, spread)
    heterogeneity = Heterogeneity(q, count - 1, float(as_p_value(special.chdtrc(count - 1, q))))
    return Segments(estimate, error, overall, shrunk, shrunk_error, heterogeneity)


def _posterior(d: Floats, variance: Floats, spread: float) -> tuple[float, Floats, Floats]:
    """Overall mean, and each segment's posterior mean and standard error, that of the mean and spread included."""
    weights = 1 / (variance + spread)
    overall = float((weights * d).sum() / weights.sum())
    pull = variance / (variance + spread)
    uncertainty = (1 - pull) * variance + pull**2 / weights.sum()
    if len(d) >= _LEAST_FOR_SPREAD:
        uncertainty = uncertainty + 2 / (len(d) - 3 + 2) * (pull * (d - overall)) ** 2
    return overall, overall + (1 - pull) * (d - overall), np.sqrt(uncertainty)
