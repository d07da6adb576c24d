"""Two proportions: score test and Miettinen-Nurminen intervals, exact where counts are small."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.optimize import elementwise

from experiments import _exact
from experiments._score import DIFFERENCE, RATIO, Scale
from experiments.contrast import Arm, Flags, Floats, Interval, as_p_value

Counts = tuple[Floats, Floats, Floats, Floats]

_MOST_STEPS = 12
_CLOSE = 1e-11

SMALL_COUNT = 5
"""With a smaller expected count in any cell the normal approximation is not used."""


@dataclass(frozen=True, slots=True)
class Proportions:
    """Successes among the units of a control and a treatment arm; arrays over comparisons of one shape (k,)."""

    control: Floats
    control_n: Floats
    treatment: Floats
    treatment_n: Floats

    null: float = 0.0

    @property
    def estimate(self) -> Floats:
        """Difference of the shares of successes, in [-1, 1]."""
        return DIFFERENCE.estimate(*self._counts)

    @property
    def is_small(self) -> Flags:
        """Where both arms have units, and the smallest expected count of the 2x2 table is below `SMALL_COUNT`."""
        has_units = (self.control_n > 0) & (self.treatment_n > 0)
        return np.asarray(has_units & (smallest_expected(*self._counts) < SMALL_COUNT))

    def p_value(self) -> Floats:
        """Two-sided p-value; where counts are small, twice the smaller exact unconditional one."""
        z = DIFFERENCE.statistic(*self._counts, np.zeros_like(self.control))
        p = as_p_value(2 * special.ndtr(-np.abs(z)))
        for row in np.flatnonzero(self.is_small).tolist():
            table = self._table(row)
            p[row] = min(1.0, 2 * min(_exact.p_above(DIFFERENCE, table, 0.0), _exact.p_below(DIFFERENCE, table, 0.0)))
        return as_p_value(p)

    def p_above(self, bound: float) -> Floats:
        """One-sided p-value of "the difference is at most `bound`"."""
        z = DIFFERENCE.statistic(*self._counts, np.full_like(self.control, bound))
        p = special.ndtr(-z)
        for row in np.flatnonzero(self.is_small).tolist():
            p[row] = _exact.p_above(DIFFERENCE, self._table(row), bound)
        return as_p_value(p)

    def p_below(self, bound: float) -> Floats:
        """One-sided p-value of "the difference is at least `bound`"."""
        return self._swapped().p_above(-bound)

    def interval(self, alpha: Floats | float) -> Interval:
        """Interval of the difference."""
        return self._interval(DIFFERENCE, alpha)

    def lift(self) -> Floats:
        """Ratio of the shares minus 1; NaN where control has no successes."""
        return np.where(self.control > 0, RATIO.estimate(*self._counts) - 1, np.nan)

    def lift_interval(self, alpha: Floats | float) -> Interval:
        """Score interval of the ratio, minus 1: the same statistic as `interval` at no difference; NaN if unbounded."""
        low, high = self._interval(RATIO, alpha)
        return np.where(np.isfinite(high), low - 1, np.nan), np.where(np.isfinite(high), high - 1, np.nan)

    @property
    def _counts(self) -> Counts:
        return self.control, self.control_n, self.treatment, self.treatment_n

    def _table(self, row: int) -> _exact.Table:
        return _exact.Table(*(int(count[row]) for count in self._counts))

    def _swapped(self) -> "Proportions":
        return Proportions(self.treatment, self.treatment_n, self.control, self.control_n)

    def _interval(self, scale: Scale, alpha: Floats | float) -> Interval:
        alpha = np.broadcast_to(np.asarray(alpha, dtype=np.float64), self.control.shape)
        is_defined = np.isfinite(self.estimate if scale is DIFFERENCE else self.lift())
        large = is_defined & ~self.is_small
        control, control_n, treatment, treatment_n = (count[large] for count in self._counts)
        low, high = np.full(self.control.shape, np.nan), np.full(self.control.shape, np.nan)
        low[large], high[large] = _score_interval(scale, (control, control_n, treatment, treatment_n), alpha[large])
        for row in np.flatnonzero(is_defined & self.is_small).tolist():
            low[row], high[row] = _exact.interval(scale, self._table(row), float(alpha[row]))
        return low, high


def proportion_arm(successes: Floats, n: Floats) -> Arm:
    """A proportion as `value` with its binomial variance per unit, for confidence sequences and posteriors."""
    share = successes / np.maximum(n, 1)
    return Arm(n, share, share * (1 - share))


def smallest_expected(control: Floats, control_n: Floats, treatment: Floats, treatment_n: Floats) -> Floats:
    """The smallest expected count of a 2x2 table if both arms had one share of successes."""
    successes = control + treatment
    units = control_n + treatment_n
    return np.asarray(np.minimum(control_n, treatment_n) * np.minimum(successes, units - successes) / units)


def _score_interval(scale: Scale, counts: Counts, alpha: Floats) -> Interval:
    """Where the score statistic is the normal quantile, to either side of the estimate."""
    critical = -special.ndtri(alpha / 2)
    return _bound(scale, counts, critical, scale.least), _bound(scale, counts, -critical, scale.most)


def _bound(scale: Scale, counts: Counts, critical: Floats, limit: float) -> Floats:
    """Where the statistic is `critical`, between the estimate and `limit`."""
    is_inside = scale.estimate(*counts) != limit
    control, control_n, treatment, treatment_n = (row[is_inside] for row in counts)
    bound = np.full(is_inside.shape, limit)
    bound[is_inside] = _solve(scale, (control, control_n, treatment, treatment_n), critical[is_inside])
    return bound


def _solve(scale: Scale, counts: Counts, critical: Floats) -> Floats:
    """The root by secant steps from Wald's bound; bracketed where those have not led to one on the right side.

    The statistic is nearly linear on the scale's line, so that five steps do for almost every table.
    """
    estimate = np.clip(scale.to_line(scale.estimate(*counts)), -scale.line_end, scale.line_end)
    reach = -critical * scale.line_error(*counts)

    def excess(place: Floats, control: Floats, n0: Floats, treatment: Floats, n1: Floats, wanted: Floats) -> Floats:
        return scale.statistic(control, n0, treatment, n1, scale.from_line(place)) - wanted

    place, value = _secant(lambda at: excess(at, *counts, critical), estimate + reach, estimate + 1.05 * reach)
    is_found = (
        (np.abs(value) < _CLOSE) & (np.sign(place - estimate) == np.sign(reach)) & (np.abs(place) < scale.line_end)
    )
    if not is_found.all():
        rows = tuple(row[~is_found] for row in (*counts, critical))
        far = scale.line_end * np.sign(reach[~is_found])
        bracket = np.minimum(estimate[~is_found], far), np.maximum(estimate[~is_found], far)
        place[~is_found] = elementwise.find_root(excess, bracket, args=rows).x
    return scale.from_line(place)


def _secant(function: Callable[[Floats], Floats], before: Floats, place: Floats) -> tuple[Floats, Floats]:
    """The places the secant steps of each element lead to, and the function there."""
    value_before, value = function(before), function(place)
    for _ in range(_MOST_STEPS):
        rise = value - value_before
        step = np.where(rise == 0, 0, value * (place - before) / np.where(rise == 0, 1, rise))
        before, value_before = place, value
        place = place - step
        value = function(place)
        if (np.abs(value) < _CLOSE).all():
            break
    return place, value
