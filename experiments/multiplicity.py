"""Several metrics or arms: adjusted p-values, and for each the level at which its interval agrees with the decision."""

from dataclasses import dataclass

import numpy as np

from experiments.contrast import Floats


@dataclass(frozen=True, slots=True)
class Adjustment:
    """`p_values` adjusted, shape (m,); `alphas` (m,): an interval of level 1 - alphas[i] leaves out no effect exactly
    where p_values[i] is at most alpha."""

    p_values: Floats
    alphas: Floats


def holm(p_values: Floats, alpha: float) -> Adjustment:
    """Holm's (1979) step-down: keeps the chance of any false discovery in the family at `alpha`."""
    m = len(p_values)
    ascending = np.sort(p_values)
    stepwise = np.minimum(np.maximum.accumulate(ascending * np.arange(m, 0, -1)), 1)
    place = np.searchsorted(ascending, p_values)  # equal p-values share the first place, and so the strictest level
    adjusted = np.clip(stepwise[place], p_values, 1)
    rejected = int((stepwise <= alpha).sum())
    return Adjustment(adjusted, alpha / np.maximum(m - np.minimum(place, rejected), 1))


def benjamini_hochberg(p_values: Floats, alpha: float) -> Adjustment:
    """Benjamini and Hochberg's (1995) step-up: keeps the expected share of false discoveries at `alpha`.

    The intervals are those of Benjamini and Yekutieli (2005), which keep the share of selected ones that miss.
    """
    m = len(p_values)
    ascending = np.sort(p_values)
    stepwise = np.minimum.accumulate((ascending * m / np.arange(1, m + 1))[::-1])[::-1]
    adjusted = np.clip(stepwise[np.searchsorted(ascending, p_values)], p_values, 1)
    rejected = int((adjusted <= alpha).sum())
    return Adjustment(adjusted, np.full(m, alpha * max(rejected, 1) / max(m, 1)))
