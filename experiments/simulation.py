"""Draws whole tests and analyses them with the very code of `analyze`: how often is a difference declared or missed?

Draws of tests with and without an effect use common random numbers: the same seed gives the same units.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from scipy import stats

from experiments import checks
from experiments._comparing import anytime
from experiments.checks import field, known, mapping
from experiments.contrast import Contrast, Flags, Floats, Interval
from experiments.errors import InvalidInput
from experiments.group_sequential import PlannedLook
from experiments.metrics import KINDS, Kind, Observed
from experiments.power import AtPlannedLooks, AtTheEnd, OrdinalOutcome, ProportionOutcome, Rule, Sample
from experiments.reading import read_alpha
from experiments.reading_plan import PlannedMetric, read_planned_metric, read_rule
from experiments.report import plain
from experiments.sequential import mixture_variance

Generator = np.random.Generator
_MOST_RUNS = 100_000
_MOST_DRAWS = 200_000_000
_MOST_UNITS = 10_000_000


class Population(Protocol):
    """Where the units of one kind of metric come from."""

    @property
    def kind(self) -> Kind:
        """The kind of metric that analyses them."""

    @property
    def numbers(self) -> int:
        """How many numbers are drawn for each unit; 0 where whole counts are."""

    def sums(self, rng: Generator, runs: int, units: int, effect: float) -> Floats:
        """What `units` units of each test add up to, shape (runs, ...); more units' sums can be added."""

    def rows(self, sums: Floats) -> Floats:
        """The statistics that `kind` compares, shape (runs, fields)."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Successes with this probability; an effect adds to it."""

    baseline: float
    kind: Kind = KINDS["proportion"]
    numbers: int = 0

    def sums(self, rng: Generator, runs: int, units: int, effect: float) -> Floats:
        """Units and successes."""
        successes = stats.binom.ppf(rng.random(runs), units, self.baseline + effect)
        return np.column_stack([np.full(runs, float(units)), successes])

    def rows(self, sums: Floats) -> Floats:
        """The same."""
        return sums


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores with these probabilities, worst first; an effect shifts their log-odds."""

    outcome: OrdinalOutcome
    kind: Kind = KINDS["ordinal"]
    numbers: int = 0

    def sums(self, rng: Generator, runs: int, units: int, effect: float) -> Floats:
        """Counts per score, drawn one score after the other from what is left."""
        shares = self.outcome.treatment_shares(effect)
        left, counts = np.full(runs, float(units)), []
        for score, share in enumerate(shares):
            chance = min(1.0, share / max(shares[score:].sum(), np.finfo(np.float64).tiny))
            counts.append(stats.binom.ppf(rng.random(runs), left, chance))
            left = left - counts[-1]
        return np.column_stack(counts)

    def rows(self, sums: Floats) -> Floats:
        """The same."""
        return sums


@dataclass(frozen=True, slots=True)
class Vectors:
    """Several numbers a unit, jointly normal or lognormal, of which the first is the metric (or its numerator).

    `means` (k,), `covariances` (k, k) of the numbers. An effect adds to the first, times `unit`.
    """

    kind: Kind
    means: tuple[float, ...]
    covariances: tuple[tuple[float, ...], ...]
    unit: float = 1.0
    lognormal: bool = False

    @property
    def numbers(self) -> int:
        """One for each of `means`."""
        return len(self.means)

    def sums(self, rng: Generator, runs: int, units: int, effect: float) -> Floats:
        """Units, sums and sums of products around `means`, flattened: (runs, 1 + k + k·k)."""
        values = self._draw(rng, runs, units)
        values[..., 0] += effect * self.unit
        products = np.einsum("rui,ruj->rij", values, values).reshape(runs, -1)
        return np.column_stack([np.full(runs, float(units)), values.sum(axis=1), products])

    def rows(self, sums: Floats) -> Floats:
        """Means, variances and covariances in the order the kind wants them."""
        k, n = len(self.means), sums[:, 0]
        centres = sums[:, 1 : 1 + k] / n[:, None]
        products = sums[:, 1 + k :].reshape(-1, k, k) / n[:, None, None]
        spread = (products - centres[:, :, None] * centres[:, None, :]) * (n / (n - 1))[:, None, None]
        return _row(self.kind, n, centres + np.array(self.means), spread)

    def _draw(self, rng: Generator, runs: int, units: int) -> Floats:
        """Values minus their means, shape (runs, units, k)."""
        if not self.lognormal:
            return rng.multivariate_normal(np.zeros(len(self.means)), self.covariances, size=(runs, units))
        mean, variance = self.means[0], self.covariances[0][0]
        width = np.log1p(variance / mean**2)
        return rng.lognormal(np.log(mean) - width / 2, np.sqrt(width), size=(runs, units, 1)) - mean


def _row(kind: Kind, n: Floats, means: Floats, spread: Floats) -> Floats:
    nothing = np.full_like(n, np.nan)
    own = 2 if kind is KINDS["ratio"] else 1
    metric = [n, means[:, 0], spread[:, 0, 0]]
    if own == 2:
        metric = [n, means[:, 0], means[:, 1], spread[:, 0, 0], spread[:, 1, 1], spread[:, 0, 1]]
    if means.shape[1] == own:
        return np.column_stack([*metric, *[nothing] * (kind.fields - len(metric))])
    return np.column_stack([*metric, n, means[:, own], spread[:, own, own], *spread[:, :own, own].T])


@dataclass(frozen=True, slots=True)
class Design:
    """A test to draw `runs` times: units of control and treatment, and the rule and level it is decided by."""

    units: tuple[int, int]
    rule: Rule
    alpha: float
    runs: int
    seed: int


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of the drawn tests, in [0, 1].

    `declared`: a difference was declared at some look. `covered`: the interval of the difference held the truth at
    every look, `relative_covered` that of the relative difference (None for scores); an unbounded interval holds
    everything. `standard_error` is the Monte Carlo error of `declared`. `peeking`: what would have been declared if the
    result of a sample of fixed size had been believed at any of the looks.
    """

    runs: int
    declared: float
    standard_error: float
    covered: float
    relative_covered: float | None
    peeking: float
    planned_power: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The rates in JSON types."""
        return dict(plain(self))


def draw(population: Population, design: Design, effect: float, truth: float, relative_truth: float | None) -> Rates:
    """Draws the tests; `effect` is what the population adds, `truth` the difference that is estimated."""
    rng = np.random.default_rng(design.seed)
    looks = _looks(design)
    sums = [np.zeros(1), np.zeros(1)]
    declared, peeked = np.zeros(design.runs, bool), np.zeros(design.runs, bool)
    covered, relative = np.ones(design.runs, bool), np.ones(design.runs, bool)
    before = (0, 0)
    for look, units in enumerate(looks):
        sums = [sums[arm] + population.sums(rng, design.runs, units[arm] - before[arm], effect * arm) for arm in (0, 1)]
        before = units
        with np.errstate(all="ignore"):
            observed = population.kind.compare(*map(population.rows, sums))
            contrast = _contrast(observed, design, looks, look)
            declared |= ~_holds(contrast.interval(design.alpha), contrast.null)
            peeked |= observed.fixed.p_value() <= design.alpha
            covered &= _holds(contrast.interval(design.alpha), truth)
            if relative_truth is not None:
                relative &= _holds(contrast.lift_interval(design.alpha), relative_truth)
    share = float(declared.mean())
    return Rates(
        runs=design.runs,
        declared=share,
        standard_error=float(np.sqrt(share * (1 - share) / design.runs)),
        covered=float(covered.mean()),
        relative_covered=None if relative_truth is None else float(relative.mean()),
        peeking=float(peeked.mean()),
    )


def _looks(design: Design) -> list[tuple[int, int]]:
    """Units of both arms at each look."""
    count = design.rule.looks
    return [(design.units[0] * i // count, design.units[1] * i // count) for i in range(1, count + 1)]


def _contrast(observed: Observed, design: Design, looks: Sequence[tuple[int, int]], look: int) -> Contrast:
    """What `analyze` would rest on at this look."""
    if isinstance(design.rule, AtTheEnd):
        return observed.fixed
    planned = sum(design.units)
    if isinstance(design.rule, AtPlannedLooks):
        return PlannedLook(observed.fixed, tuple(sum(units) / planned for units in looks[: look + 1]))
    return anytime(observed, mixture_variance(planned, design.alpha))


def _holds(interval: Interval, truth: float) -> Flags:
    """Where the interval holds the truth; one that is unbounded does."""
    low, high = interval
    return ~((low > truth) | (high < truth))


def simulate(document: Any) -> Rates:
    """The rates of the test that a parsed JSON document describes; InvalidInput names what is wrong with it."""
    given = mapping(document)
    known(given, {"metric", "effect", "units", "alpha", "sequential", "runs", "seed"})
    alpha = read_alpha(given)
    metric = mapping(field(given, "metric"), "metric")
    planned, population = _population(metric)
    effect = checks.number(given.get("effect", 0), "effect")
    if abs(effect) > planned.outcome.most(1 if effect > 0 else -1):
        raise InvalidInput("effect", f"is further than the metric can go: {effect:g}")
    design = _design(given, alpha)
    _bounded(design, population.numbers)
    null = 0.5 if planned.baseline is None else 0.0
    relative = effect / abs(planned.baseline) if planned.baseline else None
    rates = draw(population, design, effect, null + effect, relative)
    power = design.rule.power(planned.outcome, Sample(*design.units), effect, alpha) if effect else None
    return replace(rates, planned_power=power)


def _design(given: Mapping[str, Any], alpha: float) -> Design:
    units = mapping(field(given, "units"), "units")
    known(units, {"control", "treatment"}, "units")
    control, treatment = (
        checks.count(field(units, arm, "units"), f"units.{arm}", least=2, most=_MOST_UNITS)
        for arm in ("control", "treatment")
    )
    rule = read_rule(given.get("sequential"), alpha)
    if min(control, treatment) < 2 * rule.looks:
        raise InvalidInput("units", f"must be at least two in each arm between {rule.looks} looks")
    runs = checks.count(given.get("runs", 2000), "runs", least=1, most=_MOST_RUNS)
    return Design((control, treatment), rule, alpha, runs, checks.count(given.get("seed", 0), "seed"))


def _bounded(design: Design, numbers: int) -> None:
    """Refuses what would not fit into memory at one look."""
    draws = design.runs * math.ceil(max(design.units) / design.rule.looks) * numbers
    if draws > _MOST_DRAWS:
        raise InvalidInput("runs", f"times units must be at most {_MOST_DRAWS} numbers a look, not {draws}")


def _population(metric: Mapping[str, Any]) -> tuple[PlannedMetric, Population]:
    """What is planned for, and the units that are drawn; means may be `lognormal`, which is skewed."""
    shape = metric.get("distribution", "normal")
    planned = read_planned_metric(
        {name: value for name, value in metric.items() if name != "distribution"}, "metric", ()
    )
    if shape not in ("normal", "lognormal"):
        raise InvalidInput("metric.distribution", f"must be normal or lognormal, not {shape!r}"[:200])
    if shape == "lognormal" and (metric["type"] != "mean" or metric.get("correlation") or metric["mean"] <= 0):
        raise InvalidInput("metric.distribution", "lognormal takes a mean greater than 0 and no covariate")
    if isinstance(planned.outcome, ProportionOutcome):
        return planned, Shares(planned.outcome.baseline)
    if isinstance(planned.outcome, OrdinalOutcome):
        return planned, Scores(planned.outcome)
    return planned, _vectors(metric, shape == "lognormal")


def _vectors(metric: Mapping[str, Any], lognormal: bool) -> Vectors:
    """Units of a mean or a ratio, with a covariate of the given correlation if there is one."""
    correlation = float(metric.get("correlation", 0))
    if metric["type"] == "mean":
        covariances = [[float(metric["variance"])]]
        means = [float(metric["mean"])]
        unit = 1.0
    else:
        shared = float(metric["covariance"])
        covariances = [[float(metric["numerator_variance"]), shared], [shared, float(metric["denominator_variance"])]]
        means = [float(metric["numerator_mean"]), float(metric["denominator_mean"])]
        unit = means[1]
    if correlation:
        means, covariances = _with_covariate(means, covariances, correlation)
    return Vectors(KINDS[metric["type"]], tuple(means), tuple(map(tuple, covariances)), unit, lognormal)


def _with_covariate(
    means: list[float], covariances: list[list[float]], correlation: float
) -> tuple[list[float], list[list[float]]]:
    """Adds a covariate of variance 1 that has this correlation with the metric, through what varies in it."""
    slopes = np.array([1.0] if len(means) == 1 else [1.0, -means[0] / means[1]])
    matrix = np.array(covariances)
    shared = matrix @ slopes * correlation / np.sqrt(slopes @ matrix @ slopes)
    return [*means, 0.0], np.block([[matrix, shared[:, None]], [shared[None, :], np.ones((1, 1))]]).tolist()
