"""Aggregates, judged by exact arithmetic on the very same doubles."""

import math
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from itertools import combinations_with_replacement
from operator import add
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.aggregates import LARGEST_VALUE, Counts, Moments, PoissonBootstrap, merge_groups
from experiments.errors import InvalidInput

NEAR_1E8 = st.floats(1e8 - 1000, 1e8 + 1000)


def exact(rows: Sequence[Sequence[float]]) -> tuple[list[Fraction], list[Fraction], Fraction]:
    """Means, centred sums of products and third sum, without any rounding."""
    columns = [[Fraction(value) for value in column] for column in zip(*rows, strict=True)]
    means = [sum(column, Fraction()) / len(column) for column in columns]
    centred = [[value - mean for value in column] for column, mean in zip(columns, means, strict=True)]
    products = [
        sum((x * y for x, y in zip(centred[i], centred[j], strict=True)), Fraction())
        for i, j in combinations_with_replacement(range(len(columns)), 2)
    ]
    return means, products, sum((x**3 for x in centred[0]), Fraction())


def assert_exact(found: Moments, rows: Sequence[Sequence[float]], tolerance: float = 1e-12) -> None:
    """`found` is what `rows` sum up to; `tolerance` is relative, of products and third sums to what they can be."""
    means, products, third = exact(rows)
    k = len(means)
    sizes = [math.sqrt(products[place]) for place, (i, j) in enumerate(pairs(k)) if i == j]
    assert found.n == len(rows)
    assert found.means == pytest.approx([float(mean) for mean in means], rel=1e-15)
    for value, expected, (i, j) in zip(found.products, products, pairs(k), strict=True):
        assert value == pytest.approx(float(expected), rel=0, abs=tolerance * sizes[i] * sizes[j])
    assert found.third == pytest.approx(float(third), rel=0, abs=tolerance * sizes[0] ** 3)


def refused_at(make: Callable[[], Any]) -> str:
    """The path of the error that `make` raises."""
    with pytest.raises(InvalidInput) as refused:
        make()
    return refused.value.path


def pairs(k: int) -> list[tuple[int, int]]:
    return list(combinations_with_replacement(range(k), 2))


@st.composite
def sharded(draw: st.DrawFn) -> tuple[list[list[list[float]]], int]:
    """Shards of rows of k values near 1e8, some empty, and k."""
    k = draw(st.integers(1, 3))
    rows = st.lists(st.lists(NEAR_1E8, min_size=k, max_size=k), max_size=5)
    shards = draw(st.lists(rows, min_size=1, max_size=6).filter(any))
    return shards, k


