"""How likely a test finds what is there: the inverse of the very tests that analyse it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import special
from scipy.optimize import brentq

from experiments._exact import binomial
from experiments._score import DIFFERENCE
from experiments.contrast import Flags, Floats, StudentT
from experiments.group_sequential import boundaries, crossing_probabilities
from experiments.ordinal import placements
from experiments.proportions import SMALL_COUNT, Proportions, smallest_expected
from experiments.sequential import LEAST_UNITS, ConfidenceSequence, mixture_variance

_MOST_TABLES = 60_000
_LIKELY = 7.0
_NEGLIGIBLE = 1e-7
_MOST_SHIFT = 30.0
_LARGE_DF, _LARGE_SHIFT, _SMALL_SHIFT = 1e4, 30.0, 6.0  # beyond, the noncentral t distribution or its tail is NaN
_NEVER = 50.0
_FAR = 40.0
_MANY = 1e9
_NEARLY = 0.999
_LEAST_UNITS = 4.0
_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class Sample:
    """Units of the control and the treatment arm, not necessarily whole."""

    n0: float
    n1: float

    @property
    def smaller(self) -> float:
        """Units of the smaller arm."""
        return min(self.n0, self.n1)

    def part(self, fraction: float) -> "Sample":
        """The sample when this fraction of it is in."""
        return Sample(self.n0 * fraction, self.n1 * fraction)


class Tested(Protocol):
    """What a metric is expected to look like. Effects are signed, in the metric's unit, 0 without one."""

    def variances(self, effect: float) -> tuple[float, float]:
        """Variances per unit of the control and the treatment arm under the effect."""

    def is_ready(self, sample: Sample, effect: float) -> bool:
        """Whether as many units and cases as a look needs are expected."""

    def fixed_power(self, sample: Sample, effect: float, alpha: float) -> float:
        """The chance that a sample of fixed size shows the effect in a two-sided test at `alpha`."""


class Outcome(Tested, Protocol):
    """A metric to plan for, whose effects have a largest size."""

    def most(self, sign: int) -> float:
        """The largest size of an effect in this direction, 1 or -1, that is possible or makes sense to look for."""

    def harmless_power(self, sample: Sample, margin: float, alpha: float) -> float:
        """The chance that it shows, without an effect, that the difference is nearer to 0 than `margin`.

        One-sided at `alpha`; a positive margin bounds the difference from above, a negative one from below.
        """


class _TTested(ABC):
    """What is tested by a t statistic: Welch's or Brunner and Munzel's."""

    @abstractmethod
    def variances(self, effect: float) -> tuple[float, float]:
        """Variances per unit of the control and the treatment arm under the effect."""

    def is_ready(self, sample: Sample, effect: float) -> bool:
        """With enough units."""
        return sample.smaller >= LEAST_UNITS

    def fixed_power(self, sample: Sample, effect: float, alpha: float) -> float:
        """By the noncentral t distribution."""
        return t_power(self.variances(effect), sample, effect, alpha)

    def harmless_power(self, sample: Sample, margin: float, alpha: float) -> float:
        """That of finding an effect of the margin's size."""
        return t_power(self.variances(0.0), sample, margin, 2 * alpha)


@dataclass(frozen=True, slots=True)
class MeanOutcome(_TTested):
    """A mean or ratio with this variance per unit in either arm, what CUPED takes off already taken off."""

    variance: float

    def most(self, sign: int) -> float:
        """Any size is possible; one of a thousand standard deviations shows without a test."""
        return 1e3 * float(np.sqrt(self.variance))

    def variances(self, effect: float) -> tuple[float, float]:
        """The same in both arms."""
        return self.variance, self.variance


@dataclass(frozen=True, slots=True)
class OrdinalOutcome(_TTested):
    """Scores with these shares in the control arm, worst first; the treatment shifts their log-odds (McCullagh 1980).

    An effect is P(treatment > control) + P(equal)/2 - 1/2.
    """

    shares: tuple[float, ...]

    def most(self, sign: int) -> float:
        """Nearly as far as a shift can bring it."""
        return _NEARLY * sign * self._effect(sign * _MOST_SHIFT)

    def variances(self, effect: float) -> tuple[float, float]:
        """Variances of the placements."""
        control, treatment = np.array(self.shares), self.treatment_shares(effect)
        arms = placements(control * _MANY, treatment * _MANY)
        return float(arms[0].variance), float(arms[1].variance)

    def treatment_shares(self, effect: float) -> Floats:
        """The treatment's shares under the effect."""
        return self._shifted(float(brentq(lambda at: self._effect(at) - effect, -_MOST_SHIFT, _MOST_SHIFT)))

    def _shifted(self, shift: float) -> Floats:
        """The shares when the log-odds of a higher score are larger by `shift`."""
        below = np.clip(np.cumsum(self.shares), 0, 1)
        return np.diff(special.expit(special.logit(below) - shift), prepend=0.0)

    def _effect(self, shift: float) -> float:
        treatment, control = self._shifted(shift), np.array(self.shares)
        return float(treatment @ (np.cumsum(control) - control / 2)) - 0.5


