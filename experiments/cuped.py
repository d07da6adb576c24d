"""Variance reduction with what was known of a unit before the test (CUPED; Deng, Xu, Kohavi and Walker 2013)."""

from dataclasses import dataclass

import numpy as np

from experiments.contrast import Arm, Difference, Floats, Values, difference


@dataclass(frozen=True, slots=True)
class Covariate:
    """A covariate of one arm: of the arm's units `n` have one; `covariance` is with the metric, over those."""

    n: Floats
    mean: Floats
    variance: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The arms after the adjustment; `theta` in units of the metric per unit of the covariate.

    `reduction` is the share of the variance of the difference that is gone. `imbalance` is the squared distance of the
    arms' mean covariates over what chance allows, `centre_errors` what the common centre's error adds to the squared
    error of either arm's value, `centre_covariance` to their covariance; the difference is free of it.
    """

    control: Arm
    treatment: Arm
    theta: Floats
    reduction: Floats
    imbalance: Floats
    centre_errors: tuple[Floats, Floats]
    centre_covariance: Floats

    def difference(self) -> Difference:
        """The adjusted difference, its squared error including that of theta where covariates differ by chance."""
        plain = difference(self.control, self.treatment)
        error = plain.squared_error * (1 + self.imbalance)
        return Difference(plain.estimate, np.where(np.isfinite(error), error, np.nan), plain.units, plain.df)

    def values(self) -> Values:
        """What the relative difference is made of."""
        inflation = 1 + self.imbalance
        return Values(
            self.control.value,
            self.treatment.value,
            self.control.squared_error * inflation + self.centre_errors[0],
            self.treatment.squared_error * inflation + self.centre_errors[1],
            self.centre_covariance,
        )


def adjust(arms: tuple[Arm, Arm], covariates: tuple[Covariate, Covariate]) -> Adjusted:
    """Both arms as they would be with the same mean covariate.

    theta is pooled over the arms, as in an analysis of covariance with a common slope. Units without a covariate count
    as having the mean of those with one: they stay in the comparison and are not adjusted.
    """
    squares = [np.maximum(c.n - 1, 0) * c.variance for c in covariates]
    products = [np.maximum(c.n - 1, 0) * c.covariance for c in covariates]
    total = squares[0] + squares[1]
    theta = np.where(total > 0, (products[0] + products[1]) / np.where(total > 0, total, 1), 0)
    known = np.maximum(covariates[0].n + covariates[1].n, 1)
    centre = (covariates[0].n * covariates[0].mean + covariates[1].n * covariates[1].mean) / known
    shares = [c.n / np.maximum(arm.n, 1) for arm, c in zip(arms, covariates, strict=True)]
    shifts = [share * (c.mean - centre) for share, c in zip(shares, covariates, strict=True)]
    control, treatment = (_adjust(*parts, theta) for parts in zip(arms, covariates, shifts, strict=True))
    per_unit = total * (1 / np.maximum(arms[0].n, 1) + 1 / np.maximum(arms[1].n, 1))
    imbalance = (shifts[0] - shifts[1]) ** 2 / np.where(per_unit > 0, per_unit, np.inf)
    before, after = difference(*arms).squared_error, difference(control, treatment).squared_error
    at_centre = theta**2 * total / known**2
    return Adjusted(
        control=control,
        treatment=treatment,
        theta=theta,
        reduction=1 - after * (1 + imbalance) / before,
        imbalance=imbalance,
        centre_errors=(shares[0] ** 2 * at_centre, shares[1] ** 2 * at_centre),
        centre_covariance=shares[0] * shares[1] * at_centre,
    )


def _adjust(arm: Arm, covariate: Covariate, shift: Floats, theta: Floats) -> Arm:
    """The arm's metric minus theta times the covariate's distance from the common centre, 0 for units without one."""
    known = np.maximum(covariate.n - 1, 0) / np.maximum(arm.n - 1, 1)
    missing = (arm.n - covariate.n) / np.maximum(covariate.n, 1)
    spread = covariate.variance * known + missing * shift**2
    variance = arm.variance - 2 * theta * covariate.covariance * known + theta**2 * spread
    return Arm(arm.n, arm.value - theta * shift, np.maximum(variance, 0))
