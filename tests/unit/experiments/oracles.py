"""Random inputs for the tests of formulas, and oracles that are computed another way than the library's."""

from collections.abc import Sequence

import numpy as np
from scipy import optimize, stats

from experiments.contrast import Arm, Floats, StudentT, Wald, difference, values

RELATIVE = 1e-6
"""How closely a number must agree with an independent oracle's."""


def generator(seed: int) -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(seed)


def column(*numbers: float) -> Floats:
    """Numbers as the formulas take them: an array over comparisons."""
    return np.array(numbers, dtype=np.float64)


def assert_close(actual: object, expected: object, relative: float = RELATIVE, absolute: float = 0.0) -> None:
    """Fails unless all numbers agree, NaN with NaN."""
    np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), rtol=relative, atol=absolute)


def arm_of(samples: Sequence[Floats]) -> Arm:
    """The sufficient statistics of samples, one comparison each."""
    return Arm(
        column(*map(len, samples)),
        column(*(sample.mean() for sample in samples)),
        column(*(sample.var(ddof=1) if len(sample) > 1 else np.nan for sample in samples)),
    )


def welch(control: Arm, treatment: Arm) -> Wald:
    """Welch's test with Fieller's interval, as `metrics` puts it together."""
    observed = difference(control, treatment)
    return Wald(observed, StudentT(observed.df), values(control, treatment))


def samples(rng: np.random.Generator, count: int, least: int = 2, most: int = 60) -> list[Floats]:
    """Samples of random size, place and spread, around half of them skewed."""
    found = []
    for i in range(count):
        n = int(rng.integers(least, most))
        drawn = rng.standard_normal(n) if i % 2 else rng.standard_gamma(0.7, n)
        found.append(rng.uniform(-5, 5) + rng.uniform(0.2, 4) * drawn)
    return found


def score_statistic(counts: tuple[float, float, float, float], bound: float) -> float:
    """Miettinen and Nurminen's statistic of control and treatment (successes, units, successes, units) at a difference.

    The likelihood under the difference is concave in control's share: its maximum is where its slope changes sign.
    """
    x0, n0, x1, n1 = counts
    width = 1 - abs(bound)

    def shares(above: float) -> tuple[float, float, float, float]:
        """Successes and failures of control, then of treatment, as sums that lose no digits."""
        below = width - above
        if bound >= 0:
            return above, bound + below, bound + above, below
        return above - bound, below, above, below - bound

    def slope(above: float) -> float:
        counted = (x0, x0 - n0, x1, x1 - n1)
        return sum(count / share for count, share in zip(counted, shares(above), strict=True) if count)

    least, most = width * 1e-16, width * (1 - 1e-15)
    if slope(least) <= 0:
        above = 0.0
    elif slope(most) >= 0:
        above = width
    else:
        above = optimize.brentq(slope, least, most, xtol=1e-300, rtol=1e-14)
    p, not_p, q, not_q = shares(above)
    variance = (p * not_p / n0 + q * not_q / n1) * (n0 + n1) / (n0 + n1 - 1)
    return float((x1 / n1 - x0 / n0 - bound) / np.sqrt(variance))


def score_interval(counts: tuple[float, float, float, float], alpha: float) -> tuple[float, float]:
    """The differences that the statistic above does not reject; for tables without an empty cell."""
    x0, n0, x1, n1 = counts
    estimate, z = x1 / n1 - x0 / n0, stats.norm.isf(alpha / 2)
    low = optimize.brentq(lambda bound: score_statistic(counts, bound) - z, -1 + 1e-6, estimate, xtol=1e-18)
    high = optimize.brentq(lambda bound: score_statistic(counts, bound) + z, estimate, 1 - 1e-6, xtol=1e-18)
    return low, high


def random_tables(
    rng: np.random.Generator, count: int, least: int = 20, most: int = 3000
) -> tuple[Floats, Floats, Floats, Floats]:
    """Successes and units of control, then of treatment: arrays (count,), of any share."""
    n0, n1 = (np.exp(rng.uniform(np.log(least), np.log(most), count)).round() for _ in range(2))
    p0 = rng.uniform(0.02, 0.98, count)
    p1 = np.clip(p0 + rng.normal(0, 0.1, count), 0.01, 0.99)
    return rng.binomial(n0.astype(int), p0) * 1.0, n0, rng.binomial(n1.astype(int), p1) * 1.0, n1