@dataclass(frozen=True, slots=True)
class ProportionOutcome:
    """A share of successes, `baseline` in the control arm."""

    baseline: float

    def most(self, sign: int) -> float:
        """Nearly as far as a share can go."""
        return _NEARLY * (1 - self.baseline if sign > 0 else self.baseline)

    def variances(self, effect: float) -> tuple[float, float]:
        """Binomial variances."""
        treatment = self.baseline + effect
        return self.baseline * (1 - self.baseline), treatment * (1 - treatment)

    def is_ready(self, sample: Sample, effect: float) -> bool:
        """With enough units, successes and failures."""
        successes = sample.n0 * self.baseline, sample.n1 * (self.baseline + effect)
        cells = smallest_expected(*(np.array(v) for v in (successes[0], sample.n0, successes[1], sample.n1)))
        return sample.smaller >= LEAST_UNITS and bool(cells >= SMALL_COUNT)

    def fixed_power(self, sample: Sample, effect: float, alpha: float) -> float:
        """Power of the score test; where few tables are likely, the sum of those it rejects, exact test included."""
        rejected = self._rejected(sample, effect, lambda tables: tables.p_value() <= alpha)
        return self._normal_power(sample, effect, alpha) if rejected is None else rejected

    def harmless_power(self, sample: Sample, margin: float, alpha: float) -> float:
        """That of the score test at the margin, or the exact one, in the same way."""

        def shows(tables: Proportions) -> Flags:
            return np.asarray((tables.p_below(margin) if margin > 0 else tables.p_above(margin)) <= alpha)

        rejected = self._rejected(sample, 0.0, shows)
        return self._normal_harmless_power(sample, margin, alpha) if rejected is None else rejected

    def _rejected(self, sample: Sample, effect: float, rejects: Callable[[Proportions], Flags]) -> float | None:
        """The chance of the tables that a test rejects; None where too many tables are likely to go through them."""
        n0, n1 = math.ceil(sample.n0), math.ceil(sample.n1)
        counts = [_likely(n, share) for n, share in ((n0, self.baseline), (n1, self.baseline + effect))]
        if counts[0].size * counts[1].size > _MOST_TABLES:
            return None
        chances = np.outer(binomial(counts[0], n0, self.baseline), binomial(counts[1], n1, self.baseline + effect))
        control, treatment = np.meshgrid(*counts, indexing="ij")
        rows = chances > _NEGLIGIBLE
        units = np.full(int(rows.sum()), float(n0)), np.full(int(rows.sum()), float(n1))
        return float(chances[rows][rejects(Proportions(control[rows], units[0], treatment[rows], units[1]))].sum())

    def _normal_power(self, sample: Sample, effect: float, alpha: float) -> float:
        units = sample.n0 + sample.n1
        pooled = self.baseline + effect * sample.n1 / units
        at_null = np.sqrt(pooled * (1 - pooled) * (1 / sample.n0 + 1 / sample.n1) * units / (units - 1))
        at_effect = standard_error(self.variances(effect), sample)
        reach = -special.ndtri(alpha / 2) * at_null
        return float(special.ndtr((effect - reach) / at_effect) + special.ndtr((-effect - reach) / at_effect))

    def _normal_harmless_power(self, sample: Sample, margin: float, alpha: float) -> float:
        n0, n1 = np.array(sample.n0), np.array(sample.n1)
        expected = DIFFERENCE.statistic(n0 * self.baseline, n0, n1 * self.baseline, n1, np.array(margin))
        at_margin = abs(margin / float(expected))
        reach = -special.ndtri(alpha) * at_margin
        return float(special.ndtr((abs(margin) - reach) / standard_error(self.variances(0.0), sample)))


class Rule(Protocol):
    """When a test is looked at, and what it takes to have shown something."""

    @property
    def looks(self) -> int:
        """How often, evenly over the planned sample."""

    def power(self, outcome: Tested, sample: Sample, effect: float, alpha: float) -> float:
        """The chance to have shown the effect, in a two-sided test at `alpha`, once the whole sample is in."""


@dataclass(frozen=True, slots=True)
class AtTheEnd:
    """One look, when the planned sample is in."""

    looks: int = 1

    def power(self, outcome: Tested, sample: Sample, effect: float, alpha: float) -> float:
        """Power of the fixed test."""
        return outcome.fixed_power(sample, effect, alpha)


@dataclass(frozen=True, slots=True)
class AtAnyTime:
    """A confidence sequence tuned at `tuned_alpha`, looked at `looks` times, evenly over the planned sample."""

    looks: int
    tuned_alpha: float

    def power(self, outcome: Tested, sample: Sample, effect: float, alpha: float) -> float:
        """The chance to leave out no effect at any of the looks."""
        fractions = np.arange(1, self.looks + 1) / self.looks
        units = sample.n0 + sample.n1
        sequence = ConfidenceSequence(units * fractions, mixture_variance(units, self.tuned_alpha))
        is_ready = [outcome.is_ready(sample.part(fraction), effect) for fraction in fractions]
        bounds = np.where(is_ready, sequence.critical(alpha), _NEVER)
        return _crossing(bounds, fractions, effect / standard_error(outcome.variances(effect), sample))


