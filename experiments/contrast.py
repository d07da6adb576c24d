"""The difference between two arms: estimate, p-value and intervals that always tell the same story.

Everything is an array over comparisons, so that one call serves a report, its segments or a thousand simulated tests.
What cannot be computed is NaN in here; `analysis` says why.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Interval = tuple[Floats, Floats]

SMALLEST_P = float(np.finfo(np.float64).tiny)
"""The smallest normal double, 2.2e-308: a p-value is never reported as 0."""


class Reference(Protocol):
    """What a statistic, the estimate in standard errors, is held against."""

    def critical(self, alpha: Floats | float) -> Floats:
        """How many standard errors a two-sided interval of level 1 - `alpha` reaches to either side."""

    def p_value(self, statistic: Floats) -> Floats:
        """Two-sided p-value in [SMALLEST_P, 1]; at most alpha exactly where |statistic| is at least
        `critical(alpha)`."""


class Contrast(Protocol):
    """A difference and its tests. `estimate` is treatment minus control, `null` its value without an effect."""

    @property
    def estimate(self) -> Floats:
        """The difference, in the metric's unit."""

    @property
    def null(self) -> float:
        """The difference if there is no effect."""

    def p_value(self) -> Floats:
        """Two-sided p-value of no effect."""

    def p_above(self, bound: float) -> Floats:
        """One-sided p-value of "the difference is at most `bound`"; small where it is above."""

    def p_below(self, bound: float) -> Floats:
        """One-sided p-value of "the difference is at least `bound`"; small where it is below."""

    def interval(self, alpha: Floats | float) -> Interval:
        """Two-sided interval of level 1 - `alpha`; leaves out `null` exactly where the p-value is at most alpha."""

    def lift(self) -> Floats:
        """The difference relative to the size of the control's value; NaN where that is 0."""

    def lift_interval(self, alpha: Floats | float) -> Interval:
        """Interval of `lift`, leaving out 0 exactly where `interval` leaves out `null`; NaN where it is unbounded."""


@dataclass(frozen=True, slots=True)
class StudentT:
    """Student's t distribution with `df` degrees of freedom; infinity is the normal distribution."""

    df: Floats

    def critical(self, alpha: Floats | float) -> Floats:
        """The 1 - alpha/2 quantile."""
        tail = np.asarray(alpha, dtype=np.float64) / 2
        finite = np.isfinite(self.df)
        return np.asarray(-np.where(finite, special.stdtrit(np.where(finite, self.df, 1), tail), special.ndtri(tail)))

    def p_value(self, statistic: Floats) -> Floats:
        """Both tails beyond the statistic."""
        finite = np.isfinite(self.df)
        beyond = -np.abs(statistic)
        tail = np.where(finite, special.stdtr(np.where(finite, self.df, 1), beyond), special.ndtr(beyond))
        return as_p_value(2 * tail)


@dataclass(frozen=True, slots=True)
class Arm:
    """What was observed of one arm: `n` units, the metric's `value`, and its `variance` per unit (value² / n is not
    it)."""

    n: Floats
    value: Floats
    variance: Floats

    @property
    def squared_error(self) -> Floats:
        """Squared standard error of `value`; NaN with fewer than two units."""
        return np.where(self.n > 1, self.variance / np.maximum(self.n, 1), np.nan)


@dataclass(frozen=True, slots=True)
class Difference:
    """An observed difference: `estimate`, its `squared_error`, the `units` of both arms, and Welch's `df`.

    NaN in `squared_error` where there are too few units or no variance at all.
    """

    estimate: Floats
    squared_error: Floats
    units: Floats
    df: Floats
    null: float = 0.0


def difference(control: Arm, treatment: Arm) -> Difference:
    """Treatment minus control, with Welch's (1947) degrees of freedom.

    A proportion's arms have no t distribution; see `proportions`.
    """
    estimate = treatment.value - control.value
    return Difference(estimate, *_welch(control, treatment))


def _welch(control: Arm, treatment: Arm) -> tuple[Floats, Floats, Floats]:
    errors = control.squared_error, treatment.squared_error
    total = errors[0] + errors[1]
    total = np.where((total > 0) & np.isfinite(total), total, np.nan)
    shares = errors[0] / total, errors[1] / total
    df = 1 / (shares[0] ** 2 / np.maximum(control.n - 1, 1) + shares[1] ** 2 / np.maximum(treatment.n - 1, 1))
    return total, control.n + treatment.n, df


