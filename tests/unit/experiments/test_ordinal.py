"""The Brunner-Munzel test against statsmodels and SciPy, and what is true of any scores."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.nonparametric import rank_compare_2ordinal

from experiments.contrast import Floats, StudentT, Wald, placement_difference
from experiments.ordinal import mean_arm, placements
from tests.unit.experiments.oracles import assert_close, column, generator

pytestmark = pytest.mark.usefixtures("as_in_a_report")

COUNTS = st.lists(st.integers(0, 500), min_size=5, max_size=5).filter(lambda counts: sum(counts) > 1)
ALPHAS = st.floats(1e-4, 0.9)


def contrast(control: Floats, treatment: Floats) -> Wald:
    """Brunner and Munzel's test, as `metrics` puts it together."""
    observed = placement_difference(*placements(control, treatment))
    return Wald(observed, StudentT(observed.df), least=0.0, most=1.0)


def one(counts: list[int]) -> Floats:
    """Counts as one comparison."""
    return np.array([counts], dtype=np.float64)


def random_counts(seed: int, rows: int = 250, scores: int = 5) -> tuple[Floats, Floats]:
    """Counts of both arms whose scores overlap and vary."""
    rng = generator(seed)
    shares = rng.dirichlet(np.ones(scores), (2, rows)) * 0.9 + 0.1 / scores
    return tuple(rng.multinomial(rng.integers(20, 400, rows), part).astype(float) + 1 for part in shares)


class TestBrunnerMunzel:
    def test_agrees_with_statsmodels(self) -> None:
        """Estimate, interval, degrees of freedom and p-value are those of rank_compare_2ordinal, on 250 counts."""
        control, treatment = random_counts(1)
        found = [rank_compare_2ordinal(t, c) for c, t in zip(control, treatment, strict=True)]
        test = contrast(control, treatment)
        assert_close(test.estimate, [each.prob1 for each in found])
        assert_close(test.observed.df, [each.df for each in found])
        for alpha in (0.01, 0.05, 0.3):
            expected = np.clip(np.array([each.conf_int(alpha=alpha) for each in found]).T, 0, 1)
            assert_close(test.interval(alpha), expected)
        assert_close(test.p_value(), [each.test_prob_superior().pvalue for each in found])

    def test_agrees_with_scipy_on_single_scores(self) -> None:
        """p-values are those of scipy.stats.brunnermunzel on the scores one by one, on 200 random counts."""
        control, treatment = random_counts(2, 200)
        scores = np.arange(5)
        found = [
            stats.brunnermunzel(np.repeat(scores, c.astype(int)), np.repeat(scores, t.astype(int))).pvalue
            for c, t in zip(control, treatment, strict=True)
        ]
        assert_close(contrast(control, treatment).p_value(), found)

    def test_of_the_published_example(self) -> None:
        """(8, 14, 24, 34, 20) as control against (5, 10, 20, 40, 25): .562, from .485 to .639."""
        test = contrast(one([8, 14, 24, 34, 20]), one([5, 10, 20, 40, 25]))
        assert_close((test.estimate[0], *np.ravel(test.interval(0.05))), (0.562, 0.485, 0.639), 0, absolute=5e-4)

    def test_placements_are_shares_of_pairs(self) -> None:
        """The estimate is the share of pairs in which the treatment scores higher, ties counting half."""
        control, treatment = [0, 2, 1, 0, 3], [1, 0, 4, 2, 0]
        pairs = [
            (t > c) + (t == c) / 2 for c, n in enumerate(control) for t, m in enumerate(treatment) for _ in range(n * m)
        ]
        arms = placements(one(control), one(treatment))
        assert_close(arms[1].value, [np.mean(pairs)], 1e-12)
        assert_close(arms[0].value, [1 - np.mean(pairs)], 1e-12)
        assert_close((arms[0].n[0], arms[1].n[0]), (6, 7), 0)


