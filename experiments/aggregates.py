"""Aggregates that merge: of streams, days or shards, in any order, as if all units had been seen at once.

Spread is kept as centred sums, never as raw sums of squares, so that means of 1e8 do not swallow a variance of 1. Means
keep what their double cannot hold, because the spread between two groups is the difference of their means.
"""

import hashlib
import math
import unicodedata
from collections.abc import Sequence, Sized
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.checks import LARGEST_COUNT, count, number, text
from experiments.errors import InvalidInput

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Row = dict[str, Any]
_Number = TypeVar("_Number", np.float64, np.int64)

LARGEST_VALUE = 1e60
"""The cube of a greater one, summed over 2^53 units, comes too near to what a double can hold."""
_LARGEST_PRODUCT = 1e140
# How far rounding may carry a sum beyond the inequality that it obeys.
_ROUNDING, _LEAST = 1e-6, 1e-300


@dataclass(frozen=True, slots=True)
class Moments:
    """What k variables observed on the same n units sum up to.

    `means` (k,). `products` (k (k + 1) / 2,): the sums over units of (x - mean)(y - mean), the upper triangle row by
    row: (xx,), (xx, xy, yy) or (xx, xy, xz, yy, yz, zz). `third`: the sum of (x - mean)^3 of the first variable.
    `remainders` (k,): what is to be added to the means for their exact value; left out, it is nothing. Merged as in
    Chan, Golub & LeVeque (1983), the third sums as in Pébay (2008). Raises `InvalidInput` for sums that no units can
    have.
    """

    n: int
    means: tuple[float, ...]
    products: tuple[float, ...]
    third: float = 0.0
    remainders: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        k = len(self.means)
        object.__setattr__(self, "remainders", tuple(self.remainders) or (0.0,) * k)
        if not k or len(self.products) != len(_pairs(k)) or len(self.remainders) != k:
            raise InvalidInput("products", "k means need k (k + 1) / 2 products and k or no remainders, k at least 1")
        most = _LARGEST_PRODUCT if count(self.n, "n") > 1 else 0.0
        for name, values in (("means", self.means), ("remainders", self.remainders)):
            for place, value in enumerate(values):
                number(value, f"{name}[{place}]", least=-LARGEST_VALUE, most=LARGEST_VALUE)
        squares = [place for place, (i, j) in enumerate(_pairs(k)) if i == j]
        sizes = [math.sqrt(number(self.products[at], f"products[{at}]", least=0, most=most)) for at in squares]
        for place, (i, j) in enumerate(_pairs(k)):
            _within(self.products[place], sizes[i] * sizes[j], f"products[{place}]")
        _within(self.third, sizes[0] ** 3, "third")

    @classmethod
    def zero(cls, k: int) -> Self:
        """No units, of k variables; adding it changes nothing."""
        return cls(0, (0.0,) * k, (0.0,) * len(_pairs(k)))

    @classmethod
    def of(cls, values: ArrayLike, *, cap: float | None = None) -> Self:
        """The sums of `values` (n, k), or (n,) of one variable.

        Values of the first variable above `cap` count as `cap`. Declare it before the data are seen: a cap chosen
        afterwards can make any difference vanish or appear.
        """
        units = _finite(values, "values", most=LARGEST_VALUE)
        units = units[:, None] if units.ndim == 1 else units
        if units.ndim != 2 or not units.shape[1]:
            raise InvalidInput("values", f"must be (n,) or (n, k), not {units.shape}")
        if cap is not None:
            limit = number(cap, "cap", least=-LARGEST_VALUE, most=LARGEST_VALUE)
            units = np.column_stack([np.minimum(units[:, 0], limit), units[:, 1:]])
        n, k = units.shape
        if not n:
            return cls.zero(k)
        centred, shift = units - units[0], np.zeros(k)
        for _ in range(2):  # the mean, and what rounding left of it
            change = centred.mean(axis=0)
            centred -= change
            shift += change
        exact = [_sum(start, change) for start, change in zip(units[0].tolist(), shift.tolist(), strict=True)]
        products = tuple(float(centred[:, i] @ centred[:, j]) for i, j in _pairs(k))
        means, remainders = zip(*exact, strict=True)
        return cls(n, means, products, float((centred[:, 0] ** 3).sum()), remainders)

    def __add__(self, other: Self) -> Self:
        _alike(self.means, other.means, "means")
        if not self.n or not other.n:
            return other if other.n else self
        n, pairs = self.n + other.n, _pairs(len(self.means))
        means = zip(self.means, self.remainders, other.means, other.remainders, strict=True)
        deltas = [(b - a) + (rest_b - rest_a) for a, rest_a, b, rest_b in means]
        weight = self.n * other.n / n
        changes = zip(self.means, self.remainders, deltas, strict=True)
        exact = [_sum(mean, rest + delta * (other.n / n)) for mean, rest, delta in changes]
        products = zip(self.products, other.products, pairs, strict=True)
        spread = tuple(a + b + deltas[i] * deltas[j] * weight for a, b, (i, j) in products)
        third = self.third + other.third + deltas[0] ** 3 * weight * ((self.n - other.n) / n)
        third += 3 * deltas[0] * (self.n / n * other.products[0] - other.n / n * self.products[0])
        merged, remainders = zip(*exact, strict=True)
        return type(self)(n, merged, spread, third, remainders)

    @property
    def mean(self) -> float | None:
        """The mean of the first variable; None without units."""
        return self.means[0] if self.n else None

    @property
    def variance(self) -> float | None:
        """The variance of the first variable, over n - 1; None with fewer than two units."""
        return self.covariance(0, 0)

    @property
    def skewness(self) -> float | None:
        """The third standardised moment of the first variable, over n (scipy's `skew`); None where nothing varies."""
        deviation = math.sqrt(self.products[0] / self.n) if self.n else 0.0
        return self.third / self.n / deviation / deviation / deviation if deviation else None

    def covariance(self, i: int, j: int) -> float | None:
        """The covariance of the variables numbered i and j, over n - 1; None with fewer than two units."""
        return self._product(i, j) / (self.n - 1) if self.n > 1 else None

    def as_mean(self) -> Row:
        """An arm of a `mean` metric in the input of `analyze`: the first variable. None is what too few units leave."""
        return {"n": self.n, "mean": self.mean, "variance": self.variance, "skewness": self.skewness}

    def as_cuped(self) -> Row:
        """As `as_mean`, with the second variable as the covariate, measured before the units were assigned."""
        if len(self.means) < 2:
            raise InvalidInput("means", "must be of two variables, not one")
        return self.as_mean() | {
            "covariate_mean": self.means[1] if self.n else None,
            "covariate_variance": self.covariance(1, 1),
            "covariance": self.covariance(0, 1),
        }

    def as_ratio(self) -> Row:
        """An arm of a `ratio` metric in the input of `analyze`: the first variable over the second, both per unit."""
        two = self.as_cuped()
        return {
            "n": self.n,
            "numerator_mean": self.mean,
            "denominator_mean": two["covariate_mean"],
            "numerator_variance": self.variance,
            "denominator_variance": two["covariate_variance"],
            "covariance": two["covariance"],
        }

    def _product(self, i: int, j: int) -> float:
        return self.products[_pairs(len(self.means)).index((min(i, j), max(i, j)))]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many units fell on each of k ordered levels, the least first; of a proportion: (failures, successes)."""

    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.counts) < 2:
            raise InvalidInput("counts", f"must be of two levels at least, not {len(self.counts)}")
        checked = tuple(count(value, f"counts[{place}]") for place, value in enumerate(self.counts))
        count(sum(checked), "counts")
        object.__setattr__(self, "counts", checked)

    @classmethod
    def of(cls, levels: ArrayLike, k: int = 2) -> Self:
        """The counts of `levels` (n,), whole numbers from 0 to k - 1; or, with two levels, booleans."""
        units = _finite(levels, "levels", most=LARGEST_VALUE)
        if units.ndim != 1:
            raise InvalidInput("levels", f"must be (n,), not {units.shape}")
        wrong = (units < 0) | (units >= k) | (units != np.floor(units))
        _refuse(wrong, "levels", f"must be a whole number from 0 to {k - 1}", units)
        return cls(tuple(np.bincount(units.astype(np.int64), minlength=k).tolist()))

    def __add__(self, other: Self) -> Self:
        _alike(self.counts, other.counts, "counts")
        return type(self)(tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)))

    @property
    def n(self) -> int:
        """How many units there are."""
        return sum(self.counts)

    def moments(self, scores: Sequence[float]) -> Moments:
        """The sums of the units' scores, one score per level: (0, 1) of a proportion, (1, 2, 3, 4, 5) of stars."""
        _alike(scores, self.counts, "scores")
        merged = Moments.zero(1)
        for place, (units, score) in enumerate(zip(self.counts, scores, strict=True)):
            checked = number(score, f"scores[{place}]", least=-LARGEST_VALUE, most=LARGEST_VALUE)
            merged += Moments(units, (checked,), (0.0,))
        return merged

    def as_proportion(self) -> Row:
        """An arm of a `proportion` metric in the input of `analyze`; of two levels, the second is success."""
        if len(self.counts) != 2:
            raise InvalidInput("counts", f"a proportion has two levels, not {len(self.counts)}")
        return {"n": self.n, "successes": self.counts[1]}

    def as_ordinal(self) -> Row:
        """An arm of an `ordinal` metric in the input of `analyze`."""
        return {"counts": list(self.counts)}


