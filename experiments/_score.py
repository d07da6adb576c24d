"""The score statistic of two proportions under a stated difference or ratio (Miettinen and Nurminen 1985)."""

from typing import Protocol

import numpy as np

from experiments.contrast import Floats

_POLISHING, _NEAR, _RARE = 3, 1e-6, 1e-4


class Scale(Protocol):
    """What is compared: the difference of two shares, or their ratio.

    `control` and `treatment` are counts of successes among `n0` and `n1` units, arrays of one shape.
    """

    null: float
    least: float
    most: float
    line_end: float

    def __hash__(self) -> int: ...

    def to_line(self, bound: Floats) -> Floats:
        """`bound` where its sampling distribution is about normal: the ratio's logarithm."""

    def from_line(self, place: Floats) -> Floats:
        """The inverse of `to_line`; no finite answer lies beyond `line_end` from 0."""

    def line_error(self, control: Floats, n0: Floats, treatment: Floats, n1: Floats) -> Floats:
        """A rough standard error of `to_line(estimate)`, never 0."""

    def estimate(self, control: Floats, n0: Floats, treatment: Floats, n1: Floats) -> Floats:
        """The observed difference or ratio; infinite to no successes."""

    def statistic(self, control: Floats, n0: Floats, treatment: Floats, n1: Floats, bound: Floats) -> Floats:
        """Standard normal if the truth is `bound`: rises with treatment's successes, falls with control's."""

    def treatment_share(self, control_share: Floats, bound: Floats) -> Floats:
        """Treatment's share of successes when control's is known and the truth is `bound`."""

    def control_shares(self, bound: float) -> tuple[float, float]:
        """The least and the largest share of the control arm that `bound` leaves possible."""

    def swapped(self, bound: Floats) -> Floats:
        """The same truth with the arms' names exchanged; its own inverse."""


class _Difference:
    null, least, most, line_end = 0.0, -1.0, 1.0, 1.0

    def to_line(self, bound: Floats) -> Floats:
        """The difference itself."""
        return bound

    def from_line(self, place: Floats) -> Floats:
        """The difference itself."""
        return place

    def line_error(self, control: Floats, n0: Floats, treatment: Floats, n1: Floats) -> Floats:
        """Wald's standard error, a success and a failure added to either arm."""
        p0, p1 = (control + 1) / (n0 + 2), (treatment + 1) / (n1 + 2)
        return np.asarray(np.sqrt(p0 * (1 - p0) / n0 + p1 * (1 - p1) / n1))

    def estimate(self, control: Floats, n0: Floats, treatment: Floats, n1: Floats) -> Floats:
        """The observed difference."""
        return np.asarray(treatment / n1 - control / n0)

    def statistic(self, control: Floats, n0: Floats, treatment: Floats, n1: Floats, bound: Floats) -> Floats:
        """With the shares that are likeliest at this difference."""
        bound = np.clip(bound, self.least, self.most)
        # Failures where they are the rarer ones: their share has more digits than 1 minus it.
        sign = np.where(2 * (control + treatment) > n0 + n1, -1.0, 1.0)
        control, treatment = np.where(sign < 0, n0 - control, control), np.where(sign < 0, n1 - treatment, treatment)
        bound = sign * bound
        p0, p1 = control / n0, treatment / n1
        q1 = np.clip(_likeliest_treatment_share(p0, p1, n0 / n1, bound), np.maximum(0, bound), np.minimum(1, 1 + bound))
        return np.asarray(sign * _standardised(p1 - p0 - bound, q1 - bound, q1, n0, n1, 1.0))

    def treatment_share(self, control_share: Floats, bound: Floats) -> Floats:
        """Control's share plus the difference."""
        return np.asarray(control_share + bound)

    def control_shares(self, bound: float) -> tuple[float, float]:
        """Those that leave treatment's share between 0 and 1."""
        return max(0.0, -bound), min(1.0, 1 - bound)

    def swapped(self, bound: Floats) -> Floats:
        """The difference with its sign turned."""
        return -bound


