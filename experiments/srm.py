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
_SMALL = 1000.0


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
    log_odds = _log_odds(counts, shares / shares.sum())
    return SampleRatio(float(p_value), float(as_p_value(np.exp(-max(log_odds, 0.0)))))


def _log_odds(counts: Floats, shares: Floats) -> float:
    """Logarithm of the Bayes factor against the allotted shares.

    The gamma functions are taken apart by Stirling's formula: their large terms are a deviance that is computed without
    cancellation, so that the digits last up to 2^53 units.
    """
    prior = _PRIOR_UNITS * shares
    arms, whole = prior + counts, _PRIOR_UNITS + counts.sum()
    away = (counts - counts.sum() * shares) / (whole * shares)
    deviance = whole * shares * ((1 + away) * np.log1p(away) - away)
    posterior = deviance - np.log(arms) / 2 + _remainder(arms)
    return float(
        (posterior + prior * np.log(shares) - special.gammaln(prior)).sum()
        + np.log(whole) / 2
        - _remainder(whole)
        + special.gammaln(_PRIOR_UNITS)
        + (len(counts) - 1) / 2 * np.log(2 * np.pi)
    )


def _remainder(z: Floats | float) -> Floats:
    """What Stirling's formula without its series leaves of the logarithm of the gamma function."""
    small = np.minimum(z, _SMALL)
    exact = special.gammaln(small) - (small - 0.5) * np.log(small) + small - np.log(2 * np.pi) / 2
    return np.where(np.asarray(z) > _SMALL, 1 / (12 * np.asarray(z)), exact)