def placement_difference(control: Arm, treatment: Arm) -> Difference:
    """As `difference`, for ordinal scores: `value` of the treatment is P(treatment > control) + P(equal)/2."""
    return Difference(treatment.value, *_welch(control, treatment), null=0.5)


@dataclass(frozen=True, slots=True)
class Values:
    """What a relative difference is made of: both arms' values, their squared standard errors, and their covariance."""

    control: Floats
    treatment: Floats
    control_squared_error: Floats
    treatment_squared_error: Floats
    covariance: Floats | float = 0.0


def values(control: Arm, treatment: Arm) -> Values:
    """The values of two arms observed independently of each other."""
    return Values(control.value, treatment.value, control.squared_error, treatment.squared_error)


@dataclass(frozen=True, slots=True)
class Wald:
    """An estimate held against a reference in units of its standard error.

    Welch's test with Student's t; a confidence sequence or a planned look with theirs. `ratio` is None for ordinal
    scores, which have no relative difference. `least`, `most`: the values the difference can take.
    """

    observed: Difference
    reference: Reference
    ratio: Values | None = None
    least: float = -np.inf
    most: float = np.inf

    @property
    def estimate(self) -> Floats:
        """The difference, in the metric's unit."""
        return self.observed.estimate

    @property
    def null(self) -> float:
        """The difference if there is no effect."""
        return self.observed.null

    def p_value(self) -> Floats:
        """Two-sided p-value of no effect."""
        return self.reference.p_value(self._statistic(self.null))

    def p_above(self, bound: float) -> Floats:
        """One-sided p-value of "the difference is at most `bound`"."""
        statistic = self._statistic(bound)
        half = self.reference.p_value(statistic) / 2
        return as_p_value(np.where(statistic > 0, half, 1 - half))

    def p_below(self, bound: float) -> Floats:
        """One-sided p-value of "the difference is at least `bound`"."""
        statistic = self._statistic(bound)
        half = self.reference.p_value(statistic) / 2
        return as_p_value(np.where(statistic < 0, half, 1 - half))

    def interval(self, alpha: Floats | float) -> Interval:
        """The estimate give or take `reference.critical` standard errors."""
        reach = self.reference.critical(alpha) * np.sqrt(self.observed.squared_error)
        low, high = self.estimate - reach, self.estimate + reach
        return np.clip(low, self.least, self.most), np.clip(high, self.least, self.most)

    def lift(self) -> Floats:
        """The relative difference; NaN for ordinal scores."""
        if self.ratio is None:
            return np.full_like(self.estimate, np.nan)
        return relative(self.ratio.control, self.ratio.treatment)

    def lift_interval(self, alpha: Floats | float) -> Interval:
        """Fieller's interval at the very critical value of `interval`."""
        if self.ratio is None:
            return self.lift(), self.lift()
        low, high = fieller(self.ratio, self.reference.critical(alpha))
        has_error = np.isfinite(self.observed.squared_error)
        return np.where(has_error, low, np.nan), np.where(has_error, high, np.nan)

    def _statistic(self, bound: float) -> Floats:
        return np.asarray((self.estimate - bound) / np.sqrt(self.observed.squared_error))


def relative(control: Floats, treatment: Floats) -> Floats:
    """(treatment - control) / |control|: has the sign of the difference also where values are negative. NaN at 0."""
    return np.asarray((treatment - control) / np.where(control == 0, np.nan, np.abs(control)))


def fieller(ratio: Values, critical: Floats) -> Interval:
    """Fieller's (1954) interval of the relative difference; leaves out 0 exactly where Wald's leaves out no difference.

    NaN where the control's value lies within `critical` standard errors of 0: then no finite interval exists.
    """
    size = np.where(ratio.control == 0, np.nan, np.abs(ratio.control))
    error = ratio.control_squared_error
    g = critical**2 * error / size**2
    rest = np.where(g < 1, 1 - g, np.nan)
    quotient, shift = ratio.treatment / size, np.sign(ratio.control)
    covariance = shift * ratio.covariance
    slope = np.where(error > 0, covariance / np.where(error > 0, error, 1), 0)
    centre = (quotient - g * slope) / rest
    spread = (
        ratio.treatment_squared_error * rest - 2 * quotient * covariance + quotient**2 * error + g * slope * covariance
    )
    reach = critical / (size * rest) * np.sqrt(np.maximum(spread, 0))
    return np.asarray(centre - reach - shift), np.asarray(centre + reach - shift)


def as_p_value(p: Floats) -> Floats:
    """`p` within [SMALLEST_P, 1]."""
    return np.clip(p, SMALLEST_P, 1)