@dataclass(frozen=True, slots=True)
class AtPlannedLooks:
    """O'Brien-Fleming-like spending over `looks` looks, evenly over the planned sample."""

    looks: int

    def power(self, outcome: Tested, sample: Sample, effect: float, alpha: float) -> float:
        """The chance to cross a boundary at any of the looks."""
        fractions = np.arange(1, self.looks + 1) / self.looks
        bounds = np.array(boundaries(alpha / 2, fractions.tolist()))
        return _crossing(bounds, fractions, _drift(outcome.fixed_power(sample, effect, alpha), alpha))


def _crossing(bounds: Floats, fractions: Floats, drift: float) -> float:
    """The chance to cross either boundary, that of crossing both not taken off."""
    chances = [crossing_probabilities(bounds.tolist(), fractions.tolist(), d).sum() for d in (drift, -drift)]
    return float(min(1.0, sum(chances)))


def _drift(power: float, alpha: float) -> float:
    """The mean of a standard normal statistic that has this power at one look: what the fixed test's own shape makes
    it."""
    critical = -float(special.ndtri(alpha / 2))

    def excess(drift: float) -> float:
        return float(special.ndtr(drift - critical) + special.ndtr(-drift - critical)) - power

    return 0.0 if power <= alpha else _FAR if excess(_FAR) <= 0 else float(brentq(excess, 0.0, _FAR))


def standard_error(variances: tuple[float, float], sample: Sample) -> float:
    """The standard error of the difference of arms with these variances per unit."""
    return float(np.sqrt(variances[0] / sample.n0 + variances[1] / sample.n1))


def t_power(variances: tuple[float, float], sample: Sample, effect: float, alpha: float) -> float:
    """Power of a two-sided Welch-like test."""
    squares = variances[0] / sample.n0, variances[1] / sample.n1
    total = squares[0] + squares[1]
    df = total**2 / (squares[0] ** 2 / (sample.n0 - 1) + squares[1] ** 2 / (sample.n1 - 1))
    shift = effect / np.sqrt(total)
    critical = float(StudentT(np.array(df)).critical(alpha))
    if df > _LARGE_DF or abs(shift) > _LARGE_SHIFT:
        return float(special.ndtr(shift - critical) + special.ndtr(-shift - critical))
    wrong_side = special.nctdtr(df, abs(shift), -critical) if abs(shift) < _SMALL_SHIFT else 0.0
    return float(special.nctdtr(df, -abs(shift), -critical) + wrong_side)


def harmless_power(outcome: Outcome, rule: Rule, sample: Sample, margin: float, alpha: float) -> float:
    """The chance to show that a metric which does not change is no worse than `margin`, one-sided at `alpha`.

    `margin` is positive where more of the metric is worse, else negative. Under any rule it is that of showing an
    effect of the margin's size in a two-sided test at twice the level.
    """
    return rule.power(_Unchanged(outcome), sample, margin, 2 * alpha)


@dataclass(frozen=True, slots=True)
class _Unchanged:
    """An outcome whose variances are those without an effect, whatever margin it is held against."""

    outcome: Outcome

    def variances(self, effect: float) -> tuple[float, float]:
        return self.outcome.variances(0.0)

    def is_ready(self, sample: Sample, effect: float) -> bool:
        return self.outcome.is_ready(sample, 0.0)

    def fixed_power(self, sample: Sample, effect: float, alpha: float) -> float:
        return self.outcome.harmless_power(sample, effect, alpha / 2)


def least_units(power: Callable[[float], float], wanted: float, guess: float, most: float) -> float | None:
    """The least number of units, up to `most`, with which `power` reaches `wanted`; None where none does.

    Searched outwards from `guess`, because exact tests of small samples take long.
    """
    low = high = min(max(guess, _LEAST_UNITS), most)
    while power(high) < wanted:
        if high >= most:
            return None
        low, high = high, min(high * _GROWTH, most)
    while low == high or power(low) >= wanted:
        if low <= _LEAST_UNITS:
            return _LEAST_UNITS
        low, high = max(low / _GROWTH, _LEAST_UNITS), low
    found = float(np.ceil(brentq(lambda units: power(units) - wanted, low, high, xtol=1e-4 * low)))
    while power(found) < wanted:  # that of counts rises in steps, and may fall again after one
        found += 1
    return found


def least_effect(power: Callable[[float], float], wanted: float, most: float) -> float | None:
    """The least size of effect, up to `most`, that is found with a chance of `wanted`; None where none is."""
    if power(most) < wanted:
        return None
    return float(brentq(lambda effect: power(effect) - wanted, most * 1e-9, most, xtol=most * 1e-9, rtol=1e-6))


def _likely(n: int, share: float) -> Floats:
    """Numbers of successes within seven standard deviations."""
    reach = _LIKELY * np.sqrt(n * share * (1 - share)) + _LIKELY
    return np.arange(max(0, np.floor(n * share - reach)), min(n, np.ceil(n * share + reach)) + 1)