class TestMoments:
    @given(sharded())
    def test_shards_merge_into_the_exact_sums_even_around_1e8(self, drawn: tuple[list[list[list[float]]], int]) -> None:
        """Spread of any shards, in both orders of merging and in one pass, is right to 1e-12 of what it can be."""
        shards, k = drawn
        rows = [row for shard in shards for row in shard]
        merged = [Moments.of(np.reshape(shard, (-1, k))) for shard in shards]
        assert_exact(reduce(add, merged), rows)
        assert_exact(reduce(add, reversed(merged)), rows)
        assert_exact(Moments.of(rows), rows)

    def test_a_stream_of_single_units_is_the_same_as_all_at_once(self) -> None:
        """2,000 additions of one unit near 1e8, of variance 1, lose nothing of the variance."""
        rows = (1e8 + np.random.default_rng(1).normal(size=(2000, 2))).tolist()
        assert_exact(reduce(add, (Moments.of([row]) for row in rows)), rows)

    @pytest.mark.parametrize("shift", [0.0, 1e8, -1e8])
    def test_it_agrees_with_numpy_and_scipy(self, shift: float) -> None:
        """Mean, variance, covariance and skewness of skewed, correlated data."""
        rng = np.random.default_rng(2)
        x = rng.lognormal(size=5000)
        units = shift + np.stack([x, x + rng.normal(size=5000)], axis=1)
        found = Moments.of(units[:1234]) + Moments.of(units[1234:])
        assert found.mean == pytest.approx(units[:, 0].mean(), rel=1e-12)
        assert found.variance == pytest.approx(np.var(units[:, 0] - shift, ddof=1), rel=1e-9)
        assert found.covariance(0, 1) == found.covariance(1, 0)
        assert found.covariance(0, 1) == pytest.approx(np.cov((units - shift).T)[0, 1], rel=1e-9)
        assert found.covariance(1, 1) == pytest.approx(np.var(units[:, 1] - shift, ddof=1), rel=1e-9)
        assert found.skewness == pytest.approx(stats.skew(units[:, 0] - shift), rel=1e-9)

    @given(st.lists(st.floats(-LARGEST_VALUE, LARGEST_VALUE), min_size=1, max_size=6), st.integers(0, 6))
    def test_no_value_within_limits_leads_beyond_doubles(self, values: list[float], split: int) -> None:
        """From 5e-324 to 1e60 everything that is reported is finite; no sums are refused."""
        found = Moments.of(values[:split]) + Moments.of(values[split:])
        reported = [value for value in found.as_mean().values() if value is not None]
        assert all(math.isfinite(value) for value in reported)

    def test_no_units_and_one_unit(self) -> None:
        """Nothing has no mean, one unit no variance, and units that agree no skewness."""
        nothing, one, same = Moments.zero(2), Moments.of([[3.0, 4.0]]), Moments.of([[0.1, 1.0]] * 7)
        assert nothing.as_mean() == {"n": 0, "mean": None, "variance": None, "skewness": None}
        assert nothing.as_cuped()["covariate_mean"] is None
        assert one.as_mean() == {"n": 1, "mean": 3.0, "variance": None, "skewness": None}
        assert same.as_mean() == {"n": 7, "mean": 0.1, "variance": 0.0, "skewness": None}
        assert nothing + one == one + nothing == one
        assert nothing + nothing == nothing == Moments.of(np.empty((0, 2)))
        assert Moments.of([]) == Moments.zero(1)

    def test_values_above_the_cap_count_as_the_cap(self) -> None:
        """Only of the first variable."""
        found = Moments.of([[1.0, 50.0], [99.0, 60.0]], cap=9)
        assert found == Moments.of([[1.0, 50.0], [9.0, 60.0]])

    def test_arms_of_the_input_of_analyze(self) -> None:
        """The same numbers under the names that a mean, CUPED and a ratio have there."""
        found = Moments.of([[1, 2], [2, 6], [6, 4]])
        mean = {"n": 3, "mean": 3, "variance": 7, "skewness": stats.skew([1, 2, 6])}
        assert found.as_mean() == pytest.approx(mean)
        assert found.as_cuped() == pytest.approx(mean | {"covariate_mean": 4, "covariate_variance": 4, "covariance": 1})
        ratio = {"numerator_mean": 3, "denominator_mean": 4, "numerator_variance": 7, "denominator_variance": 4}
        assert found.as_ratio() == pytest.approx(ratio | {"n": 3, "covariance": 1})

    def test_sums_that_were_stored_go_on_merging(self) -> None:
        """Without remainders they count as exact."""
        stored = Moments(2**52, (1e8,), (2.0**52,))
        found = stored + Moments(2**52, (1e8,), (2.0**52,))
        assert (found.n, found.mean, found.variance) == (2**53, 1e8, pytest.approx(1))

    @pytest.mark.parametrize(
        ("values", "path"),
        [
            ([1.0, math.nan], "values[1]"),
            ([[1.0, 2.0], [1.0, -math.inf]], "values[1][1]"),
            ([1e61], "values[0]"),
            ([[1.0], [1.0, 2.0]], "values"),
            ([None], "values"),
            ([10**30], "values"),
            (1.0, "values"),
            (np.empty((2, 0)), "values"),
        ],
    )
    def test_values_that_are_no_numbers_are_refused(self, values: Any, path: str) -> None:
        """With the place of the first of them."""
        assert refused_at(lambda: Moments.of(values)) == path

    @pytest.mark.parametrize(
        ("sums", "path"),
        [
            ((-1, (0.0,), (0.0,)), "n"),
            ((2**53 + 1, (0.0,), (0.0,)), "n"),
            ((2, (math.nan,), (0.0,)), "means[0]"),
            ((2, (0.0,), (0.0,), 0.0, (math.inf,)), "remainders[0]"),
            ((2, (0.0,), (-1.0,)), "products[0]"),
            ((1, (0.0,), (1.0,)), "products[0]"),
            ((2, (0.0, 0.0), (1.0, 0.0, math.nan)), "products[2]"),
            ((2, (0.0, 0.0), (1.0, 2.0, 1.0)), "products[1]"),
            ((2, (0.0,), (1.0,), 2.0), "third"),
            ((2, (), ()), "products"),
            ((2, (0.0,), (1.0,), 0.0, (0.0, 0.0)), "products"),
        ],
    )
    def test_sums_that_no_units_can_have_are_refused(self, sums: tuple[Any, ...], path: str) -> None:
        """Negative squares, spread of one unit, covariance beyond the variances, a third sum beyond the second."""
        assert refused_at(lambda: Moments(*sums)) == path

    def test_what_does_not_fit_is_refused(self) -> None:
        """Other variables do not merge, one variable is no ratio, and totals stay below 2^53."""
        with pytest.raises(InvalidInput, match=r"^means: 1 do not fit 2"):
            Moments.zero(1) + Moments.zero(2)
        assert refused_at(Moments.zero(1).as_cuped) == refused_at(Moments.zero(1).as_ratio) == "means"
        assert refused_at(lambda: Moments(2**53, (0.0,), (0.0,)) + Moments.of([1.0])) == "n"
        assert refused_at(lambda: Moments.of([1.0], cap=math.nan)) == "cap"


