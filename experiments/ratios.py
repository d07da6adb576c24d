"""Ratios of two per-unit sums, such as contacts per message clustered by customer (Deng, Knoblich and Lu 2018)."""

from dataclasses import dataclass

import numpy as np

from experiments.contrast import Arm, Floats


@dataclass(frozen=True, slots=True)
class RatioArm:
    """Per-unit sums of one arm; arrays of one shape. `covariance` is that of numerator and denominator."""

    n: Floats
    numerator_mean: Floats
    denominator_mean: Floats
    numerator_variance: Floats
    denominator_variance: Floats
    covariance: Floats

    @property
    def value(self) -> Floats:
        """Sum of numerators over sum of denominators; NaN where nothing is in the denominator."""
        return np.asarray(self.numerator_mean / self._denominator)

    def arm(self) -> Arm:
        """The ratio with its per-unit variance by the delta method: that of (numerator - ratio·denominator)/mean."""
        spread = self.numerator_variance - 2 * self.value * self.covariance + self.value**2 * self.denominator_variance
        return Arm(self.n, self.value, np.maximum(spread, 0) / self._denominator**2)

    def covariance_with(self, numerator: Floats, denominator: Floats) -> Floats:
        """Covariance of the linearised ratio with a covariate, of which these are the covariances with its parts."""
        return np.asarray((numerator - self.value * denominator) / self._denominator)

    @property
    def _denominator(self) -> Floats:
        return np.where(self.denominator_mean == 0, np.nan, self.denominator_mean)
