"""The four kinds of metric: which sufficient statistics each takes, how they are checked, how two arms are compared."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from experiments import checks
from experiments.checks import field, known
from experiments.contrast import (
    Arm,
    Contrast,
    Difference,
    Flags,
    Floats,
    StudentT,
    Values,
    Wald,
    difference,
    placement_difference,
    values,
)
from experiments.cuped import Adjusted, Covariate, adjust
from experiments.errors import InvalidInput
from experiments.ordinal import mean_arm, placements
from experiments.proportions import Proportions, proportion_arm
from experiments.ratios import RatioArm

Row = tuple[float, ...]

_PROPORTION_FIELDS = {"n", "successes"}
_MEAN_COVARIATE = {"covariate_mean", "covariate_variance", "covariance"}
_MEAN_FIELDS = {"n", "mean", "variance", "skewness", "replicates", "covariate_n", *_MEAN_COVARIATE}
_SHARED = ("covariate_numerator", "covariate_denominator")
_RATIO_COVARIATE = {"covariate_mean", "covariate_variance", *_SHARED}
_RATIO_FIELDS = {
    "n", "numerator_mean", "denominator_mean", "numerator_variance", "denominator_variance", "covariance",
    "covariate_n", *_RATIO_COVARIATE,
}  # fmt: skip
LARGEST = 1e100
"""The largest size of a mean, variance or covariance; its square is a double."""
_ROUNDING = 1e-9
_MOST_SCORES = 100


@dataclass(frozen=True, slots=True)
class Observed:
    """A comparison of arms, arrays over treatments (k,), or over anything else that `Kind.compare` was given.

    `fixed` is the test of a sample of fixed size; `difference` and `ratio` are what any other reference needs.
    `least_units` is the number of units in the smaller arm, `is_sparse` where too few cases speak for a normal
    approximation, `adjusted` the arms after CUPED.
    """

    fixed: Contrast
    difference: Difference
    ratio: Values | None
    least_units: Floats
    is_sparse: Flags
    method: str
    least: float = -math.inf
    most: float = math.inf
    adjusted: Adjusted | None = None


class Kind(Protocol):
    """One kind of metric. A row holds an arm's `fields` statistics, NaN where unknown; scores have at least so many."""

    fields: int

    def read(self, arm: Mapping[str, Any]) -> Row | None:
        """The row of an arm, None where it has no units; InvalidInput names the field that is wrong."""

    def compare(self, control: Floats, treatment: Floats) -> Observed:
        """The comparison of rows, arrays (k, fields)."""


class _Proportion:
    fields = 2

    def read(self, arm: Mapping[str, Any]) -> Row | None:
        """`n`, `successes`."""
        known(arm, _PROPORTION_FIELDS)
        n = checks.count(field(arm, "n"), "n")
        successes = checks.count(field(arm, "successes"), "successes")
        if successes > n:
            raise InvalidInput("successes", f"must be at most n, which is {n}, not {successes}")
        return (float(n), float(successes)) if n else None

    def compare(self, control: Floats, treatment: Floats) -> Observed:
        """By the score test, exact where counts are small."""
        (n0, x0), (n1, x1) = control.T, treatment.T
        table = Proportions(x0, n0, x1, n1)
        arms = proportion_arm(x0, n0), proportion_arm(x1, n1)
        return Observed(
            fixed=table,
            difference=difference(*arms),
            ratio=values(*arms),
            least_units=np.minimum(n0, n1),
            is_sparse=table.is_small,
            method="score",
            least=-1.0,
            most=1.0,
        )


class _Mean:
    fields = 7

    def read(self, arm: Mapping[str, Any]) -> Row | None:
        """`n`, `mean`, `variance`, and of the covariate: units, mean, variance, covariance."""
        known(arm, _MEAN_FIELDS)
        n = checks.count(field(arm, "n"), "n")
        if n == 0:
            return None
        mean, variance = quantity(arm, "mean"), spread(arm, "variance", n)
        row = (float(n), mean, variance)
        if arm.keys().isdisjoint(_MEAN_COVARIATE):
            return (*row, *(math.nan,) * 4)
        covariate_n, covariate_mean, covariate_variance = _covariate(arm, n)
        covariance = shared(arm, "covariance", covariate_n)
        cauchy_schwarz(covariance, variance * _share(n, covariate_n), covariate_variance, "covariance")
        return (*row, covariate_n, covariate_mean, covariate_variance, covariance)

    def compare(self, control: Floats, treatment: Floats) -> Observed:
        """By Welch's test, after CUPED where there is a covariate."""
        arms = Arm(*control.T[:3]), Arm(*treatment.T[:3])
        covariates = Covariate(*control.T[3:]), Covariate(*treatment.T[3:])
        return _welch(arms, covariates, "welch")


