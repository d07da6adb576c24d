"""A few planned looks: O'Brien-Fleming-like spending of alpha (Lan and DeMets 1983).

Boundaries come from the exact joint distribution of the looks, integrated step by step (Armitage, McPherson and Rowe
1969; grids as in Jennison and Turnbull 2000, chapter 19).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special
from scipy.optimize import brentq

from experiments.contrast import SMALLEST_P, Floats, as_p_value
from experiments.errors import InvalidInput

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(160)
_FARTHEST = 8.5
_LEAST_LOG, _MOST_LOG = np.log(SMALLEST_P), np.log(1 - 1e-12)


def spent(alpha: float, fraction: float) -> float:
    """The one-sided alpha spent when this fraction of the planned information is in: 2 - 2 Phi(z(1 -
    alpha/2)/sqrt(t))."""
    return float(2 * special.ndtr(special.ndtri(alpha / 2) / np.sqrt(fraction)))


def boundaries(alpha: float, fractions: Sequence[float]) -> tuple[float, ...]:
    """Critical values of the standardised statistic for one-sided looks at these fractions of the planned information.

    `fractions` rise and lie in (0, 1]; InvalidInput otherwise. Two-sided looks take alpha/2 for either side.
    """
    check_fractions(fractions)
    return _boundaries(alpha, tuple(fractions))


def check_fractions(fractions: Sequence[float], path: str = "looks") -> None:
    """Raises InvalidInput unless the fractions rise and lie in (0, 1]."""
    if not fractions or min(fractions) <= 0 or max(fractions) > 1:
        raise InvalidInput(path, "must be fractions of the planned sample, in (0, 1]")
    if any(later <= earlier for earlier, later in itertools.pairwise(fractions)):
        raise InvalidInput(path, "must rise from look to look")


@lru_cache(maxsize=4096)
def _boundaries(alpha: float, fractions: tuple[float, ...]) -> tuple[float, ...]:
    found: list[float] = []
    process = _Process()
    before = 0.0
    for fraction in fractions:
        total = spent(alpha, fraction)
        found.append(process.boundary(fraction, total - before))
        process = process.after(fraction, found[-1])
        before = total
    return tuple(found)


def crossing_probabilities(bounds: Sequence[float], fractions: Sequence[float], drift: float = 0.0) -> Floats:
    """The chance of crossing each upper boundary first, shape (looks,).

    `drift` is the expected standardised statistic at fraction 1; 0 without an effect.
    """
    process, chances = _Process(), []
    for bound, fraction in zip(bounds, fractions, strict=True):
        chances.append(process.above(fraction, bound, drift))
        process = process.after(fraction, bound, drift)
    return np.array(chances)


class _Process:
    """The density of the score process (a Brownian motion with drift) at the last look, below all boundaries so far."""

    def __init__(self, fraction: float = 0.0, places: Floats | None = None, mass: Floats | None = None) -> None:
        self._fraction = fraction
        self._places = np.zeros(1) if places is None else places
        self._mass = np.ones(1) if mass is None else mass

    def above(self, fraction: float, bound: float, drift: float = 0.0) -> float:
        """The chance to be above `bound` at the look at `fraction`."""
        step = fraction - self._fraction
        distance = self._places + drift * step - bound * np.sqrt(fraction)
        return float(self._mass @ special.ndtr(distance / np.sqrt(step)))

    def boundary(self, fraction: float, chance: float) -> float:
        """The bound that is crossed with this chance."""
        if chance <= self.above(fraction, _FARTHEST + 30):
            return _FARTHEST + 30
        return float(brentq(lambda bound: self.above(fraction, bound) - chance, -_FARTHEST, _FARTHEST + 30, xtol=1e-12))

    def after(self, fraction: float, bound: float, drift: float = 0.0) -> "_Process":
        """The process at the look at `fraction`, where it has not crossed `bound`."""
        step = fraction - self._fraction
        low = drift * fraction - _FARTHEST * np.sqrt(fraction)
        high = min(bound * np.sqrt(fraction), drift * fraction + _FARTHEST * np.sqrt(fraction))
        half = max(high - low, 0) / 2
        places = low + half * (_NODES + 1)
        steps = (places[:, None] - self._places - drift * step) / np.sqrt(step)
        density = np.exp(-(steps**2) / 2) @ self._mass / np.sqrt(2 * np.pi * step)
        return _Process(fraction, places, density * _WEIGHTS * half)


@dataclass(frozen=True, slots=True)
class PlannedLook:
    """What an estimate is held against at the last of the looks at `fractions`, the earlier ones having shown nothing.

    Two-sided with alpha/2 for either side: crossing to one side does not give alpha back to the other.
    """

    fractions: tuple[float, ...]

    def critical(self, alpha: Floats | float) -> Floats:
        """The boundary of this look; the interval is the repeated confidence interval (Jennison and Turnbull 1989)."""
        levels = np.asarray(alpha, dtype=np.float64)
        found = [_boundaries(float(level) / 2, self.fractions)[-1] for level in levels.flat]
        return np.array(found).reshape(levels.shape)

    def p_value(self, statistic: Floats) -> Floats:
        """The least alpha at which this look would cross its boundary."""
        return as_p_value(np.array([self._p_value(float(z)) for z in np.abs(statistic)]))

    def _p_value(self, statistic: float) -> float:
        if np.isnan(statistic):
            return float("nan")

        def excess(log_alpha: float) -> float:
            return _boundaries(float(np.exp(log_alpha)) / 2, self.fractions)[-1] - statistic

        if excess(_MOST_LOG) >= 0:
            return 1.0
        if excess(_LEAST_LOG) <= 0:
            return SMALLEST_P
        return float(np.exp(brentq(excess, _LEAST_LOG, _MOST_LOG, xtol=1e-10)))
