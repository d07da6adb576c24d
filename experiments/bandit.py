"""Top-two Thompson sampling, and honest estimates after it.

Probabilities are computed, not drawn, so that what is logged is exactly what units were assigned with. They may follow
the outcomes only because a fixed share is spread evenly: without it no estimate afterwards would be trustworthy.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, log_ndtr, ndtr, ndtri

from experiments.aggregates import LARGEST_VALUE, Moments
from experiments.checks import count, number
from experiments.errors import InvalidInput

Floats = NDArray[np.float64]
Direction = Literal["increase", "decrease"]

MOST_ARMS = 20
LEAST_PROBABILITY = 1e-9
"""A compared arm of a smaller one has a weight that drowns every other unit."""
_LEADER_SHARE = 0.5  # beta of Russo's top-two rule
# Beyond so many units a posterior is narrower than any decision needs, and its density a difference of huge numbers.
_MOST_EVIDENCE = 1e9
_LEAST_SPREAD = 1e-9  # of the widest posterior
# Gauss-Legendre panels end so many deviations from every arm's mean; far out, because second place goes by chances that
# are tiny.
_ENDS = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 20, 25, 31, 38], dtype=np.float64)
_SMALL, _FAR = 1e-200, 1e100
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the next units are assigned with; log it with their batch."""

    probabilities: dict[str, float]
    """By arm, summing to 1, each at least share / arms."""
    best: dict[str, float]
    """By arm, the posterior probability that it is the best one, summing to 1."""


def probabilities(
    arms: Mapping[str, Mapping[str, Any]], *, direction: Direction = "increase", share: float = 0.2
) -> Assignment:
    """The probabilities of top-two Thompson sampling (Russo 2016, 2020) for the next batch.

    The rule: draw from the posteriors; half the time take the best arm of the draw, else draw on until another is best.
    `arms`: for each of 2 to 20 names `n` and `successes` of a proportion, or `n`, `mean` and `variance`, as in the
    input of `analyze`. Posteriors are Beta from a uniform prior, or normal from a flat one; of means, nothing is
    preferred until every arm has two units and any of them varies. Of all units `share`, in (0, 1], is spread evenly.
    """
    if not 2 <= len(arms) <= MOST_ARMS:
        raise InvalidInput("arms", f"must be 2 to {MOST_ARMS}, not {len(arms)}")
    if direction not in ("increase", "decrease"):
        raise InvalidInput("direction", f"must be increase or decrease, not {direction!r}")
    even = number(share, "share", above=0, most=1)
    kinds = {"successes" in arm for arm in arms.values()}
    if len(kinds) > 1:
        raise InvalidInput("arms", "must be all proportions or all means")
    posterior = (_betas if kinds == {True} else _normals)(arms, direction == "decrease")
    if posterior is None:
        equal = dict.fromkeys(arms, 1 / len(arms))
        return Assignment(equal, equal)
    best = _best(posterior)
    mixed = even / len(arms) + (1 - even) * _top_two(best, posterior)
    return Assignment(_by_name(arms, mixed), _by_name(arms, best))


@dataclass(frozen=True, slots=True)
class Batch:
    """What was logged of one batch of units, such as a day's, assigned with the same probabilities.

    `probabilities` by arm, summing to 1, as they were when the units were assigned; `arms`: of the same names, the
    outcomes of those units, in the first variable. Raises `InvalidInput` where the two cannot belong together.
    """

    probabilities: Mapping[str, float]
    arms: Mapping[str, Moments]

    def __post_init__(self) -> None:
        if self.probabilities.keys() != self.arms.keys():
            raise InvalidInput("arms", "must be the same as in probabilities")
        for name, chance in self.probabilities.items():
            if not number(chance, f"probabilities.{name}", least=0, most=1) and self.arms[name].n:
                raise InvalidInput(f"arms.{name}.n", "must be 0 where the probability is 0")
        total = math.fsum(self.probabilities.values())
        if abs(total - 1) > 1e-9:
            raise InvalidInput("probabilities", f"must sum to 1, not {total:.12g}")


@dataclass(frozen=True, slots=True)
class AdaptiveEstimate:
    """A difference of arm means, treatment minus control, after assignment that followed the outcomes."""

    estimate: float
    """In the outcome's unit; unbiased."""
    standard_error: float
    """In the outcome's unit."""
    ci: tuple[float, float]
    """In the outcome's unit, at level 1 - alpha."""
    p_value: float
    """Two-sided, of no difference; never below the smallest normal double."""
    n: int
    """Units of all arms in the batches that count."""