class TestCounts:
    @given(st.lists(st.integers(0, 4), max_size=30), st.integers(0, 30))
    def test_shards_merge_into_exact_counts(self, levels: list[int], split: int) -> None:
        """Whatever the split."""
        found = Counts.of(levels[:split], 5) + Counts.of(levels[split:], 5)
        assert found.as_ordinal() == {"counts": [levels.count(level) for level in range(5)]}
        assert found.n == len(levels)

    def test_booleans_are_a_proportion(self) -> None:
        """True is success; integers stay Python's."""
        found = Counts.of(np.array([True, False, True]))
        assert found.as_proportion() == {"n": 3, "successes": 2}
        assert all(type(value) is int for value in found.counts)

    @given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
    def test_moments_of_scores_are_those_of_the_units(self, levels: list[int]) -> None:
        """Stars from 1 to 5, level by level or unit by unit; levels that nobody chose leave no trace."""
        found = Counts.of(levels, 5).moments((1, 2, 3, 4, 5))
        assert_exact(found, [[1.0 + level] for level in levels])
        assert Counts((0, 0)).moments((5, 6)) == Moments.zero(1)

    @pytest.mark.parametrize(
        ("make", "path"),
        [
            (lambda: Counts((1,)), "counts"),
            (lambda: Counts((1, -1)), "counts[1]"),
            (lambda: Counts((2**53, 1)), "counts"),
            (lambda: Counts.of([0, 2]), "levels[1]"),
            (lambda: Counts.of([-1]), "levels[0]"),
            (lambda: Counts.of([0.5]), "levels[0]"),
            (lambda: Counts.of([math.nan]), "levels[0]"),
            (lambda: Counts.of([[0]]), "levels"),
            (lambda: Counts((1, 2)) + Counts((1, 2, 3)), "counts"),
            (lambda: Counts((1, 2, 3)).as_proportion(), "counts"),
            (lambda: Counts((1, 2)).moments((1,)), "scores"),
            (lambda: Counts((1, 2)).moments((0, math.inf)), "scores[1]"),
        ],
    )
    def test_counts_that_cannot_be_are_refused(self, make: Any, path: str) -> None:
        """With their place."""
        assert refused_at(make) == path


