"""Exact unconditional inference on a 2x2 table with small counts.

The score statistic orders the tables; the unknown share of the control arm is maximised over (Barnard 1945, Chan and
Zhang 1999), within an interval that holds it with probability 1 - `_GAMMA`, which is added back (Berger and Boos 1994).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from experiments._score import Scale
from experiments.contrast import Floats

_GAMMA = 1e-6
_NEGLIGIBLE = 1e-10
_GRID = 32
_TIE = 1e-9
_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Table:
    """Successes among the units of both arms."""

    control: int
    n0: int
    treatment: int
    n1: int

    def swapped(self) -> "Table":
        """The arms exchanged."""
        return Table(self.treatment, self.n1, self.control, self.n0)

    @property
    def counts_control(self) -> bool:
        """Whether control is the smaller arm, whose counts are gone through one by one."""
        return self.n0 <= self.n1

    def counts(
        self, counted: Floats | None = None, against: Floats | None = None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Successes and units of both arms, as `Scale.statistic` takes them: the observed ones, or others (see
        `_Region`)."""
        n0, n1 = _at(self.n0), _at(self.n1)
        if counted is None or against is None:
            return _at(self.control), n0, _at(self.treatment), n1
        return (counted, n0, n1 - against, n1) if self.counts_control else (against, n0, counted, n1)

    def place(self, scale: Scale) -> float:
        """The observed difference or ratio on the scale's line, within its ends."""
        return float(np.clip(scale.to_line(scale.estimate(*self.counts())), -scale.line_end, scale.line_end))


def _at(value: float) -> Floats:
    return np.array(value, dtype=np.float64)


@lru_cache(maxsize=65536)
def p_above(scale: Scale, table: Table, bound: float) -> float:
    """The largest probability, over every truth at `bound`, of a table that speaks as much for more than `bound`."""
    low, high = _control_shares(scale, table, bound)
    if low > high:
        return _GAMMA
    region = _Region.of(scale, table, bound, low, high)
    shares = np.linspace(low, high, _GRID)
    coarse = region.probability(shares)
    best = int(np.argmax(coarse))
    finer = np.linspace(shares[max(best - 1, 0)], shares[min(best + 1, _GRID - 1)], _GRID)
    return float(min(1.0, max(coarse[best], region.probability(finer).max()) + _GAMMA))


def p_below(scale: Scale, table: Table, bound: float) -> float:
    """As `p_above`, for less than `bound`."""
    return p_above(scale, table.swapped(), float(scale.swapped(_at(bound))))


@lru_cache(maxsize=16384)
def interval(scale: Scale, table: Table, alpha: float) -> tuple[float, float]:
    """The bounds whose one-sided p-values are alpha/2, rounded outwards.

    Leaves out no effect exactly where twice the smaller one-sided p-value of no effect is at most alpha. For a ratio
    control must have successes; without any in the treatment arm the lower bound is 0.
    """
    low = _lower(scale, table, alpha / 2)
    high = float(scale.swapped(_at(_lower(scale, table.swapped(), alpha / 2))))
    return low, high


def _lower(scale: Scale, table: Table, tail: float) -> float:
    """The least bound that is not rejected, rounded to one that is by `_TOLERANCE` rough standard errors."""
    place, null = table.place(scale), float(scale.to_line(_at(scale.null)))
    width = float(scale.line_error(*table.counts()))

    def is_rejected(at: float) -> bool:
        """Whether a bound at this place is too low to be true."""
        return p_above(scale, table, float(scale.from_line(_at(at)))) <= tail

    if place > null and is_rejected(null):
        high, end = place, null
    else:
        high, end = min(null, place), -scale.line_end
    tolerance = _TOLERANCE * width
    low = high - width
    while low > end and not is_rejected(low):
        low, high, width = low - 2 * width, low, 2 * width
    low = max(low, end)
    while high - low > tolerance:
        middle = (low + high) / 2
        low, high = (middle, high) if is_rejected(middle) else (low, middle)
    return float(scale.from_line(_at(low)))


