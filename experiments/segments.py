"""Effects by segment, shrunk towards their common mean, and called out only when segments differ more than chance."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from experiments.contrast import Difference, Flags, Floats, Interval, as_p_value

LEAST_UNITS = 30
"""Segments with fewer units in an arm have no estimate of their own."""
_GRID = 96
_NARROWEST, _WIDEST = 0.02, 4.0


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Cochran's Q test of one effect in all segments: statistic, degrees of freedom, p-value."""

    q: float
    df: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Segments:
    """Effects of one comparison by segment, arrays (segments,); NaN where a segment is too small.

    `shrunk` and `shrunk_error` are posterior mean and standard deviation of a hierarchical model: effects are normal
    around `overall`, with flat priors on that mean and on their variance, which keep frequentist coverage (Morris and
    Tang 2011), integrated numerically. `heterogeneity` is None with fewer than two segments.
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
    overall, shrunk[is_large], shrunk_error[is_large] = _posterior(d, variance)
    return Segments(estimate, error, overall, shrunk, shrunk_error, _heterogeneity(d, variance))


def _heterogeneity(d: Floats, variance: Floats) -> Heterogeneity:
    weights = 1 / variance
    q = float((weights * (d - (weights * d).sum() / weights.sum()) ** 2).sum())
    return Heterogeneity(q, len(d) - 1, float(as_p_value(special.chdtrc(len(d) - 1, q))))


def _posterior(d: Floats, variance: Floats) -> tuple[float, Floats, Floats]:
    """Overall mean, and each segment's posterior mean and standard deviation, averaged over the spread's posterior."""
    widest = _WIDEST * max(float(d.std()), float(np.sqrt(np.median(variance))))
    edges = np.geomspace(_NARROWEST * float(np.sqrt(variance.min())), widest, _GRID + 1)
    spread = np.sqrt(edges[:-1] * edges[1:])
    total = variance + spread[:, None] ** 2
    precision = (1 / total).sum(axis=1)
    mean = (d / total).sum(axis=1) / precision
    fit = (np.log(total) + (d - mean[:, None]) ** 2 / total).sum(axis=1) + np.log(precision)
    fit -= 4 * np.log(spread)  # a flat prior on the variance, as a density of the logarithm of its root
    weights = np.exp((fit.min() - fit) / 2)
    weights /= weights.sum()
    pull = variance / total
    own = d + pull * (mean[:, None] - d)
    own_variance = (1 - pull) * variance + pull**2 / precision[:, None]
    centre = weights @ own
    return float(weights @ mean), centre, np.sqrt(weights @ (own_variance + (own - centre) ** 2))
