"""How much each signal counts when entries are compared, learned from the base itself."""

from dataclasses import astuple, dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Weights:
    """The combined score of an entry is the sum of weight * signal, in nats; every weight is >= 0.

    The default is where learning starts and what a base without evidence uses: rounded means of what leave-out
    questions taught on ten-phrasing bases, see ADR 8.
    """

    nearest: float = 1.0
    subject: float = 8.0
    learned: float = 6.0
    words: float = 2.5
    spelling: float = 3.5

    def __post_init__(self) -> None:
        """Refuse (ValueError) a weight that is negative, infinite or NaN."""
        if not all(np.isfinite(weight) and weight >= 0 for weight in astuple(self)):
            raise ValueError(f"weights must be finite and >= 0, got {self}")

    def array(self) -> Floats:
        """(5,) in the order of the fields, which is that of the columns of `Examples.signals`."""
        return np.array(astuple(self), dtype=np.float64)


COMBINED = tuple(field.name for field in fields(Weights))
_TINY = np.finfo(np.float64).tiny
# Standard deviations of the weights between bases, the width of the prior around the default.
_SPREAD = np.array([2.0, 4.0, 4.0, 1.5, 1.5])


def leads(scores: Floats) -> Floats:
    """Each score minus the log of the sum of the exponentials of the others: log-odds under a softmax.

    `scores` (..., candidates), -inf for an absent one. 0 where there is no other candidate.
    """
    present = np.isfinite(scores)
    top = np.where(present.any(axis=-1, keepdims=True), scores.max(axis=-1, keepdims=True, initial=-np.inf), 0.0)
    shares = np.exp(scores - top)
    # Sums of the others, not the total minus one's own: the best candidate's share is nearly the total.
    none = np.zeros_like(shares[..., :1])
    before = np.cumsum(np.concatenate([none, shares[..., :-1]], axis=-1), axis=-1)
    after = np.cumsum(np.concatenate([none, shares[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    alone = present.sum(axis=-1, keepdims=True) < 2
    found: Floats = np.where(present & ~alone, scores - top - np.log(np.maximum(before + after, _TINY)), 0.0)
    return found


def absent_candidates(signals: Floats) -> Flags:
    """(questions, candidates) where `signals` (questions, candidates, 5) holds no candidate but NaN."""
    absent: Flags = np.isnan(signals[..., 0])
    return absent


def learn_weights(signals: Floats, right: Integers, importance: Floats) -> Weights:
    """The weights under which the right candidates stand out: maximum a posteriori conditional logit (McFadden 1974).

    `signals` (questions, candidates, 5), NaN in the rows of absent candidates; `right` (questions,) the place of the
    right candidate; `importance` (questions,) > 0. The prior is normal around the default weights, so few questions
    change little.
    """
    absent = absent_candidates(signals)
    known = np.where(absent[..., None], 0.0, signals)
    asked = np.arange(len(right))
    start = Weights().array()

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = np.where(absent, -np.inf, known @ weights)
        top = scores.max(axis=1)
        shares = np.exp(scores - top[:, None])
        total = shares.sum(axis=1)
        chosen = known[asked, right]
        surprise = np.log(total) + top - scores[asked, right]
        expected = np.einsum("qc,qcs->qs", shares / total[:, None], known)
        away = (weights - start) / _SPREAD
        gradient = importance @ (expected - chosen) + away / _SPREAD
        return float(importance @ surprise + away @ away / 2), gradient

    if not len(right):
        return Weights()
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start))
    return Weights(*(float(weight) for weight in found.x))