def estimate(batches: Sequence[Batch], control: str, treatment: str, *, alpha: float = 0.05) -> AdaptiveEstimate:
    """The difference of two arms' means from what was logged, by augmented inverse probability weighting.

    `batches` in the order of their assignment; alpha from 1e-12 to 0.5. A unit's score is the difference of the arms'
    running means plus its own deviation, weighted by one over the probability of its arm. The running means know
    earlier batches only, so that each batch's scores are unbiased whatever was learned before. Where an arm has no
    earlier unit, the batch's own mean and share of units stand in: which units an arm gets is still chance. Batches
    before both arms were seen do not count. Unbiased if the number of units per batch does not follow the outcomes.
    The interval is that of the martingale central limit theorem; it needs probabilities that stay away from 0, and is
    less exact where they never settle (Hadad, Hirshberg, Zhan, Wager & Athey 2021).
    """
    level = number(alpha, "alpha", least=1e-12, most=0.5)
    if control == treatment:
        raise InvalidInput("treatment", "must not be the control")
    seen = {control: Moments.zero(1), treatment: Moments.zero(1)}
    cells: list[_Cell] = []
    for place, batch in enumerate(batches):
        for name in seen:
            path = f"batches[{place}].probabilities.{name}"
            number(batch.probabilities.get(name), path, least=LEAST_PROBABILITY)
        cells += _scores(batch, seen, control, treatment)
        seen = {name: earlier + _first(batch.arms[name]) for name, earlier in seen.items()}
    if not cells:
        raise InvalidInput("batches", "must hold units of both arms")
    units, scores, squares = (np.array(column, dtype=np.float64) for column in zip(*cells, strict=True))
    n = sum(cell.units for cell in cells)
    found = float(units @ scores) / n
    error = math.sqrt(float((squares + units * (scores - found) ** 2).sum())) / n
    if not error:
        raise InvalidInput("batches", "must hold outcomes that vary")
    reach = -float(ndtri(level / 2)) * error
    p_value = max(2 * float(ndtr(-abs(found) / error)), float(np.finfo(np.float64).tiny))
    return AdaptiveEstimate(found, error, (found - reach, found + reach), p_value, n)


class _Cell(NamedTuple):
    """Units of one arm in one batch: the mean of their scores, and the sum of squares around it."""

    units: int
    mean: float
    squares: float


def _scores(batch: Batch, seen: Mapping[str, Moments], control: str, treatment: str) -> list[_Cell]:
    """The cells of a batch, given what was `seen` in earlier ones; none while an arm has never been seen."""
    total = sum(arm.n for arm in batch.arms.values())
    if not total or any(not seen[name].n + batch.arms[name].n for name in seen):
        return []
    level = {name: (seen[name] if seen[name].n else batch.arms[name]).means[0] for name in seen}
    difference = level[treatment] - level[control]
    cells = [_Cell(total - batch.arms[control].n - batch.arms[treatment].n, difference, 0.0)]
    for name, sign in ((control, -1), (treatment, 1)):
        arm, weight, correction = batch.arms[name], 1 / batch.probabilities[name], 1.0
        if not seen[name].n:
            weight, correction = total / arm.n, arm.n / max(arm.n - 1, 1)
        score = difference + sign * weight * (arm.means[0] - level[name]) if arm.n else difference
        cells.append(_Cell(arm.n, score, weight**2 * correction * arm.products[0]))
    return cells


def _first(moments: Moments) -> Moments:
    """The first variable alone."""
    return Moments(moments.n, moments.means[:1], moments.products[:1], moments.third, moments.remainders[:1])


class _Posterior(NamedTuple):
    """(arms,) means and standard deviations, more being better; `shapes`: a and b if they are Beta, else normal."""

    means: Floats
    deviations: Floats
    shapes: tuple[Floats, Floats] | None = None

    def densities(self, points: Floats) -> Floats:
        """(points, arms) at each of `points` (points, 1)."""
        if self.shapes is None:
            standard = (points - self.means) / self.deviations
            return np.asarray(np.exp(-(standard**2) / 2) / (self.deviations * math.sqrt(2 * math.pi)))
        a, b = self.shapes
        density: Floats = np.exp((a - 1) * np.log(points) + (b - 1) * np.log1p(-points) - betaln(a, b))
        return density

    def below(self, points: Floats) -> Floats:
        """(points, arms) the probability of less than each of `points` (points, 1)."""
        if self.shapes is None:
            return np.asarray(ndtr((points - self.means) / self.deviations))
        return np.asarray(betainc(*self.shapes, points))


