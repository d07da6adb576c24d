"""Sample ratio mismatch against SciPy, and the sequential test as the e-process it must be."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.contrast import Floats
from experiments.srm import SampleRatio, check
from tests.unit.experiments.oracles import assert_close, column, generator

SPLITS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10)), min_size=2, max_size=5).filter(
    lambda split: sum(count for count, _ in split) > 0
)


def checked(counts: Floats, weights: Floats) -> SampleRatio:
    """The check of a split that has exposures."""
    found = check(counts, weights)
    assert found is not None
    return found


def log_gamma(x: Decimal) -> Decimal:
    """Stirling's series at 60 digits, from x + 60 on."""
    shift, below = Decimal(0), x
    while below < 60:
        shift += below.ln()
        below += 1
    series = sum(
        (Decimal(a) / Decimal(b)) / below**k
        for k, a, b in ((1, 1, 12), (3, -1, 360), (5, 1, 1260), (7, -1, 1680), (9, 1, 1188), (11, -691, 360360))
    )
    half_log_tau = Decimal(
        "0.918938533204672741780329736405617639861397473637783412817151540482765695927260397694743298635954"
    )
    return (below - Decimal("0.5")) * below.ln() - below + half_log_tau + series - shift


def log_bayes_factor(counts: list[int], weights: list[int]) -> float:
    """Lindon and Malek's Bayes factor of a Dirichlet prior worth 100 units, with 60 digits."""
    with localcontext() as context:
        context.prec = 60
        shares = [Decimal(weight) / sum(weights) for weight in weights]
        found = log_gamma(Decimal(100)) - log_gamma(Decimal(100 + sum(counts)))
        for count, share in zip(counts, shares, strict=True):
            found += log_gamma(100 * share + count) - log_gamma(100 * share) - count * share.ln()
        return float(found)


class TestChiSquared:
    def test_agrees_with_scipy(self) -> None:
        """p-values of 250 random splits over two to six arms of any weights."""
        rng = generator(1)
        for _ in range(250):
            weights = rng.integers(1, 10, rng.integers(2, 7)).astype(float)
            counts = rng.multinomial(int(rng.integers(50, 10**6)), rng.dirichlet(weights * 200)).astype(float)
            expected = stats.chisquare(counts, counts.sum() * weights / weights.sum()).pvalue
            assert_close(checked(counts, weights).p_value, max(expected, np.finfo(float).tiny))

    def test_of_the_published_split(self) -> None:
        """1000 against 1100 at 50/50: p = .0291."""
        assert checked(column(1000, 1100), column(0.5, 0.5)).p_value == pytest.approx(0.0291, abs=5e-5)

    def test_arms_of_no_weight_do_not_count(self) -> None:
        """Neither in the degrees of freedom nor in the sequential test."""
        assert checked(column(1000, 0, 1100, 0), column(1, 0, 1, 0)) == checked(column(1000, 1100), column(1, 1))

    def test_of_no_exposures_is_nothing(self) -> None:
        """Nothing to say before the first unit."""
        assert check(column(0, 0), column(1, 1)) is None
        assert check(column(0, 0, 9), column(1, 1, 0)) is None

    def test_far_tails_are_not_zero(self) -> None:
        """All units in one of two arms: p-values above 0."""
        found = checked(column(10**6, 0), column(1, 1))
        assert 0 < found.p_value < 1e-300
        assert 0 < found.sequential_p_value < 1e-300

    @given(SPLITS)
    def test_weights_are_relative_and_arms_have_no_order(self, split: list[tuple[int, int]]) -> None:
        """Weights times 7, and arms reversed, give the same p-values, in (0, 1]."""
        counts, weights = np.array(split, dtype=np.float64).T
        found = checked(counts, weights)
        for other in (checked(counts, weights * 7), checked(counts[::-1], weights[::-1])):
            assert_close(other.p_value, found.p_value, 1e-6)
            assert_close(other.sequential_p_value, found.sequential_p_value, 1e-5)
        assert 0 < found.p_value <= 1
        assert 0 < found.sequential_p_value <= 1