def _control_shares(scale: Scale, table: Table, bound: float) -> tuple[float, float]:
    """The control arm's shares to maximise over: those that the larger arm's interval of level 1 - `_GAMMA` leaves.

    The smaller arm's would be as valid; within the larger one's the probability has no peaks too narrow for the grid.
    """
    least, most = scale.control_shares(bound)
    if table.counts_control:
        back = scale.swapped(_at(bound))
        low, high = (float(scale.treatment_share(_at(share), back)) for share in _likely(table.treatment, table.n1))
    else:
        low, high = _likely(table.control, table.n0)
    return max(least, low), min(most, high)


def _likely(successes: int, n: int) -> tuple[float, float]:
    """Clopper and Pearson's (1934) interval of level 1 - `_GAMMA` for a share."""
    failures = n - successes
    low = special.betaincinv(successes, failures + 1, _GAMMA / 2) if successes else 0.0
    high = special.betaincinv(successes + 1, failures, 1 - _GAMMA / 2) if failures else 1.0
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class _Region:
    """The tables that speak as much for more than `bound` as the observed one, for control's shares in a range.

    With `counted[i]` successes in the smaller arm, the other one may have up to `most[i]` of what speaks against:
    control's successes or treatment's failures. Arrays (r,), without counts whose probability is below `_NEGLIGIBLE`.
    """

    scale: Scale
    table: Table
    bound: float
    counted: Floats
    most: Floats

    @classmethod
    def of(cls, scale: Scale, table: Table, bound: float, low: float, high: float) -> "_Region":
        """The region for control's shares in [low, high]."""
        at = _at(bound)
        observed = scale.statistic(*table.counts(), at) - _TIE
        shares = np.array([low, high])
        if not table.counts_control:
            shares = np.clip(scale.treatment_share(shares, at), 0, 1)
        counted = _likely_successes(min(table.n0, table.n1), shares[0], shares[1])
        least, most = np.full_like(counted, -1.0), np.full_like(counted, max(table.n0, table.n1))
        while (least < most).any():
            middle = least + np.ceil((most - least) / 2)
            is_in = scale.statistic(*table.counts(counted, middle), at) >= observed
            least, most = np.where(is_in, middle, least), np.where(is_in, most, middle - 1)
        return cls(scale, table, bound, counted[most >= 0], most[most >= 0])

    def probability(self, control: Floats) -> Floats:
        """The probability of the region for each share of the control arm, shape (s,)."""
        treatment = np.clip(self.scale.treatment_share(control, _at(self.bound)), 0, 1)
        share, other = (control, 1 - treatment) if self.table.counts_control else (treatment, control)
        steps, step_of = np.unique(self.most, return_inverse=True)
        left = max(self.table.n0, self.table.n1) - steps
        reach = np.where(left > 0, special.betaincc(steps + 1, np.maximum(left, 1), other[:, None]), 1)[:, step_of]
        chance = binomial(self.counted, min(self.table.n0, self.table.n1), share[:, None])
        return np.asarray((chance * reach).sum(axis=1))


def _likely_successes(n: int, low: float, high: float) -> Floats:
    """Numbers of successes of `n` units whose probability is not negligible for a share in [low, high] (Bernstein)."""
    log = -np.log(_NEGLIGIBLE)
    spread = [log / 3 + np.sqrt(log**2 / 9 + 2 * n * p * (1 - p) * log) for p in (low, high)]
    return np.arange(max(0, np.floor(n * low - spread[0])), min(n, np.ceil(n * high + spread[1])) + 1)


def binomial(successes: Floats, n: int, share: Floats | float) -> Floats:
    """The binomial probability of `successes`, to its last digits also for very large n."""
    ways = -special.betaln(successes + 1, n - successes + 1) - np.log1p(n)
    return np.asarray(np.exp(ways + special.xlogy(successes, share) + special.xlog1py(n - successes, -share)))
