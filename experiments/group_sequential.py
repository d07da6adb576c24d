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

from experiments.contrast import SMALLEST_P, Contrast, Floats, Interval, as_p_value
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
    """The result at the last of the looks at `fractions` of the planned sample, the earlier ones having shown nothing.

    `fixed` is the test of a sample of fixed size, held to the level that this look has left (the significance level
    approach of Jennison and Turnbull 2000, 3.3); its interval is the repeated confidence interval. Two-sided with
    alpha/2 for either side: crossing to one side does not give alpha back to the other.
    """

    fixed: Contrast
    fractions: tuple[float, ...]

    @property
    def estimate(self) -> Floats:
        """The difference, in the metric's unit."""
        return self.fixed.estimate

    @property
    def null(self) -> float:
        """The difference if there is no effect."""
        return self.fixed.null

    def p_value(self) -> Floats:
        """The least alpha at which this look would show a difference."""
        return self._at_all_looks(self.fixed.p_value())

    def p_above(self, bound: float) -> Floats:
        """One-sided p-value of "the difference is at most `bound`"."""
        return self._one_sided(self.fixed.p_above(bound))

    def p_below(self, bound: float) -> Floats:
        """One-sided p-value of "the difference is at least `bound`"."""
        return self._one_sided(self.fixed.p_below(bound))

    def interval(self, alpha: Floats | float) -> Interval:
        """The fixed test's interval at this look's level."""
        return self.fixed.interval(self.level(alpha))

    def lift(self) -> Floats:
        """The difference relative to the size of the control's value."""
        return self.fixed.lift()

    def lift_interval(self, alpha: Floats | float) -> Interval:
        """The fixed test's interval of the relative difference at this look's level."""
        return self.fixed.lift_interval(self.level(alpha))

    def level(self, alpha: Floats | float) -> Floats:
        """The two-sided level that this look may use up of `alpha`."""
        levels = np.asarray(alpha, dtype=np.float64)
        found = [2 * special.ndtr(-_boundaries(float(level) / 2, self.fractions)[-1]) for level in levels.flat]
        return np.array(found).reshape(levels.shape)

    def _one_sided(self, p_values: Floats) -> Floats:
        tail = np.minimum(p_values, 1 - p_values)
        half = self._at_all_looks(2 * tail) / 2
        return as_p_value(np.where(p_values < 0.5, half, 1 - half))

    def _at_all_looks(self, p_values: Floats) -> Floats:
        return as_p_value(np.array([_overall(float(p), self.fractions) for p in p_values]))


def _overall(p_value: float, fractions: tuple[float, ...]) -> float:
    """The alpha of which the last look may use up `p_value`, both two-sided."""
    if np.isnan(p_value):
        return p_value
    statistic = -float(special.ndtri(max(p_value, SMALLEST_P) / 2))

    def excess(log_alpha: float) -> float:
        return _boundaries(float(np.exp(log_alpha)) / 2, fractions)[-1] - statistic

    if excess(_MOST_LOG) >= 0:
        return 1.0
    if excess(_LEAST_LOG) <= 0:
        return SMALLEST_P
    return float(np.exp(brentq(excess, _LEAST_LOG, _MOST_LOG, xtol=1e-10)))