class TestSequential:
    @pytest.mark.parametrize("total", [10, 1000, 10**6, 9 * 10**7])
    def test_is_the_bayes_factor(self, total: int) -> None:
        """1 over the Bayes factor computed with 60 digits, at most 1."""
        for tilt in (0.0, 1.5, 3.0, 5.0):
            first = min(total, round(total / 3 + tilt * np.sqrt(total * 2 / 9)))
            exact = log_bayes_factor([first, total - first], [1, 2])
            found = checked(column(first, total - first), column(1, 2)).sequential_p_value
            assert_close(np.log(found), -max(exact, 0.0), 1e-6, absolute=1e-6)

    @pytest.mark.parametrize("total", [2 * 10**8, 10**10, 10**12, 10**15])
    def test_keeps_its_digits_at_huge_totals(self, total: int) -> None:
        """Beyond 1e8 units its logarithm is still that of the 60-digit Bayes factor, within .005 and a thousandth."""
        for tilt in (4.0, 6.0, 9.0):
            first = round(total / 3 + tilt * np.sqrt(total * 2 / 9))
            exact = log_bayes_factor([first, total - first], [1, 2])
            found = checked(column(first, total - first), column(1, 2)).sequential_p_value
            assert_close(np.log(found), -max(exact, 0.0), 1e-3, absolute=5e-3)

    @pytest.mark.parametrize("rest", [99, 999])
    def test_keeps_its_digits_for_small_shares(self, rest: int) -> None:
        """The same, within 6 %, for an arm allotted one unit in a hundred or in a thousand: its prior is not normal."""
        total = 2 * 10**8
        first = round(total / (1 + rest) + 5 * np.sqrt(total * rest) / (1 + rest))
        exact = log_bayes_factor([first, total - first], [1, rest])
        found = checked(column(first, total - first), column(1, rest)).sequential_p_value
        assert_close(np.log(found), -max(exact, 0.0), 0, absolute=0.06)

    def test_has_no_jump_where_the_formula_changes(self) -> None:
        """Just below and just above 1e8 units, at three to nine standard errors."""
        for tilt in (3.0, 5.0, 9.0):
            below, above = (
                checked(column(n / 2 + tilt * np.sqrt(n) / 2, n / 2 - tilt * np.sqrt(n) / 2), column(1, 1))
                for n in (1e8 - 10, 1e8 + 10)
            )
            assert_close(np.log(above.sequential_p_value), np.log(below.sequential_p_value), 0, absolute=5e-3)

    def test_expects_one_under_the_true_split(self) -> None:
        """An e-value: over all outcomes of 40 units in two arms the Bayes factor's mean is 1."""
        n = 40
        chances = stats.binom.pmf(np.arange(n + 1), n, 0.3)
        factors = [np.exp(log_bayes_factor([i, n - i], [3, 7])) for i in range(n + 1)]
        assert_close((chances * factors).sum(), 1.0, 1e-9)
        found = np.array([checked(column(i, n - i), column(3, 7)).sequential_p_value for i in range(n + 1)])
        assert_close(found, np.minimum(1, 1 / np.array(factors)), 1e-9)

    def test_looking_often_keeps_alpha(self) -> None:
        """1,000 correct splits, looked at up to 40 times: at most 5 % (plus 3 standard errors) ever show p <= .05."""
        rng, looks, tests = generator(2), 40, 1000
        batches = np.ceil(1.25 ** np.arange(looks)).astype(int)
        weights = column(1, 3)
        counts = np.cumsum(rng.binomial(batches, 0.25, (tests, looks)), axis=1)
        totals = np.cumsum(batches)
        ever = sum(
            any(checked(column(c, n - c), weights).sequential_p_value <= 0.05 for c, n in zip(row, totals, strict=True))
            for row in counts.tolist()
        )
        assert ever / tests <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / tests)

    def test_finds_a_split_that_is_off(self) -> None:
        """48/52 instead of 50/50 is found within 20,000 units."""
        assert checked(column(9600, 10400), column(1, 1)).sequential_p_value < 1e-4