class _Ratio:
    fields = 11

    def read(self, arm: Mapping[str, Any]) -> Row | None:
        """As `RatioArm`, and of the covariate: units, mean, variance, covariances with numerator and denominator."""
        known(arm, _RATIO_FIELDS)
        n = checks.count(field(arm, "n"), "n")
        if n == 0:
            return None
        means = quantity(arm, "numerator_mean"), quantity(arm, "denominator_mean")
        variances = spread(arm, "numerator_variance", n), spread(arm, "denominator_variance", n)
        covariance = shared(arm, "covariance", n)
        cauchy_schwarz(covariance, *variances, "covariance")
        row = (float(n), *means, *variances, covariance)
        if arm.keys().isdisjoint(_RATIO_COVARIATE):
            return (*row, *(math.nan,) * 5)
        covariate_n, covariate_mean, covariate_variance = _covariate(arm, n)
        with_covariate = [shared(arm, name, covariate_n) for name in _SHARED]
        for name, value, variance in zip(_SHARED, with_covariate, variances, strict=True):
            cauchy_schwarz(value, variance * _share(n, covariate_n), covariate_variance, name)
        return (*row, covariate_n, covariate_mean, covariate_variance, *with_covariate)

    def compare(self, control: Floats, treatment: Floats) -> Observed:
        """By the delta method, after CUPED where there is a covariate."""
        parts = RatioArm(*control.T[:6]), RatioArm(*treatment.T[:6])
        covariates = _ratio_covariate(parts[0], control), _ratio_covariate(parts[1], treatment)
        return _welch((parts[0].arm(), parts[1].arm()), covariates, "delta")


class _Ordinal:
    fields = 2

    def read(self, arm: Mapping[str, Any]) -> Row | None:
        """Counts per score, worst first."""
        known(arm, {"counts"})
        counts = field(arm, "counts")
        if not isinstance(counts, list) or not 2 <= len(counts) <= _MOST_SCORES:
            raise InvalidInput("counts", f"must be a list of 2 to {_MOST_SCORES} counts, worst score first")
        row = tuple(float(checks.count(count, f"counts[{i}]")) for i, count in enumerate(counts))
        return row if any(row) else None

    def compare(self, control: Floats, treatment: Floats) -> Observed:
        """By the Brunner-Munzel test."""
        arms = placements(control, treatment)
        observed = placement_difference(*arms)
        contrast = Wald(observed, StudentT(observed.df), least=0.0, most=1.0)
        units = np.minimum(arms[0].n, arms[1].n)
        return Observed(contrast, observed, None, units, np.zeros(units.shape, bool), "brunner_munzel", 0.0, 1.0)


KINDS: Mapping[str, Kind] = {"proportion": _Proportion(), "mean": _Mean(), "ratio": _Ratio(), "ordinal": _Ordinal()}


def rows(kind: Kind, arms: Sequence[Row | None]) -> Floats:
    """The arms' rows as one array (arms, fields); NaN where an arm has no data."""
    fields = next((len(row) for row in arms if row is not None), kind.fields)
    return np.array([(math.nan,) * fields if row is None else row for row in arms], dtype=np.float64)


def mean_scores(control: Floats, treatment: Floats) -> Wald:
    """The secondary view of ordinal counts (k, scores): the difference of mean scores, by Welch."""
    arms = mean_arm(control), mean_arm(treatment)
    observed = difference(*arms)
    return Wald(observed, StudentT(observed.df), values(*arms))


def _welch(arms: tuple[Arm, Arm], covariates: tuple[Covariate, Covariate], method: str) -> Observed:
    units = np.minimum(arms[0].n, arms[1].n)
    dense = np.zeros(units.shape, bool)
    if np.isnan(covariates[0].n + covariates[1].n).all():
        observed = difference(*arms)
        ratio = values(*arms)
        return Observed(Wald(observed, StudentT(observed.df), ratio), observed, ratio, units, dense, method)
    adjusted = adjust(arms, covariates)
    observed, ratio = adjusted.difference(), adjusted.values()
    contrast = Wald(observed, StudentT(observed.df), ratio)
    return Observed(contrast, observed, ratio, units, dense, f"cuped_{method}", adjusted=adjusted)


def quantity(arm: Mapping[str, Any], name: str) -> float:
    """A number small enough for its square to be one."""
    return checks.number(field(arm, name), name, least=-LARGEST, most=LARGEST)


def spread(arm: Mapping[str, Any], name: str, n: int) -> float:
    """A variance; with one unit it may be left out or null."""
    if n < 2 and arm.get(name) is None:
        return 0.0
    return checks.number(field(arm, name), name, least=0, most=LARGEST)


def shared(arm: Mapping[str, Any], name: str, n: float) -> float:
    """A covariance; with one unit it may be left out or null."""
    return 0.0 if n < 2 and arm.get(name) is None else quantity(arm, name)


def cauchy_schwarz(covariance: float, variance: float, other: float, name: str) -> None:
    """Raises InvalidInput where the covariance is larger than the variances allow."""
    most = math.sqrt(variance) * math.sqrt(other)
    if abs(covariance) > most * (1 + _ROUNDING) + np.finfo(np.float64).tiny:
        raise InvalidInput(name, f"must lie within ±{most:.6g}, as the variances have it, not {covariance:g}")


def _covariate(arm: Mapping[str, Any], n: int) -> Row:
    given = arm.get("covariate_n")
    covariate_n = n if given is None else checks.count(given, "covariate_n", most=n)
    return (
        float(covariate_n),
        quantity(arm, "covariate_mean"),
        spread(arm, "covariate_variance", covariate_n),
    )


def _ratio_covariate(ratio: RatioArm, row: Floats) -> Covariate:
    n, mean, variance, of_numerator, of_denominator = row.T[6:]
    return Covariate(n, mean, variance, ratio.covariance_with(of_numerator, of_denominator))


def _share(n: int, covariate_n: float) -> float:
    """How much larger the variance among units with a covariate can be than among all."""
    return max(n - 1, 1) / max(covariate_n - 1, 1)
