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
    order = np.argsort(p_values, kind="stable")
    adjusted, alphas = np.empty(m), np.empty(m)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * np.arange(m, 0, -1)), 1)
    rejected = int((adjusted <= alpha).sum())
    alphas[order] = alpha / np.maximum(m - np.minimum(np.arange(m), rejected), 1)
    return Adjustment(adjusted, alphas)


def benjamini_hochberg(p_values: Floats, alpha: float) -> Adjustment:
    """Benjamini and Hochberg's (1995) step-up: keeps the expected share of false discoveries at `alpha`.

    The intervals are those of Benjamini and Yekutieli (2005), which keep the share of selected ones that miss.
    """
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(m)
    ascending = p_values[order] * m / np.arange(1, m + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(ascending[::-1])[::-1], 1)
    rejected = int((adjusted <= alpha).sum())
    return Adjustment(adjusted, np.full(m, alpha * max(rejected, 1) / max(m, 1)))