class _Ratio:
    null, least, most, line_end = 1.0, 0.0, np.inf, 50.0

    def to_line(self, bound: Floats) -> Floats:
        """The logarithm of the ratio; minus infinity at 0."""
        return np.asarray(np.where(bound > 0, np.log(np.where(bound > 0, bound, 1)), -np.inf))

    def from_line(self, place: Floats) -> Floats:
        """The ratio."""
        return np.exp(np.clip(place, -self.line_end, self.line_end))

    def line_error(self, control: Floats, n0: Floats, treatment: Floats, n1: Floats) -> Floats:
        """That of the log ratio, half a success added to either arm."""
        return np.asarray(np.sqrt(1 / (control + 0.5) + 1 / (treatment + 0.5) - 1 / (n0 + 1) - 1 / (n1 + 1)))

    def estimate(self, control: Floats, n0: Floats, treatment: Floats, n1: Floats) -> Floats:
        """The observed ratio; infinite to no successes."""
        return np.asarray(np.where(control > 0, treatment / n1 / np.where(control > 0, control / n0, 1), np.inf))

    def statistic(self, control: Floats, n0: Floats, treatment: Floats, n1: Floats, bound: Floats) -> Floats:
        """With the shares that are likeliest at this ratio."""
        bound = np.maximum(bound, self.least)
        # The smaller root of the likelihood equation, in the form that loses no digits.
        half = (bound * (n1 + control) + treatment + n0) / 2
        root = np.sqrt(np.maximum(half**2 - (n0 + n1) * bound * (control + treatment), 0))
        q0 = (control + treatment) / (half + root)
        return _standardised(treatment / n1 - bound * control / n0, q0, np.minimum(bound * q0, 1), n0, n1, bound)

    def treatment_share(self, control_share: Floats, bound: Floats) -> Floats:
        """Control's share times the ratio."""
        return np.asarray(control_share * bound)

    def control_shares(self, bound: float) -> tuple[float, float]:
        """Those that leave treatment's share below 1."""
        return 0.0, min(1.0, 1 / bound)

    def swapped(self, bound: Floats) -> Floats:
        """One over the ratio."""
        return np.asarray(1 / bound)


DIFFERENCE: Scale = _Difference()
RATIO: Scale = _Ratio()


def _standardised(distance: Floats, q0: Floats, q1: Floats, n0: Floats, n1: Floats, weight: Floats | float) -> Floats:
    """`distance` in standard errors, with the variance at the likeliest shares and Miettinen-Nurminen's N/(N-1)."""
    units = n0 + n1
    variance = (q1 * (1 - q1) / n1 + weight**2 * q0 * (1 - q0) / n0) * units / (units - 1)
    return np.asarray(distance / np.sqrt(np.maximum(variance, np.finfo(np.float64).tiny)))


def _likeliest_treatment_share(p0: Floats, p1: Floats, theta: Floats, bound: Floats) -> Floats:
    """The root of the cubic likelihood equation (Farrington and Manning 1990), polished by Newton steps.

    Rare successes among very many units leave the closed form few digits. Without a difference it is the pooled share.
    """
    a = 1 + theta
    b = -(1 + theta + p1 + theta * p0 + bound * (theta + 2))
    c = bound**2 + bound * (2 * p1 + theta + 1) + p1 + theta * p0
    d = -p1 * bound * (1 + bound)
    v = (b / (3 * a)) ** 3 - b * c / (6 * a**2) + d / (2 * a)
    u = np.copysign(np.sqrt(np.maximum((b / (3 * a)) ** 2 - c / (3 * a), 0)), v)
    cube = u**3
    cosine = np.clip(v / np.where(cube == 0, 1, cube), -1, 1)
    root = 2 * u * np.cos((np.pi + np.arccos(cosine)) / 3) - b / (3 * a)
    root = np.where(np.maximum(np.maximum(p0, p1), np.abs(bound)) < _RARE, _poisson_share(p0, p1, theta, bound), root)
    for _ in range(_POLISHING):
        slope = (3 * a * root + 2 * b) * root + c
        step = (((a * root + b) * root + c) * root + d) / np.where(slope == 0, np.inf, slope)
        root = np.where(np.abs(step) < _NEAR, root - step, root)
    return np.asarray(np.where(bound == 0, (p1 + theta * p0) / (1 + theta), root))


def _poisson_share(p0: Floats, p1: Floats, theta: Floats, bound: Floats) -> Floats:
    """The likeliest share of the treatment arm if successes were Poisson counts, as rare ones nearly are."""
    weight, pooled = 1 + theta, p1 + theta * p0
    half = (weight * bound + pooled) / 2
    root = np.sqrt(np.maximum(half**2 - weight * p1 * bound, 0))
    larger = half + np.copysign(root, half)
    return np.where(half >= 0, larger, p1 * bound / np.where(larger == 0, 1, larger)) / np.where(half >= 0, weight, 1)