class MergedGroups(NamedTuple):
    """One row per group, in the order of the groups' sorted names."""

    groups: NDArray[Any]
    """(groups,) every name once, sorted."""
    n: Integers
    """(groups,) units."""
    means: Floats
    """(groups, k); 0 where there are no units."""
    products: Floats
    """(groups, k (k + 1) / 2) centred sums of products, in the order of `Moments.products`."""


def merge_groups(groups: ArrayLike, n: ArrayLike, means: ArrayLike, products: ArrayLike) -> MergedGroups:
    """Merges many small aggregates, such as those of a day, an arm and a metric, into one per group.

    `groups` (rows,): whole numbers or texts. `n` (rows,): whole numbers. `means` (rows, k) and `products` (rows,
    k (k + 1) / 2) as in `Moments`. Raises `InvalidInput` for rows that no units can have, and for totals beyond 2^53.
    """
    names, units, centres, spreads = _rows(groups, n, means, products)
    order = np.argsort(names, kind="stable")
    names, units = names[order], units[order]
    starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]])[: len(names)])
    sizes = np.diff(starts, append=len(names))
    totals = _totals(units, names, starts)
    shares = units / np.maximum(np.repeat(totals, sizes), 1)
    deviations = np.take(centres.T, order, axis=1)
    # Centring on a mean that occurs leaves nothing of means that agree.
    occurs = _per_group(np.where(units, np.arange(len(units)), len(units) - 1), starts, np.minimum)
    reference = deviations[:, occurs]
    deviations -= np.repeat(reference, sizes, axis=1)
    shift = _per_group(shares * deviations, starts)
    deviations -= np.repeat(shift, sizes, axis=1)
    between = [
        _per_group(units * deviations[i] * deviations[j] + within[order], starts)
        for (i, j), within in zip(_pairs(len(deviations)), spreads.T, strict=True)
    ]
    return MergedGroups(names[starts], totals, np.where(totals, reference + shift, 0).T, np.stack(between, axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class PoissonBootstrap:
    """The bootstrap for streams: in each of B replicates every unit counts a Poisson(1) number of times.

    `weights` (B,): how many units each replicate holds. `sums` (B,): their values, summed. A unit's B weights are a
    function of its name and `seed` alone, so that shards merge into what one pass would have given, and a unit that
    appears in several rows is drawn or left out with all of them, as clustered data need. Hanley & MacGibbon (2006);
    Chamandy, Muralidharan, Najmi & Naidu (2012).
    """

    weights: Integers
    sums: Floats
    seed: int = 0

    @classmethod
    def of(cls, units: Sequence[str], values: ArrayLike, *, replicates: int = 500, seed: int = 0) -> Self:
        """The replicates of `values` (rows,) of the units named `units` (rows,); none gives what merges with all."""
        number_of = count(replicates, "replicates", least=1)
        salt = count(seed, "seed").to_bytes(8, "big")
        measured = _finite(values, "values", most=LARGEST_VALUE)
        if measured.shape != (len(units),):
            raise InvalidInput("values", f"must be one per unit, ({len(units)},), not {measured.shape}")
        hashes = np.array([_hash(unit, place, salt) for place, unit in enumerate(units)], dtype=np.uint64)
        weights, sums = np.zeros(number_of, dtype=np.int64), np.zeros(number_of)
        size = max(1, _DRAWS_AT_ONCE // number_of)
        for start in range(0, len(hashes), size):
            drawn = _poisson(hashes[start : start + size], number_of)
            weights += drawn.sum(axis=0)
            sums += measured[start : start + size] @ drawn
        return cls(weights, sums, seed)

    def __add__(self, other: Self) -> Self:
        if self.seed != other.seed or len(self.weights) != len(other.weights):
            raise InvalidInput("seed", "only replicates of the same number and seed merge")
        return type(self)(self.weights + other.weights, self.sums + other.sums, self.seed)

    def replicate_means(self) -> Floats:
        """(up to B,) the mean of each replicate; those that drew no unit have none and are left out."""
        drawn = self.weights > 0
        means: Floats = self.sums[drawn] / self.weights[drawn]
        return means


# A counter hash (SplitMix64, Steele, Lea & Flood 2014), because numpy's generators may draw otherwise in a next version
# while replicates that were stored must go on merging.
_GOLDEN = np.array([0x9E3779B97F4A7C15], np.uint64)
_MIXES = [(30, np.array([0xBF58476D1CE4E5B9], np.uint64)), (27, np.array([0x94D049BB133111EB], np.uint64))]
# A 32-bit draw is a weight of as many as the limits it reaches: 2^32 P(weight <= w), w = 0, 1, ..., 11.
_LIMITS = np.round(2.0**32 * np.cumsum([math.exp(-1) / math.factorial(w) for w in range(12)])).astype(np.uint32)
_DRAWS_AT_ONCE = 2**18


def _poisson(hashes: NDArray[np.uint64], replicates: int) -> Integers:
    """(units, replicates) Poisson(1) weights."""
    mixed = hashes[:, None] + _GOLDEN * np.arange(1, (replicates + 1) // 2 + 1).astype(np.uint64)
    for shift, factor in _MIXES:
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * factor
    mixed ^= mixed >> np.uint64(31)
    halves = mixed.astype("<u8").view("<u4")[:, :replicates]
    weights: Integers = np.searchsorted(_LIMITS, halves, side="right")
    return weights


def _hash(unit: str, place: int, salt: bytes) -> int:
    name = unicodedata.normalize("NFC", text(unit, f"units[{place}]")).encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8, salt=salt).digest(), "big")


@cache
def _pairs(k: int) -> tuple[tuple[int, int], ...]:
    """The upper triangle of k x k, row by row."""
    return tuple(combinations_with_replacement(range(k), 2))


def _sum(a: float, b: float) -> tuple[float, float]:
    """a + b as a double, and what that double misses (Knuth's two-sum)."""
    rounded = a + b
    of_b = rounded - a
    return rounded, (a - (rounded - of_b)) + (b - of_b)


def _alike(one: Sized, other: Sized, path: str) -> None:
    if len(one) != len(other):
        raise InvalidInput(path, f"{len(one)} do not fit {len(other)}")


def _within(value: float, size: float, path: str) -> None:
    """Refuses a sum that is greater than Cauchy and Schwarz allow, or a third one than the second does."""
    most = size * (1 + _ROUNDING) + _LEAST
    number(value, path, least=-most, most=most)


def _finite(values: ArrayLike, path: str, *, most: float) -> Floats:
    """`values` as an array of finite numbers from -most to most."""
    try:
        raw = np.asarray(values)
    except ValueError as error:
        raise InvalidInput(path, "must be rows of one length") from error
    if raw.dtype.kind not in "biuf":
        raise InvalidInput(path, f"must be numbers, not {raw.dtype}")
    _refuse(~(np.abs(raw) <= most), path, f"must be a finite number from {-most:g} to {most:g}", raw)
    return raw.astype(np.float64)


def _refuse(wrong: NDArray[np.bool_], path: str, reason: str, values: NDArray[Any]) -> None:
    """Raises `InvalidInput` with the place of the first value that is wrong, if any is."""
    if wrong.any():
        place = np.argwhere(wrong)[0].tolist()
        raise InvalidInput(path + "".join(f"[{index}]" for index in place), f"{reason}, not {values[tuple(place)]}")


def _rows(
    groups: ArrayLike, n: ArrayLike, means: ArrayLike, products: ArrayLike
) -> tuple[NDArray[Any], Integers, Floats, Floats]:
    """What `merge_groups` takes, checked."""
    names, units = np.asarray(groups), np.asarray(n)
    for array, path, kinds, what in ((names, "groups", "iuU", "whole numbers or texts"), (units, "n", "iu", "whole")):
        if array.ndim != 1 or array.dtype.kind not in kinds:
            raise InvalidInput(path, f"must be {what}, (rows,), not {array.dtype} {array.shape}")
    centres = _finite(means, "means", most=LARGEST_VALUE)
    spreads = _finite(products, "products", most=_LARGEST_PRODUCT)
    k = centres.shape[1] if centres.ndim == 2 else 0
    shapes = names.shape + centres.shape[:1] + spreads.shape
    if not k or shapes != (len(units), len(units), len(units), len(_pairs(k))):
        raise InvalidInput("means", "must be (rows, k) beside products of (rows, k (k + 1) / 2), k at least 1")
    _refuse((units < 0) | (units > LARGEST_COUNT), "n", "must be from 0 to 2^53", units)
    _refuse((units < 2)[:, None] & (spreads != 0), "products", "must be 0 where n is below 2", spreads)
    of_one = np.array([i == j for i, j in _pairs(k)])
    _refuse(of_one & (spreads < 0), "products", "a sum of squares must be at least 0", spreads)
    return names, units.astype(np.int64), centres, spreads


def _totals(units: Integers, names: NDArray[Any], starts: Integers) -> Integers:
    """(groups,) units; the sum of doubles sees what would wrap around as whole numbers."""
    exact, rough = _per_group(units, starts), _per_group(units.astype(np.float64), starts)
    for group in names[starts][(exact > LARGEST_COUNT) | (rough > LARGEST_COUNT)]:
        raise InvalidInput("n", f"the total of group {group} must be at most 2^53")
    return exact


def _per_group(values: NDArray[_Number], starts: Integers, how: np.ufunc = np.add) -> NDArray[_Number]:
    """(..., groups) the sums of `values` (..., rows) from each start to the next."""
    return np.asarray(how.reduceat(values, starts, axis=-1)) if len(starts) else values