class TestAnyScores:
    @given(COUNTS, COUNTS, ALPHAS)
    def test_swapping_arms_mirrors_around_a_half(self, control: list[int], treatment: list[int], alpha: float) -> None:
        """P(treatment > control) becomes its complement; the p-value stays."""
        test, other = contrast(one(control), one(treatment)), contrast(one(treatment), one(control))
        low, high = test.interval(alpha)
        assert_close(other.estimate, 1 - test.estimate, 1e-12, absolute=1e-12)
        assert_close(other.p_value(), test.p_value(), 1e-6)
        assert_close(other.interval(alpha), (1 - high, 1 - low), 1e-9, absolute=1e-9)

    @given(COUNTS, COUNTS, ALPHAS)
    def test_turning_the_scale_round_mirrors(self, control: list[int], treatment: list[int], alpha: float) -> None:
        """Best score first instead of last: the same as swapping the arms."""
        turned = contrast(one(control[::-1]), one(treatment[::-1]))
        low, high = contrast(one(control), one(treatment)).interval(alpha)
        assert_close(turned.interval(alpha), (1 - high, 1 - low), 1e-9, absolute=1e-9)

    @given(COUNTS, COUNTS, ALPHAS)
    def test_decides_alike_and_holds_the_estimate(self, control: list[int], treatment: list[int], alpha: float) -> None:
        """One half is left out exactly where p is at most alpha; p in (0, 1]; the interval in [0, 1]."""
        test = contrast(one(control), one(treatment))
        p, (low,), (high,) = test.p_value()[0], *test.interval(alpha)
        if np.isnan(p):
            assert np.isnan([low, high]).all()
            return
        assert 0 < p <= 1
        assert 0 <= low <= test.estimate[0] + 1e-12
        assert test.estimate[0] - 1e-12 <= high <= 1
        if abs(p / alpha - 1) > 1e-6:
            assert ((low > 0.5) or (high < 0.5)) == (p <= alpha)

    @given(COUNTS, COUNTS, st.integers(2, 50))
    def test_more_data_of_the_same_shape_narrows(self, control: list[int], treatment: list[int], times: int) -> None:
        """A multiple of the counts has the same estimate and a smaller error."""
        test = contrast(one(control), one(treatment))
        assume(np.isfinite(test.observed.squared_error[0]))
        more = contrast(one(control) * times, one(treatment) * times)
        assert_close(more.estimate, test.estimate, 1e-9)
        assert more.observed.squared_error[0] < test.observed.squared_error[0]

    @given(COUNTS, COUNTS)
    def test_empty_scores_do_not_matter(self, control: list[int], treatment: list[int]) -> None:
        """A score that nobody gave changes nothing."""
        with_empty = contrast(one([*control[:2], 0, *control[2:]]), one([*treatment[:2], 0, *treatment[2:]]))
        assert_close(with_empty.p_value(), contrast(one(control), one(treatment)).p_value(), 1e-9)