def daily(rng: np.random.Generator, rows: int, k: int, at: float) -> tuple[Any, ...]:
    """Aggregates of a few units each around `at`, as `merge_groups` takes them, some rows without units."""
    n = rng.integers(0, 6, rows)
    moments = [Moments.of(at + rng.normal(size=(size, k))) for size in n.tolist()]
    return n, np.array([m.means for m in moments]), np.array([m.products for m in moments])


class TestMergeGroups:
    @pytest.mark.parametrize("k", [1, 2, 3])
    @pytest.mark.parametrize("at", [0.0, 1e8])
    def test_groups_merge_as_one_by_one(self, k: int, at: float) -> None:
        """Every group, also one without units, is what the rows merge into exactly; variance at 1e8 to 1e-9."""
        rng = np.random.default_rng(k)
        n, means, products = daily(rng, 400, k, at)
        groups = rng.integers(-3, 20, 400)
        n[groups == 7], means[groups == 7], products[groups == 7] = 0, 0, 0
        found = merge_groups(groups, n, means, products)
        assert found.groups.tolist() == sorted(set(groups.tolist()))
        assert found.n.dtype == np.int64
        for place, group in enumerate(found.groups):
            own = np.flatnonzero(groups == group)
            parts = [Moments(int(n[i]), tuple(means[i]), tuple(products[i])) for i in own]
            merged = reduce(add, parts)
            assert found.n[place] == merged.n
            assert found.means[place] == pytest.approx(merged.means, rel=1e-14, abs=1e-14)
            assert found.products[place] == pytest.approx(merged.products, rel=1e-9, abs=1e-9)
            between = self.exactly(n[own].tolist(), means[own, 0].tolist(), products[own, 0].tolist())
            assert found.products[place, 0] == pytest.approx(between, rel=1e-12)

    @staticmethod
    def exactly(n: list[int], means: list[float], squares: list[float]) -> float:
        total = sum(n)
        mean = sum((Fraction(m) * size for m, size in zip(means, n, strict=True)), Fraction()) / max(total, 1)
        between = sum((size * (Fraction(m) - mean) ** 2 for m, size in zip(means, n, strict=True)), Fraction())
        return float(between + sum(map(Fraction, squares), Fraction()))

    def test_the_order_of_rows_does_not_matter_and_names_may_be_texts(self) -> None:
        """Shuffled rows give the same within rounding."""
        rng = np.random.default_rng(5)
        n, means, products = daily(rng, 300, 2, 1e8)
        groups = rng.choice(["b", "control", "ç"], 300)
        shuffled = rng.permutation(300)
        one = merge_groups(groups, n, means, products)
        other = merge_groups(groups[shuffled], n[shuffled], means[shuffled], products[shuffled])
        assert one.groups.tolist() == other.groups.tolist() == ["b", "control", "ç"]
        assert np.array_equal(one.n, other.n)
        np.testing.assert_allclose(one.means, other.means, rtol=1e-14)
        np.testing.assert_allclose(one.products, other.products, rtol=1e-9, atol=1e-9)

    def test_rows_that_agree_have_no_spread(self) -> None:
        """Not even by rounding: 0.1 and 1e8 + 0.1, a thousand times each."""
        means = np.repeat([0.1, 1e8 + 0.1], 1000)[:, None]
        found = merge_groups(np.repeat([1, 2], 1000), np.full(2000, 3), means, np.zeros((2000, 1)))
        assert found.means.tolist() == [[0.1], [1e8 + 0.1]]
        assert found.products.tolist() == [[0], [0]]

    def test_no_rows_are_no_groups(self) -> None:
        """With the columns that there would be."""
        none = np.zeros(0, dtype=np.int64)
        found = merge_groups(none, none, np.zeros((0, 2)), np.zeros((0, 3)))
        assert [array.shape for array in found] == [(0,), (0,), (0, 2), (0, 3)]

    def test_totals_up_to_2_to_the_53_are_exact(self) -> None:
        """One more unit is refused, and so is what wraps around in 64 bits, naming the group."""
        full = merge_groups(["a", "a"], [2**53 - 1, 1], [[1.0], [1.0]], [[0.0], [0.0]])
        assert full.n.tolist() == [2**53]
        for n in ([2**53, 1], [2**53] * 2048):
            with pytest.raises(InvalidInput, match=r"^n: the total of group a "):
                merge_groups(["a"] * len(n), n, [[1.0]] * len(n), [[0.0]] * len(n))

    @pytest.mark.parametrize(
        ("changed", "path"),
        [
            ({"groups": [0.5, 1.0]}, "groups"),
            ({"n": [2.0, 3.0]}, "n"),
            ({"n": [2, -1]}, "n[1]"),
            ({"n": [2, 2**53 + 1]}, "n[1]"),
            ({"n": [2, 1]}, "products[1][0]"),
            ({"n": [2]}, "means"),
            ({"means": [0.0, 1.0]}, "means"),
            ({"means": [[0.0], [math.nan]]}, "means[1][0]"),
            ({"products": [[1.0, 2.0], [3.0, 4.0]]}, "means"),
            ({"products": [[math.inf], [1.0]]}, "products[0][0]"),
            ({"products": [[1.0], [-1.0]]}, "products[1][0]"),
        ],
    )
    def test_rows_that_no_units_can_have_are_refused(self, changed: dict[str, Any], path: str) -> None:
        """With the place of the first of them."""
        rows: dict[str, Any] = {"groups": [1, 2], "n": [2, 3], "means": [[0.0], [1.0]], "products": [[1.0], [1.0]]}
        assert refused_at(lambda: merge_groups(**(rows | changed))) == path

    def test_a_million_rows_merge_at_once(self) -> None:
        """In a fraction of a second; how long is printed (`-s`), not asserted, since others use the machine."""
        rng = np.random.default_rng(6)
        rows = 1_000_000
        groups, n = rng.integers(0, 5000, rows), rng.integers(2, 1000, rows)
        means, squares = 1e8 + rng.normal(size=(rows, 1)), rng.uniform(size=(rows, 1))
        start = time.perf_counter()
        found = merge_groups(groups, n, means, squares)
        print(f"\nmerge_groups: {rows} rows in {time.perf_counter() - start:.3f} s")  # noqa: T201
        assert found.n.sum() == n.sum()
        own = groups == found.groups[17]
        between = self.exactly(n[own].tolist(), means[own, 0].tolist(), squares[own, 0].tolist())
        assert found.products[17, 0] == pytest.approx(between, rel=1e-12)


