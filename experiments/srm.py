"""Sample ratio mismatch: whether the arms have the shares of units they were allotted."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from experiments.contrast import Floats, as_p_value

MISMATCH_P = 0.001
"""Below this p-value the split is not chance (Fabijan et al. 2019)."""
SEQUENTIAL_P = 0.01
"""The same for the p-value that holds at every look: looking at the other one daily alarms about as often."""

_PRIOR_UNITS = 100.0
_MOST_EXACT = 1e8  # the gamma functions' terms cancel; beyond, their normal limit has more digits


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """`p_value` of the split under the allocation; `sequential_p_value` holds however often one looks."""

    p_value: float
    sequential_p_value: float


def check(exposures: Floats, weights: Floats) -> SampleRatio | None:
    """Chi-squared test and sequential test of counts (arms,) against weights (arms,); None without any exposure.

    Arms of weight 0 take no part. The sequential test is the Bayes factor of Lindon and Malek (2022): a Dirichlet prior
    around the allotted shares, worth `_PRIOR_UNITS` units, so that shares five points off are likely where half is
    allotted.
    """
    counts, shares = exposures[weights > 0], weights[weights > 0]
    total = counts.sum()
    if total == 0:
        return None
    expected = total * shares / shares.sum()
    statistic = (((counts - expected) ** 2) / expected).sum()
    p_value = as_p_value(special.chdtrc(len(counts) - 1, statistic))
    log_odds = _log_odds(counts, shares / shares.sum(), float(statistic))
    return SampleRatio(float(p_value), float(as_p_value(np.exp(-max(log_odds, 0.0)))))


def _log_odds(counts: Floats, shares: Floats, statistic: float) -> float:
    """Logarithm of the Bayes factor against the allotted shares."""
    total = float(counts.sum())
    if total > _MOST_EXACT:
        loss = (len(counts) - 1) / 2 * np.log1p(total / _PRIOR_UNITS)
        return float(statistic / 2 * total / (total + _PRIOR_UNITS) - loss)
    prior = _PRIOR_UNITS * shares
    arms = special.gammaln(prior + counts) - special.gammaln(prior) - counts * np.log(shares)
    return float(special.gammaln(_PRIOR_UNITS) - special.gammaln(_PRIOR_UNITS + total) + arms.sum())