class TestUglyScores:
    @pytest.mark.parametrize(("control", "treatment", "value"), [([5, 9, 0, 0], [0, 0, 8, 8], 1), ([0, 9], [9, 0], 0)])
    def test_complete_separation_has_a_finite_error(
        self, control: list[int], treatment: list[int], value: float
    ) -> None:
        """Wholly apart: an estimate of 0 or 1, a significant p-value that is not 0, an interval that is not a point."""
        test = contrast(one(control), one(treatment))
        low, high = test.interval(0.05)
        assert test.estimate[0] == value
        assert 0 < test.p_value()[0] < 0.01
        assert 0.05 < high[0] - low[0] < 0.5

    def test_separated_arms_have_the_variance_of_half_a_unit_moved(self) -> None:
        """8 low against 5 high, and the other way round, by hand from pairs of units, half a one at either end."""
        control, treatment = np.array([[8.0, 0], [0, 8.0]]), np.array([[0, 5.0], [5.0, 0]])
        arms = placements(control, treatment)
        for own, other, found in ((8, 5, arms[0]), (5, 8, arms[1])):
            stays, goes = own - 0.5, 0.5
            with_them = 0.25 / other, (0.5 + (other - 0.5) / 2) / other  # placements below and among the other arm
            mean = (stays * with_them[0] + goes * with_them[1]) / own
            variance = (stays * (with_them[0] - mean) ** 2 + goes * (with_them[1] - mean) ** 2) / (own - 1)
            assert_close(found.variance, [variance, variance])
        assert_close(arms[1].value, [1.0, 0.0])

    def test_two_units_and_one_have_the_variance_of_the_two(self) -> None:
        """Against numpy: placements of 0 and 1 among a single score."""
        arms = placements(np.array([[0.0, 1, 0]]), np.array([[1.0, 0, 1]]))
        assert_close(arms[1].variance, [np.var([0, 1], ddof=1)])
        assert_close(arms[1].value, [0.5])

    def test_separation_with_more_units_says_more(self) -> None:
        """The variance that separated arms are given shrinks with their size."""
        errors = [
            contrast(one([n, 0, 0]), one([0, 0, n])).observed.squared_error[0] for n in (2, 5, 20, 100, 1000, 10**6)
        ]
        assert (np.diff(errors) < 0).all()
        assert errors[-1] > 0

    def test_only_separated_rows_are_softened(self) -> None:
        """A row beside a separated one has the results it has alone."""
        control, treatment = np.array([[9.0, 0, 0], [4, 5, 6]]), np.array([[0, 0, 9.0], [3, 5, 9]])
        alone = contrast(control[1:], treatment[1:])
        assert_close(contrast(control, treatment).p_value()[1:], alone.p_value(), 0)

    def test_one_score_in_both_arms_has_no_test(self) -> None:
        """Everybody gives the same score: one half, without interval or p-value."""
        test = contrast(one([0, 0, 40]), one([0, 0, 50]))
        assert test.estimate[0] == 0.5
        assert np.isnan(test.p_value()).all()
        assert np.isnan(test.interval(0.05)).all()

    @pytest.mark.parametrize(("control", "treatment"), [([1, 0], [0, 1]), ([1, 0], [5, 5]), ([0, 0], [5, 5])])
    def test_too_few_answers_have_no_test(self, control: list[int], treatment: list[int]) -> None:
        """One answer, or none, in an arm: no p-value."""
        assert np.isnan(contrast(one(control), one(treatment)).p_value()).all()

    def test_huge_counts_keep_their_digits(self) -> None:
        """Counts of 1e14 have the error of counts of 1e4, scaled."""
        small = contrast(one([10_000, 20_000, 30_000]), one([12_000, 20_000, 30_000]))
        huge = contrast(one([10_000, 20_000, 30_000]) * 1e10, one([12_000, 20_000, 30_000]) * 1e10)
        assert_close(huge.observed.squared_error * 1e10, small.observed.squared_error, 1e-3)
        assert 0 < huge.p_value()[0] < 1e-300

    def test_computes_without_warnings(self) -> None:
        """Arms without answers need no silenced warnings."""
        with np.errstate(all="raise"):
            arms = placements(np.zeros((1, 5)), np.ones((1, 5)))
        assert np.isnan(arms[0].variance).all()


def test_mean_scores_are_those_of_the_scores_as_numbers() -> None:
    """Mean and variance of 1, 2, ... repeated by their counts; one answer has no variance."""
    control, _ = random_counts(3, 50)
    arm = mean_arm(control)
    single = [np.repeat(np.arange(1, 6), counts.astype(int)) for counts in control]
    assert_close(arm.value, [scores.mean() for scores in single], 1e-12)
    assert_close(arm.variance, [scores.var(ddof=1) for scores in single], 1e-12)
    assert np.isnan(mean_arm(one([0, 1, 0])).variance).all()
    assert_close(mean_arm(one([0, 1, 0])).value, column(2), 0)