class TestPoissonBootstrap:
    UNITS = tuple(f"customer {number}" for number in range(2000))
    VALUES = 1e8 + np.random.default_rng(7).lognormal(size=2000)

    def test_any_sharding_gives_the_same_replicates(self) -> None:
        """Weights exactly, means within rounding; nothing merges with everything."""
        whole = PoissonBootstrap.of(self.UNITS, self.VALUES)
        shuffled = np.random.default_rng(8).permutation(2000)
        merged = PoissonBootstrap.of([], [])
        for shard in np.array_split(shuffled, [1, 50, 51, 700]):
            merged += PoissonBootstrap.of([self.UNITS[place] for place in shard], self.VALUES[shard])
        assert np.array_equal(merged.weights, whole.weights)
        np.testing.assert_allclose(merged.replicate_means(), whole.replicate_means(), rtol=1e-14)

    def test_replicates_spread_as_the_mean_does(self) -> None:
        """Their standard deviation is the standard error of the mean, within what 2,000 replicates can tell."""
        means = PoissonBootstrap.of(self.UNITS, self.VALUES, replicates=2000).replicate_means()
        error = self.VALUES.std() / math.sqrt(2000)
        assert means.std() / error == pytest.approx(1, abs=5 / math.sqrt(2 * 2000) + 0.02)
        assert means.mean() - self.VALUES.mean() == pytest.approx(0, abs=5 * error / math.sqrt(2000))

    def test_weights_are_poisson_and_independent(self) -> None:
        """Over 2,000 units and 500 replicates: frequencies of 0 to 6 and more, no correlation between replicates."""
        weights = np.stack([PoissonBootstrap.of([unit], [1.0]).weights for unit in self.UNITS])
        frequencies = np.bincount(np.minimum(weights, 6).ravel(), minlength=7)
        expected = stats.poisson.pmf(np.arange(7), 1)
        expected[6] = stats.poisson.sf(5, 1)
        assert stats.chisquare(frequencies, expected * weights.size).pvalue > 1e-3
        correlations = np.corrcoef(weights[:, :100].T)[np.triu_indices(100, 1)]
        assert correlations.std() * math.sqrt(2000) == pytest.approx(1, abs=0.05)
        assert np.corrcoef(weights[:-1].ravel(), weights[1:].ravel())[0, 1] == pytest.approx(0, abs=5e-3)

    def test_weights_never_change(self) -> None:
        """Stored replicates merge with those of later versions, and a name counts however its accents are encoded."""
        found = PoissonBootstrap.of(["María"], [1.0], replicates=12, seed=3).weights.tolist()
        assert found == GOLDEN
        assert PoissonBootstrap.of(["Mari\u0301a"], [1.0], replicates=12, seed=3).weights.tolist() == GOLDEN
        assert PoissonBootstrap.of(["María"], [1.0], replicates=11, seed=3).weights.tolist() == GOLDEN[:-1]
        assert PoissonBootstrap.of(["María"], [1.0], replicates=12).weights.tolist() != GOLDEN

    def test_rows_of_a_unit_are_drawn_together(self) -> None:
        """So that clustered rows do not count as independent."""
        found = PoissonBootstrap.of(["a", "a", "a"], [1.0, 2.0, 6.0], replicates=100)
        assert set((found.weights % 3).tolist()) == {0}
        np.testing.assert_allclose(found.replicate_means(), 3, rtol=1e-15)

    def test_replicates_that_drew_nobody_have_no_mean(self) -> None:
        """One unit is left out of exp(-1) of them; without units there are none."""
        found = PoissonBootstrap.of(["a"], [5.0], replicates=1000)
        assert len(found.replicate_means()) == np.count_nonzero(found.weights) == pytest.approx(632, abs=5 * 15.2)
        assert not len(PoissonBootstrap.of([], []).replicate_means())

    @pytest.mark.parametrize(
        ("make", "path"),
        [
            (lambda: PoissonBootstrap.of(["a", ""], [1.0, 2.0]), "units[1]"),
            (lambda: PoissonBootstrap.of(["a", "b"], [1.0, math.nan]), "values[1]"),
            (lambda: PoissonBootstrap.of(["a", "b"], [1.0]), "values"),
            (lambda: PoissonBootstrap.of([], [], replicates=0), "replicates"),
            (lambda: PoissonBootstrap.of([], [], seed=-1), "seed"),
            (lambda: PoissonBootstrap.of([], []) + PoissonBootstrap.of([], [], seed=1), "seed"),
            (lambda: PoissonBootstrap.of([], []) + PoissonBootstrap.of([], [], replicates=9), "seed"),
        ],
    )
    def test_what_cannot_be_resampled_is_refused(self, make: Any, path: str) -> None:
        """Nameless units, values that are no numbers, and replicates that were drawn otherwise."""
        assert refused_at(make) == path


GOLDEN = [0, 1, 0, 1, 0, 3, 2, 0, 0, 1, 0, 2]
