"""Ordinal scores such as a CSAT of 1 to 5: the Brunner-Munzel (2000) test of P(treatment > control) + P(equal)/2."""

import numpy as np

from experiments.contrast import Arm, Floats

_LEAST_MOVED = 0.5


def placements(control: Floats, treatment: Floats) -> tuple[Arm, Arm]:
    """What each arm's scores say against the other's, from counts per score: arrays (..., scores), worst score first.

    A unit's placement is the share of the other arm that scores lower, ties counting half; it lies in [0, 1]. The
    treatment's `value` is P(treatment > control) + P(equal)/2. Where one arm lies wholly above the other no placement
    varies; then the variance is that of counts with half a unit of either arm moved to the other's end.
    """
    arms = _arm(control, treatment), _arm(treatment, control)
    apart = (arms[0].variance + arms[1].variance == 0) & (arms[0].value != arms[1].value)
    if not apart.any():
        return arms
    moved = _moved(control, treatment), _moved(treatment, control)
    softened = _arm(moved[0], moved[1]), _arm(moved[1], moved[0])
    control_arm, treatment_arm = (
        Arm(arm.n, arm.value, np.where(apart, soft.variance, arm.variance))
        for arm, soft in zip(arms, softened, strict=True)
    )
    return control_arm, treatment_arm


def mean_arm(counts: Floats) -> Arm:
    """The scores 1, 2, ... as if they were numbers: mean and variance per unit, from counts (..., scores)."""
    scores = np.arange(1, counts.shape[-1] + 1)
    return _moments(counts, np.broadcast_to(scores, counts.shape))


def _arm(own: Floats, other: Floats) -> Arm:
    total = np.maximum(other.sum(axis=-1, keepdims=True), 1)
    below = np.cumsum(other, axis=-1) - other
    return _moments(own, (below + other / 2) / total)


def _moments(counts: Floats, values: Floats) -> Arm:
    n = counts.sum(axis=-1)
    mean = (counts * values).sum(axis=-1) / np.where(n > 0, n, np.nan)
    squares = (counts * (values - mean[..., None]) ** 2).sum(axis=-1)
    return Arm(n, mean, np.where(n > 1, squares / np.maximum(n - 1, 1), np.nan))


def _moved(own: Floats, other: Floats) -> Floats:
    """`own` with half a unit moved to where `other` is."""
    n = own.sum(axis=-1, keepdims=True)
    place = other / np.maximum(other.sum(axis=-1, keepdims=True), 1)
    return np.asarray(own * (1 - _LEAST_MOVED / np.maximum(n, 1)) + place * _LEAST_MOVED)