def _betas(arms: Mapping[str, Mapping[str, Any]], fewer: bool) -> _Posterior:
    """Beta(1 + successes, 1 + failures); the other way round if `fewer` successes are better."""
    counted = []
    for name, arm in arms.items():
        n = count(arm.get("n"), f"arms.{name}.n")
        successes = count(arm.get("successes"), f"arms.{name}.successes", most=n)
        counted.append((n - successes, successes) if fewer else (successes, n - successes))
    good, bad = np.array(counted, dtype=np.float64).T
    kept = np.minimum(1, _MOST_EVIDENCE / np.maximum(good + bad, 1))
    a, b = 1 + kept * good, 1 + kept * bad
    return _Posterior(a / (a + b), np.sqrt(a * b / (a + b + 1)) / (a + b), (a, b))


def _normals(arms: Mapping[str, Mapping[str, Any]], less: bool) -> _Posterior | None:
    """Normal posteriors of the means; None while an arm has fewer than two units or nothing varies.

    Every arm's variance counts one more unit that has the variance within all arms, so that an arm whose first units
    happen to agree is not taken for certain.
    """
    numbers = []
    for name, arm in arms.items():
        n = count(arm.get("n"), f"arms.{name}.n")
        if n < 2:
            return None
        mean = number(arm.get("mean"), f"arms.{name}.mean", least=-LARGEST_VALUE, most=LARGEST_VALUE)
        variance = number(arm.get("variance"), f"arms.{name}.variance", least=0, most=4 * LARGEST_VALUE**2)
        numbers.append((n, -mean if less else mean, variance))
    n, means, variances = np.array(numbers, dtype=np.float64).T
    within = (n - 1) @ variances / (n - 1).sum()
    deviations = np.sqrt(((n - 1) * variances + within) / n / n)
    if deviations.max() < 1 / LARGEST_VALUE**2:
        return None
    return _Posterior(means, np.maximum(deviations, _LEAST_SPREAD * deviations.max()))


def _best(posterior: _Posterior) -> Floats:
    """(arms,) the probability that each is the best: its density times the probability that all others are less."""
    means, deviations, shapes = posterior
    if shapes is None:  # an arm that is far behind has no chance, however far; near ones keep all digits
        means = np.maximum(means - means.max(), -100 * deviations.max())
        posterior = posterior._replace(means=means)
    ends = np.concatenate([means - _ENDS[:, None] * deviations, means + _ENDS[:, None] * deviations])
    if shapes is not None:
        ends = np.clip(np.concatenate([ends, [np.zeros_like(means), np.ones_like(means)]]), 0, 1)
    ends = np.unique(ends)
    halves = np.diff(ends)[:, None] / 2
    points = (ends[:-1, None] + halves * (1 + _NODES)).reshape(-1, 1)
    if shapes is not None:
        points = np.clip(points, np.finfo(np.float64).tiny, 1 - np.finfo(np.float64).epsneg)
    below = posterior.below(points)
    ones = np.ones_like(points)
    before = np.cumprod(np.hstack([ones, below[:, :-1]]), axis=1)
    after = np.cumprod(np.hstack([ones, below[:, :0:-1]]), axis=1)[:, ::-1]
    best: Floats = (halves * _WEIGHTS).ravel() @ (posterior.densities(points) * before * after)
    best /= best.sum()
    return best


def _top_two(best: Floats, posterior: _Posterior) -> Floats:
    """(arms,) the chance of being the best of a draw, or of the first draw where another one than before is.

    Where all others' chances are too small for doubles, they are to each other as those of beating the leader alone.
    """
    alone = np.eye(len(best), dtype=np.bool_)
    others = np.where(alone, 0.0, best)
    means, deviations = posterior.means, posterior.deviations
    behind = (means[:, None] - means) / np.hypot(deviations[:, None], deviations)
    logs = np.where(alone, -np.inf, log_ndtr(-np.minimum(behind, _FAR)))
    beating = np.exp(logs - logs.max(axis=1, keepdims=True))
    second = np.where(others.sum(axis=1, keepdims=True) > _SMALL, others, beating)
    second /= second.sum(axis=1, keepdims=True)
    chances: Floats = _LEADER_SHARE * best + (1 - _LEADER_SHARE) * best @ second
    return chances


def _by_name(arms: Mapping[str, Any], values: Floats) -> dict[str, float]:
    return dict(zip(arms, values.tolist(), strict=True))
